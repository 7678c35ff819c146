import type { PointId } from '../../../core/points/point-id.ts';
import type { GroupedSearch, PointSearch, PointsQuestion, Prefetch } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import {
  MAX_BATCH,
  MAX_BATCH_OFFSETS,
  MAX_BATCH_PREFETCHES,
  MAX_GROUP_SIZE,
  MAX_LIMIT,
  MAX_OFFSET,
  MAX_PREFETCH_DEPTH,
  MAX_PREFETCH_LIMIT,
  MAX_PREFETCHES,
} from './bounds.ts';
import { filterOf, refuseUnsafe, searchParams, selection, threshold } from './parts.ts';
import { parseQueryForm } from './query.ts';
import { clamped, list, malformed, member, object, oneOrMany, payloadKey, type Place, text, tooMany, unsupported } from './shape.ts';

const USUAL_LIMIT = 10;
const USUAL_GROUPS = 10;
const USUAL_GROUP_SIZE = 3;

interface Count {
  prefetches: number;
}

/** `using`, `filter`, `params` and `score_threshold`, which searches of every kind have. */
export function common(record: LosslessObject, at: string): Pick<PointSearch<PointId>, 'using' | 'filter' | 'params' | 'scoreThreshold'> {
  refuseUnsafe(record, at);
  const using = member(record, 'using', at);
  return { ...(using.value === undefined ? {} : { using: text(using) }), ...narrowing(record, at) };
}

/** The same without `using`. */
export function narrowing(record: LosslessObject, at: string): Pick<PointSearch<PointId>, 'filter' | 'params' | 'scoreThreshold'> {
  const params = member(record, 'params', at);
  const least = member(record, 'score_threshold', at);
  return {
    ...filterOf(record, at),
    ...(params.value === undefined ? {} : { params: searchParams(params) }),
    ...(least.value === undefined ? {} : { scoreThreshold: threshold(least) }),
  };
}

function prefetches(record: LosslessObject, at: string, depth: number, count: Count): readonly Prefetch<PointId>[] {
  const place = member(record, 'prefetch', at);
  if (place.value === undefined) return [];
  if (depth > MAX_PREFETCH_DEPTH) tooMany(place.at, MAX_PREFETCH_DEPTH, 'prefetches within one another');
  const places = oneOrMany(place);
  count.prefetches += places.length;
  if (count.prefetches > MAX_PREFETCHES) tooMany(place.at, MAX_PREFETCHES, 'prefetches');
  return places.map((one) => {
    const inner = object(one);
    return { ...queried(inner, one.at, depth, count), limit: clamped(member(inner, 'limit', one.at), 1, MAX_PREFETCH_LIMIT, USUAL_LIMIT) };
  });
}

function queried(record: LosslessObject, at: string, depth: number, count: Count): Omit<Prefetch<PointId>, 'limit'> {
  const query = member(record, 'query', at);
  return {
    ...common(record, at),
    ...(query.value === undefined ? {} : { query: parseQueryForm(query) }),
    prefetch: prefetches(record, at, depth + 1, count),
  };
}

function query(place: Place): PointSearch<PointId> {
  const record = object(place);
  return {
    ...queried(record, place.at, 0, { prefetches: 0 }),
    limit: clamped(member(record, 'limit', place.at), 1, MAX_LIMIT, USUAL_LIMIT),
    offset: clamped(member(record, 'offset', place.at), 0, MAX_OFFSET, 0),
    select: selection(record, place.at),
  };
}

/** Body of `points/query`. */
export function parseQuery(body: LosslessJson): PointsQuestion {
  return { kind: 'search', searches: [query({ value: body, at: '' })] };
}

function prefetchesIn(searches: readonly Pick<Prefetch<PointId>, 'prefetch'>[]): number {
  return searches.reduce((sum, { prefetch }) => sum + prefetch.length + prefetchesIn(prefetch), 0);
}

/** Reads each of `searches` of a batch. */
export function batchOf(body: LosslessJson, read: (place: Place) => PointSearch<PointId>): PointsQuestion {
  const place = member(object({ value: body, at: '' }), 'searches', '');
  const searches = list(place, MAX_BATCH).map(read);
  // What comes before an offset is judged like what is shown.
  const offsets = searches.reduce((sum, { offset }) => sum + offset, 0);
  if (searches.length > 1 && offsets > MAX_BATCH_OFFSETS) tooMany(place.at, MAX_BATCH_OFFSETS, 'points left out by the offsets of a batch');
  if (prefetchesIn(searches) > MAX_BATCH_PREFETCHES) tooMany(place.at, MAX_BATCH_PREFETCHES, 'prefetches in a batch');
  const [first, ...rest] = searches;
  // Qdrant answers an empty batch with an empty list; here there would be nothing to decide and nothing to record.
  return first === undefined
    ? unsupported(place.at, 'an empty batch asks for nothing; leave the request out')
    : { kind: 'search', searches: [first, ...rest] };
}

/** Body of `points/query/batch`. */
export function parseQueryBatch(body: LosslessJson): PointsQuestion {
  return batchOf(body, query);
}

/** `group_by`, `limit`, `group_size` and what comes with each point, of a whole body. */
export function grouping(record: LosslessObject): Omit<GroupedSearch<PointId>, 'prefetch'> {
  const key = member(record, 'group_by', '');
  return {
    groupBy: key.value === undefined ? malformed('', 'missing field `group_by`') : payloadKey(key),
    limit: clamped(member(record, 'limit', ''), 1, MAX_LIMIT, USUAL_GROUPS),
    groupSize: clamped(member(record, 'group_size', ''), 1, MAX_GROUP_SIZE, USUAL_GROUP_SIZE),
    select: selection(record, ''),
  };
}

/** Body of `points/query/groups`. */
export function parseQueryGroups(body: LosslessJson): PointsQuestion {
  const record = object({ value: body, at: '' });
  return { kind: 'groups', search: { ...queried(record, '', 0, { prefetches: 0 }), ...grouping(record) } };
}
