import { principal, type Principal } from '../core/principal.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { groupsIncomplete, invalidToken } from './failures.ts';
import { MAX_GROUPS } from './limits.ts';
import { isObject, type Members } from './strict-json.ts';

/**
 * The person's groups, or a failure: `groups_incomplete` wherever the token may not name them all, `invalid_token` for
 * a claim that is not a list of names. Absence is never read as "no groups", since a deny on a missing group would fail
 * open; only an empty list says that there are none.
 */
export function groupsOf(claims: Members, config: IssuerConfig): readonly Principal[] {
  const rule = config.claims.groups;
  if (rule.kind === 'none') return [];
  refuseOverage(claims, rule.claim);
  if (!claims.has(rule.claim)) throw groupsIncomplete('the groups claim is missing');
  const value = claims.get(rule.claim);
  if (!Array.isArray(value)) throw invalidToken('groups are not a list');
  if (value.length > MAX_GROUPS) throw invalidToken('more groups than the limit');
  // A provider that cuts its list in silence is known only by the length at which it does so.
  if (rule.maximum !== undefined && value.length >= rule.maximum) throw groupsIncomplete('as many groups as the provider gives at most');
  return [...new Set(value.map((member: unknown) => groupPrincipal(member, config.name)))];
}

/** Entra's marks for a list it left out: `_claim_names` (OpenID Connect Core §5.6.2) and `hasgroups`. */
function refuseOverage(claims: Members, claim: string): void {
  const elsewhere = claims.get('_claim_names');
  const distributed = claims.has('_claim_names') && (!isObject(elsewhere) || Object.hasOwn(elsewhere, claim));
  const flagged = claims.has('hasgroups') && claims.get('hasgroups') !== false;
  if (distributed || flagged) throw groupsIncomplete('the provider left groups out');
}

/** Always `group:<issuer>|…`, whatever the name says: a group called `role:x` is a group. Never dropped: a deny may name it. */
function groupPrincipal(member: unknown, issuer: string): Principal {
  const made = typeof member === 'string' && member !== '' ? principal('group', issuer, member) : undefined;
  if (made === undefined) throw invalidToken('a group that is no name');
  return made;
}
