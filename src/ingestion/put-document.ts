import { changeBy } from '../core/request-context.ts';
import { indexedValidity } from '../core/acl.ts';
import { MAX_ACL_ENTRIES } from '../core/acl.ts';
import { AppError } from '../core/errors.ts';
import type { RemovedCharacters } from '../core/ports/candidate.ts';
import type { DocumentAttributes, StoredDocument, Tombstone, WriteCatalog } from '../core/ports/catalog.ts';
import type { HygieneFacts, HygienePolicy } from '../core/hygiene.ts';
import type { HoneyCatalog } from '../core/ports/honey.ts';
import type { OriginalCatalog } from '../core/ports/originals.ts';
import type { EmbeddingPort } from '../core/ports/embedding.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Point, VectorIndex } from '../core/ports/vectors.ts';
import type { Source } from '../core/zone.ts';
import type { Clock } from '../core/ports/clock.ts';
import { authorityOf } from './authority.ts';
import { CHUNKER } from './chunk/chunk-document.ts';
import { documentId, documentKey, readWrite, sameAttributes, sameIndexedText, type DocumentWrite } from './document-write.ts';
import { charactersOf, cutDocument, embedChunks, pipelineOf, stagedContent, type CutDocument } from './index-content.ts';
import type { SourceParts } from './sources.ts';
import { asBound, asMeant, factsOf, withHygiene } from './hygiene.ts';
import { cleanTitle, keepOriginal, NOTHING_REMOVED, sumOf, total } from './original.ts';
import { syncAccess, type SyncParts } from './sync-access.ts';
import { principalsIn } from './unknown-principals.ts';
import { checkAgainstBefore, checkWriter, writerTrustFor, type Access } from './write-rights.ts';
import type { DocumentBody, DocumentReceipt, RequestContext } from './types.ts';

export interface DocumentParts extends SourceParts {
  readonly writes: WriteCatalog & HoneyCatalog & OriginalCatalog;
  readonly vectors: VectorIndex;
  readonly embedding: EmbeddingPort;
  /** Name of the collection that `vectors` writes to. */
  readonly collection: string;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** A new random string for bait, 128 bits. */
  readonly newMarker: () => string;
  /** What follows from hidden characters. */
  readonly hygiene: HygienePolicy;
  /** Language of documents that name none. */
  readonly language: string;
}

const MAX_TRIES = 4;

/** Runs again on `conflict`, with everything read anew: somebody else's write came between. */
export async function retryOnConflict<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError) || error.code !== 'conflict' || attempt === MAX_TRIES) throw error;
    }
  }
}

/** `PUT` of a document (docs/architecture.md, "The path of a document"). */
export function putDocument(
  parts: DocumentParts,
  context: RequestContext,
  sourceId: string,
  id: string,
  body: DocumentBody,
): Promise<DocumentReceipt> {
  return retryOnConflict(context.signal, () => putOnce(parts, context, sourceId, id, withCleanTitle(body)));
}

/** Titles reach the prompt beside the text. */
function withCleanTitle(body: DocumentBody): TitledBody {
  if (body.title === undefined) return { ...body, titled: NOTHING_REMOVED };
  const { title, removed } = cleanTitle(body.title);
  return { ...body, title, titled: removed, ...(title === body.title ? {} : { originalTitle: body.title }) };
}

/** With what was taken out of its title. */
type TitledBody = DocumentBody & { readonly titled: RemovedCharacters; readonly originalTitle?: string };

async function putOnce(
  parts: DocumentParts,
  context: RequestContext,
  sourceId: string,
  id: string,
  body: TitledBody,
): Promise<DocumentReceipt> {
  const authority = await authorityOf(parts, context);
  const source = authority.source(sourceId, 'ingest');
  const writer = writerTrustFor(parts.policy, authority, source);
  const document = documentId(id);
  const before = await parts.writes.document(source.tenant, source.id, document);
  const { issuers, groupless, language } = parts;
  const unknown = await parts.unknown(source.tenant, principalsIn(body.acl, issuers, MAX_ACL_ENTRIES));
  const write = readWrite({ body, before, scheme: authority.view.scheme, issuers, groupless, unknown, writer, language });
  const pipeline = pipelineOf(parts, body.mediaType);
  const same = before !== undefined && sameIndexedText(before, write, body, pipeline) ? before : undefined;
  const names = [document, body.uri];
  const judgedBefore = before?.version === write.version ? before.hygiene : undefined;
  const judge = (facts: HygieneFacts): DocumentWrite => {
    const access = withHygiene(write.access, { policy: parts.hygiene, tenant: source.tenant, facts, names, before: judgedBefore });
    return { ...write, access };
  };
  const unchanged = same === undefined ? undefined : judge(factsOf(same));
  // What the text takes away is nothing that the writer gives: label and trust are judged as they were written.
  const after = { ...write.access, state: unchanged?.access.state ?? write.access.state };
  const judged = { authority, source, writer, after };
  checkWriter(judged);
  const grave = before === undefined ? await parts.writes.tombstone(source.tenant, documentKey(source, document)) : undefined;
  const bound = whatBinds({ before, grave, sameText: same !== undefined });
  const permit = (): void => checkAgainstBefore({ ...judged, before: bound });

  if (same !== undefined && unchanged !== undefined) {
    return changeAttributes(parts, context, same, attributesOf(context, body, unchanged, same.title), permit, write.warnings);
  }
  const stored = await index(parts, context, source, { document, before, grave: grave?.revision ?? 'none', judge, body, pipeline, permit });
  parts.telemetry.count('documents_ingested', { outcome: before === undefined ? 'created' : 'changed' });
  parts.telemetry.count('chunks_indexed', {}, stored.chunks);
  // The chunks that were replaced are dead in the catalog by now; the index may forget them at leisure.
  if (before !== undefined) parts.mend();
  return receipt(stored, true, write.warnings);
}

/** What a write is measured against: the document as it was. Who may not widen one may not do so by deleting it first. */
export function whatBinds(written: {
  readonly before: StoredDocument | undefined;
  readonly grave: Tombstone | undefined;
  readonly sameText: boolean;
}): Access | undefined {
  const { before, grave, sameText } = written;
  const lived = before === undefined ? undefined : sameText ? asMeant(before) : asBound(before);
  return lived ?? (grave?.by === 'writer' ? { ...grave.access, state: 'live' } : undefined);
}

export function attributesOf(context: RequestContext, body: DocumentBody, write: DocumentWrite, title: string): DocumentAttributes {
  const writeDigest = body.etag ?? write.writeDigest;
  return { title, uri: body.uri, ...write.access, metadata: body.metadata, writtenBy: changeBy(context).by, writeDigest };
}

/** Stores attributes without touching text or vectors; nothing at all where nothing differs. Fails as `permit` does, asked last. */
export async function changeAttributes(
  parts: SyncParts,
  context: RequestContext,
  before: StoredDocument,
  attributes: DocumentAttributes,
  permit: () => void,
  warnings: DocumentReceipt['warnings'] = [],
): Promise<DocumentReceipt> {
  if (sameAttributes(before, attributes)) {
    permit();
    parts.telemetry.count('documents_ingested', { outcome: 'unchanged' });
    // Told again because a repeated grant may be waiting for the index: a retry heals it.
    const indexed = before.indexedRevision === before.revision || (await confirmed(parts, context, before));
    return receipt(before, false, warnings, !indexed);
  }
  await parts.writes.reserve(before.tenant, before.source, attributes.declared, attributes.acl);
  permit();
  const stored = await parts.writes.change(before.key, before.tenant, before.revision, attributes, changeBy(context));
  parts.telemetry.count('documents_ingested', { outcome: 'changed' });
  const indexed = await confirmed(parts, context, stored);
  return receipt(stored, true, warnings, !indexed);
}

const CONFIRM_MS = 3_000;

/**
 * Whether the index has the change. Asked for a short while only: the change is in force by now, and whoever made it must hear so
 * (202) rather than run into the deadline of the request while an index hangs.
 */
function confirmed(parts: SyncParts, { signal }: RequestContext, { tenant, key }: StoredDocument): Promise<boolean> {
  return syncAccess(parts, tenant, key, AbortSignal.any([signal, AbortSignal.timeout(CONFIRM_MS)]));
}

/**
 * Catalog first as staged, then the index, then the catalog as live: a crash leaves staged chunks, which are never
 * released and are swept or taken up again by the same write.
 */
async function index(
  parts: DocumentParts,
  context: RequestContext,
  source: Source,
  input: {
    readonly document: StoredDocument['document'];
    readonly before: StoredDocument | undefined;
    /** Revision of the tombstone that bounds the write. */
    readonly grave: number | 'none';
    /** The write as it is stored, once it is known what its text hides. */
    readonly judge: (facts: HygieneFacts) => DocumentWrite;
    readonly body: TitledBody;
    readonly pipeline: string;
    readonly permit: () => void;
  },
): Promise<StoredDocument> {
  const { document, before, grave, judge, body, pipeline, permit } = input;
  const { tenant, id } = source;
  const { signal, requestId } = context;
  const cut = withTitleRemoved(await cutDocument(body, signal), body);
  const write = judge({ removed: cut.parsed.removed, characters: charactersOf(cut) });
  const title = body.title ?? cut.parsed.title ?? document;
  const embedded = await embedChunks(parts.embedding, cut, title, write.language, signal);
  const key = documentKey(source, document);
  const { zone, acl } = await parts.writes.reserve(tenant, id, write.access.declared, write.access.acl);
  permit();
  const revision = await parts.writes.nextRevision(tenant, key);
  const lineage = {
    run: body.run ?? requestId,
    connector: body.connector ?? 'api',
    parser: cut.parsed.parser,
    chunker: CHUNKER,
    embedding: parts.embedding.identity.sparse,
    indexedAt: new Date(parts.clock.now()).toISOString(),
  };
  const secret = await parts.writes.chunkSecret();
  const original = total(cut.parsed.removed) === 0 ? undefined : keepOriginal(body.content, body.originalTitle);
  const content = stagedContent({ secret, key, revision, write, cut, mediaType: body.mediaType, pipeline, lineage, original });
  await parts.writes.stage(tenant, key, content);
  const validity = indexedValidity(write.access.acl, write.access);
  const access = { tenant, document: key, zone, revision, acl, ...validity, metadata: body.metadata };
  const points = content.chunks.flatMap(({ chunk, ordinal }): readonly Point[] => {
    const vectors = embedded[ordinal];
    return vectors === undefined ? [] : [{ chunk, access, sparse: vectors.sparse, dense: vectors.dense }];
  });
  if (points.length !== content.chunks.length) throw new AppError('embedding_unavailable', { detail: 'fewer vectors than chunks' });
  await parts.vectors.upsert(points, signal);
  const attributes = attributesOf(context, body, write, title);
  const expected = before?.revision ?? 'absent';
  const change = changeBy(context);
  return parts.writes.publish({ tenant, source: id, document, key, expected, tombstone: grave, attributes, content, change });
}

function withTitleRemoved(cut: CutDocument, { titled }: TitledBody): CutDocument {
  return { ...cut, parsed: { ...cut.parsed, removed: sumOf(cut.parsed.removed, titled) } };
}

export function receipt(
  stored: StoredDocument,
  changed: boolean,
  warnings: DocumentReceipt['warnings'] = [],
  pending = false,
): DocumentReceipt {
  const { document, version, chunks, zone } = stored;
  return { document, version, chunks, zone, changed, ...(warnings.length > 0 ? { warnings } : {}), ...(pending ? { pending } : {}) };
}
