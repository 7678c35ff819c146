import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import type { PointChange, PointSelector } from '../../../ingestion/points/types.ts';
import { MAX_CHANGES, MAX_NAMES } from './bounds.ts';
import { parseFilter } from './conditions.ts';
import { aliased, payloadKeys } from './parts.ts';
import { formOf, given, invalid, list, malformed, maybe, member, object, payloadKey, type Place, pointId, text } from './shape.ts';
import { payload, pointPlaces, refuseUnsafeWrite, upsert, vectorOf, vectorStruct } from './writes.ts';

/** `points`, which counts where both are there, or `filter`. */
function which(record: LosslessObject, at: string): PointSelector {
  refuseUnsafeWrite(record, at);
  const points = member(record, 'points', at);
  // Read also where it does not count: it has to be one.
  const filter = maybe(member(record, 'filter', at), parseFilter);
  if (points.value !== undefined) return { ids: pointPlaces(points).map(pointId) };
  return filter === undefined ? malformed(at, 'either list of point ids or filter must be provided') : { filter };
}

function updateVectors(place: Place): PointChange {
  const record = object(place);
  refuseUnsafeWrite(record, place.at);
  const points = pointPlaces(member(record, 'points', place.at)).map((one) => {
    const inner = object(one);
    const vector = vectorStruct(vectorOf(inner, one.at));
    if (vector === '{}') invalid(`${one.at}.vector`, 'must specify vectors to update for point');
    return { id: pointId(member(inner, 'id', one.at)), vector };
  });
  return { kind: 'update-vectors', points };
}

function deleteVectors(place: Place): PointChange {
  const record = object(place);
  const names = list(aliased(record, 'vector', 'vectors', place.at), MAX_NAMES).map(text);
  if (names.length === 0) invalid('vector', 'must specify vector names to delete');
  return { kind: 'delete-vectors', which: which(record, place.at), names };
}

function payloadChange(kind: 'set-payload' | 'overwrite-payload'): (place: Place) => PointChange {
  return (place) => {
    const record = object(place);
    const key = member(record, 'key', place.at);
    return {
      kind,
      which: which(record, place.at),
      payload: payload(given(record, 'payload', place.at)),
      ...(key.value === undefined ? {} : { key: payloadKey(key) }),
    };
  };
}

const setPayload = payloadChange('set-payload');
const overwritePayload = payloadChange('overwrite-payload');

function deletePayload(place: Place): PointChange {
  const record = object(place);
  return { kind: 'delete-payload', which: which(record, place.at), keys: payloadKeys(given(record, 'keys', place.at)) };
}

function clearPayload(place: Place): PointChange {
  return { kind: 'clear-payload', which: which(object(place), place.at) };
}

function deletePoints(place: Place): PointChange {
  return { kind: 'delete', which: which(object(place), place.at) };
}

const OPERATIONS = {
  upsert,
  delete: deletePoints,
  set_payload: setPayload,
  overwrite_payload: overwritePayload,
  delete_payload: deletePayload,
  clear_payload: clearPayload,
  update_vectors: updateVectors,
  delete_vectors: deleteVectors,
} as const satisfies Readonly<Record<string, (place: Place) => PointChange>>;

const NAMES = Object.keys(OPERATIONS) as readonly (keyof typeof OPERATIONS)[];

function operation(place: Place): PointChange {
  const record = object(place);
  const name = formOf(record, NAMES, place.at);
  if (name === undefined) return malformed(place.at, `expected one of ${NAMES.join(', ')}`);
  return OPERATIONS[name](member(record, name, place.at));
}

function body(read: (place: Place) => PointChange): (body: LosslessJson) => readonly PointChange[] {
  return (value) => [read({ value, at: '' })];
}

/** Body of `PUT points/vectors`. */
export const parseUpdateVectors = body(updateVectors);
/** Body of `POST points/vectors/delete`. */
export const parseDeleteVectors = body(deleteVectors);
/** Body of `POST points/payload`. */
export const parseSetPayload = body(setPayload);
/** Body of `PUT points/payload`. Qdrant overwrites the whole payload, whatever `key` says. */
export const parseOverwritePayload = body(overwritePayload);
/** Body of `POST points/payload/delete`. */
export const parseDeletePayload = body(deletePayload);
/** Body of `POST points/payload/clear`. */
export const parseClearPayload = body(clearPayload);
/** Body of `POST points/delete`. */
export const parseDelete = body(deletePoints);

/** Body of `POST points/batch`; an empty list changes nothing. */
export function parsePointsBatch(value: LosslessJson): readonly PointChange[] {
  return list(member(object({ value, at: '' }), 'operations', ''), MAX_CHANGES).map(operation);
}
