import { isLosslessObject, writeLossless } from '../../../core/points/lossless.ts';
import { payloadHasReserved } from '../../../core/points/payload-path.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { LosslessJson, LosslessObject, RawJson } from '../../../core/points/raw-json.ts';
import type { PointChange, PointWrite } from '../../../ingestion/points/types.ts';
import { MAX_POINTS } from './bounds.ts';
import { invalid, isList, list, malformed, member, object, type Place, pointId, refuseMembers, unsupported } from './shape.ts';
import { isInference, storedVector } from './vectors.ts';

const UNSAFE = {
  shard_key: 'collections have no shard keys here; use a filter',
  update_filter: 'a write is not made to depend on a filter here; write the points by their ids',
};

/** A payload that somebody writes; without the reserved key. */
export function payload(place: Place): LosslessObject {
  if (place.value === undefined) return {};
  const record = object(place);
  if (payloadHasReserved(record)) unsupported(place.at, 'a payload key is reserved here; leave it out');
  return record;
}

/** A vector, or an object of named ones. */
export function vectorStruct(place: Place): RawJson {
  const { value } = place;
  if (!isLosslessObject(value)) return writeLossless(storedVector(place));
  if (isInference(value)) return writeLossless(storedVector(place));
  return writeLossless(Object.fromEntries(Object.keys(value).map((name) => [name, storedVector(member(value, name, place.at))])));
}

function point(place: Place): PointWrite {
  const record = object(place);
  const vector = member(record, 'vector', place.at);
  if (vector.value === undefined) malformed(place.at, 'missing field `vector`');
  return {
    id: pointId(member(record, 'id', place.at)),
    vector: vectorStruct(vector),
    payload: payload(member(record, 'payload', place.at)),
  };
}

/** A list of points, bounded. */
export function pointPlaces(place: Place): readonly Place[] {
  const places = list(place);
  if (places.length > MAX_POINTS) invalid(place.at, `at most ${MAX_POINTS} points in one write`);
  return places;
}

function columnVectors(place: Place, length: number): readonly RawJson[] {
  const { value } = place;
  if (isList(value)) return list(place).map((one) => writeLossless(storedVector(one)));
  const columns = Object.entries(object(place)).map(([name]) => {
    const column = list(member(object(place), name, place.at));
    if (column.length !== length) invalid(place.at, 'number of ids and vectors must be equal');
    return [name, column.map(storedVector)] as const;
  });
  return Array.from({ length }, (_, i) => writeLossless(Object.fromEntries(columns.map(([name, column]) => [name, column[i] ?? null]))));
}

function column(place: Place): readonly PointWrite[] {
  const record = object(place);
  const ids = pointPlaces(member(record, 'ids', place.at)).map((one): PointId => pointId(one));
  const vectors = columnVectors(member(record, 'vectors', place.at), ids.length);
  if (vectors.length !== ids.length) invalid(place.at, 'number of ids and vectors must be equal');
  const given = member(record, 'payloads', place.at);
  const payloads = given.value === undefined ? [] : list(given);
  if (given.value !== undefined && payloads.length !== ids.length) invalid(place.at, 'number of ids and payloads must be equal');
  return ids.map((id, i) => {
    const own = payloads[i];
    return { id, vector: vectors[i] as RawJson, payload: own === undefined || own.value === null ? {} : payload(own) };
  });
}

/** `points` or `batch` of one upsert. */
export function upsert(place: Place): PointChange {
  const record = object(place);
  refuseMembers(record, place.at, UNSAFE);
  const batch = member(record, 'batch', place.at);
  if (batch.value !== undefined) return { kind: 'upsert', points: column(batch) };
  return { kind: 'upsert', points: pointPlaces(member(record, 'points', place.at)).map(point) };
}

/** Body of `PUT points`. */
export function parseUpsert(body: LosslessJson): readonly PointChange[] {
  return [upsert({ value: body, at: '' })];
}
