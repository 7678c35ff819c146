import { AppError } from '../../core/errors.ts';
import { parsePath } from '../../core/points/payload-path.ts';
import type { Prefetch, PointQuery, PointsQuestion, VectorInput } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import { keysIn, textsIn } from '../../core/points/walk-question.ts';
import type { StoredPoint } from '../../core/ports/collections.ts';
import type { EmbeddingPort } from '../../core/ports/embedding.ts';
import type { Place } from './place.ts';

/** In the index Sluice's chunks have the metadata of their documents, and beside it only what filters of the house stand on. */
const METADATA = 'metadata';

/** Fails with `unsupported_request` where the question depends on anything but `metadata`: the text, say, is not in the index. */
export function checkOwnKeys<Id>(question: PointsQuestion<Id>): void {
  const other = keysIn(question).find((key) => parsePath(key)?.[0].key !== METADATA);
  if (other === undefined) return;
  throw unsupported('only metadata and keys below it can be filtered, ordered, counted or grouped by in this collection');
}

/** As of `POST /v1/retrieve`, and as many as a batch has searches: each is made into a vector, perhaps by somebody who is paid for it. */
const MAX_TEXT = 8_192;
const MAX_TEXTS = 64;

function demandFewTexts(texts: readonly string[]): void {
  if (texts.length <= MAX_TEXTS && texts.every(({ length }) => length <= MAX_TEXT)) return;
  const message = `at most ${MAX_TEXTS} texts to search by, of ${MAX_TEXT} characters each`;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '', message }] });
}

export function unsupported(message: string): AppError {
  return new AppError('unsupported_request', { issues: [{ pointer: '', message }] });
}

/** The payload of a chunk: its text, and the metadata of its document. */
export function ownPayload(textKey: string, text: string, { payload }: StoredPoint): RawJson {
  return `{${JSON.stringify(textKey)}:${JSON.stringify(text)},${payload.slice(1)}` as RawJson;
}

interface Embedding {
  readonly embedding: EmbeddingPort;
  readonly languages: readonly string[];
}

/**
 * The question with each text embedded: by BM25, or, using `dense`, by the provider. Fails with `unsupported_request` for a hosted
 * collection, whose vectors Sluice cannot make, and where there is no provider.
 */
export async function embedTexts<Id>(
  { embedding, languages }: Embedding,
  place: Place,
  question: PointsQuestion<Id>,
  signal: AbortSignal,
): Promise<PointsQuestion<Id>> {
  const texts = [...new Set(textsIn(question))];
  if (texts.length === 0) return question;
  if (place.place !== 'own') throw unsupported('texts are embedded for the collection of this service alone; send a vector instead');
  demandFewTexts(texts);
  const embedded = new Map(
    await Promise.all(texts.map(async (text) => [text, await embedding.embedQuery({ text, languages }, signal)] as const)),
  );
  const vectorOf = (text: string, using: string): VectorInput<Id> => {
    const found = embedded.get(text);
    if (using === 'dense') {
      if (found?.dense.kind !== 'vector') throw unsupported('no provider of dense vectors is configured; send a vector instead');
      return { kind: 'vector', vector: found.dense.vector };
    }
    if (using !== 'bm25') throw unsupported('a text can be searched using bm25 or dense');
    const { indices, values } = found?.sparse.kind === 'vector' ? found.sparse.vector : { indices: [], values: [] };
    return { kind: 'vector', vector: { indices, values } };
  };
  return replaceTexts(question, vectorOf);
}

type VectorOf<Id> = (text: string, using: string) => VectorInput<Id>;

function replaceTexts<Id>(question: PointsQuestion<Id>, vectorOf: VectorOf<Id>): PointsQuestion<Id> {
  if (question.kind === 'groups') return { kind: 'groups', search: inSearch(question.search, vectorOf) };
  if (question.kind !== 'search') return question;
  const [first, ...rest] = question.searches;
  return { kind: 'search', searches: [inSearch(first, vectorOf), ...rest.map((search) => inSearch(search, vectorOf))] };
}

function inSearch<Id, S extends Omit<Prefetch<Id>, 'limit'>>(search: S, vectorOf: VectorOf<Id>): S {
  const prefetch = search.prefetch.map((inner) => inSearch(inner, vectorOf));
  const { query } = search;
  if (query === undefined || !hasText(query)) return { ...search, prefetch };
  const using = search.using ?? 'bm25';
  return { ...search, prefetch, using, query: inQuery(query, (input) => (input.kind === 'text' ? vectorOf(input.text, using) : input)) };
}

function hasText<Id>(query: PointQuery<Id>): boolean {
  const search = { query, prefetch: [], limit: 1, offset: 0, select: { payload: { kind: 'none' }, vectors: { kind: 'none' } } } as const;
  return textsIn<Id>({ kind: 'search', searches: [search] }).length > 0;
}

function inQuery<Id>(query: PointQuery<Id>, input: (one: VectorInput<Id>) => VectorInput<Id>): PointQuery<Id> {
  switch (query.kind) {
    case 'nearest':
      return { ...query, input: input(query.input) };
    case 'recommend':
      return { ...query, positive: query.positive.map(input), negative: query.negative.map(input) };
    case 'discover':
    case 'context': {
      const context = query.context.map(({ positive, negative }) => ({ positive: input(positive), negative: input(negative) }));
      return query.kind === 'context' ? { kind: 'context', context } : { kind: 'discover', target: input(query.target), context };
    }
    default:
      return query;
  }
}
