import { digestOf, type Digest } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import { pointIdText } from '../core/points/point-id.ts';
import type { DocumentContent, WriteCatalog } from '../core/ports/catalog.ts';
import type { Tx } from '../database/database.ts';
import { databaseNow, type CatalogContext } from './context.ts';

const INSERT_SLICE = 200;

/** Names a text together with its chunks, whichever run brought it. */
export function contentKey(content: DocumentContent): Digest {
  const chunks = content.chunks.map(({ chunk, ordinal, digest, span }) => [chunk, ordinal, digest, span.start, span.end]);
  const { version, pipeline, mediaType, language, text } = content;
  return digestOf(JSON.stringify([version, pipeline, mediaType, language, digestOf(text), chunks]));
}

/** Fails with `conflict` where one of the chunk ids is taken by another text, or given up and not yet purged. */
export function createStage(context: CatalogContext): WriteCatalog['stage'] {
  return (tenant, key, content) =>
    context.database.transaction(async (tx) => {
      const at = await databaseNow(tx, context);
      const name = contentKey(content);
      await insertVersion(tx, tenant, key, name, content, at);
      const added = await insertChunks(tx, tenant, key, name, content, at);
      if (added < content.chunks.length) await takeUpAgain(tx, tenant, key, name, content.chunks.length, at);
      await insertPoints(tx, tenant, content);
    });
}

async function insertVersion(
  tx: Tx,
  tenant: TenantId,
  key: DocumentKey,
  name: Digest,
  content: DocumentContent,
  at: number,
): Promise<void> {
  await tx
    .insertInto('document_versions')
    .values({
      tenant,
      key,
      content: name,
      version: content.version,
      pipeline: content.pipeline,
      media_type: content.mediaType,
      language: content.language,
      removed: JSON.stringify(content.removed),
      lineage: JSON.stringify(content.lineage),
      staged_at: at,
      text: content.text,
      characters: content.characters ?? null,
      original: content.original ?? null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function insertChunks(
  tx: Tx,
  tenant: TenantId,
  key: DocumentKey,
  name: Digest,
  { chunks, collection }: DocumentContent,
  at: number,
): Promise<number> {
  const rows = chunks.map(({ chunk, ordinal, text, digest, span }) => ({
    tenant,
    chunk,
    key,
    content: name,
    ordinal,
    state: 'staged' as const,
    revision: null,
    staged_at: at,
    digest,
    text,
    span_start: span.start,
    span_end: span.end,
    path: JSON.stringify(span.path),
    collection: collection ?? null,
  }));
  let added = 0n;
  for (let start = 0; start < rows.length; start += INSERT_SLICE) {
    const { numInsertedOrUpdatedRows = 0n } = await tx
      .insertInto('chunks')
      .values(rows.slice(start, start + INSERT_SLICE))
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    added += numInsertedOrUpdatedRows;
  }
  return Number(added);
}

/** The id of a chunk stands for its whole write, so a row that is there is the same one. */
async function insertPoints(tx: Tx, tenant: TenantId, { chunks, collection }: DocumentContent): Promise<void> {
  if (collection === undefined) return;
  const rows = chunks.flatMap(({ chunk, point }) =>
    point === undefined ? [] : [{ tenant, chunk, collection, point: pointIdText(point.id), payload: point.payload }],
  );
  for (let start = 0; start < rows.length; start += INSERT_SLICE) {
    const slice = rows.slice(start, start + INSERT_SLICE);
    await tx
      .insertInto('points')
      .values(slice)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** A retry: what is staged counts as staged now, so that the sweeper does not give it up under the writer's hands. */
async function takeUpAgain(tx: Tx, tenant: TenantId, key: DocumentKey, name: Digest, expected: number, at: number): Promise<void> {
  const own = (state: 'staged' | 'live') =>
    tx
      .updateTable('chunks')
      .set({ staged_at: at })
      .where('tenant', '=', tenant)
      .where('key', '=', key)
      .where('content', '=', name)
      .where('state', '=', state)
      .executeTakeFirstOrThrow();
  const staged = (await own('staged')).numUpdatedRows;
  if (staged === BigInt(expected)) return;
  const live = (await own('live')).numUpdatedRows;
  if (staged + live !== BigInt(expected)) throw new AppError('conflict', { detail: 'a chunk id is taken, or given up and not yet purged' });
}
