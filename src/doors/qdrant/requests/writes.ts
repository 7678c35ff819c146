import { isLosslessObject, writeLossless } from '../../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject, RawJson } from '../../../core/points/raw-json.ts';
import type { PointChange, PointWrite } from '../../../ingestion/points/types.ts';
import { MAX_POINTS } from './bounds.ts';
import { aliased } from './parts.ts';
import { invalid, isList, list, malformed, member, object, type Place, pointId, refuseMembers, senseless } from './shape.ts';
import { isInference, storedVector } from './vectors.ts';

/** Refuses what would make a write depend on shards, or on a filter that looks at points the caller may not see. */
export function refuseUnsafeWrite(record: LosslessObject, at: string): void {
  refuseMembers(record, at, {
    shard_key: 'collections have no shard keys here; use a filter',
    update_filter: 'a write is not made to depend on a filter here; name the points, or change those that a filter selects',
  });
}

/** A payload that somebody writes. Clients write back what they read, provenance and all; ingestion leaves that out of what it stores. */
export function payload(place: Place): LosslessObject {
  return object(place);
}

function payloadOrNone(place: Place): LosslessObject {
  return place.value === undefined || place.value === null ? {} : payload(place);
}

/** A vector, or an object of named ones. */
export function vectorStruct(place: Place): RawJson {
  const { value } = place;
  if (!isLosslessObject(value) || isInference(value)) return writeLossless(storedVector(place));
  return writeLossless(
    Object.fromEntries(Object.entries(value).map(([name, one]) => [name, storedVector({ value: one, at: `${place.at}.${name}` })])),
  );
}

/** `vector` of a point, which Qdrant takes as `vectors` too. */
export function vectorOf(record: LosslessObject, at: string): Place {
  const vector = aliased(record, 'vector', 'vectors', at);
  return vector.value === undefined ? malformed(at, 'missing field `vector`') : vector;
}

function point(place: Place): PointWrite {
  const record = object(place);
  return {
    id: pointId(member(record, 'id', place.at)),
    vector: vectorStruct(vectorOf(record, place.at)),
    payload: payloadOrNone(member(record, 'payload', place.at)),
  };
}

/** A list of at least one point, or of what stands for one. */
export function pointPlaces(place: Place): readonly Place[] {
  const places = list(place, MAX_POINTS);
  return places.length === 0 ? senseless('Empty update request') : places;
}

function alike(place: Place, what: string, found: number, wanted: number): void {
  if (found !== wanted) invalid(place.at, `number of ids and ${what} must be equal (${wanted} != ${found})`);
}

function columnVectors(place: Place, length: number): readonly RawJson[] {
  if (isList(place.value)) {
    alike(place, 'vectors', place.value.length, length);
    return list(place).map((one) => writeLossless(storedVector(one)));
  }
  const columns = Object.entries(object(place)).map(([name, value]) => {
    const column = list({ value, at: `${place.at}.${name}` });
    alike(place, 'vectors', column.length, length);
    return [name, column.map(storedVector)] as const;
  });
  return Array.from({ length }, (_, i) => writeLossless(Object.fromEntries(columns.map(([name, column]) => [name, column[i] ?? null]))));
}

function columns(place: Place): readonly PointWrite[] {
  const record = object(place);
  const ids = pointPlaces(member(record, 'ids', place.at)).map(pointId);
  const vectors = columnVectors(member(record, 'vectors', place.at), ids.length);
  const given = member(record, 'payloads', place.at);
  const payloads = given.value === undefined ? undefined : list(given);
  if (payloads !== undefined) alike(given, 'payloads', payloads.length, ids.length);
  return vectors.map((vector, i) => ({
    id: ids[i] ?? malformed(place.at, 'a vector without an id'),
    vector,
    payload: payloadOrNone(payloads?.[i] ?? { value: undefined, at: place.at }),
  }));
}

/** `points`, or `batch` with a column for each part. */
export function upsert(place: Place): PointChange {
  const record = object(place);
  refuseUnsafeWrite(record, place.at);
  const points = member(record, 'points', place.at);
  const batch = member(record, 'batch', place.at);
  if ((points.value === undefined) === (batch.value === undefined)) return malformed(place.at, 'expected either points or batch');
  return { kind: 'upsert', points: batch.value === undefined ? pointPlaces(points).map(point) : columns(batch) };
}

/** Body of `PUT points`. */
export function parseUpsert(body: LosslessJson): readonly PointChange[] {
  return [upsert({ value: body, at: '' })];
}
