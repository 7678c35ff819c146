import { isUtf8 } from 'node:buffer';
import { AppError } from '../errors.ts';
import { isRawNumber, parseKeeping, rawNumber } from '../raw-numbers.ts';
import { refuseJson, scanJson, walkJson } from '../strict-json.ts';
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

function parseText(text: string): unknown {
  try {
    return isAtRisk(text) ? parseKeeping(text, changes) : (JSON.parse(text) as unknown);
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
