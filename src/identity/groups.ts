import { principal, type Principal } from '../core/principal.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { groupsIncomplete, invalidToken } from './failures.ts';
import { MAX_GROUPS } from './limits.ts';
import { isObject, type Members } from './strict-json.ts';

/** What a token says of groups. `elsewhere`: it says that there are more than it names. */
export type TokenGroups =
  { readonly kind: 'named'; readonly groups: readonly Principal[] } | { readonly kind: 'elsewhere'; readonly detail: string };

/**
 * The person's groups as the token names them, or a failure: `groups_incomplete` where the claim is missing, `invalid_token` for
 * a claim that is not a list of names. Absence is never read as "no groups", since a deny on a missing group would fail
 * open; only an empty list says that there are none.
 */
export function groupsOf(claims: Members, config: IssuerConfig): TokenGroups {
  const rule = config.claims.groups;
  if (rule.kind === 'none') return { kind: 'named', groups: [] };
  if (saysOverage(claims, rule.claim)) return { kind: 'elsewhere', detail: 'the provider left groups out' };
  if (!claims.has(rule.claim)) throw groupsIncomplete('the groups claim is missing');
  const value = claims.get(rule.claim);
  if (!Array.isArray(value)) throw invalidToken('groups are not a list');
  if (value.length > MAX_GROUPS) throw invalidToken('more groups than the limit');
  const groups = [...new Set(value.map((member: unknown) => groupPrincipal(member, config.name)))];
  // A provider that cuts its list in silence is known only by the length at which it does so.
  const cut = rule.maximum !== undefined && value.length >= rule.maximum;
  return cut ? { kind: 'elsewhere', detail: 'as many groups as the provider gives at most' } : { kind: 'named', groups };
}

/** Entra's marks for a list it left out: `_claim_names` (OpenID Connect Core §5.6.2) and `hasgroups`. */
function saysOverage(claims: Members, claim: string): boolean {
  const elsewhere = claims.get('_claim_names');
  const distributed = claims.has('_claim_names') && (!isObject(elsewhere) || Object.hasOwn(elsewhere, claim));
  return distributed || (claims.has('hasgroups') && claims.get('hasgroups') !== false);
}

/** Always `group:<issuer>|…`, whatever the name says: a group called `role:x` is a group. Never dropped: a deny may name it. */
function groupPrincipal(member: unknown, issuer: string): Principal {
  const made = typeof member === 'string' ? principal('group', issuer, member) : undefined;
  if (made === undefined) throw invalidToken('a group that is no name');
  return made;
}
