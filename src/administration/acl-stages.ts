import type { Acl, AclSubject } from '../core/acl.ts';
import { entryPrincipal, entrySpan, inForce, isTimed, type AclEntry } from '../core/acl-entry.ts';
import { mayHold, type Outcome, type Possible } from '../core/ports/explain.ts';
import type { Principal } from '../core/principal.ts';

/** An entry that bears on the answer. Shown to whoever may see the ACL, and to nobody else. */
export interface BearingEntry {
  readonly principal: Principal;
  /** `held`; `possible` where it is not known; `ended` or `to-come` where it is theirs, but not at this time. */
  readonly standing: 'held' | 'possible' | 'ended' | 'to-come';
  /** Milliseconds. */
  readonly from?: number;
  readonly until?: number;
}

export interface GateFinding {
  readonly outcome: Outcome;
  readonly entries: readonly BearingEntry[];
}

export interface AclSubjectBounds extends AclSubject {
  readonly possible: Possible;
}

function bearing(entries: readonly AclEntry[], held: ReadonlySet<Principal>, possible: Possible, at: number): readonly BearingEntry[] {
  return entries.flatMap((entry) => {
    const principal = entryPrincipal(entry);
    if (!held.has(principal) && !mayHold(possible, principal)) return [];
    const bounds = isTimed(entry)
      ? { ...(entry.from === undefined ? {} : { from: entry.from }), ...(entry.until === undefined ? {} : { until: entry.until }) }
      : {};
    const missed = at < entrySpan(entry).from ? 'to-come' : 'ended';
    const standing = !inForce(entry, at) ? missed : held.has(principal) ? 'held' : 'possible';
    return [{ principal, standing, ...bounds }];
  });
}

/** One gate, or a source's ceiling. */
export function gateFinding(gate: readonly AclEntry[], subject: AclSubjectBounds, at: number): GateFinding {
  const entries = bearing(gate, subject.gate, subject.possible, at);
  const any = (standing: BearingEntry['standing']): boolean => entries.some((entry) => entry.standing === standing);
  return { outcome: any('held') ? 'pass' : any('possible') ? 'unknown' : 'refuse', entries };
}

/** Each gate by itself. No gates means nobody, so that is one refusal. */
export function gateFindings({ gates }: Acl, subject: AclSubjectBounds, at: number): readonly GateFinding[] {
  return gates.length === 0 ? [{ outcome: 'refuse', entries: [] }] : gates.map((gate) => gateFinding(gate, subject, at));
}

export function denyFinding({ deny }: Acl, subject: AclSubjectBounds, at: number): GateFinding {
  const entries = bearing(deny, subject.deny, subject.possible, at);
  const any = (standing: BearingEntry['standing']): boolean => entries.some((entry) => entry.standing === standing);
  return { outcome: any('held') ? 'refuse' : any('possible') ? 'unknown' : 'pass', entries };
}

/** Refused where anything refuses, unknown where anything is not known, passed where everything passes. */
export function joined(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes('refuse')) return 'refuse';
  return outcomes.includes('unknown') ? 'unknown' : 'pass';
}

/** Gates and denies together, and nothing to show for it: for reports that ask it a million times. `opened`: a grant opens the gates. */
export function aclOutcome(acl: Acl, subject: AclSubjectBounds, opened: boolean, at: number): Outcome {
  const denied = listOutcome(acl.deny, subject.deny, subject.possible, at);
  if (denied === 'pass') return 'refuse';
  if (opened) return denied === 'unknown' ? 'unknown' : 'pass';
  if (acl.gates.length === 0) return 'refuse';
  let outcome: Outcome = denied === 'unknown' ? 'unknown' : 'pass';
  for (const gate of acl.gates) {
    const held = listOutcome(gate, subject.gate, subject.possible, at);
    if (held === 'refuse') return 'refuse';
    if (held === 'unknown') outcome = 'unknown';
  }
  return outcome;
}

/** `pass` where the list names them. */
export function listOutcome(list: readonly AclEntry[], held: ReadonlySet<Principal>, possible: Possible, at: number): Outcome {
  let outcome: Outcome = 'refuse';
  for (const entry of list) {
    if (!inForce(entry, at)) continue;
    const principal = entryPrincipal(entry);
    if (held.has(principal)) return 'pass';
    if (mayHold(possible, principal)) outcome = 'unknown';
  }
  return outcome;
}
