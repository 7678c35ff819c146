import { AppError } from '../../../core/errors.ts';
import { isLosslessObject, numberText } from '../../../core/points/lossless.ts';
import { isReservedPath, parsePath } from '../../../core/points/payload-path.ts';
import { numberPointId, type PointId, uuidPointId } from '../../../core/points/point-id.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';

/** A value in a body, and where it stands. */
export interface Place {
  readonly value: LosslessJson | undefined;
  /** Dotted, as `prefetch[0].filter`; empty is the body. */
  readonly at: string;
}

function where(at: string): string {
  return at === '' ? 'body' : at;
}

/** Not of the form that Qdrant reads. `why` quotes no value. */
export function malformed(at: string, why: string): never {
  throw new AppError('invalid_request', { issues: [{ pointer: '', message: `Format error in JSON body: ${where(at)}: ${why}` }] });
}

/** Well-formed, but out of the range that Qdrant takes. */
export function invalid(at: string, why: string): never {
  throw new AppError('invalid_request', { issues: [{ pointer: '', message: `Validation error in JSON body: [${where(at)}: ${why}]` }] });
}

/** Read, and senseless to Qdrant. */
export function senseless(why: string): never {
  throw new AppError('invalid_request', { issues: [{ pointer: '', message: `Bad request: ${why}` }] });
}

/** Beyond a bound of bounds.ts. */
export function tooMany(at: string, most: number, what: string): never {
  throw new AppError('limit_exceeded', { issues: [{ pointer: '', message: `${where(at)}: at most ${most} ${what}` }] });
}

/** Known to Qdrant, and not answered here. */
export function unsupported(at: string, why: string): never {
  throw new AppError('unsupported_request', { issues: [{ pointer: '', message: `${where(at)}: ${why}` }] });
}

/** The member of an object, for those that Qdrant refuses as null. */
export function given(record: LosslessObject, name: string, at: string): Place {
  return { value: Object.hasOwn(record, name) ? record[name] : undefined, at: at === '' ? name : `${at}.${name}` };
}

/** The member of an object where null counts as absent. */
export function member(record: LosslessObject, name: string, at: string): Place {
  const found = given(record, name, at);
  return found.value === null ? { value: undefined, at: found.at } : found;
}

/** What a function reads from a place, where there is something. */
export function maybe<T>(place: Place, read: (place: Place) => T): T | undefined {
  return place.value === undefined ? undefined : read(place);
}

/** The one of these names that an object has as a member. More than one is refused: readers differ in which they take. */
export function formOf<const T extends string>(record: LosslessObject, names: readonly T[], at: string): T | undefined {
  const found = names.filter((name) => member(record, name, at).value !== undefined);
  return found.length > 1 ? malformed(at, `expected only one of ${found.join(', ')}`) : found[0];
}

export function object(place: Place): LosslessObject {
  return isLosslessObject(place.value) ? place.value : malformed(place.at, 'expected an object');
}

export function isList(value: LosslessJson | undefined): value is readonly LosslessJson[] {
  return Array.isArray(value);
}

export function list(place: Place, most?: number): readonly Place[] {
  if (!isList(place.value)) return malformed(place.at, 'expected a list');
  if (most !== undefined && place.value.length > most) return tooMany(place.at, most, 'entries');
  return place.value.map((value, i) => ({ value, at: `${place.at}[${i}]` }));
}

/** One thing stands for a list of one. */
export function oneOrMany(place: Place, most?: number): readonly Place[] {
  return isList(place.value) ? list(place, most) : [place];
}

export function text(place: Place): string {
  return typeof place.value === 'string' ? place.value : malformed(place.at, 'expected a string');
}

export function flag(place: Place): boolean {
  return typeof place.value === 'boolean' ? place.value : malformed(place.at, 'expected a boolean');
}

/** A number of any kind, as it came. */
export function number(place: Place): LosslessJson {
  return numberText(place.value) === undefined ? malformed(place.at, 'expected a number') : (place.value as LosslessJson);
}

/** A whole number ≥ 0 in integer form; beyond 2^53 it becomes 2^53 − 1, since it is clamped anyhow. */
export function natural(place: Place): number {
  const digits = numberText(place.value);
  if (digits === undefined || !/^\d{1,20}$/.test(digits)) return malformed(place.at, 'expected an integer that is not negative');
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/** A whole number from `least`, brought down to `most`; `otherwise` where it is absent. */
export function clamped(place: Place, least: number, most: number, otherwise: number): number {
  if (place.value === undefined) return otherwise;
  const value = natural(place);
  // Qdrant's words; where the least is 1 the value can only be 0.
  if (value < least) return invalid(place.at, `value ${least === 1 ? '0 ' : ''}invalid, must be ${least} or larger`);
  return Math.min(value, most);
}

export function oneOf<const T extends string>(place: Place, names: readonly T[]): T {
  const name = text(place);
  return names.find((known) => known === name) ?? malformed(place.at, `expected one of ${names.join(', ')}`);
}

/** Length of a payload key, of a name and of the value of a condition. */
const MAX_KEY_LENGTH = 512;

/** A path into payloads that does not begin at the reserved key. */
export function payloadKey(place: Place): string {
  const path = text(place);
  if (path.length > MAX_KEY_LENGTH || parsePath(path) === undefined) return malformed(place.at, 'not a path of a payload key');
  if (isReservedPath(path)) return unsupported(place.at, 'this payload key is reserved here; leave it out');
  return path;
}

/** Undefined where it is no id at all. */
export function asPointId(value: LosslessJson | undefined): PointId | undefined {
  if (typeof value === 'string') return uuidPointId(value);
  const digits = numberText(value);
  return digits === undefined ? undefined : numberPointId(digits);
}

export function pointId(place: Place): PointId {
  return (
    asPointId(place.value) ?? malformed(place.at, 'value is not a valid point ID, valid values are either an unsigned integer or a UUID')
  );
}

/** Refuses members that Qdrant knows and that are not answered here. */
export function refuseMembers(record: LosslessObject, at: string, reasons: Readonly<Record<string, string>>): void {
  for (const [name, why] of Object.entries(reasons)) {
    const found = member(record, name, at);
    if (found.value !== undefined) unsupported(found.at, why);
  }
}

/** The members that are present. */
export function present<T extends object>(members: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}
