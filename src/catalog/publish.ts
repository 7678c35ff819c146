import type { SealedText } from '../core/ports/audit.ts';
import { namedDocument } from '../core/audit-names.ts';
import { aclPrincipals, type Acl } from '../core/acl.ts';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { DocumentAttributes, DocumentContent, StoredDocument, WriteCatalog } from '../core/ports/catalog.ts';
import type { DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from './context.ts';
import { bury, killChunks, writeRow } from './bury.ts';
import { documentRow, selectDocuments, storedDocument } from './document-rows.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';
import { recordDocument } from './history.ts';
import { demandLiveCollection, leftBehindIn } from './hosted/leftovers.ts';
import { demandLiveSource } from './live-source.ts';
import { readNumbers } from './numbers.ts';
import { findZone } from './reserve.ts';
import { aclText, labelDigest } from './rows.ts';
import { contentKey } from './stage.ts';

type PublishInput = Parameters<WriteCatalog['publish']>[0];

/** Replacing a text takes it from everybody who could read it, so it always moves the epoch; a first one takes nothing from anybody. */
export function createPublish(context: CatalogContext): WriteCatalog['publish'] {
  return (input) =>
    context.database.transaction(async (tx) => {
      const { tenant, source, key, expected, attributes, content, change } = input;
      await moveEpoch(tx, tenant, { epoch: expected !== 'absent', generation: false });
      const at = await databaseNow(tx, context);
      await demandLiveSource(tx, tenant, source, context.database.kind);
      if (content.collection !== undefined) await demandLiveCollection(tx, content.collection, context.database.kind);
      const before = await buriedWithItsCollection(tx, await documentRow(tx, tenant, key), at);
      demandExpected(before, input);
      const after = await rowAfter(tx, input, before, at);
      await writeRow(tx, before, after);
      await exchangeChunks(tx, input, after);
      await recordDocument(tx, { before: living(before), after, declared: attributes.declared }, changedBy(change), at);
      await context.auditSink(
        tx,
        changeEvent(
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
            texts: [versionOf(input)],
          },
        ),
      );
      return readBack(tx, context, tenant, key);
    });
}

/** A point of a deleted collection does not stand in the way of its successor: its tombstone, still to be set, is set here. */
async function buriedWithItsCollection(tx: Tx, row: DocumentRow | undefined, at: number): Promise<DocumentRow | undefined> {
  const collection = await leftBehindIn(tx, row);
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
function versionOf({ source, document, content: { version } }: Parameters<WriteCatalog['publish']>[0]): SealedText {
  return { source, document, version, key: version, content: () => ({ version }) };
}

/** What an event says of a thing that may be new. */
export function digests(before: string | undefined, after: string): { readonly before: string | null; readonly after: string } {
  return { before: before ?? null, after };
}

function living(row: DocumentRow | undefined): DocumentRow | undefined {
  return row?.state === 'deleted' ? undefined : row;
}

function demandExpected(before: DocumentRow | undefined, { expected, tombstone, source, document }: PublishInput): void {
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
async function rowAfter(tx: Tx, input: PublishInput, before: DocumentRow | undefined, at: number): Promise<DocumentRow> {
  const { tenant, source, document, key, attributes, content } = input;
  const revision = (before?.revision ?? 0) + 1;
  const columns = await attributeColumns(tx, input, living(before), attributes, revision, at);
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

type AttributeColumns = Omit<
  DocumentRow,
  'tenant' | 'key' | 'source' | 'document' | 'revision' | 'indexed_revision' | 'content' | 'chunk_count' | 'collection'
>;

/** ACL and label keep their version where they are the same, so that a version stands for one ACL and one label for ever. */
export async function attributeColumns(
  tx: Tx,
  { tenant, source }: Pick<PublishInput, 'tenant' | 'source'>,
  before: DocumentRow | undefined,
  attributes: DocumentAttributes,
  revision: number,
  at: number,
): Promise<AttributeColumns> {
  const zone = await findZone(tx, tenant, source, attributes.declared);
  if (zone === undefined) throw new AppError('internal', { detail: 'the label of a document was not reserved' });
  const acl = aclText(attributes.acl);
  if (before?.acl !== acl) await demandNumbers(tx, tenant, attributes.acl);
  return {
    state: attributes.state,
    zone,
    acl,
    acl_version: before?.acl === acl ? before.acl_version : revision,
    label_version: before?.zone === zone ? before.label_version : revision,
    valid_from: attributes.validFrom === 'always' ? null : attributes.validFrom,
    valid_until: attributes.validUntil === 'forever' ? null : attributes.validUntil,
    updated_at: at,
    written_by: attributes.writtenBy,
    write_digest: attributes.writeDigest,
    title: attributes.title,
    uri: attributes.uri ?? null,
    metadata: JSON.stringify(attributes.metadata),
    released: attributes.released === undefined ? null : JSON.stringify(attributes.released),
    hygiene: attributes.hygiene === undefined ? null : JSON.stringify(attributes.hygiene),
    deleted_as: null,
  };
}

/** An ACL without numbers could be stored but never indexed, so the document would stay pending for ever. */
async function demandNumbers(tx: Tx, tenant: TenantId, acl: Acl): Promise<void> {
  const principals = aclPrincipals(acl);
  const numbers = await readNumbers(tx, tenant, principals);
  if (numbers.size !== principals.length) throw new AppError('internal', { detail: 'the ACL of a document was not reserved' });
}

/** The former chunks die and the staged ones live in one step: no reader sees both or neither. */
async function exchangeChunks(tx: Tx, { tenant, key, content }: PublishInput, after: DocumentRow): Promise<void> {
  await killChunks(tx, tenant, key);
  const published = await tx
    .updateTable('chunks')
    .set({ state: 'live', revision: after.revision })
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('content', '=', after.content)
    .where('state', '=', 'staged')
    .executeTakeFirstOrThrow();
  if (published.numUpdatedRows !== BigInt(content.chunks.length)) {
    throw new AppError('conflict', { detail: 'not all chunks of the document are staged' });
  }
  // A text staged by a run that crashed may be published by another one; its lineage is of the one that did.
  const version = await tx
    .updateTable('document_versions')
    .set({ lineage: JSON.stringify(content.lineage) })
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('content', '=', after.content)
    .executeTakeFirstOrThrow();
  demandOne(version.numUpdatedRows, 'the text of the document is not staged');
}

export async function readBack(tx: Tx, { scheme }: CatalogContext, tenant: TenantId, key: DocumentKey): Promise<StoredDocument> {
  return storedDocument(scheme, await selectDocuments(tx, tenant).where('d.key', '=', key).executeTakeFirstOrThrow());
}
