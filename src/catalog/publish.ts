import type { AuditEvent, SealedText } from '../core/ports/audit.ts';
import { namedDocument } from '../core/audit-names.ts';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, SourceId, TenantId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { DocumentAttributes, DocumentContent, StoredDocument, WriteCatalog } from '../core/ports/catalog.ts';
import type { BatchCatalog, PublishedDocument } from '../core/ports/document-batches.ts';
import type { DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { auditAll, changedBy, databaseNow, type CatalogContext } from './context.ts';
import { attributeColumns, reservedIn, type Reserved } from './attribute-columns.ts';
import { bury, insertRows, killChunks, writeRow } from './bury.ts';
import { documentRows, selectDocuments, storedDocument } from './document-rows.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';
import { recordDocuments } from './history.ts';
import { demandLiveCollection, leftBehindIn } from './hosted/leftovers.ts';
import { demandLiveSource } from './live-source.ts';
import { labelDigest } from './rows.ts';
import { slices } from './slices.ts';
import { contentKey } from './stage.ts';

type Place = Pick<Parameters<WriteCatalog['publish']>[0], 'tenant' | 'source'>;

/** Replacing a text takes it from everybody who could read it, so it always moves the epoch; a first one takes nothing from anybody. */
export function createPublish(context: CatalogContext): WriteCatalog['publish'] {
  return (input) =>
    context.database.transaction(async (tx) => {
      await publishIn(tx, context, input, [input]);
      return readBack(tx, context, input.tenant, input.key);
    });
}

/** Many documents at once, all or none, each with its own revision, history and event. */
export function createPublishAll(context: CatalogContext): BatchCatalog['publishAll'] {
  return async (tenant, source, inputs) => {
    if (inputs.length === 0) return;
    // In one order, so that of two who write the same documents one waits for the other.
    const ordered = inputs.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    await context.database.transaction((tx) => publishIn(tx, context, { tenant, source }, ordered));
  };
}

/** A document that is being published: its row as it was, and as it will be. */
interface Exchange {
  readonly input: PublishedDocument;
  readonly before: DocumentRow | undefined;
  readonly after: DocumentRow;
}

async function publishIn(tx: Tx, context: CatalogContext, place: Place, inputs: readonly PublishedDocument[]): Promise<void> {
  const { tenant, source } = place;
  const { kind } = context.database;
  await moveEpoch(tx, tenant, { epoch: inputs.some(({ expected }) => expected !== 'absent'), generation: false });
  const at = await databaseNow(tx, context);
  await demandLiveSource(tx, tenant, source, kind);
  const collections = new Set(inputs.flatMap(({ content: { collection } }) => collection ?? []));
  for (const collection of collections) await demandLiveCollection(tx, collection, kind);
  const rows = await documentRows(
    tx,
    tenant,
    inputs.map(({ key }) => key),
  );
  const reserved = reservedIn(tx, place);
  const exchanges: Exchange[] = [];
  for (const input of inputs) {
    const before = await buriedWithItsCollection(tx, rows.get(input.key), collections, at);
    demandExpected(before, input, source);
    exchanges.push({ input, before, after: await rowAfter(place, input, before, at, reserved) });
  }
  await writeRows(tx, exchanges);
  await exchangeChunks(tx, tenant, exchanges);
  await recordDocuments(
    tx,
    exchanges.map(({ input, before, after }) => ({
      before: living(before),
      after,
      declared: input.attributes.declared,
      change: changedBy(input.change),
    })),
    at,
  );
  await auditAll(
    tx,
    context,
    exchanges.map((exchange) => publishedEvent(place, exchange)),
  );
}

function publishedEvent({ tenant, source }: Place, { input, before, after }: Exchange): AuditEvent {
  const { content, attributes, change } = input;
  return changeEvent(
    tenant,
    'document.published',
    change,
    {
      source,
      document: namedDocument(source, input.document),
      revision: after.revision,
      chunks: content.chunks.length,
      state: after.state,
      ...hygieneIn(content, attributes),
      acl: { version: after.acl_version, changed: before?.acl !== after.acl },
      label: { digest: labelDigest(attributes.declared), zone: after.zone },
    },
    {
      facts: { acl: digests(before && digestOf(before.acl), digestOf(after.acl)) },
      texts: [versionOf(source, input)],
    },
  );
}

/** A point of a deleted collection does not stand in the way of its successor: its tombstone, still to be set, is set here. */
async function buriedWithItsCollection(
  tx: Tx,
  row: DocumentRow | undefined,
  live: ReadonlySet<string>,
  at: number,
): Promise<DocumentRow | undefined> {
  const collection = live.has(row?.collection ?? '') ? undefined : await leftBehindIn(tx, row);
  return row === undefined || collection === undefined ? row : bury(tx, row, collection, at);
}

/** How much of the text could not be seen, and what followed. */
function hygieneIn({ removed }: DocumentContent, { hygiene }: DocumentAttributes): JsonObject {
  const { tag, bidi, zeroWidth } = removed;
  return {
    ...(tag + bidi + zeroWidth === 0 ? {} : { removed: { tag, bidi, zeroWidth } }),
    ...(hygiene === undefined ? {} : { hygiene: { action: hygiene.action, accepted: hygiene.accepted } }),
  };
}

/** The digest of what was handed in goes with the text that it is of. */
function versionOf(source: SourceId, { document, content: { version } }: PublishedDocument): SealedText {
  return { source, document, version, key: version, content: () => ({ version }) };
}

/** What an event says of a thing that may be new. */
export function digests(before: string | undefined, after: string): { readonly before: string | null; readonly after: string } {
  return { before: before ?? null, after };
}

function living(row: DocumentRow | undefined): DocumentRow | undefined {
  return row?.state === 'deleted' ? undefined : row;
}

function demandExpected(before: DocumentRow | undefined, { expected, tombstone, document }: PublishedDocument, source: SourceId): void {
  if (before !== undefined && (before.source !== source || before.document !== document)) {
    throw new AppError('conflict', { detail: 'the key belongs to another document' });
  }
  const found = living(before)?.revision ?? 'absent';
  const grave = before?.state === 'deleted' ? before.revision : 'none';
  if (found === 'absent' && tombstone !== undefined && tombstone !== grave) {
    throw new AppError('conflict', { detail: 'the document was made and deleted meanwhile' });
  }
  if (found !== expected) throw new AppError('conflict', { detail: 'the document has moved on' });
}

/** After a tombstone the revisions go on, but its ACL and label have ended. */
async function rowAfter(
  { tenant, source }: Place,
  input: PublishedDocument,
  before: DocumentRow | undefined,
  at: number,
  reserved: Reserved,
): Promise<DocumentRow> {
  const { document, key, attributes, content } = input;
  const revision = (before?.revision ?? 0) + 1;
  const columns = await attributeColumns(reserved, living(before), attributes, revision, at);
  return {
    tenant,
    key,
    source,
    document,
    revision,
    indexed_revision: revision,
    content: contentKey(content),
    chunk_count: content.chunks.length,
    collection: content.collection ?? null,
    ...columns,
  };
}

/** New ones in few statements; what is there is compared and set one by one. */
async function writeRows(tx: Tx, exchanges: readonly Exchange[]): Promise<void> {
  for (const { before, after } of exchanges) if (before !== undefined) await writeRow(tx, before, after);
  const made = exchanges.flatMap(({ before, after }) => (before === undefined ? [after] : []));
  for (const rows of slices(made)) await insertRows(tx, rows);
}

/** The former chunks die and the staged ones live in one step: no reader sees both or neither. */
async function exchangeChunks(tx: Tx, tenant: TenantId, exchanges: readonly Exchange[]): Promise<void> {
  const replaced = exchanges.flatMap(({ before, after }) => (before === undefined ? [] : [after.key as DocumentKey]));
  for (const keys of slices(replaced)) await killChunks(tx, tenant, keys);
  // What is named by its content belongs to one document, since ids of chunks are made from its key.
  for (const [revision, group] of Map.groupBy(exchanges, ({ after }) => after.revision)) {
    for (const some of slices(group)) await publishChunks(tx, tenant, some, revision);
  }
  // A text staged by a run that crashed may be published by another one; its lineage is of the one that did.
  for (const [lineage, group] of Map.groupBy(exchanges, ({ input }) => JSON.stringify(input.content.lineage))) {
    for (const some of slices(group)) await setLineage(tx, tenant, some, lineage);
  }
}

/** Of their documents, and of the texts that these get. */
function namesOf(exchanges: readonly Exchange[]): { readonly keys: readonly string[]; readonly contents: readonly string[] } {
  return { keys: exchanges.map(({ after }) => after.key), contents: exchanges.map(({ after }) => after.content) };
}

async function publishChunks(tx: Tx, tenant: TenantId, exchanges: readonly Exchange[], revision: number): Promise<void> {
  const { keys, contents } = namesOf(exchanges);
  const published = await tx
    .updateTable('chunks')
    .set({ state: 'live', revision })
    .where('tenant', '=', tenant)
    .where('key', 'in', keys)
    .where('content', 'in', contents)
    .where('state', '=', 'staged')
    .executeTakeFirstOrThrow();
  const wanted = exchanges.reduce((sum, { input }) => sum + input.content.chunks.length, 0);
  if (published.numUpdatedRows !== BigInt(wanted)) {
    throw new AppError('conflict', { detail: 'not all chunks of the document are staged' });
  }
}

async function setLineage(tx: Tx, tenant: TenantId, exchanges: readonly Exchange[], lineage: string): Promise<void> {
  const { keys, contents } = namesOf(exchanges);
  const version = await tx
    .updateTable('document_versions')
    .set({ lineage })
    .where('tenant', '=', tenant)
    .where('key', 'in', keys)
    .where('content', 'in', contents)
    .executeTakeFirstOrThrow();
  if (version.numUpdatedRows !== BigInt(exchanges.length)) {
    throw new AppError('conflict', { detail: 'the text of the document is not staged' });
  }
}

export async function readBack(tx: Tx, { scheme }: CatalogContext, tenant: TenantId, key: DocumentKey): Promise<StoredDocument> {
  return storedDocument(scheme, await selectDocuments(tx, tenant).where('d.key', '=', key).executeTakeFirstOrThrow());
}
