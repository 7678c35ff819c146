import type { DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { Grant, Grants } from '../core/grants.ts';
import type { Principal } from '../core/principal.ts';
import type { AccessGrantRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';

/** Grants as they were recorded at `at` (database milliseconds) and had not ended by then. */
export async function readGrants(tx: Tx, tenant: TenantId, at: number): Promise<Grants> {
  const rows = await tx
    .selectFrom('access_grants')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('valid_until', '>', at)
    .where('recorded_from', '<=', at)
    .where((eb) => eb.or([eb('recorded_to', 'is', null), eb('recorded_to', '>', at)]))
    .orderBy('request')
    .execute();
  return Map.groupBy(rows.map(grantOf), ({ principal }) => principal);
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
