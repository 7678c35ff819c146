import { randomBytes } from 'node:crypto';
import { addOrigin, currentOrigin, originName } from '../audit/checkpoints/origins.ts';
import { lockHeads } from '../audit/statements.ts';
import { named } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import { parseTenantId } from '../core/ids.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { Stores } from './open-stores.ts';

export interface AcceptedRollback {
  readonly tenant: string;
  /** The name whose checkpoints no longer fit. They stay where they are, and prove the break. */
  readonly former: string;
  /** The name under which the log goes on. */
  readonly origin: string;
  /** Events in the log at the break. */
  readonly size: number;
}

/**
 * Lets a log that does not fit its checkpoints go on under a new name. The break is an event of that log, so it stands under every
 * checkpoint from now on. Fails with `not_found` where there is no such log, or none of its checkpoints was ever signed.
 */
export async function acceptRollback(
  { database, audit }: Pick<Stores, 'database' | 'audit'>,
  wanted: { readonly tenant: string; readonly reason: string },
  { requestId, by, through }: Change,
): Promise<AcceptedRollback> {
  const tenant = parseTenantId(wanted.tenant);
  if (tenant === undefined) throw new AppError('not_found', { detail: `there is no tenant ${wanted.tenant}` });
  return database.transaction(async (tx) => {
    const heads = await lockHeads(tx, database.kind, [tenant]);
    const former = await currentOrigin(tx, tenant);
    if (former === undefined) throw new AppError('not_found', { detail: `no checkpoint of a tenant ${tenant} was ever signed` });
    const host = former.slice(0, former.lastIndexOf('/sluice/'));
    const origin = originName(host, randomBytes(16).toString('hex'));
    const size = heads.get(tenant)?.size ?? 0;
    await addOrigin(tx, database, tenant, origin, wanted.reason);
    const body = { by: named(by), through, reason: wanted.reason, former, origin, size };
    await audit.sink(tx, { tenant, kind: 'log.break-accepted', requestId, body });
    return { tenant, former, origin, size };
  });
}
