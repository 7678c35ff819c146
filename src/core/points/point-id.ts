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
// Qdrant reads 32 hex digits, and the hyphenated form, which may stand after `urn:uuid:` (in lower case) or within braces.
const PLAIN = /^([0-9a-fA-F]{8})([0-9a-fA-F]{4})([0-9a-fA-F]{4})([0-9a-fA-F]{4})([0-9a-fA-F]{12})$/;
const HYPHENATED = /^([0-9a-fA-F]{8})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{12})$/;
const WRAPPED = /^(?:urn:uuid:(.*)|\{(.*)\})$/;

/** From the digits of a JSON number. Undefined where Qdrant would not take it as an id. */
export function numberPointId(digits: string): PointId | undefined {
  return DIGITS.test(digits) && BigInt(digits) <= MOST ? { kind: 'number', digits } : undefined;
}

/** From a JSON string. Undefined where it is no UUID. */
export function uuidPointId(text: string): PointId | undefined {
  const wrapped = WRAPPED.exec(text);
  const inner = wrapped?.[1] ?? wrapped?.[2];
  const parts = (inner === undefined ? (PLAIN.exec(text) ?? HYPHENATED.exec(text)) : HYPHENATED.exec(inner))?.slice(1);
  return parts === undefined ? undefined : { kind: 'uuid', uuid: parts.join('-').toLowerCase() };
}

/** The reverse of `pointIdText`. */
export function pointIdOf(text: string): PointId | undefined {
  return numberPointId(text) ?? uuidPointId(text);
}
