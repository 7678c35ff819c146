import { isUtf8 } from 'node:buffer';
import { AppError } from '../errors.ts';
import { isRawNumber, rawNumber } from '../raw-numbers.ts';
import { endOfString, refuseJson, scanJson, walkJson } from '../strict-json.ts';
import type { LosslessJson, LosslessObject, RawJson } from './raw-json.ts';

// Whatever a double would change has one of these: an exponent, a fraction of zeros alone, an integer of 16 digits or more, or -0.
// Strings are looked at too; they can only send a text the slow way. Each alternative begins with what is rare in a vector.
const AT_RISK = /[eE][+\d]|\.0+(?!\d)|[:,[\s-]\d{16}|-0(?![.\d])/;
/** A number alone, which nothing stands before. */
const NUMBER_ALONE = /^\d/;
// Small numbers, which vectors have some of, change nothing: one digit other than 0 before the point, and an exponent from -1 to -99.
const NEGATIVE_EXPONENT = /\d[eE]-/g;
const SMALL_NUMBER = /[^\d.][1-9](?:\.\d+)?[eE]-0*[1-9]\d?(?!\d)/g;

function isAtRisk(text: string): boolean {
  if (NUMBER_ALONE.test(text) || AT_RISK.test(text)) return true;
  if (!text.includes('e-') && !text.includes('E-')) return false;
  return text.match(NEGATIVE_EXPONENT)?.length !== text.match(SMALL_NUMBER)?.length;
}

/**
 * Whether a reader of 64-bit integers and doubles would see another value, or another kind of number, in what JavaScript writes.
 * Decimals that no double holds are not kept: such a reader does not hold them either.
 */
function changes(source: string): boolean {
  const value = Number(source);
  if (!Number.isFinite(value)) throw refuseJson([], 'not a finite number');
  if (/[.eE]/.test(source)) return Number.isInteger(value);
  return !Number.isSafeInteger(value) || Object.is(value, -0);
}

/**
 * JSON with every number as it came where JavaScript would change it. Refuses what the doors' strict reader refuses: `malformed_json`
 * or `invalid_request`; neither quotes the text.
 */
export function parseLossless(input: string | Buffer): LosslessJson {
  if (typeof input !== 'string' && !isUtf8(input)) throw new AppError('malformed_json');
  const text = typeof input === 'string' ? input : input.toString('utf8');
  const spelt = scanJson(text);
  const value = parseText(text);
  if (walkJson(value, []) !== spelt) throw refuseJson([], 'a key occurs twice in one object');
  return value as LosslessJson;
}

/** Where a string begins, or a number that may change, whole: one of those that `AT_RISK` looks for. */
const QUOTE_OR_NUMBER = /"|(?<![\d.eE+-])(?=-?(?:\d{16}|\d+\.0+(?!\d)|\d+(?:\.\d+)?[eE])|-0)-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Stands before the digits of a number in a string. No other string has it: `walkJson` refuses them. */
const MARK = '\0';
const MARKED = '\\u0000';
/** Each takes a microsecond, during which nobody else is served. */
const MAX_KEPT = 1_000_000;

/**
 * As `JSON.parse` with a reviver that sees the source of each number, which takes a second for every half million of them, whether they
 * change or not: so the ones that do are read as strings, and made numbers again.
 */
function parseKept(text: string): unknown {
  let marked = '';
  let done = 0;
  let kept = 0;
  QUOTE_OR_NUMBER.lastIndex = 0;
  for (let found = QUOTE_OR_NUMBER.exec(text); found !== null; found = QUOTE_OR_NUMBER.exec(text)) {
    const [token] = found;
    if (token === '"') {
      const end = endOfString(text, found.index) + 1;
      if (spellsMark(text, found.index, end)) throw refuseJson([], 'holds a NUL character');
      QUOTE_OR_NUMBER.lastIndex = end;
    } else if (changes(token)) {
      kept += 1;
      if (kept > MAX_KEPT) throw refuseJson([], `more than ${MAX_KEPT} numbers that JavaScript would change; send less at once`);
      marked += `${text.slice(done, found.index)}"${MARKED}${token}"`;
      done = found.index + token.length;
    }
  }
  return unmarked(JSON.parse(marked + text.slice(done)) as unknown);
}

/** A string that begins as a marked one does. */
function spellsMark(text: string, start: number, end: number): boolean {
  return end - start > MARKED.length && text.startsWith(MARKED, start + 1);
}

/** In place; recursion is bounded by `scanJson`. */
function unmarked(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(MARK) ? rawNumber(value.slice(1)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const holder = value as Record<string, unknown>;
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) holder[i] = unmarked(value[i]);
  // A key of this name would set the prototype; `walkJson` refuses it.
  else for (const key of Object.keys(holder)) if (key !== '__proto__') holder[key] = unmarked(holder[key]);
  return holder;
}

function parseText(text: string): unknown {
  try {
    return isAtRisk(text) ? parseKept(text) : (JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // Without the cause: its message quotes the body.
    throw new AppError('malformed_json');
  }
}

/** The text of what `parseLossless` read, or of what was built from it. */
export function writeLossless(value: LosslessJson): RawJson {
  return JSON.stringify(value) as RawJson;
}

/** An object, and neither a list nor a number kept as text. */
export function isLosslessObject(value: LosslessJson | undefined): value is LosslessObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** The text of a number, with every digit. Undefined for anything else. */
export function numberText(value: LosslessJson | undefined): string | undefined {
  if (typeof value === 'number') return JSON.stringify(value);
  return isRawNumber(value) ? value.rawJSON : undefined;
}

/** A number from its digits: a plain one where JavaScript holds it. */
export function losslessNumber(digits: string): LosslessJson {
  return changes(digits) ? rawNumber(digits) : Number(digits);
}
