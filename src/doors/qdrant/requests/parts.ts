import { isLosslessObject, numberText } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { PointFilter, SearchParams, Selection } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject, RawNumber } from '../../../core/points/raw-json.ts';
import { MAX_HNSW_EF, MAX_NAMES, MAX_OVERSAMPLING } from './bounds.ts';
import { parseFilter } from './conditions.ts';
import {
  clamped,
  flag,
  given,
  invalid,
  list,
  malformed,
  maybe,
  member,
  number,
  object,
  payloadKey,
  type Place,
  present,
  refuseMembers,
  text,
} from './shape.ts';

/** `filter` of a body, where there is one. */
export function filterOf(record: LosslessObject, at: string): { readonly filter?: PointFilter<PointId> } {
  const found = member(record, 'filter', at);
  return found.value === undefined ? {} : { filter: parseFilter(found) };
}

/** A list of payload keys. */
export function payloadKeys(place: Place): readonly string[] {
  return list(place, MAX_NAMES).map(payloadKey);
}

/** A member that Qdrant knows by two names; both at once are refused there too. */
export function aliased(record: LosslessObject, name: string, alias: string, at: string): Place {
  if (Object.hasOwn(record, name) && Object.hasOwn(record, alias)) return malformed(at, `duplicate field \`${name}\``);
  return given(record, Object.hasOwn(record, alias) ? alias : name, at);
}

function payloadSelection(place: Place): Selection['payload'] {
  const { value } = place;
  if (typeof value === 'boolean') return { kind: value ? 'all' : 'none' };
  if (!isLosslessObject(value)) return { kind: 'include', keys: payloadKeys(place) };
  const [kind, ...more] = Object.keys(value);
  if (more.length > 0 || (kind !== 'include' && kind !== 'exclude')) {
    return malformed(place.at, 'expected a boolean, an array of strings, or an object with an include/exclude field');
  }
  return { kind, keys: payloadKeys(given(value, kind, place.at)) };
}

function vectorSelection(place: Place): Selection['vectors'] {
  if (typeof place.value === 'boolean') return { kind: place.value ? 'all' : 'none' };
  return { kind: 'named', names: list(place, MAX_NAMES).map(text) };
}

/** `with_payload`, `with_vector` or `with_vectors` of a search. */
export function selection(record: LosslessObject, at: string): Selection {
  const wanted = member(record, 'with_payload', at);
  const vectors = aliased(record, 'with_vector', 'with_vectors', at);
  return {
    payload: wanted.value === undefined ? { kind: 'none' } : payloadSelection(wanted),
    vectors: vectors.value === undefined || vectors.value === null ? { kind: 'none' } : vectorSelection(vectors),
  };
}

/** The same where points are read without a search: there `with_vector` may not be null. `usual`: the payload where nothing is said. */
export function readSelection(record: LosslessObject, usual: Selection['payload']): Selection {
  const wanted = member(record, 'with_payload', '');
  const vectors = aliased(record, 'with_vector', 'with_vectors', '');
  return {
    payload: wanted.value === undefined ? usual : payloadSelection(wanted),
    vectors: vectors.value === undefined ? { kind: 'none' } : vectorSelection(vectors),
  };
}

/** Of a member that may not be null. */
function givenFlag(record: LosslessObject, name: string, at: string): boolean | undefined {
  return maybe(given(record, name, at), flag);
}

/** A number within bounds, as it came. */
export function between(place: Place, least: number, most: number): LosslessJson {
  const value = number(place);
  const size = Number(numberText(value));
  return size >= least && size <= most ? value : invalid(place.at, `must be from ${least} to ${most}`);
}

function quantization(place: Place): LosslessObject {
  const record = object(place);
  return present<LosslessObject>({
    ignore: givenFlag(record, 'ignore', place.at),
    rescore: maybe(member(record, 'rescore', place.at), flag),
    oversampling: maybe(member(record, 'oversampling', place.at), (one) => between(one, 1, MAX_OVERSAMPLING)),
  });
}

function acorn(place: Place): LosslessObject {
  const record = object(place);
  return present<LosslessObject>({
    enable: givenFlag(record, 'enable', place.at),
    max_selectivity: maybe(member(record, 'max_selectivity', place.at), (one) => between(one, 0, 1)),
  });
}

/** Parameters of a search, from the list of those that change how it is done and nothing else. */
export function searchParams(place: Place): SearchParams {
  const record = object(place);
  return present<LosslessObject>({
    hnsw_ef: maybe(member(record, 'hnsw_ef', place.at), (ef) => clamped(ef, 0, MAX_HNSW_EF, 0)),
    exact: givenFlag(record, 'exact', place.at),
    quantization: maybe(member(record, 'quantization', place.at), quantization),
    indexed_only: givenFlag(record, 'indexed_only', place.at),
    acorn: maybe(member(record, 'acorn', place.at), acorn),
  });
}

/** A threshold as it came. */
export function threshold(place: Place): RawNumber | number {
  return number(place) as RawNumber | number;
}

/** Refuses what reaches beyond the collection that is asked. */
export function refuseUnsafe(record: LosslessObject, at: string): void {
  refuseMembers(record, at, {
    lookup_from: 'vectors are not looked up in another collection here; read the vector there and send it',
    with_lookup: 'groups are not joined with another collection here; read its points by their ids',
    shard_key: 'collections have no shard keys here; use a filter',
  });
}
