import type { TenantId, ZoneId } from '../core/ids.ts';
import type { EntitlementCatalog } from '../core/ports/watching.ts';
import type { CatalogContext } from './context.ts';

/** Reads every live document of the tenant once; no lock, and no need to be exact to the moment. */
export function documentsByZone({ database }: CatalogContext): EntitlementCatalog['documentsByZone'] {
  return async (tenant: TenantId) => {
    const rows = await database.db
      .selectFrom('documents')
      .select(({ fn }) => ['zone', fn.countAll<number | string>().as('live')])
      .where('tenant', '=', tenant)
      .where('state', '=', 'live')
      .groupBy('zone')
      .execute();
    return new Map(rows.map(({ zone, live }) => [zone as ZoneId, Number(live)]));
  };
}
