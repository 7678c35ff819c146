import { AppError } from '../core/errors.ts';
import type { AuthorizedFilter, FilterSpec, GrantTerm, Opening, Restriction } from '../core/filter.ts';
import type { Grant } from '../core/grants.ts';
import type { PrincipalNumber, ZoneId } from '../core/ids.ts';
import { trustRank, type LabelScheme } from '../core/label.ts';
import type { Principal } from '../core/principal.ts';
import type { PolicyObject } from '../core/zone.ts';
import { zoneTerm } from './zone-term.ts';

/** True where the request did not narrow the zone away. Judged on the effective label, as everything else is. */
export function withinRestriction(scheme: LabelScheme, restriction: Restriction, zone: PolicyObject): boolean {
  const { sources, minTrust, maxLevel } = restriction;
  if (sources !== undefined && !sources.includes(zone.source)) return false;
  if (minTrust !== undefined && trustRank(zone.label.trust) < trustRank(minTrust)) return false;
  return maxLevel === undefined || scheme.rank(zone.label.level) <= scheme.rank(maxLevel);
}

/** The numbers of those principals that are in the set, ascending. */
export function numbersOf(
  principals: ReadonlySet<Principal>,
  numbers: ReadonlyMap<Principal, PrincipalNumber>,
): readonly PrincipalNumber[] {
  const found: PrincipalNumber[] = [];
  for (const [principal, number] of numbers) if (principals.has(principal)) found.push(number);
  return found.sort((a, b) => a - b);
}

/** What these grants open of these zones. By zone for single documents, since a grant ends where its document moves to another one. */
export function grantTerm(grants: readonly Grant[], zones: readonly ZoneId[]): GrantTerm {
  const whole = new Set(grants.flatMap((grant) => (grant.document.kind === 'all' ? [...grant.zones] : [])));
  const opened = zones.filter((zone) => whole.has(zone));
  const openings: Opening[] = opened.length === 0 ? [] : [{ kind: 'zones', zones: Object.freeze(zoneTerm(opened)) }];
  const single = grants.flatMap(({ document, zones: within }) => (document.kind === 'one' ? [{ key: document.key, within }] : []));
  for (const zone of single.length === 0 ? [] : zones) {
    const [first, ...more] = new Set(whole.has(zone) ? [] : single.filter(({ within }) => within.has(zone)).map(({ key }) => key));
    if (first !== undefined) openings.push({ kind: 'documents', zone, documents: [first, ...more] });
  }
  const [first, ...more] = openings.map((opening) => Object.freeze(opening));
  return first === undefined ? { kind: 'none' } : { kind: 'opened', openings: Object.freeze([first, ...more] as const) };
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

/**
 * The only place where a filter becomes an AuthorizedFilter. `zones` ascending and not empty; frozen, so that nothing
 * downstream can widen it.
 */
export function mintFilter(spec: Omit<FilterSpec, 'zones'> & { readonly zones: readonly ZoneId[] }): AuthorizedFilter {
  // 0 means "no gate here" in the index: as one of the caller's numbers it is redundant in a gate, and as a deny it hides all.
  if (!Number.isFinite(spec.now) || ![...spec.zones, ...spec.gate, ...spec.deny].every(isNumber)) {
    throw new AppError('policy_unavailable', { detail: 'a filter out of range: zones, principal numbers or time' });
  }
  const zones = Object.freeze(zoneTerm(spec.zones));
  const [gate, deny] = [Object.freeze([...spec.gate]), Object.freeze([...spec.deny])];
  const without = Object.freeze(
    spec.without.kind === 'none' ? spec.without : { ...spec.without, documents: Object.freeze([...spec.without.documents]) },
  );
  return Object.freeze({ ...spec, zones, gate, deny, grants: Object.freeze(spec.grants), without }) as AuthorizedFilter;
}
