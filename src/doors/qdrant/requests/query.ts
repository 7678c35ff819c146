import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { ContextPair, OrderBy, PointQuery, VectorInput } from '../../../core/points/question.ts';
import type { LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_EXAMPLES, MAX_PREFETCH_LIMIT, MAX_RRF_K } from './bounds.ts';
import { formulaQuery } from './formula.ts';
import { between } from './parts.ts';
import {
  clamped,
  formOf,
  invalid,
  list,
  malformed,
  maybe,
  member,
  number,
  object,
  oneOf,
  oneOrMany,
  payloadKey,
  type Place,
  present,
  text,
} from './shape.ts';
import { vectorInput } from './vectors.ts';

const STRATEGIES = ['average_vector', 'best_score', 'sum_scores'] as const;

/** How one example is read: the older requests take less. */
type ReadInput = (place: Place) => VectorInput<PointId>;

function examples(place: Place, read: ReadInput): readonly VectorInput<PointId>[] {
  return place.value === undefined ? [] : list(place, MAX_EXAMPLES).map(read);
}

/** `positive`, `negative` and `strategy` of an object. */
export function recommendQuery(record: LosslessObject, at: string, read: ReadInput): Extract<PointQuery<PointId>, { kind: 'recommend' }> {
  const strategy = member(record, 'strategy', at);
  return {
    kind: 'recommend',
    positive: examples(member(record, 'positive', at), read),
    negative: examples(member(record, 'negative', at), read),
    ...(strategy.value === undefined ? {} : { strategy: oneOf(strategy, STRATEGIES) }),
  };
}

function pair(place: Place, read: ReadInput): ContextPair<PointId> {
  const record = object(place);
  return { positive: read(member(record, 'positive', place.at)), negative: read(member(record, 'negative', place.at)) };
}

/** One pair, or a list of them. */
export function contextPairs(place: Place, read: ReadInput): readonly ContextPair<PointId>[] {
  return place.value === undefined ? [] : oneOrMany(place, MAX_EXAMPLES).map((one) => pair(one, read));
}

/** A payload key, or `{key, direction, start_from}`. */
export function orderBy(place: Place): OrderBy {
  if (typeof place.value === 'string') return { key: payloadKey(place) };
  const record = object(place);
  const direction = member(record, 'direction', place.at);
  const from = member(record, 'start_from', place.at);
  return {
    key: payloadKey(member(record, 'key', place.at)),
    ...(direction.value === undefined ? {} : { direction: oneOf(direction, ['asc', 'desc']) }),
    ...(from.value === undefined ? {} : { startFrom: typeof from.value === 'string' ? text(from) : number(from) }),
  };
}

function mmr(place: Place): LosslessObject {
  const record = object(place);
  return present<LosslessObject>({
    diversity: maybe(member(record, 'diversity', place.at), (one) => between(one, 0, 1)),
    // 0 makes Qdrant 1.16 drop the connection.
    candidates_limit: maybe(member(record, 'candidates_limit', place.at), (one) => clamped(one, 1, MAX_PREFETCH_LIMIT, 1)),
  });
}

function nearest(record: LosslessObject, at: string): PointQuery<PointId> {
  const input = vectorInput(member(record, 'nearest', at));
  const diverse = member(record, 'mmr', at);
  return diverse.value === undefined ? { kind: 'nearest', input } : { kind: 'nearest', input, mmr: mmr(diverse) };
}

function recommend(record: LosslessObject, at: string): PointQuery<PointId> {
  const place = member(record, 'recommend', at);
  const query = recommendQuery(object(place), place.at, vectorInput);
  if (query.positive.length + query.negative.length > 0) return query;
  return invalid(`${place.at}.positives, negatives`, 'at least one positive or negative vector/id must be provided');
}

function discover(record: LosslessObject, at: string): PointQuery<PointId> {
  const place = member(record, 'discover', at);
  const inner = object(place);
  // It may be null, but not missing.
  if (!Object.hasOwn(inner, 'context')) return malformed(place.at, 'missing field `context`');
  return {
    kind: 'discover',
    target: vectorInput(member(inner, 'target', place.at)),
    context: contextPairs(member(inner, 'context', place.at), vectorInput),
  };
}

function rrf(record: LosslessObject, at: string): PointQuery<PointId> {
  const place = member(record, 'rrf', at);
  const k = member(object(place), 'k', place.at);
  return { kind: 'fusion', fusion: { rrf: k.value === undefined ? {} : { k: clamped(k, 1, MAX_RRF_K, 1) } } };
}

function sample(record: LosslessObject, at: string): PointQuery<PointId> {
  oneOf(member(record, 'sample', at), ['random']);
  return { kind: 'sample' };
}

type ReadForm = (record: LosslessObject, at: string) => PointQuery<PointId>;

const FORMS: Readonly<Record<string, ReadForm>> = {
  nearest,
  recommend,
  discover,
  context: (record, at) => ({ kind: 'context', context: contextPairs(member(record, 'context', at), vectorInput) }),
  order_by: (record, at) => ({ kind: 'order-by', order: orderBy(member(record, 'order_by', at)) }),
  fusion: (record, at) => ({ kind: 'fusion', fusion: { fusion: oneOf(member(record, 'fusion', at), ['rrf', 'dbsf']) } }),
  rrf,
  formula: formulaQuery,
  sample,
};
const ALL_FORMS = [...Object.keys(FORMS), 'indices', 'text', 'image', 'object'];

function formOfQuery(record: LosslessObject, at: string): ReadForm | undefined {
  const form = formOf(record, ALL_FORMS, at);
  if (form !== undefined) return Object.hasOwn(FORMS, form) ? FORMS[form] : undefined;
  // It may be null, and is then a context without pairs.
  return Object.hasOwn(record, 'context') ? FORMS['context'] : undefined;
}

/** A query in any of its forms; a vector, an id or a text alone is asked for its nearest. */
export function parseQueryForm(place: Place): PointQuery<PointId> {
  const { value } = place;
  const read = isLosslessObject(value) ? formOfQuery(value, place.at) : undefined;
  return read !== undefined && isLosslessObject(value) ? read(value, place.at) : { kind: 'nearest', input: vectorInput(place) };
}
