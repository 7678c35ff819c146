import type { RawNumber } from './points/raw-json.ts';

interface JsonWithRawNumbers {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}

// Node 24 has these two; the compiler's library does not yet describe them.
const json = JSON as unknown as JsonWithRawNumbers;

/** A number as text; `JSON.stringify` writes it out as it stands. Throws a SyntaxError where `text` is no JSON primitive. */
export function rawNumber(text: string): RawNumber {
  return json.rawJSON(text);
}

/** True only for what `rawNumber` made: an object from the wire with a member `rawJSON` is none. */
export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value);
}
