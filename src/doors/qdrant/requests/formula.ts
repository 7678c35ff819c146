import { numberText } from '../../../core/points/lossless.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import type { FormulaTerm, PointQuery } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_NAMES, MAX_TERMS } from './bounds.ts';
import { parseCondition } from './conditions.ts';
import { geoPoint } from './predicates.ts';
import { formOf, given, list, malformed, member, number, object, payloadKey, type Place, text, tooMany } from './shape.ts';

type Term = FormulaTerm<PointId>;
interface Count {
  terms: number;
}

const SCORE = /^\$score(?:\[\d{1,9}\])?$/;

function variable(place: Place): string {
  const name = text(place);
  return SCORE.test(name) ? name : payloadKey(place);
}

function record(members: Readonly<Record<string, Term>>): Term {
  return { kind: 'record', members };
}

function plain(value: LosslessJson): Term {
  return { kind: 'plain', value };
}

function distance(place: Place): Term {
  const inner = object(place);
  return plain({
    geo_distance: { origin: geoPoint(member(inner, 'origin', place.at)), to: payloadKey(member(inner, 'to', place.at)) },
  });
}

/** Members that are terms, then those that are numbers; the first `needed` terms must be there. */
function composed(name: string, place: Place, terms: readonly string[], needed: number, numbers: readonly string[], count: Count): Term {
  const inner = object(place);
  const members: Record<string, Term> = {};
  for (const [i, part] of terms.entries()) {
    const found = member(inner, part, place.at);
    if (found.value !== undefined) members[part] = term(found, count);
    else if (i < needed) return malformed(place.at, `missing ${part}`);
  }
  for (const part of numbers) {
    const found = member(inner, part, place.at);
    if (found.value !== undefined) members[part] = plain(number(found));
  }
  return record({ [name]: record(members) });
}

function operation(name: string, place: Place, count: Count): Term {
  switch (name) {
    case 'mult':
    case 'sum':
      return { kind: 'operation', name, terms: list(place).map((one) => term(one, count)) };
    case 'div':
      return composed(name, place, ['left', 'right'], 2, ['by_zero_default'], count);
    case 'pow':
      return composed(name, place, ['base', 'exponent'], 2, [], count);
    case 'lin_decay':
    case 'exp_decay':
    case 'gauss_decay':
      return composed(name, place, ['x', 'target'], 1, ['scale', 'midpoint'], count);
    case 'geo_distance':
      return distance(place);
    case 'datetime':
      return plain({ datetime: text(place) });
    case 'datetime_key':
      return plain({ datetime_key: payloadKey(place) });
    default:
      return record({ [name]: term(place, count) });
  }
}

const OPERATIONS = 'mult sum neg abs div sqrt pow exp log10 ln lin_decay exp_decay gauss_decay geo_distance datetime datetime_key'.split(
  ' ',
);

function term(place: Place, count: Count): Term {
  count.terms += 1;
  if (count.terms > MAX_TERMS) tooMany(place.at, MAX_TERMS, 'terms of a formula');
  if (typeof place.value === 'string') return plain(variable(place));
  if (numberText(place.value) !== undefined) return plain(number(place));
  const inner = object(place);
  const name = formOf(inner, OPERATIONS, place.at);
  if (name !== undefined) return operation(name, member(inner, name, place.at), count);
  return { kind: 'condition', condition: parseCondition(place) };
}

function defaults(place: Place): LosslessObject {
  const record = object(place);
  const names = Object.keys(record);
  if (names.length > MAX_NAMES) tooMany(place.at, MAX_NAMES, 'defaults');
  return Object.fromEntries(names.map((name) => [variable({ value: name, at: place.at }), record[name] ?? null]));
}

/** A formula over scores and payload keys. */
export function formulaQuery(record: LosslessObject, at: string): PointQuery<PointId> {
  const wanted = given(record, 'defaults', at);
  const formula = term(member(record, 'formula', at), { terms: 0 });
  return wanted.value === undefined ? { kind: 'formula', formula } : { kind: 'formula', formula, defaults: defaults(wanted) };
}
