import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { Tombstone } from '../core/ports/catalog.ts';
import type { CatalogContext } from './context.ts';
import { OF_LIVE_COLLECTION } from './document-rows.ts';
import { aclOf, labelOf } from './rows.ts';
import { slices } from './slices.ts';

/** Of those documents that were deleted, or were left behind in a collection that was. */
export async function readTombstones(
  { database, scheme }: CatalogContext,
  tenant: TenantId,
  keys: readonly DocumentKey[],
): Promise<ReadonlyMap<DocumentKey, Tombstone>> {
  const found = new Map<DocumentKey, Tombstone>();
  for (const some of slices(keys)) {
    const rows = await database.db
      .selectFrom('documents as d')
      .innerJoin('zones as z', (join) => join.onRef('z.tenant', '=', 'd.tenant').onRef('z.zone', '=', 'd.zone'))
      .where('d.tenant', '=', tenant)
      .where('d.key', 'in', some)
      .leftJoin('collections as k', 'k.key', 'd.collection')
      .where((where) => where.or([where('d.state', '=', 'deleted'), where.not(OF_LIVE_COLLECTION)]))
      .select(['d.key', 'd.state', 'd.revision', 'd.deleted_as', 'd.acl', 'd.valid_from', 'd.valid_until'])
      .select(['z.level', 'z.compartments', 'z.trust'])
      .execute();
    for (const row of rows) {
      found.set(row.key as DocumentKey, {
        // As it will be once the tombstone of a document whose collection was deleted is set.
        revision: row.state === 'deleted' ? row.revision : row.revision + 1,
        by: row.state === 'deleted' ? (row.deleted_as ?? 'owner') : 'owner',
        access: {
          acl: aclOf(row.acl),
          declared: labelOf(scheme, row),
          validFrom: row.valid_from ?? 'always',
          validUntil: row.valid_until ?? 'forever',
        },
      });
    }
  }
  return found;
}
