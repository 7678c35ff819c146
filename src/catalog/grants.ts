import type { DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { Grant, Grants } from '../core/grants.ts';
import type { Principal } from '../core/principal.ts';
import type { AccessGrantRow } from '../database/enforcement-tables.ts';
import type { Tx } from '../database/database.ts';

/**
 * Grants that had not ended by `at`, database milliseconds: those recorded now, or as they were recorded at that time. What is
 * recorded now is no question of the clock: one that was put back must not let a grant that was withdrawn under it open anything.
 */
export async function readGrants(tx: Tx, tenant: TenantId, at: number, recorded: 'now' | 'then'): Promise<Grants> {
  const rows = await tx
    .selectFrom('access_grants')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('valid_until', '>', at)
    .$if(recorded === 'now', (query) => query.where('recorded_to', 'is', null))
    .$if(recorded === 'then', (query) =>
      query.where('recorded_from', '<=', at).where((eb) => eb.or([eb('recorded_to', 'is', null), eb('recorded_to', '>', at)])),
    )
    .orderBy('request')
    .execute();
  return Map.groupBy(rows.map(grantOf), ({ principal }) => principal);
}

/** What a grant must not outlive: what comes later under the same name and label was never judged by whoever approved. */
export type GoneWith =
  | { readonly kind: 'document'; readonly source: string; readonly key: DocumentKey }
  | { readonly kind: 'source'; readonly source: SourceId };

/**
 * Ends the grants of what is being deleted, and gives their number. In the transaction of the deletion, whose epoch row is locked:
 * where there were any the generation has to move, too.
 */
export async function endGrants(tx: Tx, tenant: TenantId, gone: GoneWith, by: string, at: number): Promise<number> {
  const inForce = () =>
    tx
      .selectFrom('access_grants')
      .select('request')
      .where('tenant', '=', tenant)
      .where('source', '=', gone.source)
      .where('recorded_to', 'is', null)
      .where('valid_until', '>', at)
      .$if(gone.kind === 'document', (query) => query.where('key', '=', gone.kind === 'document' ? gone.key : ''));
  await tx
    .updateTable('access_requests')
    .set({ state: 'withdrawn', ended_at: at, ended_by: by, end_reason: `the ${gone.kind} was deleted` })
    .where('tenant', '=', tenant)
    .where('state', '=', 'approved')
    .where('id', 'in', inForce())
    .execute();
  const ended = await tx
    .updateTable('access_grants')
    .set({ recorded_to: at })
    .where('tenant', '=', tenant)
    .where('request', 'in', inForce())
    .executeTakeFirstOrThrow();
  return Number(ended.numUpdatedRows);
}

function grantOf(row: AccessGrantRow): Grant {
  return {
    id: row.request,
    principal: row.principal as Principal,
    source: row.source as SourceId,
    zones: new Set(JSON.parse(row.zones) as readonly ZoneId[]),
    document: row.key === null ? { kind: 'all' } : { kind: 'one', key: row.key as DocumentKey },
    validFrom: row.valid_from,
    validUntil: row.valid_until,
  };
}
