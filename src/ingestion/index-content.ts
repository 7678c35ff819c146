import { digestOf, uuidOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { ChunkId } from '../core/ids.ts';
import type { Lineage } from '../core/ports/candidate.ts';
import type { DocumentContent, StagedChunk, StoredDocument } from '../core/ports/catalog.ts';
import type { Embedded, EmbeddingPort } from '../core/ports/embedding.ts';
import type { DenseVector } from '../core/ports/vectors.ts';
import type { ParsedDocument, TextChunk } from '../core/text.ts';
import { CHUNKER, indexText } from './chunk/chunk-document.ts';
import { cutApart, parseHere } from './parse/parse-apart.ts';
import { CHUNKS_PARSER, PARSERS } from './parse/parser-names.ts';
import { total } from './original.ts';
import type { DocumentWrite } from './document-write.ts';
import type { ContentBody, DocumentBody } from './types.ts';

/** What a deployment indexes with, and where: a document in another collection is not in this one. */
export interface IndexedBy {
  readonly embedding: EmbeddingPort;
  readonly collection: string;
}

/** Everything but the document itself that its chunks and vectors depend on; another one, and the text is indexed again. */
export function pipelineOf({ embedding, collection }: IndexedBy, mediaType: string): string {
  const { sparse, dense } = embedding.identity;
  const model = dense.kind === 'none' ? 'none' : `${dense.kind}:${dense.model}:${dense.dimension}`;
  return [mediaType, PARSERS, CHUNKER, sparse, model, collection].join(' ');
}

export interface CutDocument {
  readonly parsed: Pick<ParsedDocument, 'text' | 'removed' | 'title' | 'parser'>;
  readonly chunks: readonly (TextChunk & { readonly vector?: DenseVector })[];
}

const MAX_CHUNKS = 20_000;
const SEPARATOR = '\n\n';

/** Parses and cuts. Fails with `unreadable_document` or `limit_exceeded`. */
export async function cutDocument({ content, mediaType }: DocumentBody, signal: AbortSignal): Promise<CutDocument> {
  const cut = content.kind === 'chunks' ? await callerChunks(content.chunks) : await cutContent(content, mediaType, signal);
  if (cut.chunks.length === 0) throw new AppError('unreadable_document', { detail: 'no text to index' });
  if (cut.chunks.length <= MAX_CHUNKS) return cut;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '/text', message: `at most ${MAX_CHUNKS} chunks a document` }] });
}

function cutContent(
  content: Exclude<ContentBody, { readonly kind: 'chunks' }>,
  mediaType: string,
  signal: AbortSignal,
): Promise<CutDocument> {
  return cutApart(content.kind === 'text' ? content.text : content.bytes, mediaType, signal);
}

/** Chunks that the caller cut keep their borders; each is read as plain text so that invisible characters go. */
async function callerChunks(given: readonly { readonly text: string; readonly vector?: DenseVector | undefined }[]): Promise<CutDocument> {
  let text = '';
  const removed = { tag: 0, bidi: 0, zeroWidth: 0 };
  const chunks: (TextChunk & { readonly vector?: DenseVector })[] = [];
  for (const chunk of given) {
    const parsed = await parseHere(chunk.text, 'text/plain');
    removed.tag += parsed.removed.tag;
    removed.bidi += parsed.removed.bidi;
    removed.zeroWidth += parsed.removed.zeroWidth;
    const start = text.length === 0 ? 0 : text.length + SEPARATOR.length;
    text = text.length === 0 ? parsed.text : text + SEPARATOR + parsed.text;
    chunks.push({ start, end: text.length, path: [], ...(chunk.vector === undefined ? {} : { vector: chunk.vector }) });
  }
  return { parsed: { text, removed, title: undefined, parser: CHUNKS_PARSER }, chunks };
}

/**
 * The chunks to stage, with ids that depend on the document, the revision they are for and the whole write: a retry of the
 * same write makes the same ids, a competing write others, so neither overwrites the other's points. `secret`
 * keeps those who see an id from confirming a guess at what they do not see, such as the ACL.
 */
export function stagedContent(input: {
  readonly secret: string;
  readonly key: StoredDocument['key'];
  readonly revision: number;
  readonly write: DocumentWrite;
  readonly cut: CutDocument;
  readonly mediaType: string;
  readonly pipeline: string;
  readonly lineage: Lineage;
  /** As handed in, where characters were taken out of it. */
  readonly original: string | undefined;
}): DocumentContent {
  const { secret, key, revision, write, cut, mediaType, pipeline, lineage, original } = input;
  const chunks = cut.chunks.map(({ start, end, path }, ordinal): StagedChunk => {
    const text = cut.parsed.text.slice(start, end);
    const chunk = uuidOf('chunk', secret, key, revision, write.writeDigest, pipeline, ordinal) as ChunkId;
    return { chunk, ordinal, text, digest: digestOf(text), span: { start, end, path } };
  });
  const { text, removed } = cut.parsed;
  const { version, language } = write;
  const kept = { characters: charactersOf(cut), ...(original === undefined ? {} : { original }) };
  return { version, pipeline, mediaType, language, text, removed, ...kept, lineage, chunks };
}

/** Of the text with what was taken out of it. */
export function charactersOf({ parsed: { text, removed } }: CutDocument): number {
  return text.length + total(removed);
}

/** What is embedded is the chunk with its title and headings; what is released is the chunk alone. */
export function embedChunks(
  embedding: EmbeddingPort,
  cut: CutDocument,
  title: string,
  language: string,
  signal: AbortSignal,
): Promise<readonly Embedded[]> {
  const texts = cut.chunks.map((chunk) => ({
    text: indexText({ path: chunk.path, text: cut.parsed.text.slice(chunk.start, chunk.end) }, title),
    language,
    ...(chunk.vector === undefined ? {} : { dense: chunk.vector }),
  }));
  return embedding.embedDocuments(texts, signal);
}
