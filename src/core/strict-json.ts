import { AppError } from './errors.ts';
import { pointerTo } from './pointer.ts';
import { isRawNumber } from './raw-numbers.ts';

export const MAX_DEPTH = 32;
export const MAX_ENTRIES = 100_000;
/** Keys of a text, and objects and lists: building and walking a million takes two seconds, during which nobody else is served. */
export const MAX_KEYS = 500_000;
const QUOTE = 34;
const BACKSLASH = 92;

export function refuseJson(path: readonly (string | number)[], message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer: pointerTo(path), message }] });
}

/** Index of the quote that closes the string opened at `open`. */
export function endOfString(text: string, open: number): number {
  for (let quote = text.indexOf('"', open + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  throw new AppError('malformed_json');
}

const COLON_NEXT = /\s*:/y;
const BACKSLASH_SPELT = /\\(?:\\|u005c)/i;

/**
 * Refuses a key with a backslash in it, before it is parsed. V8 13 remembers the keys that objects had in a row and compares the next one
 * by its spelling: once it has seen the key `\u00e9` (a backslash and five letters), it reads the spelling of `é` as that key in whatever
 * it parses afterwards, for whomever.
 */
function checkKey(text: string, open: number, close: number): void {
  COLON_NEXT.lastIndex = close + 1;
  if (COLON_NEXT.test(text) && BACKSLASH_SPELT.test(text.slice(open, close))) throw refuseJson([], 'a key holds a backslash');
}

/** Bounds depth and size before anything is built, and counts the keys that the text spells out. */
export function scanJson(text: string): number {
  // A regular expression passes over the numbers of a vector fifty times as fast as a loop does.
  const marks = /["{}[\]:]/g;
  let depth = 0;
  let keys = 0;
  let holders = 0;
  while (marks.test(text)) {
    const at = marks.lastIndex - 1;
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const close = endOfString(text, at);
      checkKey(text, at, close);
      marks.lastIndex = close + 1;
    } else if (unit === 0x3a) {
      keys += 1;
      if (keys > MAX_KEYS) throw refuseJson([], `more than ${MAX_KEYS} keys`);
    } else if (unit === 0x7b || unit === 0x5b) {
      depth += 1;
      holders += 1;
      if (holders > MAX_KEYS) throw refuseJson([], `more than ${MAX_KEYS} objects and lists`);
      if (depth > MAX_DEPTH) throw refuseJson([], `nested deeper than ${MAX_DEPTH} levels`);
    } else depth -= 1;
  }
  return keys;
}

function checkString(text: string, path: readonly (string | number)[]): void {
  if (!text.isWellFormed()) throw refuseJson(path, 'holds an unpaired surrogate');
  if (text.includes('\0')) throw refuseJson(path, 'holds a NUL character');
}

/** Counts keys; recursion is bounded by `scanJson`. Numbers kept as text are no objects here. */
export function walkJson(value: unknown, path: (string | number)[]): number {
  if (typeof value === 'string') checkString(value, path);
  else if (typeof value === 'number') {
    // 1e400 is JSON, but no number: it would turn into null wherever it is written again.
    if (!Number.isFinite(value)) throw refuseJson(path, 'not a finite number');
  } else if (Array.isArray(value)) return walkList(value, path);
  else if (typeof value === 'object' && value !== null && !isRawNumber(value)) return walkObject(value, path);
  return 0;
}

function walkList(list: readonly unknown[], path: (string | number)[]): number {
  if (list.length > MAX_ENTRIES) throw refuseJson(path, `more than ${MAX_ENTRIES} entries`);
  let keys = 0;
  // By index: most lists are vectors, and an iterator would make an object of each of their numbers.
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    if (typeof item === 'number' && Number.isFinite(item)) continue;
    path.push(index);
    keys += walkJson(item, path);
    path.pop();
  }
  return keys;
}

function walkObject(object: object, path: (string | number)[]): number {
  const entries: [string, unknown][] = Object.entries(object);
  let keys = entries.length;
  for (const [key, item] of entries) {
    path.push(key);
    checkString(key, path);
    // Own and harmless here, but a copy by assignment further in would set a prototype.
    if (key === '__proto__') throw refuseJson(path, 'this key is not allowed');
    keys += walkJson(item, path);
    path.pop();
  }
  return keys;
}
