import { earliest, endOf, isWithin, type End } from '../core/validity.ts';
import { permittedUntil, type AclSubject } from '../core/acl.ts';
import type { Caller } from '../core/caller.ts';
import { judgeAccess } from '../core/grants.ts';
import type { Restriction } from '../core/filter.ts';
import type { CollectionKey, ZoneId } from '../core/ids.ts';
import { trustRank, type Label } from '../core/label.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort, Purpose } from '../core/ports/policy.ts';
import { effectiveZone } from '../core/zone.ts';

export interface Judgement {
  readonly candidate: Candidate;
  /** Effective label at the moment of judging. */
  readonly label: Label;
  readonly rules: readonly string[];
  /** Database time of the judgement, milliseconds. */
  readonly at: number;
  /** The moment, in milliseconds, at which a clock alone ends it: of the document's validity, of an entry of its ACL, or of a grant. */
  readonly until: number | 'forever';
}

/** Why a hit was dropped. Closed, so that it can label a counter. */
export type RefusedBy =
  | 'unknown'
  | 'staged'
  | 'gone'
  | 'off'
  | 'quarantined'
  | 'time'
  | 'acl-gate'
  | 'acl-deny'
  | 'acl-time'
  | 'zone'
  | 'policy'
  | 'restriction'
  | 'bait';

export type JudgedHit =
  | { readonly kind: 'passed'; readonly judgement: Judgement }
  | { readonly kind: 'refused'; readonly by: Exclude<RefusedBy, 'bait'> }
  | { readonly kind: 'refused'; readonly by: 'bait'; readonly document: Bait };

/** A document that is released to nobody. */
export type Bait = Pick<Candidate, 'key' | 'source' | 'document'>;

/** Everything key two judges by, fixed for one reading of the epoch. */
export interface JudgingContext {
  readonly view: TenantView;
  readonly caller: Caller;
  readonly subject: AclSubject;
  readonly purpose: Purpose;
  readonly restriction: Restriction;
  /** Zones that key one admitted. */
  readonly zones: ReadonlySet<ZoneId>;
  /** The hosted collection that was searched; absent for Sluice's own. A chunk of another one is no hit of it. */
  readonly collection?: CollectionKey;
}

function refused(by: Exclude<RefusedBy, 'bait'>): JudgedHit {
  return { kind: 'refused', by };
}

function withinRestriction(view: TenantView, restriction: Restriction, candidate: Candidate, label: Label): boolean {
  const { sources, minTrust, maxLevel } = restriction;
  if (sources !== undefined && !sources.includes(candidate.source)) return false;
  if (minTrust !== undefined && trustRank(label.trust) < trustRank(minTrust)) return false;
  return maxLevel === undefined || view.scheme.rank(label.level) <= view.scheme.rank(maxLevel);
}

/**
 * Key two: the whole table "who may read what" again, from the catalog and from Casbin, for one chunk that the index
 * returned. The index is only ever believed about relevance, never about rights.
 * `at` is database time in milliseconds.
 */
export function judgeHit(policy: PolicyPort, context: JudgingContext, candidate: Candidate | undefined, at: number): JudgedHit {
  if (candidate === undefined || candidate.collection !== context.collection) return refused('unknown');
  if (candidate.state !== 'live') return refused(candidate.state);
  if (!isWithin(candidate, at)) return refused('time');
  const acl = judgeAccess(candidate.acl, context.subject, context.view.grants, context.caller, candidate, at);
  if (acl.kind !== 'permit') return refused(acl.timed ? 'acl-time' : acl.kind === 'refused-by-gate' ? 'acl-gate' : 'acl-deny');
  const { view } = context;
  const zone = view.zones.get(candidate.zone);
  const source = view.sources.get(candidate.source);
  // A zone or source that the view lacks was made after it: the next request sees it.
  if (zone === undefined || source === undefined || zone.source !== source.id) return refused('zone');
  // Not admitted by key one: the document moved to another zone since the index was written.
  if (!context.zones.has(zone.id)) return refused('zone');
  const verdict = policy.confirm(view, context.caller, zone.id, 'retrieve', context.purpose);
  if (verdict.kind === 'refuse') return refused('policy');
  const { label } = effectiveZone(view.scheme, source, zone.declared);
  if (!withinRestriction(view, context.restriction, candidate, label)) return refused('restriction');
  // Asked last: bait is touched by whoever it would have been released to, and by nobody else.
  const { key, source: from, document } = candidate;
  if (candidate.honey) return { kind: 'refused', by: 'bait', document: { key, source: from, document } };
  const { grant } = acl;
  const rules = grant === undefined ? verdict.rules : [...verdict.rules, `grant:${grant.id}`];
  const until = earliest([clockEnd(candidate, context.subject, at), grant?.validUntil ?? 'forever']);
  return { kind: 'passed', judgement: { candidate, label, rules, at, until } };
}

/** True where the catalog does not know a hit, or Casbin refuses a zone that the compiled policy admitted. */
export function isAlarming(by: RefusedBy): boolean {
  return by === 'unknown' || by === 'policy';
}

function clockEnd(candidate: Candidate, subject: AclSubject, at: number): End {
  return earliest([endOf(candidate), permittedUntil(candidate.acl, subject, at)]);
}

/** The first moment, in milliseconds, at which one of the judgements no longer holds though nobody changed anything. */
export function earliestEnd(judgements: readonly Judgement[]): number | 'forever' {
  return earliest(judgements.map(({ until }) => until));
}
