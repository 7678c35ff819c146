import type { MetadataFilter } from './filter.ts';
import type { JsonObject } from './json.ts';
import { exactly, integer, list, object, PREDICATES, refuse, text } from './metadata-predicates.ts';

export const MAX_FILTER_DEPTH = 5;
export const MAX_FILTER_CONDITIONS = 64;
const MAX_KEY_BYTES = 256;

// A dotted path in Qdrant's own syntax: plain or quoted names, each with at most one [] or [n]. It refuses a backslash in quotes.
const SEGMENT = String.raw`(?:[\p{L}\p{N}_-]+|"[^"\\\p{Cc}]+")(?:\[\d{0,9}\])?`;
const BELOW_METADATA = new RegExp(`^metadata(?:\\.${SEGMENT})+$`, 'u');
const BELOW_NESTED = new RegExp(`^${SEGMENT}(?:\\.${SEGMENT})*$`, 'u');

const CLAUSES = ['must', 'should', 'must_not', 'min_should'] as const;

/** `keys` is the form of a key here: inside `nested` keys are relative to the nested one, so they cannot leave it. */
interface Place {
  readonly at: string;
  readonly depth: number;
  readonly keys: RegExp;
  readonly seen: { conditions: number };
}

function below(place: Place, step: string): Place {
  return { ...place, at: `${place.at}/${step}` };
}

function key(value: unknown, place: Place): string {
  const path = text(value, place.at);
  if (path.length > MAX_KEY_BYTES) refuse(place.at, `must not be longer than ${MAX_KEY_BYTES} characters`);
  if (!place.keys.test(path)) refuse(place.at, 'must be a path below metadata, such as metadata.year');
  return path;
}

function keyOf(value: unknown, place: Place): JsonObject {
  return { key: key(exactly(value, place.at, ['key'])['key'], below(place, 'key')) };
}

function nested(value: unknown, place: Place): JsonObject {
  const record = exactly(value, place.at, ['key', 'filter']);
  const inner = { ...below(place, 'filter'), keys: BELOW_NESTED, depth: place.depth + 1 };
  return { key: key(record['key'], below(place, 'key')), filter: clauses(record['filter'], inner) };
}

function fieldCondition(record: Readonly<Record<string, unknown>>, place: Place): JsonObject {
  const [predicate, ...more] = Object.keys(record).filter((name) => name !== 'key');
  const parse = predicate === undefined ? undefined : PREDICATES.get(predicate);
  if (predicate === undefined || parse === undefined || more.length > 0) {
    return refuse(place.at, `a condition on a key takes exactly one of ${[...PREDICATES.keys()].join(', ')}`);
  }
  return { key: key(record['key'], below(place, 'key')), [predicate]: parse(record[predicate], `${place.at}/${predicate}`) };
}

function condition(value: unknown, place: Place): JsonObject {
  place.seen.conditions += 1;
  if (place.seen.conditions > MAX_FILTER_CONDITIONS) refuse(place.at, `a filter takes at most ${MAX_FILTER_CONDITIONS} conditions`);
  const record = object(value, place.at);
  if (Object.hasOwn(record, 'key')) return fieldCondition(record, place);
  if (CLAUSES.some((name) => Object.hasOwn(record, name))) return clauses(record, { ...place, depth: place.depth + 1 });
  const [kind, ...more] = Object.keys(record);
  const only = more.length === 0 ? kind : undefined;
  switch (only) {
    case 'is_empty':
      return { is_empty: keyOf(record['is_empty'], below(place, 'is_empty')) };
    case 'is_null':
      return { is_null: keyOf(record['is_null'], below(place, 'is_null')) };
    case 'nested':
      return { nested: nested(record['nested'], below(place, 'nested')) };
    default:
      return refuse(place.at, 'must be a condition on a key, is_empty, is_null, nested, or must, should, must_not, min_should');
  }
}

/** Qdrant takes one condition for a list of one. */
function conditions(value: unknown, place: Place): readonly JsonObject[] {
  const items = Array.isArray(value) ? list(value, place.at, MAX_FILTER_CONDITIONS) : [object(value, place.at)];
  return items.map((item, i) => condition(item, below(place, String(i))));
}

function minShould(value: unknown, place: Place): JsonObject {
  const record = exactly(value, place.at, ['conditions', 'min_count']);
  const items = conditions(record['conditions'], below(place, 'conditions'));
  // A count of 0 would match everything, one above the number of conditions nothing.
  const count = integer(record['min_count'], `${place.at}/min_count`, 1);
  if (count > items.length) refuse(`${place.at}/min_count`, 'must not exceed the number of conditions');
  return { conditions: items, min_count: count };
}

function clauses(value: unknown, place: Place): JsonObject {
  if (place.depth > MAX_FILTER_DEPTH) refuse(place.at, `a filter nests at most ${MAX_FILTER_DEPTH} deep`);
  const record = exactly(value, place.at, [], CLAUSES);
  const present = CLAUSES.filter((name) => Object.hasOwn(record, name));
  // {} matches every point.
  if (present.length === 0) refuse(place.at, `needs one of ${CLAUSES.join(', ')}`);
  return Object.fromEntries(
    present.map((name) => [name, (name === 'min_should' ? minShould : conditions)(record[name], below(place, name))]),
  );
}

/**
 * A caller's filter in Qdrant's language over `metadata.*`, rebuilt from an allow-list so that nothing of the request is passed on.
 * What is not on it, and what Qdrant reads as "everything" or "nothing" by accident, fails with `unsupported_filter` naming the place;
 * `pointer` is where the filter stands in the request.
 */
export function parseMetadataFilter(input: unknown, pointer = ''): MetadataFilter {
  return clauses(input, { at: pointer, depth: 1, keys: BELOW_METADATA, seen: { conditions: 0 } }) as MetadataFilter;
}
