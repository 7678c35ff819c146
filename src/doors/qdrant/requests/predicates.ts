import { numberText } from '../../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_IDS } from './bounds.ts';
import { flag, invalid, isList, list, malformed, member, natural, number, object, type Place, text } from './shape.ts';

const ENDS = ['lt', 'gt', 'gte', 'lte'] as const;

function only(names: readonly string[], read: (name: string) => LosslessJson | undefined): LosslessObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = read(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function matchValue(place: Place): LosslessJson {
  const { value } = place;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  const digits = numberText(value);
  if (digits === undefined || !/^-?\d+$/.test(digits)) return malformed(place.at, 'expected a string, an integer or a boolean');
  return value as LosslessJson;
}

function anyOf(place: Place): LosslessJson {
  const values = list(place, MAX_IDS).map((one) =>
    typeof one.value === 'boolean' ? malformed(one.at, 'expected strings or integers') : matchValue(one),
  );
  if (new Set(values.map((value) => typeof value === 'string')).size > 1) malformed(place.at, 'expected strings or integers, not both');
  return values;
}

const MATCHES: Readonly<Record<string, (place: Place) => LosslessJson>> = {
  value: matchValue,
  text,
  text_any: text,
  phrase: text,
  any: anyOf,
  except: anyOf,
};

function match(place: Place): LosslessObject {
  const record = object(place);
  for (const [name, read] of Object.entries(MATCHES)) {
    const found = member(record, name, place.at);
    if (found.value !== undefined) return { [name]: read(found) };
  }
  return malformed(place.at, `expected one of ${Object.keys(MATCHES).join(', ')}`);
}

function range(place: Place): LosslessObject {
  const record = object(place);
  const found = ENDS.map((name) => member(record, name, place.at)).filter((end) => end.value !== undefined);
  const dates = found.some((end) => typeof end.value === 'string');
  return Object.fromEntries(found.map((end) => [end.at.slice(place.at.length + 1), dates ? text(end) : number(end)]));
}

function counts(place: Place): LosslessObject {
  const record = object(place);
  return only(ENDS, (name) => {
    const end = member(record, name, place.at);
    return end.value === undefined ? undefined : natural(end);
  });
}

/** A point on the earth, also as `origin` of a distance. */
export function geoPoint(place: Place): LosslessObject {
  const record = object(place);
  return { lon: number(member(record, 'lon', place.at)), lat: number(member(record, 'lat', place.at)) };
}

function geoBox(place: Place): LosslessObject {
  const record = object(place);
  return {
    top_left: geoPoint(member(record, 'top_left', place.at)),
    bottom_right: geoPoint(member(record, 'bottom_right', place.at)),
  };
}

function geoRadius(place: Place): LosslessObject {
  const record = object(place);
  return { center: geoPoint(member(record, 'center', place.at)), radius: number(member(record, 'radius', place.at)) };
}

function line(place: Place): LosslessObject {
  return { points: list(member(object(place), 'points', place.at), MAX_IDS).map(geoPoint) };
}

function geoPolygon(place: Place): LosslessObject {
  const record = object(place);
  const interiors = member(record, 'interiors', place.at);
  const exterior = line(member(record, 'exterior', place.at));
  return isList(interiors.value) ? { exterior, interiors: list(interiors).map(line) } : { exterior };
}

const PREDICATES: Readonly<Record<string, (place: Place) => LosslessJson>> = {
  match,
  range,
  geo_bounding_box: geoBox,
  geo_radius: geoRadius,
  geo_polygon: geoPolygon,
  values_count: counts,
  is_empty: flag,
  is_null: flag,
};

/** What is asked of one payload key; at least one thing. */
export function fieldPredicates(record: LosslessObject, at: string): LosslessObject {
  const built = only(Object.keys(PREDICATES), (name) => {
    const found = member(record, name, at);
    return found.value === undefined ? undefined : PREDICATES[name]?.(found);
  });
  if (Object.keys(built).length === 0) invalid(at, 'at least one field condition must be specified');
  return built;
}
