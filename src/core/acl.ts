import { EVERYONE, EVERYONE_EXCEPT_GUESTS, principalParts, type Principal } from './principal.ts';

/**
 * Gates are an AND of ORs: every gate must name one of the reader's principals. No gates, or an empty gate, means nobody.
 * A deny entry beats every grant. Each list is sorted and without duplicates (see `normaliseAcl`).
 */
export interface Acl {
  readonly gates: readonly (readonly Principal[])[];
  readonly deny: readonly Principal[];
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

export type AclVerdict =
  { readonly kind: 'permit' } | { readonly kind: 'refused-by-gate'; readonly gate: number } | { readonly kind: 'refused-by-deny' };

/** Source of the rule: the ACL rows of the table "who may read what" in docs/security.md. */
export function judgeAcl(acl: Acl, subject: AclSubject): AclVerdict {
  if (acl.deny.some((p) => subject.deny.has(p))) return { kind: 'refused-by-deny' };
  if (acl.gates.length === 0) return { kind: 'refused-by-gate', gate: 0 };
  const closed = acl.gates.findIndex((gate) => !gate.some((p) => subject.gate.has(p)));
  return closed === -1 ? { kind: 'permit' } : { kind: 'refused-by-gate', gate: closed };
}

function sortedPrincipals(principals: readonly Principal[]): readonly Principal[] {
  return [...new Set(principals)].sort();
}

export function normaliseAcl(acl: Acl): Acl {
  return { gates: acl.gates.map(sortedPrincipals), deny: sortedPrincipals(acl.deny) };
}

export function aclEntryCount(acl: Acl): number {
  return acl.gates.reduce((sum, gate) => sum + gate.length, acl.deny.length);
}

export function aclCharacters(acl: Acl): number {
  return [...acl.gates, acl.deny].reduce((sum, list) => list.reduce((inner, p) => inner + p.length, sum), 0);
}

/**
 * True where nobody who could not read under `before` can under `after`. Errs towards false: what cannot be shown
 * to be narrower is treated as wider, and needs the right to widen.
 */
export function isNoWider(before: Acl, after: Acl): boolean {
  if (!before.deny.every((p) => after.deny.includes(p))) return false;
  if (after.gates.length === 0) return true;
  return before.gates.length > 0 && before.gates.every((gate) => after.gates.some((g) => g.every((p) => lets(gate, p))));
}

/** Whoever holds `p` passes the gate. Every person holds `everyone`; a client without a user holds itself alone. */
function lets(gate: readonly Principal[], p: Principal): boolean {
  if (gate.includes(p)) return true;
  return gate.includes(EVERYONE) && (p === EVERYONE_EXCEPT_GUESTS || ['user', 'group'].includes(principalParts(p)?.kind ?? ''));
}

/** True where nobody who could read under `before` loses that under `after`. Errs towards false, as above. */
export function isNoNarrower(before: Acl, after: Acl): boolean {
  return isNoWider(after, before);
}
