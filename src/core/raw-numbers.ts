import type { RawNumber } from './points/raw-json.ts';

interface JsonWithRawNumbers {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
  parse(text: string, reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
}

// Node 24 has these three; the compiler's library does not yet describe them.
const json = JSON as unknown as JsonWithRawNumbers;

/** A number as text; `JSON.stringify` writes it out as it stands. Throws a SyntaxError where `text` is no JSON primitive. */
export function rawNumber(text: string): RawNumber {
  return json.rawJSON(text);
}

/** True only for what `rawNumber` made: an object from the wire with a member `rawJSON` is none. */
export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value);
}

/** Parses with each number that `keep` names left as text. */
export function parseKeeping(text: string, keep: (source: string) => boolean): unknown {
  return json.parse(text, (_key, value, context) =>
    typeof value === 'number' && context.source !== undefined && keep(context.source) ? json.rawJSON(context.source) : value,
  );
}
