import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { PointQuery, PointSearch, PointsQuestion } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_LIMIT, MAX_OFFSET } from './bounds.ts';
import { selection } from './parts.ts';
import { contextPairs, recommendQuery } from './query.ts';
import { batchOf, common, grouping } from './search.ts';
import { clamped, malformed, member, object, type Place, text } from './shape.ts';
import { denseOrMulti, sparse, vectorInput } from './vectors.ts';

const ROOT = (body: LosslessJson): Place => ({ value: body, at: '' });

type Asked = { readonly query: PointQuery<PointId>; readonly using?: string };
type Read = (record: LosslessObject, at: string) => Asked;

/** `vector` of the older search: a list, `{name, vector}`, or `{name, vector: {indices, values}}`. */
const searched: Read = (record, at) => {
  const place = member(record, 'vector', at);
  if (!isLosslessObject(place.value)) return { query: { kind: 'nearest', input: { kind: 'vector', vector: denseOrMulti(place) } } };
  const inner = member(place.value, 'vector', place.at);
  const vector = isLosslessObject(inner.value) ? sparse(inner) : denseOrMulti(inner);
  return { query: { kind: 'nearest', input: { kind: 'vector', vector } }, using: text(member(place.value, 'name', place.at)) };
};

const recommended: Read = (record, at) => ({ query: recommendQuery(record, at) });

const discovered: Read = (record, at) => {
  const target = member(record, 'target', at);
  const context = contextPairs(member(record, 'context', at));
  if (target.value === undefined) return { query: { kind: 'context', context } };
  return { query: { kind: 'discover', target: vectorInput(target), context } };
};

function needsLimit(record: LosslessObject, at: string): Place {
  const limit = member(record, 'limit', at);
  return limit.value === undefined ? malformed(at, 'missing field `limit`') : limit;
}

function one(read: Read): (place: Place) => PointSearch<PointId> {
  return (place) => {
    const record = object(place);
    return {
      ...common(record, place.at),
      ...read(record, place.at),
      prefetch: [],
      limit: clamped(needsLimit(record, place.at), 1, MAX_LIMIT, 1),
      offset: clamped(member(record, 'offset', place.at), 0, MAX_OFFSET, 0),
      select: selection(record, place.at, false),
    };
  };
}

function groups(body: LosslessJson, read: Read): PointsQuestion {
  const record = object(ROOT(body));
  needsLimit(record, '');
  return { kind: 'groups', search: { ...common(record, ''), ...read(record, ''), prefetch: [], ...grouping(record, '', false) } };
}

function single(body: LosslessJson, read: Read): PointsQuestion {
  return { kind: 'search', searches: [one(read)(ROOT(body))] };
}

/** Body of `points/search`. */
export function parseSearch(body: LosslessJson): PointsQuestion {
  return single(body, searched);
}

/** Body of `points/search/batch`. */
export function parseSearchBatch(body: LosslessJson): PointsQuestion {
  return batchOf(body, one(searched));
}

/** Body of `points/search/groups`. */
export function parseSearchGroups(body: LosslessJson): PointsQuestion {
  return groups(body, searched);
}

/** Body of `points/recommend`. */
export function parseRecommend(body: LosslessJson): PointsQuestion {
  return single(body, recommended);
}

/** Body of `points/recommend/batch`. */
export function parseRecommendBatch(body: LosslessJson): PointsQuestion {
  return batchOf(body, one(recommended));
}

/** Body of `points/recommend/groups`. */
export function parseRecommendGroups(body: LosslessJson): PointsQuestion {
  return groups(body, recommended);
}

/** Body of `points/discover`. */
export function parseDiscover(body: LosslessJson): PointsQuestion {
  return single(body, discovered);
}

/** Body of `points/discover/batch`. */
export function parseDiscoverBatch(body: LosslessJson): PointsQuestion {
  return batchOf(body, one(discovered));
}
