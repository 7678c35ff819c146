import type { Principal } from './principal.ts';

/** In force over [from, until), milliseconds since 1970 on the database's clock. At least one bound; `from` is before `until`. */
export interface TimedEntry {
  readonly principal: Principal;
  readonly from?: number;
  readonly until?: number;
}

/** A plain principal holds always, and is stored as it ever was. */
export type AclEntry = Principal | TimedEntry;

/** `from` and `until` may be infinite. Empty where `from` is not before `until`. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

export const ALWAYS: Span = { from: -Infinity, until: Infinity };

export function isTimed(entry: AclEntry): entry is TimedEntry {
  return typeof entry !== 'string';
}

export function entryPrincipal(entry: AclEntry): Principal {
  return isTimed(entry) ? entry.principal : entry;
}

export function entrySpan(entry: AclEntry): Span {
  return isTimed(entry) ? { from: entry.from ?? -Infinity, until: entry.until ?? Infinity } : ALWAYS;
}

export function inForce(entry: AclEntry, at: number): boolean {
  if (!isTimed(entry)) return true;
  const { from, until } = entrySpan(entry);
  return from <= at && at < until;
}

/** True where every moment of `wanted` is in one of the spans. */
export function covers(spans: readonly Span[], wanted: Span): boolean {
  let { from } = wanted;
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    if (from >= wanted.until || span.from > from) break;
    from = Math.max(from, span.until);
  }
  return from >= wanted.until;
}

/** The shortest span that holds all of them; empty for none. */
export function hull(spans: readonly Span[]): Span {
  return spans.reduce((sum, { from, until }) => ({ from: Math.min(sum.from, from), until: Math.max(sum.until, until) }), {
    from: Infinity,
    until: -Infinity,
  });
}

/** Sorted, each once, in the one spelling that is stored. What a plain entry of the same principal covers is left out. */
export function normaliseEntries(entries: readonly AclEntry[]): readonly AclEntry[] {
  const plain = new Set(entries.filter((entry) => !isBounded(entry)).map(entryPrincipal));
  const timed = new Map(
    entries.filter(isTimed).flatMap((entry) => (plain.has(entry.principal) ? [] : [[JSON.stringify(spelt(entry)), spelt(entry)] as const])),
  );
  return timed.size === 0 ? [...plain].sort() : [...plain, ...timed.values()].sort(inOrder);
}

function isBounded(entry: AclEntry): boolean {
  return isTimed(entry) && (entry.from !== undefined || entry.until !== undefined);
}

function spelt({ principal, from, until }: TimedEntry): TimedEntry {
  return { principal, ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
}

function inOrder(a: AclEntry, b: AclEntry): number {
  const [one, other] = [entryPrincipal(a), entryPrincipal(b)];
  if (one !== other) return one < other ? -1 : 1;
  const [first, second] = [entrySpan(a), entrySpan(b)];
  if (first.from !== second.from) return first.from < second.from ? -1 : 1;
  return first.until === second.until ? 0 : first.until < second.until ? -1 : 1;
}
