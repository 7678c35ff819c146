import { isLosslessObject, numberText } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { PlainVector, VectorInput } from '../../../core/points/question.ts';
import type { LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_VECTOR } from './bounds.ts';
import { asPointId, invalid, isList, list, malformed, member, natural, number, object, type Place, text, unsupported } from './shape.ts';

function size(place: Place, length: number): void {
  if (length > MAX_VECTOR) invalid(place.at, `a vector has at most ${MAX_VECTOR} numbers`);
}

function dense(place: Place): PlainVector {
  const { value } = place;
  if (!isList(value)) return malformed(place.at, 'expected a list of numbers');
  size(place, value.length);
  // Plain numbers first: the usual case, without a place for each.
  return value.every((one) => typeof one === 'number') ? value : list(place).map(number);
}

function multi(place: Place): PlainVector {
  const rows = list(place).map(dense);
  size(
    place,
    rows.reduce<number>((sum, row) => sum + (isList(row) ? row.length : 0), 0),
  );
  return rows;
}

/** `{indices, values}`. */
export function sparse(place: Place): LosslessObject {
  const record = object(place);
  const indices = list(member(record, 'indices', place.at));
  size(place, indices.length);
  const values = dense(member(record, 'values', place.at));
  if (!isList(values) || values.length !== indices.length) return invalid(place.at, 'must be the same length as indices');
  return { indices: indices.map(natural), values };
}

/** A list of numbers, or of such lists. */
export function denseOrMulti(place: Place): PlainVector {
  return isList(place.value) && isList(place.value[0]) ? multi(place) : dense(place);
}

function isSparse(value: LosslessObject): boolean {
  return Object.hasOwn(value, 'indices') || Object.hasOwn(value, 'values');
}

const MADE_HERE = 'is not made into a vector here; send the vector';

/** A vector as a point holds it. */
export function storedVector(place: Place): PlainVector {
  if (!isLosslessObject(place.value)) return denseOrMulti(place);
  if (isSparse(place.value)) return sparse(place);
  return unsupported(place.at, `what a model is named for ${MADE_HERE}`);
}

/** Whether an object is to be made into a vector by a model. */
export function isInference(value: LosslessObject): boolean {
  return ['text', 'image', 'object'].some((name) => Object.hasOwn(value, name)) && !isSparse(value);
}

/** What a query is about: a vector, a point, or a text that is embedded here. */
export function vectorInput(place: Place): VectorInput<PointId> {
  const { value } = place;
  if (isList(value)) return { kind: 'vector', vector: denseOrMulti(place) };
  if (isLosslessObject(value)) {
    if (isSparse(value)) return { kind: 'vector', vector: sparse(place) };
    if (Object.hasOwn(value, 'text')) return { kind: 'text', text: text(member(value, 'text', place.at)) };
    if (isInference(value)) return unsupported(place.at, `an image or object ${MADE_HERE}`);
    return malformed(place.at, 'expected a vector, a point ID or a text');
  }
  const id = asPointId(value);
  if (id !== undefined) return { kind: 'id', id };
  return malformed(place.at, numberText(value) === undefined ? 'expected a vector, a point ID or a text' : 'not a valid point ID');
}
