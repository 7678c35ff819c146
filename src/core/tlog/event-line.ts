const HEAD = Buffer.from('{"at":');
const INDEX = Buffer.from(',"index":');
const KIND = Buffer.from(',"kind":"');
const REQUEST = Buffer.from('","requestId":"');
const SALT = Buffer.from('","salt":"');
const SALT_LENGTH = 32;
// In bytes: 256 characters of a request id, each escaped; the longest name of a kind.
const MAX_REQUEST = 1_600;
const MAX_KIND = 128;

export interface EventLineReader {
  /** The position that the event in bytes [start, end) says it has; -1 where it is no event of this tenant. */
  indexOf(bytes: Uint8Array, start: number, end: number): number;
  kindOf(bytes: Uint8Array, start: number, end: number): string | undefined;
}

/**
 * Reads position and kind of the lines of one tenant's log from their end, without parsing their bodies. A quote within a JSON string is
 * escaped, so the names of the fields cannot stand in one.
 */
export function eventLineReader(tenant: string): EventLineReader {
  const tail = Buffer.from(`","tenant":${JSON.stringify(tenant)},"v":`);
  /** Where the name of the kind begins. */
  const place = (bytes: Uint8Array, start: number, end: number): number => {
    const tailAt = end - 2 - tail.length;
    const version = bytes[end - 2] ?? 0;
    if (!matches(bytes, start, HEAD) || bytes[end - 1] !== 0x7d || version < 0x31 || version > 0x32 || !matches(bytes, tailAt, tail))
      return -1;
    const saltAt = tailAt - SALT_LENGTH - SALT.length;
    if (!matches(bytes, saltAt, SALT)) return -1;
    const requestAt = findBack(bytes, REQUEST, saltAt - 1, Math.max(start, saltAt - MAX_REQUEST));
    // A second field of the same name would be the one that some readers take, and others not.
    if (requestAt < 0 || quoteWithin(bytes, requestAt + REQUEST.length, saltAt)) return -1;
    const kindAt = findBack(bytes, KIND, requestAt - 1, Math.max(start, requestAt - MAX_KIND));
    return kindAt < 0 || quoteWithin(bytes, kindAt + KIND.length, requestAt) ? -1 : kindAt;
  };
  return {
    indexOf(bytes, start, end) {
      const kindAt = place(bytes, start, end);
      return kindAt < 0 ? -1 : numberBefore(bytes, start, kindAt);
    },
    kindOf(bytes, start, end) {
      const kindAt = place(bytes, start, end);
      if (kindAt < 0) return undefined;
      const from = kindAt + KIND.length;
      return Buffer.from(bytes.subarray(from, bytes.indexOf(0x22, from))).toString('utf8');
    },
  };
}

/** The digits of `"index":<digits>` that end at this place; -1 for none, for leading zeros and for numbers that are too large. */
function numberBefore(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  let factor = 1;
  let at = end - 1;
  for (; at > start && isDigit(bytes[at]) && factor < 1e16; at -= 1) {
    value += ((bytes[at] ?? 0) - 0x30) * factor;
    factor *= 10;
  }
  if (at === end - 1 || !matches(bytes, at + 1 - INDEX.length, INDEX)) return -1;
  const leadingZero = bytes[at + 1] === 0x30 && at + 2 < end;
  return leadingZero || !Number.isSafeInteger(value) ? -1 : value;
}

/** A quote that is not escaped: the string ends there. */
function quoteWithin(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    if (bytes[at] === 0x22) return true;
    if (bytes[at] === 0x5c) at += 1;
  }
  return false;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function matches(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (at < 0) return false;
  for (let i = 0; i < wanted.length; i += 1) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

function findBack(bytes: Uint8Array, wanted: Uint8Array, from: number, floor: number): number {
  for (let at = from; at >= floor; at -= 1) if (bytes[at] === wanted[0] && matches(bytes, at, wanted)) return at;
  return -1;
}
