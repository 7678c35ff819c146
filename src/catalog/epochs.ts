import { CompiledQuery } from 'kysely';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { Database, Tx } from '../database/database.ts';
import type { EpochRow } from '../database/catalog-tables.ts';

/** The scope of what holds for every tenant. No tenant can be named so. */
export const EVERYTHING = '*';

/** Reads a tenant's counters in one statement and remembers the highest ones this process has seen. */
export function createEpochReader(database: Pick<Database, 'kind' | 'db'>): ReadCatalog['epoch'] {
  const placeholder = database.kind === 'sqlite' ? '?' : '$1';
  const text = `select scope, epoch, generation from epochs where scope in ('${EVERYTHING}', ${placeholder})`;
  const highest = new Map<string, EpochRow>();

  return async (tenant) => {
    // Taken before the read: of two reads under way the later one may answer first, and that is no rollback.
    const before = { all: highest.get(EVERYTHING), own: highest.get(tenant) };
    const { rows } = await database.db.executeQuery<EpochRow>(CompiledQuery.raw(text, [tenant]));
    const all = rows.find((row) => row.scope === EVERYTHING);
    const own = rows.find((row) => row.scope === tenant);
    demandNotLower(before.all, all);
    demandNotLower(before.own, own);
    if (all === undefined) throw new Error('the epoch of everything is missing: the database was not migrated');
    if (own === undefined) return { kind: 'none' };
    raise(highest, all);
    raise(highest, own);
    return { kind: 'epoch', stamp: { tenant: own.epoch, global: all.epoch, generation: own.generation + all.generation } };
  };
}

/** A restored backup or a lost failover: revocations that were acknowledged may be missing from it. */
function demandNotLower(seen: EpochRow | undefined, found: EpochRow | undefined): void {
  if (seen === undefined) return;
  if (found === undefined || found.epoch < seen.epoch || found.generation < seen.generation) {
    throw new AppError('epoch_rolled_back', { detail: `the epoch of ${seen.scope} is lower than one already seen` });
  }
}

function raise(highest: Map<string, EpochRow>, row: EpochRow): void {
  const known = highest.get(row.scope);
  if (known !== undefined && known.epoch >= row.epoch && known.generation >= row.generation) return;
  highest.set(row.scope, {
    scope: row.scope,
    epoch: Math.max(row.epoch, known?.epoch ?? 0),
    generation: Math.max(row.generation, known?.generation ?? 0),
  });
}

/** `epoch`: somebody may read less from now on. `generation`: a TenantView or the principal numbers change. */
export interface Movement {
  readonly epoch: boolean;
  readonly generation: boolean;
}

/**
 * The first statement of every transaction that moves a counter: it also locks the row, and locks are taken in the order epochs,
 * catalog rows, audit head. A release holds the row shared, so it sees either the old state whole or the new epoch.
 */
export async function moveEpoch(tx: Tx, scope: TenantId | typeof EVERYTHING, { epoch, generation }: Movement): Promise<void> {
  if (!epoch && !generation) return;
  const { numUpdatedRows } = await tx
    .updateTable('epochs')
    .set((row) => ({
      epoch: row('epoch', '+', epoch ? 1 : 0),
      generation: row('generation', '+', generation ? 1 : 0),
    }))
    .where('scope', '=', scope)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) throw new AppError('not_found', { detail: 'an unknown tenant' });
}
