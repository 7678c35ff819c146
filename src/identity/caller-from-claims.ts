import { type Caller, type CallerUser, type Scope, SCOPES } from '../core/caller.ts';
import { parseTenantId, type TenantId } from '../core/ids.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { principal, type Principal, type PrincipalKind } from '../core/principal.ts';
import { actorOf } from './actors.ts';
import { requiredText, type VerifiedClaims } from './claims.ts';
import { groupsIncomplete, invalidToken } from './failures.ts';
import { groupsOf } from './groups.ts';
import type { Members } from './strict-json.ts';

/**
 * Fails with `invalid_token` or `groups_incomplete`. `tokenDigest` is hex. `lookedUp` stands in where the token says that its groups
 * are elsewhere, and nowhere else.
 */
export function callerFromClaims(
  verified: VerifiedClaims,
  config: IssuerConfig,
  tokenDigest: string,
  lookedUp?: readonly Principal[],
): Caller {
  const { claims, client } = verified;
  return {
    tenant: tenantOf(claims, config),
    issuer: config.name,
    user: userOf(verified, config, lookedUp),
    client: made('client', config.name, client),
    ...actorOf(claims, config),
    scopes: scopesOf(claims, config),
    tokenDigest,
    expiresAt: verified.expiresAt,
    login: verified.login,
  };
}

function tenantOf(claims: Members, config: IssuerConfig): TenantId {
  const { tenants } = config;
  const name = tenants.kind === 'fixed' ? tenants.tenant : requiredText(claims, tenants.claim);
  const tenant = parseTenantId(name);
  const asserted = tenants.kind === 'fixed' || tenants.allow.includes(name);
  if (tenant === undefined || !asserted) throw invalidToken('a tenant this issuer may not assert');
  return tenant;
}

function userOf(verified: VerifiedClaims, config: IssuerConfig, lookedUp?: readonly Principal[]): CallerUser {
  if (isClientAlone(verified, config)) return { kind: 'none' };
  const user = { kind: 'user', principal: made('user', config.name, verified.subject) } as const;
  // Whatever such a token says of groups or guests is not looked at: the directory alone knows.
  if (config.directory?.kind === 'authoritative') return { ...user, groups: [], guest: true, groupsFrom: 'directory' };
  const said = groupsOf(verified.claims, config);
  const groups = said.kind === 'named' ? said.groups : lookedUp;
  if (groups === undefined) throw groupsIncomplete(said.kind === 'elsewhere' ? said.detail : '');
  return { ...user, groups, guest: isGuest(verified.claims, config) };
}

/**
 * A token a client got for itself: RFC 9068 §2.2 makes `sub` the client. Entra and Auth0 put something else there and
 * say so otherwise; Auth0's mark counts only together with its `sub`, and a configured mark only together with the client's name,
 * so that a person who chose a name with the prefix is not taken for an application.
 */
function isClientAlone({ claims, subject, client }: VerifiedClaims, { serviceAccounts }: IssuerConfig): boolean {
  const auth0 = claims.get('gty') === 'client-credentials' && subject === `${client}@clients`;
  const own = serviceAccounts === undefined ? undefined : claims.get(serviceAccounts.claim);
  const name = `${serviceAccounts?.prefix ?? ''}${client}`;
  // Keycloak writes user names in lower case, and client names as they are.
  const marked = own !== undefined && (own === name || own === name.toLowerCase());
  return subject === client || claims.get('idtyp') === 'app' || auth0 || marked;
}

/** Anything but a listed value, and no value at all, is a guest. Numbers and booleans count as they are written (Entra's `acct: 0`). */
function isGuest(claims: Members, config: IssuerConfig): boolean {
  const rule = config.claims.guest;
  if (rule.kind === 'none') return true;
  const value = claims.get(rule.claim);
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return !values.some((v) => ['string', 'number', 'boolean'].includes(typeof v) && rule.members.includes(String(v)));
}

/** Scopes of other services are none of ours and are passed over; a missing claim grants nothing. */
function scopesOf(claims: Members, config: IssuerConfig): ReadonlySet<Scope> {
  const { scope, scopePrefix } = config.claims;
  if (!claims.has(scope)) return new Set();
  const value = claims.get(scope);
  const names: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [undefined];
  if (!names.every((name) => typeof name === 'string')) throw invalidToken('scopes of the wrong type');
  const own = names.filter((name) => name.startsWith(scopePrefix)).map((name) => name.slice(scopePrefix.length));
  return new Set(SCOPES.filter((known) => own.includes(known)));
}

function made(kind: PrincipalKind, issuer: string, id: string): Principal {
  const result = principal(kind, issuer, id);
  if (result === undefined) throw invalidToken('a name that can be no principal');
  return result;
}
