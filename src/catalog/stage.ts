import { digestOf, type Digest } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import { pointIdText } from '../core/points/point-id.ts';
import type { DocumentContent, WriteCatalog } from '../core/ports/catalog.ts';
import type { BatchCatalog } from '../core/ports/document-batches.ts';
import type { Tx } from '../database/database.ts';
import { databaseNow, type CatalogContext } from './context.ts';
import { slices } from './slices.ts';

/** Names a text together with its chunks, whichever run brought it. */
export function contentKey(content: DocumentContent): Digest {
  const chunks = content.chunks.map(({ chunk, ordinal, digest, span }) => [chunk, ordinal, digest, span.start, span.end]);
  const { version, pipeline, mediaType, language, text } = content;
  return digestOf(JSON.stringify([version, pipeline, mediaType, language, digestOf(text), chunks]));
}

/** Fails with `conflict` where one of the chunk ids is taken by another text, or given up and not yet purged. */
export function createStage(context: CatalogContext): WriteCatalog['stage'] {
  const stageAll = createStageAll(context);
  return (tenant, key, content) => stageAll(tenant, [{ key, content }]);
}

/** Many documents at once, all or none. */
export function createStageAll(context: CatalogContext): BatchCatalog['stageAll'] {
  return (tenant, documents) =>
    context.database.transaction(async (tx) => {
      const at = await databaseNow(tx, context);
      const staged = documents.map(({ key, content }) => ({ tenant, key, name: contentKey(content), content }));
      await insertVersions(tx, staged, at);
      const wanted = staged.reduce((sum, { content }) => sum + content.chunks.length, 0);
      const added = await insertChunks(tx, staged, at);
      // Some were there. What this transaction added is staged too, so each document is looked at as a whole.
      if (added < wanted) for (const one of staged) await takeUpAgain(tx, one, at);
      await insertPoints(tx, staged);
    });
}

interface Staged {
  readonly tenant: TenantId;
  readonly key: DocumentKey;
  readonly name: Digest;
  readonly content: DocumentContent;
}

async function insertVersions(tx: Tx, staged: readonly Staged[], at: number): Promise<void> {
  const rows = staged.map(({ tenant, key, name, content }) => ({
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
  }));
  for (const slice of slices(rows)) {
    await tx
      .insertInto('document_versions')
      .values(slice)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** How many were not there yet. */
async function insertChunks(tx: Tx, staged: readonly Staged[], at: number): Promise<number> {
  const rows = staged.flatMap(({ tenant, key, name, content: { chunks, collection } }) =>
    chunks.map(({ chunk, ordinal, text, digest, span }) => ({
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
    })),
  );
  let added = 0n;
  for (const slice of slices(rows)) {
    const { numInsertedOrUpdatedRows = 0n } = await tx
      .insertInto('chunks')
      .values(slice)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    added += numInsertedOrUpdatedRows;
  }
  return Number(added);
}

/** The id of a chunk stands for its whole write, so a row that is there is the same one. */
async function insertPoints(tx: Tx, staged: readonly Staged[]): Promise<void> {
  const rows = staged.flatMap(({ tenant, content: { chunks, collection } }) =>
    chunks.flatMap(({ chunk, point }) =>
      point === undefined || collection === undefined
        ? []
        : [{ tenant, chunk, collection, point: pointIdText(point.id), payload: point.payload }],
    ),
  );
  for (const slice of slices(rows)) {
    await tx
      .insertInto('points')
      .values(slice)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** A retry: what is staged counts as staged now, so that the sweeper does not give it up under the writer's hands. */
async function takeUpAgain(tx: Tx, { tenant, key, name, content }: Staged, at: number): Promise<void> {
  const expected = content.chunks.length;
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
