import { parseTenantId } from '../core/ids.ts';
import { isAsymmetricAlgorithm, type IssuerConfig } from '../core/ports/identity.ts';
import { isProviderUrl } from './provider-url.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;
const MAX_SKEW_SECONDS = 300;

/**
 * What is wrong with a set of issuers, each line naming the issuer and the setting; empty where they may be used.
 * No value is quoted but short names.
 */
export function issuerProblems(issuers: readonly IssuerConfig[]): readonly string[] {
  const problems = issuers.flatMap((issuer) => problemsOf(issuer).map((problem) => `${issuer.name}: ${problem}`));
  if (new Set(issuers.map((i) => i.name)).size !== issuers.length) problems.push('two issuers have the same name');
  // One `iss` must select one configuration, or a token could be judged by the laxer of two.
  if (new Set(issuers.map((i) => i.url)).size !== issuers.length) problems.push('two issuers have the same url');
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
    [named.length > 0 && named.every((t) => parseTenantId(t) !== undefined), 'tenants: at least one, each a tenant name'],
    [Number.isFinite(issuer.clockSkewSeconds), 'clockSkewSeconds: a number'],
    [issuer.clockSkewSeconds >= 0 && issuer.clockSkewSeconds <= MAX_SKEW_SECONDS, `clockSkewSeconds: 0 to ${MAX_SKEW_SECONDS}`],
    [claims.groups.kind === 'none' || (claims.groups.maximum ?? 1) >= 1, 'claims.groups.maximum: 1 or more'],
  ];
  return checks.flatMap(([holds, problem]) => (holds ? [] : [problem]));
}
