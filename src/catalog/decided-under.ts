import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { DecidedUnder } from '../core/ports/switches.ts';
import type { Tx } from '../database/database.ts';

/**
 * `conflict` where the right to make this change may have gone since it was decided. Call it after the tenant's epoch row is locked:
 * every switch and every policy revision locks it first, so none can come between this and the commit.
 */
export async function demandStill(tx: Tx, tenant: TenantId, under: DecidedUnder | undefined): Promise<void> {
  if (under === undefined) return;
  const { policy, parties } = under;
  if (parties.length === 0) throw new AppError('internal', { detail: 'a right that nobody holds' });
  const off = await tx
    .selectFrom('switches')
    .select('target')
    .where('scope', '=', tenant)
    .where('kind', 'in', ['user', 'client'])
    .where('target', 'in', parties)
    .where('recorded_to', 'is', null)
    .executeTakeFirst();
  if (off !== undefined) throw new AppError('conflict', { detail: 'whoever makes this change was switched off meanwhile' });
  if (policy === undefined) return;
  const active = await tx
    .selectFrom('policy_activations')
    .select('revision')
    .where('tenant', '=', tenant)
    .where('recorded_to', 'is', null)
    .executeTakeFirst();
  if (active?.revision !== policy) throw new AppError('conflict', { detail: 'another policy revision came into force meanwhile' });
}
