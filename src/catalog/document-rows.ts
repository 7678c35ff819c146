import { sql, type Kysely } from 'kysely';
import type { Digest } from '../core/digest.ts';
import type { CollectionKey, DocumentId, DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { LabelScheme } from '../core/label.ts';
import type { DocumentHygiene } from '../core/hygiene.ts';
import type { RemovedCharacters } from '../core/ports/candidate.ts';
import type { StoredDocument } from '../core/ports/catalog.ts';
import type { Principal } from '../core/principal.ts';
import type { DocumentRow, DocumentVersionRow } from '../database/catalog-tables.ts';
import type { Schema } from '../database/schema.ts';
import { slices } from './slices.ts';
import { aclOf, labelOf, type LabelColumns } from './rows.ts';

export type StoredRow = DocumentRow &
  Pick<DocumentVersionRow, 'version' | 'pipeline' | 'media_type' | 'language' | 'removed' | 'characters'> &
  LabelColumns & { readonly switched_off: string | null; readonly marker: string | null };

/** Where `k` is the collection of the document `d`: points of a deleted collection die with it, before their tombstones are set. */
export const OF_LIVE_COLLECTION = sql<boolean>`(d.collection is null or k.state = 'live')`;

/** Documents that are not deleted, of sources and collections that are live. */
export function selectDocuments(db: Kysely<Schema>, tenant: TenantId) {
  return db
    .selectFrom('documents as d')
    .innerJoin('sources as s', (join) => join.onRef('s.tenant', '=', 'd.tenant').onRef('s.source', '=', 'd.source'))
    .innerJoin('zones as z', (join) => join.onRef('z.tenant', '=', 'd.tenant').onRef('z.zone', '=', 'd.zone'))
    .innerJoin('document_versions as v', (join) =>
      join.onRef('v.tenant', '=', 'd.tenant').onRef('v.key', '=', 'd.key').onRef('v.content', '=', 'd.content'),
    )
    .where('d.tenant', '=', tenant)
    .where('d.state', '<>', 'deleted')
    .where('s.state', '=', 'live')
    .leftJoin('collections as k', 'k.key', 'd.collection')
    .where(OF_LIVE_COLLECTION)
    .selectAll('d')
    .leftJoin('switches as w', (join) =>
      join.onRef('w.scope', '=', 'd.tenant').onRef('w.target', '=', 'd.key').on('w.kind', '=', 'document').on('w.recorded_to', 'is', null),
    )
    .leftJoin('honey_documents as h', (join) =>
      join.onRef('h.tenant', '=', 'd.tenant').onRef('h.key', '=', 'd.key').on('h.recorded_to', 'is', null),
    )
    .select(['h.marker', 'v.removed', 'v.characters'])
    .select(['v.version', 'v.pipeline', 'v.media_type', 'v.language', 'z.level', 'z.compartments', 'z.trust', 'w.kind as switched_off']);
}

/** The row as it is, a tombstone included; undefined where there never was such a document. */
export function documentRow(db: Kysely<Schema>, tenant: TenantId, key: DocumentKey): Promise<DocumentRow | undefined> {
  return db.selectFrom('documents').selectAll().where('tenant', '=', tenant).where('key', '=', key).executeTakeFirst();
}

/** Those of them that ever were. */
export async function documentRows(
  db: Kysely<Schema>,
  tenant: TenantId,
  keys: readonly DocumentKey[],
): Promise<ReadonlyMap<string, DocumentRow>> {
  const found = new Map<string, DocumentRow>();
  for (const some of slices(keys)) {
    const rows = await db.selectFrom('documents').selectAll().where('tenant', '=', tenant).where('key', 'in', some).execute();
    for (const row of rows) found.set(row.key, row);
  }
  return found;
}

export function storedDocument(scheme: LabelScheme, row: StoredRow): StoredDocument {
  return {
    tenant: row.tenant as TenantId,
    source: row.source as SourceId,
    document: row.document as DocumentId,
    key: row.key as DocumentKey,
    revision: row.revision,
    indexedRevision: row.indexed_revision,
    version: row.version as Digest,
    pipeline: row.pipeline,
    title: row.title,
    uri: row.uri ?? undefined,
    mediaType: row.media_type,
    language: row.language,
    zone: row.zone as ZoneId,
    declared: labelOf(scheme, row),
    acl: aclOf(row.acl),
    aclVersion: row.acl_version,
    metadata: JSON.parse(row.metadata) as JsonObject,
    validFrom: row.valid_from ?? 'always',
    validUntil: row.valid_until ?? 'forever',
    state: row.state === 'live' ? 'live' : 'quarantined',
    ...(row.released === null ? {} : { released: JSON.parse(row.released) as readonly Principal[] }),
    off: row.switched_off !== null,
    unseen: { removed: JSON.parse(row.removed) as RemovedCharacters, characters: row.characters ?? undefined },
    ...(row.hygiene === null ? {} : { hygiene: JSON.parse(row.hygiene) as DocumentHygiene }),
    ...(row.marker === null ? {} : { honey: row.marker }),
    chunks: row.chunk_count,
    ...(row.collection === null ? {} : { collection: row.collection as CollectionKey }),
    writtenBy: row.written_by as Principal,
    writeDigest: row.write_digest as Digest,
    updatedAt: new Date(row.updated_at).toISOString(),
  };
}
