import { sql } from 'kysely';
import { aclPrincipals, indexedValidity } from '../core/acl.ts';
import type { ChunkId, CollectionKey, DocumentKey, TenantId, ZoneId } from '../core/ids.ts';
import type { WriteCatalog } from '../core/ports/catalog.ts';
import type { JsonObject } from '../core/json.ts';
import type { Tx } from '../database/database.ts';
import { databaseTime } from '../database/time.ts';
import { bury } from './bury.ts';
import { databaseNow, type CatalogContext } from './context.ts';
import { documentRow, OF_LIVE_COLLECTION, selectDocuments } from './document-rows.ts';
import { readNumbers } from './numbers.ts';
import { numbered } from './reserve.ts';
import { aclOf } from './rows.ts';

type Upkeep = Pick<WriteCatalog, 'accessPayload' | 'markIndexed' | 'pendingDocuments' | 'deadChunks' | 'purgeChunks' | 'purgeSources'>;

// These repeat the conditions of partial indexes to the letter; SQLite uses such an index only then.
const PENDING = sql<boolean>`d.indexed_revision < d.revision and d.state <> 'deleted'`;
const NOT_LIVE = sql<boolean>`state <> 'live'`;
const DELETING = sql<boolean>`state = 'deleting'`;
const SLICE = 500;

/** What keeps catalog and index together. Every step can be repeated, and several replicas may take the same one. */
export function upkeep(context: CatalogContext): Upkeep {
  const { database } = context;
  return {
    accessPayload: (tenant, key) => accessPayload(context, tenant, key),
    async markIndexed(tenant, key, revision) {
      await database.transaction((tx) =>
        tx
          .updateTable('documents')
          .set({ indexed_revision: revision })
          .where('tenant', '=', tenant)
          .where('key', '=', key)
          .where('revision', '=', revision)
          .execute(),
      );
    },
    // What belongs to a source or a collection being deleted is not mended but purged.
    async pendingDocuments(limit) {
      const rows = await database.db
        .selectFrom('documents as d')
        .innerJoin('sources as s', (join) => join.onRef('s.tenant', '=', 'd.tenant').onRef('s.source', '=', 'd.source'))
        .leftJoin('collections as k', 'k.key', 'd.collection')
        .where('s.state', '=', 'live')
        .where(OF_LIVE_COLLECTION)
        .where(PENDING)
        .select(['d.tenant', 'd.key'])
        .orderBy('d.updated_at')
        .limit(limit)
        .execute();
      return rows.map(({ tenant, key }) => ({ tenant: tenant as TenantId, key: key as DocumentKey }));
    },
    deadChunks: (limit, stagedForMs) => deadChunks(context, limit, stagedForMs),
    async purgeChunks(tenant, chunks) {
      for (let start = 0; start < chunks.length; start += SLICE) {
        await database.transaction((tx) => purge(tx, tenant, chunks.slice(start, start + SLICE)));
      }
    },
    purgeSources: (limit) => purgeSources(context, limit),
  };
}

async function accessPayload({ database }: CatalogContext, tenant: TenantId, key: DocumentKey): ReturnType<Upkeep['accessPayload']> {
  const row = await selectDocuments(database.db, tenant).where('d.key', '=', key).executeTakeFirst();
  if (row === undefined) return undefined;
  const acl = aclOf(row.acl);
  const numbers = await readNumbers(database.db, tenant, aclPrincipals(acl));
  return {
    tenant,
    document: key,
    zone: row.zone as ZoneId,
    revision: row.revision,
    acl: numbered(acl, numbers),
    ...indexedValidity(acl, { validFrom: row.valid_from ?? 'always', validUntil: row.valid_until ?? 'forever' }),
    metadata: JSON.parse(row.metadata) as JsonObject,
    ...(row.collection === null ? {} : { collection: row.collection as CollectionKey }),
  };
}

/**
 * A chunk staged too long dies here, in the catalog, before its point is deleted: from then on its writer cannot publish it, so no
 * live chunk is ever without its point.
 */
async function deadChunks({ database }: CatalogContext, limit: number, stagedForMs: number): ReturnType<Upkeep['deadChunks']> {
  const before = sql<number>`${databaseTime(database.kind)} - ${stagedForMs}`;
  const late = await database.db
    .selectFrom('chunks')
    .select('chunk')
    .where(NOT_LIVE)
    .where('state', '=', 'staged')
    .where('staged_at', '<=', before)
    .limit(1)
    .executeTakeFirst();
  if (late !== undefined) {
    await database.transaction((tx) =>
      tx
        .updateTable('chunks')
        .set({ state: 'dead' })
        .where(NOT_LIVE)
        .where('state', '=', 'staged')
        .where('staged_at', '<=', before)
        .execute(),
    );
  }
  const rows = await database.db
    .selectFrom('chunks')
    .select(['tenant', 'chunk', 'collection'])
    .where(NOT_LIVE)
    .where('state', '=', 'dead')
    .orderBy('staged_at')
    .limit(limit)
    .execute();
  return rows.map(({ tenant, chunk, collection }) => ({
    tenant: tenant as TenantId,
    chunk: chunk as ChunkId,
    ...(collection === null ? {} : { collection: collection as CollectionKey }),
  }));
}

/** A text that was never published goes with the last of its chunks; one that was stays, for questions about the past. */
export async function purge(tx: Tx, tenant: TenantId, chunks: readonly ChunkId[]): Promise<void> {
  const gone = await tx
    .deleteFrom('chunks')
    .where('tenant', '=', tenant)
    .where('chunk', 'in', chunks)
    .where('state', '=', 'dead')
    .returning(['chunk', 'key', 'content'])
    .execute();
  if (gone.length > 0) {
    const ids = gone.map(({ chunk }) => chunk);
    await tx.deleteFrom('points').where('tenant', '=', tenant).where('chunk', 'in', ids).execute();
  }
  const texts = new Map(gone.map((row) => [`${row.key} ${row.content}`, row]));
  for (const { key, content } of texts.values()) {
    await tx
      .deleteFrom('document_versions')
      .where('tenant', '=', tenant)
      .where('key', '=', key)
      .where('content', '=', content)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(selectFrom('chunks').select('chunk').where('tenant', '=', tenant).where('key', '=', key).where('content', '=', content)),
        ),
      )
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('document_history')
              .select('revision')
              .where('tenant', '=', tenant)
              .where('key', '=', key)
              .where('content', '=', content),
          ),
        ),
      )
      .execute();
  }
}

async function purgeSources(context: CatalogContext, limit: number): Promise<boolean> {
  const { database } = context;
  const source = await database.db.selectFrom('sources').select(['tenant', 'source']).where(DELETING).limit(1).executeTakeFirst();
  if (source === undefined) return false;
  await database.transaction(async (tx) => {
    const at = await databaseNow(tx, context);
    const keys = await tx
      .selectFrom('documents')
      .select('key')
      .where('tenant', '=', source.tenant)
      .where('source', '=', source.source)
      .where('state', '<>', 'deleted')
      .limit(limit)
      .execute();
    const deletion = await tx
      .selectFrom('source_history')
      .select(['changed_by', 'changed_through', 'request_id'])
      .where('tenant', '=', source.tenant)
      .where('source', '=', source.source)
      .where('recorded_to', 'is', null)
      .executeTakeFirstOrThrow();
    for (const { key } of keys) {
      const row = await documentRow(tx, source.tenant as TenantId, key as DocumentKey);
      if (row !== undefined && row.state !== 'deleted') await bury(tx, row, deletion, at);
    }
    if (keys.length === limit) return;
    await tx
      .updateTable('sources')
      .set({ state: 'deleted' })
      .where('tenant', '=', source.tenant)
      .where('source', '=', source.source)
      .where('state', '=', 'deleting')
      .execute();
  });
  return true;
}
