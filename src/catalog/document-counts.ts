import type { ZoneId } from '../core/ids.ts';
import type { EntitlementCatalog } from '../core/ports/watching.ts';
import type { CatalogContext } from './context.ts';
import { aclOf } from './rows.ts';

/** Reads every live document of the tenant once; no lock, and no need to be exact to the moment. */
export function documentCounts({ database }: CatalogContext): EntitlementCatalog['documentCounts'] {
  return async (tenant, limit) => {
    const rows = await database.db
      .selectFrom('documents as d')
      .leftJoin('honey_documents as h', (join) =>
        join.onRef('h.tenant', '=', 'd.tenant').onRef('h.key', '=', 'd.key').on('h.recorded_to', 'is', null),
      )
      .where('d.tenant', '=', tenant)
      .where('d.state', '=', 'live')
      .where('h.key', 'is', null)
      .groupBy(['d.zone', 'd.acl'])
      .select(({ fn }) => ['d.zone', 'd.acl', fn.countAll<number | string>().as('documents')])
      .orderBy('documents', 'desc')
      .limit(limit)
      .execute();
    return rows.map(({ zone, acl, documents }) => ({ zone: zone as ZoneId, acl: aclOf(acl), documents: Number(documents) }));
  };
}
