import { AppError } from './errors.ts';
import type { Json, JsonObject } from './json.ts';

export const MAX_FILTER_LIST = 1_000;
export const MAX_FILTER_STRING_BYTES = 1_024;

type Unknown = Readonly<Record<string, unknown>>;

/** The message names what is wrong, never the value: it goes back to the caller and into logs. */
export function refuse(pointer: string, message: string): never {
  throw new AppError('unsupported_filter', { issues: [{ pointer, message }] });
}

export function object(value: unknown, at: string): Unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(at, 'must be an object');
  return value as Unknown;
}

/** The object, if it has no key but these and every one of `required`. */
export function exactly(value: unknown, at: string, required: readonly string[], optional: readonly string[] = []): Unknown {
  const record = object(value, at);
  const stray = Object.keys(record).some((key) => !required.includes(key) && !optional.includes(key));
  if (stray) refuse(at, `takes only ${[...required, ...optional].join(', ')}`);
  const missing = required.find((key) => !Object.hasOwn(record, key));
  if (missing !== undefined) refuse(at, `needs ${missing}`);
  return record;
}

/** An empty list means "everything" in some places of Qdrant's language and "nothing" in others, so none is taken. */
export function list(value: unknown, at: string, maximum = MAX_FILTER_LIST): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(at, 'must be a list');
  if (value.length === 0) refuse(at, 'must not be empty');
  if (value.length > maximum) refuse(at, `must not hold more than ${maximum} entries`);
  return value;
}

export function text(value: unknown, at: string): string {
  if (typeof value !== 'string') return refuse(at, 'must be a string');
  if (!value.isWellFormed()) refuse(at, 'must be well-formed Unicode');
  if (Buffer.byteLength(value, 'utf8') > MAX_FILTER_STRING_BYTES) refuse(at, `must not be longer than ${MAX_FILTER_STRING_BYTES} bytes`);
  return value;
}

function finite(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return refuse(at, 'must be a finite number');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuse(at, 'must be within ±(2^53 − 1)');
  return value;
}

export function integer(value: unknown, at: string, minimum: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum) return refuse(at, `must be an integer from ${minimum}`);
  return value;
}

/** Qdrant knows strings, integers and booleans here; it compares fractions by range only. */
function keyword(value: unknown, at: string): string | number {
  if (typeof value === 'string') return text(value, at);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return refuse(at, 'must be a string or an integer within ±(2^53 − 1)');
  return value;
}

function keywords(value: unknown, at: string): JsonObject[string] {
  const items = list(value, at).map((item, i) => keyword(item, `${at}/${i}`));
  if (items.some((item) => typeof item !== typeof items[0])) refuse(at, 'must be all strings or all integers');
  return items;
}

function match(value: unknown, at: string): JsonObject {
  const record = object(value, at);
  const [kind, ...more] = Object.keys(record);
  if (kind === undefined || more.length > 0) return refuse(at, 'takes exactly one of value, any, except, text');
  const inner = record[kind];
  const place = `${at}/${kind}`;
  switch (kind) {
    case 'value':
      return { value: typeof inner === 'boolean' ? inner : keyword(inner, place) };
    case 'any':
      return { any: keywords(inner, place) };
    case 'except':
      return { except: keywords(inner, place) };
    case 'text':
      // Metadata has no full-text index, so this is a search for the exact substring; the empty one is in everything.
      return { text: text(inner, place) || refuse(place, 'must not be empty') };
    default:
      return refuse(at, 'takes exactly one of value, any, except, text');
  }
}

const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}(?:T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** RFC 3339, or a date, which is its midnight UTC. Checked here, since Qdrant refuses the whole search over a bad one. */
function instant(value: string, at: string): string {
  if (!DATE_TIME.test(value) || Number.isNaN(Date.parse(value))) return refuse(at, 'must be a date or an RFC 3339 date-time');
  const day = Number(value.slice(8, 10));
  // Date.parse takes 30 February for 2 March.
  if (new Date(`${value.slice(0, 10)}T00:00:00Z`).getUTCDate() !== day) refuse(at, 'must be a date that exists');
  return value;
}

function bounds(value: unknown, at: string, bound: (value: unknown, at: string) => Json): JsonObject {
  const record = exactly(value, at, [], BOUNDS);
  const entries = BOUNDS.filter((name) => Object.hasOwn(record, name)).map((name) => [name, bound(record[name], `${at}/${name}`)] as const);
  if (entries.length === 0) refuse(at, 'needs a bound');
  return Object.fromEntries(entries);
}

function range(value: unknown, at: string): JsonObject {
  const record = object(value, at);
  const texts = Object.values(record).filter((bound) => typeof bound === 'string').length;
  if (texts !== 0 && texts !== Object.keys(record).length) refuse(at, 'must hold numbers only or dates only');
  return bounds(value, at, (bound, place) => (typeof bound === 'string' ? instant(bound, place) : finite(bound, place)));
}

function geoPoint(value: unknown, at: string): JsonObject {
  const { lat, lon } = exactly(value, at, ['lat', 'lon']);
  const point = { lat: finite(lat, `${at}/lat`), lon: finite(lon, `${at}/lon`) };
  if (Math.abs(point.lat) > 90 || Math.abs(point.lon) > 180) refuse(at, 'must be a place on Earth');
  return point;
}

function geoRing(value: unknown, at: string): JsonObject {
  const points = list(exactly(value, at, ['points'])['points'], `${at}/points`).map((p, i) => geoPoint(p, `${at}/points/${i}`));
  const first = points[0];
  const last = points.at(-1);
  const closed = first?.['lat'] === last?.['lat'] && first?.['lon'] === last?.['lon'];
  if (points.length < 4 || !closed) refuse(at, 'must be a closed ring of at least four points');
  return { points };
}

function geoPolygon(value: unknown, at: string): JsonObject {
  const { exterior, interiors } = exactly(value, at, ['exterior'], ['interiors']);
  const outer = { exterior: geoRing(exterior, `${at}/exterior`) };
  if (interiors === undefined) return outer;
  return { ...outer, interiors: list(interiors, `${at}/interiors`, 16).map((ring, i) => geoRing(ring, `${at}/interiors/${i}`)) };
}

function geoRadius(value: unknown, at: string): JsonObject {
  const { center, radius } = exactly(value, at, ['center', 'radius']);
  const metres = finite(radius, `${at}/radius`);
  if (metres <= 0) refuse(`${at}/radius`, 'must be above 0');
  return { center: geoPoint(center, `${at}/center`), radius: metres };
}

function geoBox(value: unknown, at: string): JsonObject {
  const { top_left, bottom_right } = exactly(value, at, ['top_left', 'bottom_right']);
  return { top_left: geoPoint(top_left, `${at}/top_left`), bottom_right: geoPoint(bottom_right, `${at}/bottom_right`) };
}

/** What a field condition may ask of its value; nothing else is taken. */
export const PREDICATES: ReadonlyMap<string, (value: unknown, at: string) => JsonObject> = new Map([
  ['match', match],
  ['range', range],
  ['values_count', (value: unknown, at: string) => bounds(value, at, (bound, place) => integer(bound, place, 0))],
  ['geo_radius', geoRadius],
  ['geo_bounding_box', geoBox],
  ['geo_polygon', geoPolygon],
]);
