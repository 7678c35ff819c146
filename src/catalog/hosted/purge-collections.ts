import type { Kysely } from 'kysely';
import { AppError } from '../../core/errors.ts';
import type { ChunkId, CollectionKey, DocumentKey, TenantId } from '../../core/ids.ts';
import type { CollectionRow } from '../../database/point-tables.ts';
import type { Schema } from '../../database/schema.ts';
import type { Tx } from '../../database/database.ts';
import { bury } from '../bury.ts';
import { databaseNow, type CatalogContext } from '../context.ts';
import { documentRow } from '../document-rows.ts';
import { purge } from '../upkeep.ts';

/**
 * One step of emptying a collection that is being deleted, after its points were dropped as a whole: tombstones of up to `limit`
 * documents, and their chunks forgotten in the same transaction, so that they are never counted as still to be swept one by one.
 */
export async function emptyCollection(context: CatalogContext, key: CollectionKey, limit: number): Promise<boolean> {
  const row = await deleting(context.database.db, key);
  if (row === undefined) return false;
  const tenant = row.tenant as TenantId;
  const { changed_by, changed_through, request_id } = row;
  const deletion = { changed_by, changed_through, request_id };
  return context.database.transaction(async (tx) => {
    const at = await databaseNow(tx, context);
    const documents = await tx
      .selectFrom('documents')
      .select('key')
      .where('collection', '=', key)
      .where('collection', 'is not', null)
      .where('tenant', '=', tenant)
      .where('state', '<>', 'deleted')
      .limit(limit)
      .execute();
    for (const { key: document } of documents) {
      const found = await documentRow(tx, tenant, document as DocumentKey);
      if (found !== undefined && found.state !== 'deleted') await bury(tx, found, deletion, at);
    }
    const keys = documents.map((one) => one.key);
    if (keys.length > 0) await forgetChunks(tx, tenant, keys);
    return documents.length === limit;
  });
}

async function forgetChunks(tx: Tx, tenant: TenantId, keys: readonly string[]): Promise<void> {
  const dead = await tx
    .selectFrom('chunks')
    .select('chunk')
    .where('tenant', '=', tenant)
    .where('key', 'in', keys)
    .where('state', '=', 'dead')
    .execute();
  if (dead.length === 0) return;
  await purge(
    tx,
    tenant,
    dead.map(({ chunk }) => chunk as ChunkId),
  );
}

/** `conflict` while one of its documents is left. Chunks that were only staged are swept like all others of their kind. */
export async function forgetCollection({ database }: CatalogContext, key: CollectionKey): Promise<void> {
  await database.transaction(async (tx) => {
    const left = await tx
      .selectFrom('documents')
      .select('key')
      .where('collection', '=', key)
      .where('collection', 'is not', null)
      .where('state', '<>', 'deleted')
      .limit(1)
      .executeTakeFirst();
    if (left !== undefined) throw new AppError('conflict', { detail: 'the collection still has documents' });
    await tx.updateTable('collections').set({ state: 'deleted' }).where('key', '=', key).where('state', '=', 'deleting').execute();
  });
}

function deleting(db: Kysely<Schema>, key: CollectionKey): Promise<CollectionRow | undefined> {
  return db.selectFrom('collections').selectAll().where('key', '=', key).where('state', '=', 'deleting').executeTakeFirst();
}
