import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { PointFilter, SearchParams, Selection } from '../../../core/points/question.ts';
import type { LosslessObject, RawNumber } from '../../../core/points/raw-json.ts';
import { MAX_NAMES } from './bounds.ts';
import { parseFilter } from './conditions.ts';
import {
  clamped,
  flag,
  invalid,
  list,
  malformed,
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
  const places = list(place);
  if (places.length > MAX_NAMES) invalid(place.at, `at most ${MAX_NAMES} keys`);
  return places.map(payloadKey);
}

/** A list of names. */
export function names(place: Place): readonly string[] {
  const places = list(place);
  if (places.length > MAX_NAMES) invalid(place.at, `at most ${MAX_NAMES} names`);
  return places.map(text);
}

function payloadSelection(place: Place): Selection['payload'] {
  const { value } = place;
  if (typeof value === 'boolean') return { kind: value ? 'all' : 'none' };
  if (!isLosslessObject(value)) return { kind: 'include', keys: payloadKeys(place) };
  const include = member(value, 'include', place.at);
  const exclude = member(value, 'exclude', place.at);
  if (include.value !== undefined) return { kind: 'include', keys: payloadKeys(include) };
  if (exclude.value !== undefined) return { kind: 'exclude', keys: payloadKeys(exclude) };
  return malformed(place.at, 'expected include or exclude');
}

function vectorSelection(place: Place): Selection['vectors'] {
  if (typeof place.value === 'boolean') return { kind: place.value ? 'all' : 'none' };
  return { kind: 'named', names: names(place) };
}

/** `with_payload`, `with_vector` or `with_vectors`. `payload`: whether payloads come where nothing is said. */
export function selection(record: LosslessObject, at: string, payload: boolean): Selection {
  const wanted = member(record, 'with_payload', at);
  const vector = member(record, 'with_vector', at);
  const vectors = vector.value === undefined ? member(record, 'with_vectors', at) : vector;
  return {
    payload: wanted.value === undefined ? { kind: payload ? 'all' : 'none' } : payloadSelection(wanted),
    vectors: vectors.value === undefined ? { kind: 'none' } : vectorSelection(vectors),
  };
}

const MAX_HNSW_EF = 10_000;

function optionalFlag(place: Place): boolean | undefined {
  return place.value === undefined ? undefined : flag(place);
}

function quantization(place: Place): LosslessObject {
  const record = object(place);
  const oversampling = member(record, 'oversampling', place.at);
  return present<LosslessObject>({
    ignore: optionalFlag(member(record, 'ignore', place.at)),
    rescore: optionalFlag(member(record, 'rescore', place.at)),
    oversampling: oversampling.value === undefined ? undefined : number(oversampling),
  });
}

function acorn(place: Place): LosslessObject {
  const record = object(place);
  const share = member(record, 'max_selectivity', place.at);
  return present<LosslessObject>({
    enable: optionalFlag(member(record, 'enable', place.at)),
    max_selectivity: share.value === undefined ? undefined : number(share),
  });
}

/** Parameters of a search, from the list of those that change how it is done and nothing else. */
export function searchParams(place: Place): SearchParams {
  const record = object(place);
  const part = (name: string) => member(record, name, place.at);
  const ef = part('hnsw_ef');
  return present<LosslessObject>({
    hnsw_ef: ef.value === undefined ? undefined : clamped(ef, 0, MAX_HNSW_EF, 0),
    exact: optionalFlag(part('exact')),
    quantization: part('quantization').value === undefined ? undefined : quantization(part('quantization')),
    indexed_only: optionalFlag(part('indexed_only')),
    acorn: part('acorn').value === undefined ? undefined : acorn(part('acorn')),
  });
}

/** A threshold as it came. */
export function threshold(place: Place): RawNumber | number {
  return number(place) as RawNumber | number;
}

/** Refuses what reaches beyond the collection that is asked, or beyond what the caller may read. */
export function refuseUnsafe(record: LosslessObject, at: string): void {
  refuseMembers(record, at, {
    lookup_from: 'vectors are not looked up in another collection here; read the vector there and send it',
    with_lookup: 'groups are not joined with another collection here; read its points by their ids',
    shard_key: 'collections have no shard keys here; use a filter',
  });
}
