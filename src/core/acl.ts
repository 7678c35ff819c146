import { covers, entryPrincipal, entrySpan, hull, inForce, isTimed, normaliseEntries, type AclEntry } from './acl-entry.ts';
import { EVERYONE, EVERYONE_EXCEPT_GUESTS, principalParts, type Principal } from './principal.ts';

/**
 * Gates are an AND of ORs: every gate must name one of the reader's principals. No gates, or an empty gate, means nobody.
 * A deny entry beats every grant. An entry with bounds counts only between them. Each list is sorted and without duplicates
 * (see `normaliseAcl`).
 */
export interface Acl {
  readonly gates: readonly (readonly AclEntry[])[];
  readonly deny: readonly AclEntry[];
}

export const MAX_GATES = 8;
export const MAX_ACL_ENTRIES = 1_000;
/** UTF-16 units of all entries together. The ACL is read with every hit, so a huge one would slow down whoever finds the document. */
export const MAX_ACL_CHARACTERS = 131_072;

/** The principals an ACL is matched against. */
export interface AclSubject {
  /** The user's principals, or the client's where there is no user. */
  readonly gate: ReadonlySet<Principal>;
  /** The user, their groups, the client and the actor. */
  readonly deny: ReadonlySet<Principal>;
}

/** `timed`: an entry with bounds decided it, so it may be otherwise at another time. */
export type AclVerdict =
  | { readonly kind: 'permit' }
  | { readonly kind: 'refused-by-gate'; readonly gate: number; readonly timed: boolean }
  | { readonly kind: 'refused-by-deny'; readonly timed: boolean };

/** `at`: milliseconds of the database's clock. Source of the rule: the ACL rows of "who may read what" in docs/security.md. */
export function judgeAcl(acl: Acl, subject: AclSubject, at: number): AclVerdict {
  const denied = acl.deny.filter((entry) => subject.deny.has(entryPrincipal(entry)) && inForce(entry, at));
  if (denied.length > 0) return { kind: 'refused-by-deny', timed: denied.every(isTimed) };
  if (acl.gates.length === 0) return { kind: 'refused-by-gate', gate: 0, timed: false };
  const names = (entry: AclEntry): boolean => subject.gate.has(entryPrincipal(entry));
  const closed = acl.gates.findIndex((gate) => !gate.some((entry) => names(entry) && inForce(entry, at)));
  if (closed === -1) return { kind: 'permit' };
  return { kind: 'refused-by-gate', gate: closed, timed: (acl.gates[closed] ?? []).some(names) };
}

/**
 * Until when, in milliseconds, what `judgeAcl` permitted at `at` can go unasked: the first moment after it at which a grant of
 * this subject ends or a deny of theirs begins. `forever` where no clock can take it away.
 */
export function permittedUntil(acl: Acl, subject: AclSubject, at: number): number | 'forever' {
  let first = Infinity;
  const note = (moment: number): void => {
    if (moment > at && moment < first) first = moment;
  };
  for (const entry of acl.gates.flat()) if (isTimed(entry) && subject.gate.has(entry.principal)) note(entrySpan(entry).until);
  for (const entry of acl.deny) if (isTimed(entry) && subject.deny.has(entry.principal)) note(entrySpan(entry).from);
  return first === Infinity ? 'forever' : first;
}

/**
 * What the index holds of an ACL: principals that may open each gate at some time, and those whom a deny keeps out at all times.
 * A deny with bounds is not in it: until the index heard of its end it would hide what is readable. So the index errs towards
 * admitting, and key two refuses.
 */
export function indexedPrincipals(acl: Acl): { readonly gates: readonly (readonly Principal[])[]; readonly deny: readonly Principal[] } {
  return {
    gates: acl.gates.map((gate) => [...new Set(gate.map(entryPrincipal))]),
    deny: acl.deny.filter((entry) => !isTimed(entry)).map(entryPrincipal),
  };
}

/** Validity of a document in seconds, [from, until), as everywhere in the catalog. */
export interface Validity {
  readonly validFrom: number | 'always';
  readonly validUntil: number | 'forever';
}

/**
 * A document's validity as the index holds it: cut to the time in which each gate has an entry in force, so that documents all of
 * whose grants have ended cost a search nothing. Whole seconds outwards, never shorter than what key two permits.
 */
export function indexedValidity(acl: Acl, { validFrom, validUntil }: Validity): Validity {
  let [from, until] = [validFrom === 'always' ? -Infinity : validFrom, validUntil === 'forever' ? Infinity : validUntil];
  for (const gate of acl.gates) {
    if (gate.length === 0) continue;
    const span = hull(gate.map(entrySpan));
    from = Math.max(from, Math.floor(span.from / 1_000));
    until = Math.min(until, Math.ceil(span.until / 1_000));
  }
  return { validFrom: from === -Infinity ? 'always' : from, validUntil: until === Infinity ? 'forever' : until };
}

export function normaliseAcl(acl: Acl): Acl {
  return { gates: acl.gates.map(normaliseEntries), deny: normaliseEntries(acl.deny) };
}

/** Each principal once, timed or not. */
export function aclPrincipals(acl: Acl): readonly Principal[] {
  return [...new Set([...acl.gates.flat(), ...acl.deny].map(entryPrincipal))];
}

export function aclEntryCount(acl: Acl): number {
  return acl.gates.reduce((sum, gate) => sum + gate.length, acl.deny.length);
}

/** Bounds count as the characters that they are stored with. */
export function aclCharacters(acl: Acl): number {
  const length = (entry: AclEntry): number => (isTimed(entry) ? JSON.stringify(entry).length : entry.length);
  return [...acl.gates, acl.deny].reduce((sum, list) => list.reduce((inner, entry) => inner + length(entry), sum), 0);
}

/**
 * True where nobody who could not read under `before` can under `after`, at any time. Errs towards false: what cannot be shown
 * to be narrower is treated as wider, and needs the right to widen.
 */
export function isNoWider(before: Acl, after: Acl): boolean {
  if (!before.deny.every((entry) => denies(after.deny, entry))) return false;
  if (after.gates.length === 0) return true;
  return before.gates.length > 0 && before.gates.every((gate) => after.gates.some((g) => g.every((entry) => lets(gate, entry))));
}

/** Whoever `entry` denies is denied by the list, at every moment of it. */
function denies(list: readonly AclEntry[], entry: AclEntry): boolean {
  const same = list.filter((other) => entryPrincipal(other) === entryPrincipal(entry));
  return covers(same.map(entrySpan), entrySpan(entry));
}

/** Whoever `entry` lets in passes the gate, at every moment of it. */
function lets(gate: readonly AclEntry[], entry: AclEntry): boolean {
  const p = entryPrincipal(entry);
  return covers(gate.filter((other) => includes(entryPrincipal(other), p)).map(entrySpan), entrySpan(entry));
}

/** Whoever holds `p` holds `wide`. Every person holds `everyone`; a client without a user holds itself alone. */
function includes(wide: Principal, p: Principal): boolean {
  if (wide === p) return true;
  return wide === EVERYONE && (p === EVERYONE_EXCEPT_GUESTS || ['user', 'group'].includes(principalParts(p)?.kind ?? ''));
}

/** True where nobody who could read under `before` loses that under `after`. Errs towards false, as above. */
export function isNoNarrower(before: Acl, after: Acl): boolean {
  return isNoWider(after, before);
}
