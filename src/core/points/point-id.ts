/**
 * A point as an application names it: an integer from 0 to 2^64 − 1, in decimal digits without leading zeros, or a UUID, hyphenated
 * and in lower case, as Qdrant gives it back. Equal ids have equal members.
 */
export type PointId = { readonly kind: 'number'; readonly digits: string } | { readonly kind: 'uuid'; readonly uuid: string };

/** The id in one text that tells the two kinds apart, for keys and for the catalog: the digits, or the UUID. */
export function pointIdText(id: PointId): string {
  return id.kind === 'number' ? id.digits : id.uuid;
}

/** As JSON: a number with every digit, or a string. */
export function pointIdJson(id: PointId): string {
  return id.kind === 'number' ? id.digits : `"${id.uuid}"`;
}

const DIGITS = /^(?:0|[1-9]\d{0,19})$/;
const MOST = 2n ** 64n - 1n;
// Qdrant reads the hyphenated form, 32 hex digits alone, and both after `urn:uuid:` or within braces.
const UUID = /^(?:urn:uuid:|\{)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i;

/** From the digits of a JSON number. Undefined where Qdrant would not take it as an id. */
export function numberPointId(digits: string): PointId | undefined {
  return DIGITS.test(digits) && BigInt(digits) <= MOST ? { kind: 'number', digits } : undefined;
}

/** From a JSON string. Undefined where it is no UUID. */
export function uuidPointId(text: string): PointId | undefined {
  const parts = UUID.exec(text)?.slice(1);
  return parts === undefined ? undefined : { kind: 'uuid', uuid: parts.join('-').toLowerCase() };
}

/** The reverse of `pointIdText`. */
export function pointIdOf(text: string): PointId | undefined {
  return numberPointId(text) ?? uuidPointId(text);
}
