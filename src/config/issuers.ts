import { parseTenantId } from '../core/ids.ts';
import { ASYMMETRIC_ALGORITHMS, isAsymmetricAlgorithm, type IntrospectionConfig, type IssuerConfig } from '../core/ports/identity.ts';
import type { ConfigProblem } from './config-error.ts';
import { type IssuerEntry, issuerEntry } from './file.ts';
import { isLoopbackHost, isPlainUrl, isProtectedUrl } from '../core/urls.ts';
import { directoryOf, directoryRules, type LookupSecrets } from './lookups.ts';
import type { Variables } from './variables.ts';

const SECRET = 'SLUICE_INTROSPECTION_SECRET';
/** Short name of the issuer that the variables describe. */
const OIDC = 'oidc';

/**
 * Names that principals carry already: of people that a development issuer made up, in policies and ACLs written against it, and in
 * the audit of whoever works on the machine. A provider under such a name could vouch for them.
 */
const RESERVED = ['dev', 'machine'];

/** What RFC 9068 §2.2 requires beyond `iss` and `exp`. */
function requiredClaims(entry: IssuerEntry): readonly string[] {
  const audience = entry.audienceClientIds === undefined ? ['aud'] : [];
  return [...audience, 'sub', entry.clientClaim, 'iat', 'jti'];
}

function toIssuer(entry: IssuerEntry, secret: string | undefined, lookups: LookupSecrets): IssuerConfig {
  const { tenantClaim, audienceClientIds, groupsMaximum, guests, introspection, logout, serviceAccounts } = entry;
  return {
    name: entry.name,
    url: entry.url,
    audiences: entry.audiences,
    algorithms: entry.algorithms,
    types: entry.types,
    audienceCheck: audienceClientIds === undefined ? { kind: 'claim' } : { kind: 'client-id', allow: audienceClientIds },
    tenants: tenantClaim === undefined ? { kind: 'fixed', tenant: entry.tenant ?? '' } : { kind: 'claim', ...tenantClaim },
    claims: {
      client: entry.clientClaim,
      groups:
        entry.groupsClaim === false
          ? { kind: 'none' }
          : { kind: 'claim', claim: entry.groupsClaim, ...(groupsMaximum === undefined ? {} : { maximum: groupsMaximum }) },
      guest: guests === undefined ? { kind: 'none' } : { kind: 'claim', ...guests },
      scope: entry.scopeClaim,
      scopePrefix: entry.scopePrefix,
    },
    clockSkewSeconds: entry.clockSkewSeconds,
    requiredClaims: entry.requiredClaims ?? requiredClaims(entry),
    maxTokenAgeSeconds: entry.maxTokenAgeSeconds,
    dpop: entry.dpop,
    ...(introspection === undefined ? {} : { introspection: { ...withoutUndefinedUrl(introspection), clientSecret: secret ?? '' } }),
    ...(logout === undefined ? {} : { logout }),
    ...(serviceAccounts === undefined ? {} : { serviceAccounts }),
    ...directoryOf(entry, lookups),
    // Only where it was allowed does an entry with such a URL come this far.
    ...(isProtectedUrl(entry.url) ? {} : { plainHttp: true }),
  };
}

function withoutUndefinedUrl({ url, ...rest }: NonNullable<IssuerEntry['introspection']>): Omit<IntrospectionConfig, 'clientSecret'> {
  return url === undefined ? rest : { ...rest, url };
}

/** Introspection sends a secret and every opaque token: to one provider, over a protected line. */
export function introspectionProblems(
  entries: readonly IssuerEntry[],
  values: Variables,
  given: ReadonlySet<string>,
): readonly ConfigProblem[] {
  const allowHttp = values.SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER !== undefined;
  const asked = entries.flatMap(({ introspection }, index) => (introspection === undefined ? [] : [{ ...introspection, index }]));
  const checks: readonly (readonly [boolean, string, string])[] = [
    [asked.length <= 1, 'SLUICE_CONFIG issuers', 'only one may have introspection: an opaque token does not say whose it is'],
    [asked.length === 0 || given.has(SECRET), SECRET, 'set the secret of the client that asks about tokens (introspection.clientId)'],
    [asked.length > 0 || !given.has(SECRET), SECRET, 'belongs to introspection of an issuer in SLUICE_CONFIG; set that too, or unset this'],
    ...asked.map(({ url, index }): readonly [boolean, string, string] => [
      url === undefined || isProtectedUrl(url) || (allowHttp && isPlainUrl(url, ['http:'])),
      `SLUICE_CONFIG issuers.${index}.introspection.url`,
      'needs an https URL without user, password or fragment',
    ]),
  ];
  return checks.flatMap(([holds, key, message]) => (holds ? [] : [{ key, message }]));
}

/** Undefined where the issuer identifier may be used; else what is wrong with it. */
export function issuerUrlProblem(text: string, allowHttp: boolean): string | undefined {
  const url = isPlainUrl(text, ['https:', 'http:']) ? URL.parse(text) : null;
  if (url === null) return 'needs an https URL without user, password or fragment';
  if (url.search !== '' || url.pathname.includes('/.well-known/')) return "needs the issuer's identifier, not the address of its metadata";
  if (url.protocol === 'https:' || isLoopbackHost(url.hostname) || allowHttp) return undefined;
  return 'needs https; over http anyone on the way could hand out keys (SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER=true allows it)';
}

/** What the shape alone cannot say about the issuers in the file. */
export function issuerProblems(entries: readonly IssuerEntry[], values: Variables): readonly ConfigProblem[] {
  const allowHttp = values.SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER !== undefined;
  const oidc = values.OIDC_ISSUER === undefined ? [] : [{ name: OIDC, url: values.OIDC_ISSUER }];
  const problems = entries.flatMap((entry, index) => {
    const at = (field: string) => `SLUICE_CONFIG issuers.${index}.${field}`;
    const url = issuerUrlProblem(entry.url, allowHttp);
    const tenants = entry.tenantClaim?.allow ?? (entry.tenant === undefined ? [] : [entry.tenant]);
    const checks: readonly (readonly [boolean, string, string])[] = [
      [!RESERVED.includes(entry.name), at('name'), `is reserved: ${RESERVED.join(' and ')} stand for nobody's provider`],
      [url === undefined, at('url'), url ?? ''],
      [(entry.tenant === undefined) !== (entry.tenantClaim === undefined), at('tenant'), 'set either tenant or tenantClaim'],
      [tenants.every((t) => parseTenantId(t) !== undefined), at('tenant'), 'needs lower-case letters, digits and hyphens, at most 63'],
      [
        (entry.audiences.length === 0) === (entry.audienceClientIds !== undefined),
        at('audiences'),
        'set either audiences or audienceClientIds',
      ],
      [entry.algorithms.every(isAsymmetricAlgorithm), at('algorithms'), `needs some of ${ASYMMETRIC_ALGORITHMS.join(', ')}`],
      [entry.groupsMaximum === undefined || entry.groupsClaim !== false, at('groupsMaximum'), 'needs a groupsClaim'],
      ...directoryRules(entry).map(([holds, field, message]) => [holds, at(field), message] as const),
    ];
    return checks.flatMap(([holds, key, message]) => (holds ? [] : [{ key, message }]));
  });
  for (const field of ['name', 'url'] as const) {
    // One `iss` must select one configuration, or a token could be judged by the laxer of two.
    const unique = new Set([...oidc, ...entries].map((entry) => entry[field])).size === oidc.length + entries.length;
    if (!unique) problems.push({ key: 'SLUICE_CONFIG issuers', message: `two issuers have the same ${field}` });
  }
  return problems;
}

/** What is wrong with OIDC_ISSUER and what belongs to it. */
export function oidcProblems(values: Variables, given: ReadonlySet<string>): readonly ConfigProblem[] {
  if (!given.has('OIDC_ISSUER')) {
    const lonely = ['OIDC_AUDIENCE', 'SLUICE_TENANT'].filter((key) => given.has(key));
    return lonely.map((key) => ({ key, message: 'belongs to OIDC_ISSUER; set that too, or unset this' }));
  }
  const allowHttp = values.SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER !== undefined;
  const url = values.OIDC_ISSUER === undefined ? undefined : issuerUrlProblem(values.OIDC_ISSUER, allowHttp);
  const problems: ConfigProblem[] = url === undefined ? [] : [{ key: 'OIDC_ISSUER', message: url }];
  if (values.OIDC_AUDIENCE === undefined || values.OIDC_AUDIENCE.length === 0) {
    problems.push({
      key: 'OIDC_AUDIENCE',
      message: 'set the audience that access tokens for Sluice carry (aud); several separated by spaces',
    });
  }
  if (!given.has('SLUICE_TENANT')) {
    problems.push({
      key: 'SLUICE_TENANT',
      message: 'set the tenant that OIDC_ISSUER vouches for; for several, write the issuer into SLUICE_CONFIG',
    });
  }
  return problems;
}

/** The issuers in force; the one that OIDC_ISSUER stands for has one tenant and keeps RFC 9068 to the letter. */
export function toIssuers(values: Variables, entries: readonly IssuerEntry[], secrets: LookupSecrets): readonly IssuerConfig[] {
  const { OIDC_ISSUER: url, OIDC_AUDIENCE: audiences, SLUICE_TENANT: tenant } = values;
  const oidc = url === undefined ? [] : [issuerEntry({ name: OIDC, url, tenant, audiences })];
  return [...oidc, ...entries].map((entry) => toIssuer(entry, values.SLUICE_INTROSPECTION_SECRET, secrets));
}
