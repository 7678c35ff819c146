import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import type { PointHit } from '../../core/ports/points.ts';
import { items, members } from './answer-text.ts';

const UUID = /^"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"$/;
const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function notUnderstood(): AppError {
  return new AppError('index_unavailable', { detail: 'the vector index answered in a shape that is not understood', retryAfter: 1 });
}

/** Where the value of a member of the object at `at` begins. */
function memberAt(text: string, at: number, wanted: string): number {
  let found = -1;
  members(text, at, (name, start) => {
    if (name === wanted) found = start;
  });
  if (found < 0) throw notUnderstood();
  return found;
}

/** Where `result` begins; the text is well formed from here on. */
function resultAt(text: string): number {
  try {
    JSON.parse(text);
  } catch {
    throw notUnderstood();
  }
  return memberAt(text, 0, 'result');
}

const raw = (text: string, start: number, end: number): RawJson => text.slice(start, end) as RawJson;

function numberText(text: string, start: number, end: number): RawJson {
  const number = raw(text, start, end);
  if (!NUMBER.test(number)) throw notUnderstood();
  return number;
}

/** A score beyond the floats of Qdrant is null there. It is told as such: that one of a refused point failed the request would tell of it. */
function scoreText(text: string, start: number, end: number): RawJson {
  return text.slice(start, end) === 'null' ? raw(text, start, end) : numberText(text, start, end);
}

function point(text: string, at: number): PointHit {
  let chunk: ChunkId | undefined;
  const rest: { score?: RawJson; orderValue?: RawJson; vector?: RawJson } = {};
  members(text, at, (name, start, end) => {
    if (name === 'score') rest.score = scoreText(text, start, end);
    else if (name === 'id') {
      const id = text.slice(start, end);
      if (!UUID.test(id)) throw notUnderstood();
      chunk = id.slice(1, -1) as ChunkId;
    } else if (name === 'vector') rest.vector = raw(text, start, end);
    else if (name === 'order_value') rest.orderValue = numberText(text, start, end);
  });
  if (chunk === undefined) throw notUnderstood();
  return { chunk, ...rest };
}

function hits(text: string, at: number, asked: number): readonly PointHit[] {
  // While a cluster moves a shard, a point may come from both places; the better one comes first.
  const found = new Map<ChunkId, PointHit>();
  let seen = 0;
  if (text[at] !== '[') throw notUnderstood();
  items(text, at, (start) => {
    seen += 1;
    const hit = point(text, start);
    if (!found.has(hit.chunk)) found.set(hit.chunk, hit);
  });
  if (seen > asked) throw notUnderstood();
  return [...found.values()];
}

/** `result.points`. All of these fail with `index_unavailable` on any other shape, and on more than was asked for. */
export function pointsAnswer(text: string, asked: number): readonly PointHit[] {
  return hits(text, memberAt(text, resultAt(text), 'points'), asked);
}

/** The `points` of each item of `result`. */
export function batchAnswer(text: string, asked: readonly number[]): readonly (readonly PointHit[])[] {
  const lists: (readonly PointHit[])[] = [];
  items(text, resultAt(text), (start) => lists.push(hits(text, memberAt(text, start, 'points'), asked[lists.length] ?? 0)));
  if (lists.length !== asked.length) throw notUnderstood();
  return lists;
}

/** `result.groups`, each with its `id` and `hits`. */
export function groupsAnswer(
  text: string,
  groups: number,
  size: number,
): readonly { readonly id: RawJson; readonly hits: readonly PointHit[] }[] {
  const found: { readonly id: RawJson; readonly hits: readonly PointHit[] }[] = [];
  items(text, memberAt(text, resultAt(text), 'groups'), (at) => {
    let id: RawJson | undefined;
    members(text, at, (name, start, end) => {
      if (name === 'id') id = raw(text, start, end);
    });
    if (id === undefined) throw notUnderstood();
    found.push({ id, hits: hits(text, memberAt(text, at, 'hits'), size) });
  });
  if (found.length > groups) throw notUnderstood();
  return found;
}

/** `result.count`. */
export function countOf(text: string): number {
  const at = memberAt(text, resultAt(text), 'count');
  const count = Number(/^\d{1,15}/.exec(text.slice(at, at + 16))?.[0]);
  if (!Number.isSafeInteger(count)) throw notUnderstood();
  return count;
}

/** `result.hits`, each with `value` and `count`. */
export function facetAnswer(text: string): readonly { readonly value: RawJson; readonly count: number }[] {
  const found: { readonly value: RawJson; readonly count: number }[] = [];
  items(text, memberAt(text, resultAt(text), 'hits'), (at) => {
    let [value, count]: [RawJson | undefined, number] = [undefined, Number.NaN];
    members(text, at, (name, start, end) => {
      if (name === 'value') value = raw(text, start, end);
      if (name === 'count') count = Number(text.slice(start, end));
    });
    if (value === undefined || !Number.isSafeInteger(count)) throw notUnderstood();
    found.push({ value, count });
  });
  return found;
}
