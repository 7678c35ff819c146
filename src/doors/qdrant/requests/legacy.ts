import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { PointQuery, PointSearch, PointsQuestion } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_LIMIT, MAX_OFFSET } from './bounds.ts';
import { filterOf, refuseUnsafe, selection } from './parts.ts';
import { contextPairs, recommendQuery } from './query.ts';
import { batchOf, common, grouping, narrowing } from './search.ts';
import { clamped, given, isList, malformed, member, object, type Place, senseless, text } from './shape.ts';
import { dense, plainInput, sparse } from './vectors.ts';

const whole = (body: LosslessJson): Place => ({ value: body, at: '' });

type Asked = Omit<PointSearch<PointId>, 'prefetch' | 'limit' | 'offset' | 'select'>;
type Read = (record: LosslessObject, at: string) => Asked;

function nearest(vector: LosslessJson): PointQuery<PointId> {
  return { kind: 'nearest', input: { kind: 'vector', vector } };
}

/** `vector` of the older search: a list, `{name, vector}`, or `{name, vector: {indices, values}}`. It knows no `using`. */
const searched: Read = (record, at) => {
  refuseUnsafe(record, at);
  const place = member(record, 'vector', at);
  if (!isLosslessObject(place.value)) return { query: nearest(dense(place)), ...narrowing(record, at) };
  const inner = member(place.value, 'vector', place.at);
  const vector = isLosslessObject(inner.value) ? sparse(inner) : dense(inner);
  return { query: nearest(vector), using: text(member(place.value, 'name', place.at)), ...narrowing(record, at) };
};

const recommended: Read = (record, at) => {
  for (const name of ['positive', 'negative']) {
    const place = given(record, name, at);
    // Null is refused there too.
    if (place.value === null) malformed(place.at, 'expected a list');
  }
  const query = recommendQuery(record, at, plainInput);
  const average = (query.strategy ?? 'average_vector') === 'average_vector';
  if (query.positive.length === 0 && (average || query.negative.length === 0)) {
    return senseless('At least one positive vector ID required with this strategy');
  }
  return { query, ...common(record, at) };
};

function discovery(record: LosslessObject, at: string): PointQuery<PointId> {
  const target = member(record, 'target', at);
  const given = member(record, 'context', at);
  if (given.value !== undefined && !isList(given.value)) return malformed(given.at, 'expected a list');
  const context = contextPairs(given, plainInput);
  if (target.value !== undefined) return { kind: 'discover', target: plainInput(target), context };
  return context.length > 0 ? { kind: 'context', context } : senseless('target and/or context_pairs must be specified');
}

/** It knows no `score_threshold`. */
const discovered: Read = (record, at) => {
  refuseUnsafe(record, at);
  const { using, params } = common(record, at);
  return {
    query: discovery(record, at),
    ...filterOf(record, at),
    ...(using === undefined ? {} : { using }),
    ...(params === undefined ? {} : { params }),
  };
};

function needed(record: LosslessObject, name: string, at: string): Place {
  const place = given(record, name, at);
  return place.value === undefined ? malformed(at, `missing field \`${name}\``) : place;
}

function one(read: Read): (place: Place) => PointSearch<PointId> {
  return (place) => {
    const record = object(place);
    return {
      ...read(record, place.at),
      prefetch: [],
      limit: clamped(needed(record, 'limit', place.at), 1, MAX_LIMIT, 1),
      offset: clamped(member(record, 'offset', place.at), 0, MAX_OFFSET, 0),
      select: selection(record, place.at),
    };
  };
}

function groups(body: LosslessJson, read: Read): PointsQuestion {
  const record = object(whole(body));
  needed(record, 'limit', '');
  needed(record, 'group_size', '');
  return { kind: 'groups', search: { ...read(record, ''), prefetch: [], ...grouping(record) } };
}

function single(body: LosslessJson, read: Read): PointsQuestion {
  return { kind: 'search', searches: [one(read)(whole(body))] };
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
