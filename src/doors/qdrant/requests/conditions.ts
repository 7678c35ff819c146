import type { PointId } from '../../../core/points/point-id.ts';
import type { PointCondition, PointFilter } from '../../../core/points/question.ts';
import type { LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_CONDITIONS, MAX_FILTER_DEPTH, MAX_IDS } from './bounds.ts';
import { fieldPredicates } from './predicates.ts';
import { invalid, list, malformed, member, natural, object, oneOrMany, payloadKey, type Place, pointId, text } from './shape.ts';

const CLAUSES = ['must', 'should', 'must_not'] as const;
const ALL_CLAUSES: readonly string[] = [...CLAUSES, 'min_should'];

/** Where one filter stands: its depth, and how many conditions were read so far. */
interface Within {
  readonly depth: number;
  readonly seen: { conditions: number };
}

function only(record: LosslessObject, at: string, names: readonly string[]): void {
  // Qdrant refuses a misspelt member of a filter: it would widen it.
  if (Object.keys(record).some((name) => !names.includes(name))) malformed(at, `expected only ${names.join(', ')}`);
}

function keyOf(place: Place): LosslessObject {
  return { key: payloadKey(member(object(place), 'key', place.at)) };
}

function ids(place: Place): readonly PointId[] {
  const places = list(place);
  if (places.length > MAX_IDS) invalid(place.at, `at most ${MAX_IDS} ids`);
  return places.map(pointId);
}

function nested(place: Place, within: Within): PointCondition<PointId> {
  const record = object(place);
  return {
    kind: 'nested',
    key: payloadKey(member(record, 'key', place.at)),
    filter: clauses(member(record, 'filter', place.at), { ...within, depth: within.depth + 1 }),
  };
}

function condition(place: Place, within: Within): PointCondition<PointId> {
  within.seen.conditions += 1;
  if (within.seen.conditions > MAX_CONDITIONS) invalid(place.at, `at most ${MAX_CONDITIONS} conditions`);
  const record = object(place);
  const part = (name: string) => member(record, name, place.at);
  if (Object.hasOwn(record, 'key')) {
    return { kind: 'field', condition: { key: payloadKey(part('key')), ...fieldPredicates(record, place.at) } };
  }
  if (Object.hasOwn(record, 'is_empty')) return { kind: 'field', condition: { is_empty: keyOf(part('is_empty')) } };
  if (Object.hasOwn(record, 'is_null')) return { kind: 'field', condition: { is_null: keyOf(part('is_null')) } };
  if (Object.hasOwn(record, 'has_id')) return { kind: 'has-id', ids: ids(part('has_id')) };
  if (Object.hasOwn(record, 'has_vector')) return { kind: 'has-vector', name: text(part('has_vector')) };
  if (Object.hasOwn(record, 'nested')) return nested(part('nested'), within);
  return { kind: 'filter', filter: clauses(place, { ...within, depth: within.depth + 1 }) };
}

function clauses(place: Place, within: Within): PointFilter<PointId> {
  if (within.depth > MAX_FILTER_DEPTH) invalid(place.at, `filters nest at most ${MAX_FILTER_DEPTH} deep`);
  const record = object(place);
  only(record, place.at, ALL_CLAUSES);
  const filter: { -readonly [K in keyof PointFilter<PointId>]: PointFilter<PointId>[K] } = {};
  for (const name of CLAUSES) {
    const found = member(record, name, place.at);
    if (found.value !== undefined) filter[name] = oneOrMany(found).map((one) => condition(one, within));
  }
  const few = member(record, 'min_should', place.at);
  if (few.value === undefined) return filter;
  const wanted = object(few);
  return {
    ...filter,
    min_should: {
      conditions: list(member(wanted, 'conditions', few.at)).map((one) => condition(one, within)),
      min_count: natural(member(wanted, 'min_count', few.at)),
    },
  };
}

/** A filter, rebuilt member by member. */
export function parseFilter(place: Place): PointFilter<PointId> {
  return clauses(place, { depth: 1, seen: { conditions: 0 } });
}

/** One condition, as a formula takes it. */
export function parseCondition(place: Place): PointCondition<PointId> {
  return condition(place, { depth: 1, seen: { conditions: 0 } });
}
