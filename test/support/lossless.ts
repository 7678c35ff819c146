/** JSON whose numbers are kept: one that JavaScript would change is its own text, as `JSON.rawJSON` makes it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly rawJSON: string } | { readonly [key: string]: Json };

/** A number of any size. */
export function rawNumber(text: string): Json {
  // Newer than the types of JSON.
  return (JSON as unknown as { rawJSON(text: string): { readonly rawJSON: string } }).rawJSON(text);
}

/** Parsed so that two texts are equal only where each number is written alike: `1.0` is not `1`, and 2^53 + 1 is not 2^53. */
export function losslessJson(text: string): Json {
  // The third argument is newer than the types of JSON.parse.
  const reviver = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined && context.source !== String(value) ? `number ${context.source}` : value;
  return JSON.parse(text, reviver) as Json;
}
