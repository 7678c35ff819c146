import { isLosslessObject, numberText } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { PlainVector, VectorInput } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_VECTOR } from './bounds.ts';
import { asPointId, invalid, isList, list, malformed, member, number, object, type Place, text, tooMany, unsupported } from './shape.ts';

type Numbers = readonly LosslessJson[];

function size(place: Place, length: number): void {
  if (length > MAX_VECTOR) tooMany(place.at, MAX_VECTOR, 'numbers in a vector');
}

/** A list of numbers. */
export function dense(place: Place): Numbers {
  const { value } = place;
  if (!isList(value)) return malformed(place.at, 'expected a list of numbers');
  size(place, value.length);
  // Plain numbers first: the usual case, without a place for each.
  return value.every((one) => typeof one === 'number') ? value : list(place).map(number);
}

function multi(place: Place): readonly Numbers[] {
  const rows = list(place).map(dense);
  if (rows.some((row) => row.length === 0)) return invalid(`${place.at}.data`, 'all vectors must be non-empty');
  const numbers = rows.reduce((sum, row) => sum + row.length, 0);
  size(place, numbers);
  return rows;
}

function index({ value, at }: Place): number {
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
  return fits ? value : malformed(at, 'expected an integer from 0 to 2^32 - 1');
}

/** `{indices, values}`. */
export function sparse(place: Place): LosslessObject {
  const record = object(place);
  const places = list(member(record, 'indices', place.at));
  size(place, places.length);
  const indices = places.map(index);
  const values = dense(member(record, 'values', place.at));
  if (values.length !== indices.length) return invalid(`${place.at}.values`, 'must be the same length as indices');
  if (new Set(indices).size < indices.length) return invalid(`${place.at}.indices`, 'must be unique');
  return { indices, values };
}

function denseOrMulti(place: Place): PlainVector {
  return isList(place.value) && isList(place.value[0]) ? multi(place) : dense(place);
}

function isSparse(value: LosslessObject): boolean {
  return Object.hasOwn(value, 'indices') || Object.hasOwn(value, 'values');
}

const MADE_HERE = 'is not made into a vector here; send the vector';

/** A vector as a point holds it. */
export function storedVector(place: Place): PlainVector {
  const { value } = place;
  if (!isLosslessObject(value)) return denseOrMulti(place);
  return isInference(value) ? unsupported(place.at, `what a model is named for ${MADE_HERE}`) : sparse(place);
}

/** Whether an object is to be made into a vector by a model. */
export function isInference(value: LosslessObject): boolean {
  return typeof value['model'] === 'string' && ['text', 'image', 'object'].some((name) => Object.hasOwn(value, name)) && !isSparse(value);
}

function describedInput(value: LosslessObject, place: Place): VectorInput<PointId> {
  if (isSparse(value)) return { kind: 'vector', vector: sparse(place) };
  if (!isInference(value)) return malformed(place.at, 'expected a vector, a point ID or a text');
  if (!Object.hasOwn(value, 'text')) return unsupported(place.at, `an image or object ${MADE_HERE}`);
  return { kind: 'text', text: text(member(value, 'text', place.at)) };
}

/** What a query is about: a vector, a point, or a text that is embedded here. */
export function vectorInput(place: Place): VectorInput<PointId> {
  const { value } = place;
  if (isList(value)) return { kind: 'vector', vector: denseOrMulti(place) };
  if (isLosslessObject(value)) return describedInput(value, place);
  const id = asPointId(value);
  if (id !== undefined) return { kind: 'id', id };
  return malformed(place.at, numberText(value) === undefined ? 'expected a vector, a point ID or a text' : 'not a valid point ID');
}

/** The same as the older requests take it: no texts, and no lists of vectors. */
export function plainInput(place: Place): VectorInput<PointId> {
  const input = vectorInput(place);
  const several = input.kind === 'vector' && isList(input.vector) && isList(input.vector[0]);
  return several || input.kind === 'text' ? malformed(place.at, 'expected a vector or a point ID') : input;
}
