import { isLosslessObject, numberText } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { ContextPair, OrderBy, PointQuery, VectorInput } from '../../../core/points/question.ts';
import type { LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_EXAMPLES, MAX_PREFETCH_LIMIT } from './bounds.ts';
import { formulaQuery } from './formula.ts';
import {
  clamped,
  invalid,
  list,
  malformed,
  member,
  natural,
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

/** Examples of one recommendation. */
export function examples(place: Place): readonly VectorInput<PointId>[] {
  if (place.value === undefined) return [];
  const places = list(place);
  if (places.length > MAX_EXAMPLES) invalid(place.at, `at most ${MAX_EXAMPLES} examples`);
  return places.map(vectorInput);
}

/** `positive`, `negative` and `strategy` of an object. */
export function recommendQuery(record: LosslessObject, at: string): PointQuery<PointId> {
  const strategy = member(record, 'strategy', at);
  return {
    kind: 'recommend',
    positive: examples(member(record, 'positive', at)),
    negative: examples(member(record, 'negative', at)),
    ...(strategy.value === undefined ? {} : { strategy: oneOf(strategy, STRATEGIES) }),
  };
}

function pair(place: Place): ContextPair<PointId> {
  const record = object(place);
  return { positive: vectorInput(member(record, 'positive', place.at)), negative: vectorInput(member(record, 'negative', place.at)) };
}

/** One pair, or a list of them. */
export function contextPairs(place: Place): readonly ContextPair<PointId>[] {
  if (place.value === undefined) return [];
  const places = oneOrMany(place);
  if (places.length > MAX_EXAMPLES) invalid(place.at, `at most ${MAX_EXAMPLES} pairs`);
  return places.map(pair);
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
  const diversity = member(record, 'diversity', place.at);
  const candidates = member(record, 'candidates_limit', place.at);
  if (diversity.value !== undefined && !(Number(numberText(number(diversity))) >= 0 && Number(numberText(number(diversity))) <= 1)) {
    invalid(diversity.at, 'must be from 0 to 1');
  }
  return present<LosslessObject>({
    diversity: diversity.value,
    candidates_limit: candidates.value === undefined ? undefined : clamped(candidates, 1, MAX_PREFETCH_LIMIT, 1),
  });
}

function nearest(record: LosslessObject, at: string): PointQuery<PointId> {
  const input = vectorInput(member(record, 'nearest', at));
  const diverse = member(record, 'mmr', at);
  return diverse.value === undefined ? { kind: 'nearest', input } : { kind: 'nearest', input, mmr: mmr(diverse) };
}

function discover(place: Place): PointQuery<PointId> {
  const record = object(place);
  return {
    kind: 'discover',
    target: vectorInput(member(record, 'target', place.at)),
    context: contextPairs(member(record, 'context', place.at)),
  };
}

function rrf(place: Place): PointQuery<PointId> {
  const k = member(object(place), 'k', place.at);
  return { kind: 'fusion', fusion: { rrf: k.value === undefined ? {} : { k: natural(k) } } };
}

const FORMS: Readonly<Record<string, (record: LosslessObject, at: string) => PointQuery<PointId>>> = {
  nearest,
  recommend: (record, at) => {
    const place = member(record, 'recommend', at);
    return recommendQuery(object(place), place.at);
  },
  discover: (record, at) => discover(member(record, 'discover', at)),
  context: (record, at) => ({ kind: 'context', context: contextPairs(member(record, 'context', at)) }),
  order_by: (record, at) => ({ kind: 'order-by', order: orderBy(member(record, 'order_by', at)) }),
  fusion: (record, at) => ({ kind: 'fusion', fusion: { fusion: oneOf(member(record, 'fusion', at), ['rrf', 'dbsf']) } }),
  rrf: (record, at) => rrf(member(record, 'rrf', at)),
  formula: formulaQuery,
  sample: (record, at) =>
    oneOf(member(record, 'sample', at), ['random']) === 'random' ? { kind: 'sample' } : malformed(at, 'not a sample'),
};

/** A query in any of its forms; a vector, an id or a text alone is asked for its nearest. */
export function parseQueryForm(place: Place): PointQuery<PointId> {
  const { value } = place;
  if (isLosslessObject(value)) {
    const form = Object.keys(FORMS).find((name) => Object.hasOwn(value, name));
    const read = form === undefined ? undefined : FORMS[form];
    if (read !== undefined) return read(value, place.at);
  }
  return { kind: 'nearest', input: vectorInput(place) };
}
