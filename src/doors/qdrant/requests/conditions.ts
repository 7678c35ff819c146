import type { PointId } from '../../../core/points/point-id.ts';
import type { PointCondition, PointFilter } from '../../../core/points/question.ts';
import type { LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_CONDITIONS, MAX_FILTER_DEPTH, MAX_IDS } from './bounds.ts';
import { fieldPredicates } from './predicates.ts';
import { formOf, list, malformed, member, natural, object, oneOrMany, payloadKey, type Place, pointId, text, tooMany } from './shape.ts';

const CLAUSES = ['must', 'should', 'must_not'] as const;
const ALL_CLAUSES: readonly string[] = [...CLAUSES, 'min_should'];
const FORMS_BESIDE_KEY = ['key', 'has_id', 'has_vector', 'nested'] as const;
const FORMS = [...FORMS_BESIDE_KEY, 'is_empty', 'is_null'] as const;

/** Where one filter stands: its depth, and how many conditions and ids were read so far. */
interface Within {
  readonly depth: number;
  readonly seen: { conditions: number; ids: number };
}

function only(record: LosslessObject, at: string, names: readonly string[]): void {
  // Qdrant refuses a misspelt member of a filter: it would widen it.
  if (Object.keys(record).some((name) => !names.includes(name))) malformed(at, `expected only ${names.join(', ')}`);
}

function keyOf(place: Place): LosslessObject {
  return { key: payloadKey(member(object(place), 'key', place.at)) };
}

function ids(place: Place, { seen }: Within): readonly PointId[] {
  const places = list(place, MAX_IDS);
  seen.ids += places.length;
  // Each becomes the longer id of a chunk, at every stage of a search.
  if (seen.ids > MAX_IDS) tooMany(place.at, MAX_IDS, 'ids in all lists of a filter');
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
  if (within.seen.conditions > MAX_CONDITIONS) tooMany(place.at, MAX_CONDITIONS, 'conditions');
  const record = object(place);
  const part = (name: string) => member(record, name, place.at);
  // On a key, `is_empty` and `is_null` are booleans; alone they are conditions of their own.
  const form = formOf(record, part('key').value === undefined ? FORMS : FORMS_BESIDE_KEY, place.at);
  switch (form) {
    case 'key':
      return { kind: 'field', condition: { key: payloadKey(part('key')), ...fieldPredicates(record, place.at) } };
    case 'is_empty':
    case 'is_null':
      return { kind: 'field', condition: { [form]: keyOf(part(form)) } };
    case 'has_id':
      return { kind: 'has-id', ids: ids(part('has_id'), within) };
    case 'has_vector':
      return { kind: 'has-vector', name: text(part('has_vector')) };
    case 'nested':
      return nested(part('nested'), within);
    case undefined:
      return { kind: 'filter', filter: clauses(place, { ...within, depth: within.depth + 1 }) };
  }
}

function clauses(place: Place, within: Within): PointFilter<PointId> {
  if (within.depth > MAX_FILTER_DEPTH) tooMany(place.at, MAX_FILTER_DEPTH, 'filters within one another');
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
  return clauses(place, { depth: 1, seen: { conditions: 0, ids: 0 } });
}

/** One condition, as a formula takes it. */
export function parseCondition(place: Place): PointCondition<PointId> {
  return condition(place, { depth: 1, seen: { conditions: 0, ids: 0 } });
}
