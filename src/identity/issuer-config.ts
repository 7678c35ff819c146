import { parseTenantId } from '../core/ids.ts';
import { isAsymmetricAlgorithm, type IssuerConfig, type IssuerSummary } from '../core/ports/identity.ts';
import { isProviderUrl } from './provider-url.ts';
import { FOREIGN_TYPES } from './token-kinds.ts';
import { normaliseType } from './token-shape.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;
const MAX_SKEW_SECONDS = 300;
const MAX_AGE_SECONDS = 30 * 86_400;
const MAX_CACHE_SECONDS = 300;

/**
 * What is wrong with a set of issuers, each line naming the issuer and the setting; empty where they may be used.
 * No value is quoted but short names.
 */
export function issuerProblems(issuers: readonly IssuerConfig[]): readonly string[] {
  const problems = issuers.flatMap((issuer) => problemsOf(issuer).map((problem) => `${issuer.name}: ${problem}`));
  if (new Set(issuers.map((i) => i.name)).size !== issuers.length) problems.push('two issuers have the same name');
  // One `iss` must select one configuration, or a token could be judged by the laxer of two.
  if (new Set(issuers.map((i) => i.url)).size !== issuers.length) problems.push('two issuers have the same url');
  // A token that nobody can read says not whose it is: to ask several would show it to strangers.
  if (issuers.filter((i) => i.introspection !== undefined).length > 1) problems.push('more than one issuer with introspection');
  return problems;
}

function problemsOf(issuer: IssuerConfig): readonly string[] {
  const { tenants, audienceCheck, claims } = issuer;
  const named = tenants.kind === 'fixed' ? [tenants.tenant] : tenants.allow;
  const checks: readonly (readonly [boolean, string])[] = [
    [NAME.test(issuer.name), 'name: lower-case letters, digits and hyphens, at most 31'],
    [isProviderUrl(issuer.url, issuer.plainHttp), 'url: https, or http on loopback, without user or fragment'],
    [!issuer.url.includes('?') && !issuer.url.includes('/.well-known/'), 'url: the issuer identifier, not the address of its metadata'],
    [audienceCheck.kind === 'client-id' || issuer.audiences.length > 0, 'audiences: at least one'],
    [audienceCheck.kind === 'claim' || audienceCheck.allow.length > 0, 'audienceCheck.allow: at least one client'],
    [issuer.audiences.every((a) => a !== ''), 'audiences: none may be empty'],
    [issuer.algorithms.length > 0 && issuer.algorithms.every(isAsymmetricAlgorithm), 'algorithms: asymmetric JWS algorithms, at least one'],
    [issuer.types.length > 0, 'types: at least one'],
    [!issuer.types.some((type) => FOREIGN_TYPES.has(normaliseType(type))), 'types: none of what is no access token'],
    [isWhole(issuer.maxTokenAgeSeconds ?? 60, 60, MAX_AGE_SECONDS), `maxTokenAgeSeconds: 60 to ${MAX_AGE_SECONDS}`],
    ...optionalChecks(issuer),
    [named.length > 0 && named.every((t) => parseTenantId(t) !== undefined), 'tenants: at least one, each a tenant name'],
    [Number.isFinite(issuer.clockSkewSeconds), 'clockSkewSeconds: a number'],
    [issuer.clockSkewSeconds >= 0 && issuer.clockSkewSeconds <= MAX_SKEW_SECONDS, `clockSkewSeconds: 0 to ${MAX_SKEW_SECONDS}`],
    [claims.groups.kind === 'none' || (claims.groups.maximum ?? 1) >= 1, 'claims.groups.maximum: 1 or more'],
  ];
  return checks.flatMap(([holds, problem]) => (holds ? [] : [problem]));
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function optionalChecks({ introspection, logout, serviceAccounts, plainHttp }: IssuerConfig): readonly (readonly [boolean, string])[] {
  return [
    [introspection?.url === undefined || isProviderUrl(introspection.url, plainHttp), 'introspection.url: https, or http on loopback'],
    [introspection?.clientId !== '' && introspection?.clientSecret !== '', 'introspection: a client and its secret'],
    [isWhole(introspection?.cacheSeconds ?? 0, 0, MAX_CACHE_SECONDS), `introspection.cacheSeconds: 0 to ${MAX_CACHE_SECONDS}`],
    [logout === undefined || (logout.audiences.length > 0 && logout.audiences.every((a) => a !== '')), 'logout.audiences: at least one'],
    // An access token or an ID token must have no way to be a logout token but by its events.
    [logout === undefined || (logout.types.length > 0 && logout.types.every(isLogoutType)), 'logout.types: logout+jwt or jwt'],
    [serviceAccounts === undefined || (serviceAccounts.claim !== '' && serviceAccounts.prefix !== ''), 'serviceAccounts: claim and prefix'],
  ];
}

function isLogoutType(type: string): boolean {
  return type === 'logout+jwt' || type === 'jwt';
}

/** What the rest of the house may know of an issuer. */
export function summaryOf({ name, url, claims, tenants, directory }: IssuerConfig): IssuerSummary {
  const asserts = tenants.kind === 'fixed' ? [tenants.tenant] : tenants.allow;
  if (directory?.kind === 'authoritative') return { name, url, groups: 'directory', tenants: asserts, directory: directory.subjects };
  return { name, url, groups: claims.groups.kind, tenants: asserts };
}
