/** The root key of a point's payload that filters of the house stand on. No request may name it. */
export const RESERVED_KEY = '_sluice';

export type PathStep =
  { readonly kind: 'key'; readonly key: string } | { readonly kind: 'all' } | { readonly kind: 'index'; readonly index: number };
export type PayloadPath = readonly [{ readonly kind: 'key'; readonly key: string }, ...PathStep[]];

// Rust's `char::is_alphanumeric` is Alphabetic or a number. Quoted names have no escapes; they may be empty.
const STEP = /(?:(\.)?(?:([\p{Alphabetic}\p{N}_-]+)|"([^"]*)")|\[(\d*)\])/uy;

const MAX_INDEX = 2n ** 64n - 1n;

/** A path as Qdrant reads it: names, plain or quoted, each with `[]` or `[n]` behind it. Undefined where it is none. */
export function parsePath(text: string): PayloadPath | undefined {
  const steps: PathStep[] = [];
  STEP.lastIndex = 0;
  for (let at = 0; at < text.length; at = STEP.lastIndex) {
    const found = STEP.exec(text);
    if (found === null) return undefined;
    const name = found[2] ?? found[3];
    // A name needs a dot before it, except the first.
    if (name !== undefined && (found[1] === undefined) !== (at === 0)) return undefined;
    if (name !== undefined) steps.push({ kind: 'key', key: name });
    else if (at === 0) return undefined;
    else if (BigInt(`0${found[4]}`) > MAX_INDEX) return undefined;
    else steps.push(found[4] === '' ? { kind: 'all' } : { kind: 'index', index: Number(found[4]) });
  }
  const [first, ...rest] = steps;
  return first?.kind === 'key' ? [first, ...rest] : undefined;
}

/** Whether a name is the reserved one to a reader that folds what looks alike. Qdrant itself compares code by code. */
export function isReservedName(name: string): boolean {
  const folded = name
    .normalize('NFKC')
    .replaceAll(/[\p{Default_Ignorable_Code_Point}\s]/gu, '')
    .toLowerCase();
  return folded === RESERVED_KEY;
}

/** Whether a path begins at the reserved key; also true for what is no path at all, so that nothing unread passes. */
export function isReservedPath(text: string): boolean {
  const path = parsePath(text);
  return path === undefined || isReservedName(path[0].key);
}

/** Whether a payload that somebody writes has the reserved key at its root. */
export function payloadHasReserved(payload: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(payload).some(isReservedName);
}
