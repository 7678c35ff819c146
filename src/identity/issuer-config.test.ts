import { describe, expect, it } from 'vitest';
import { issuerOf } from '../../test/support/identity-parts.ts';
import type { IntrospectionConfig, IssuerConfig } from '../core/ports/identity.ts';
import { issuerProblems, summaryOf } from './issuer-config.ts';
import { isLoopbackHttp, isProviderUrl } from './provider-url.ts';
import { FOREIGN_TYPES } from './token-kinds.ts';

const problems = (changes: Partial<IssuerConfig>) => issuerProblems([issuerOf(changes)]);
const asks = (changes: Partial<IntrospectionConfig> = {}): Partial<IssuerConfig> => ({
  introspection: { clientId: 'a', clientSecret: 'b', cacheSeconds: 0, ...changes },
});
const logout = (audiences: readonly string[], types: readonly string[]): Partial<IssuerConfig> => ({ logout: { audiences, types } });
const groups = (maximum: number): Partial<IssuerConfig> => ({
  claims: { ...issuerOf().claims, groups: { kind: 'claim', claim: 'groups', maximum } },
});

const NAME = 'name: lower-case letters, digits and hyphens, at most 31';
const ADDRESS = 'url: https, or http on loopback, without user or fragment';
const METADATA = 'url: the issuer identifier, not the address of its metadata';
const ALGORITHMS = 'algorithms: asymmetric JWS algorithms, at least one';
const AGE = 'maxTokenAgeSeconds: 60 to 2592000';
const TENANTS = 'tenants: at least one, each a tenant name';
const SKEW = 'clockSkewSeconds: 0 to 300';
const CACHE = 'introspection.cacheSeconds: 0 to 300';
const SERVICE = 'serviceAccounts: claim and prefix';

describe('an issuer is refused', () => {
  it.each<[Partial<IssuerConfig>, ...string[]]>([
    [{ name: '' }, NAME],
    [{ name: 'Test' }, NAME],
    [{ name: '-a' }, NAME],
    [{ name: 'a|b' }, NAME],
    [{ name: 'a\n' }, NAME],
    [{ name: 'a'.repeat(32) }, NAME],
    [{ url: 'http://issuer.test' }, ADDRESS],
    [{ url: 'https://u@issuer.test' }, ADDRESS],
    [{ url: 'https://issuer.test/#a' }, ADDRESS],
    [{ url: 'https://issuer.test/?a' }, METADATA],
    [{ url: 'https://issuer.test/.well-known/openid-configuration' }, METADATA],
    [{ audiences: [] }, 'audiences: at least one'],
    [{ audiences: ['a', ''] }, 'audiences: none may be empty'],
    [{ audienceCheck: { kind: 'client-id', allow: [] } }, 'audienceCheck.allow: at least one client'],
    [{ algorithms: [] }, ALGORITHMS],
    [{ algorithms: ['ES256', 'HS256'] }, ALGORITHMS],
    [{ types: [] }, 'types: at least one'],
    ...[...FOREIGN_TYPES].map((type): [Partial<IssuerConfig>, string] => [
      { types: ['at+jwt', type] },
      'types: none of what is no access token',
    ]),
    [{ types: ['application/DPoP+jwt'] }, 'types: none of what is no access token'],
    [{ maxTokenAgeSeconds: 59 }, AGE],
    [{ maxTokenAgeSeconds: 30 * 86_400 + 1 }, AGE],
    [{ maxTokenAgeSeconds: 60.5 }, AGE],
    [{ tenants: { kind: 'claim', claim: 'tenant', allow: [] } }, TENANTS],
    [{ tenants: { kind: 'claim', claim: 'tenant', allow: ['acme', '*'] } }, TENANTS],
    [{ tenants: { kind: 'fixed', tenant: '' } }, TENANTS],
    [{ clockSkewSeconds: -1 }, SKEW],
    [{ clockSkewSeconds: 301 }, SKEW],
    [{ clockSkewSeconds: Number.NaN }, 'clockSkewSeconds: a number', SKEW],
    [groups(0), 'claims.groups.maximum: 1 or more'],
    [asks({ url: 'http://issuer.test/i' }), 'introspection.url: https, or http on loopback'],
    [asks({ clientId: '' }), 'introspection: a client and its secret'],
    [asks({ clientSecret: '' }), 'introspection: a client and its secret'],
    [asks({ cacheSeconds: -1 }), CACHE],
    [asks({ cacheSeconds: 301 }), CACHE],
    [asks({ cacheSeconds: 0.5 }), CACHE],
    [logout([], ['logout+jwt']), 'logout.audiences: at least one'],
    [logout(['a', ''], ['logout+jwt']), 'logout.audiences: at least one'],
    [logout(['a'], []), 'logout.types: logout+jwt or jwt'],
    [logout(['a'], ['logout+jwt', 'at+jwt']), 'logout.types: logout+jwt or jwt'],
    [{ serviceAccounts: { claim: '', prefix: 'a' } }, SERVICE],
    [{ serviceAccounts: { claim: 'a', prefix: '' } }, SERVICE],
  ])('%j', (changes, ...expected) => {
    expect(problems(changes)).toEqual(expected.map((problem) => `${changes.name ?? 'test'}: ${problem}`));
  });

  it('beside another of its name, its url or its opaque tokens', () => {
    const other = { name: 'other', url: 'https://other.test' };
    expect(issuerProblems([issuerOf(), issuerOf(other)])).toEqual([]);
    expect(issuerProblems([issuerOf(), issuerOf({ url: other.url })])).toEqual(['two issuers have the same name']);
    expect(issuerProblems([issuerOf(), issuerOf({ name: 'other' })])).toEqual(['two issuers have the same url']);
    expect(issuerProblems([issuerOf(asks()), issuerOf({ ...other, ...asks() })])).toEqual(['more than one issuer with introspection']);
    expect(issuerProblems([issuerOf(asks()), issuerOf(other)])).toEqual([]);
    expect(issuerProblems([issuerOf({ types: [] }), issuerOf({ ...other, algorithms: [] })])).toEqual([
      'test: types: at least one',
      `other: ${ALGORITHMS}`,
    ]);
  });
});

describe('an issuer is taken', () => {
  it.each<Partial<IssuerConfig>>([
    {},
    { name: 'a'.repeat(31) },
    { name: '0-a' },
    { url: 'http://localhost:1/realms/a' },
    { url: 'http://issuer.test', plainHttp: true },
    { audiences: [], audienceCheck: { kind: 'client-id', allow: ['a'] } },
    { types: ['jwt', ''] },
    { maxTokenAgeSeconds: 60 },
    { maxTokenAgeSeconds: 30 * 86_400 },
    { tenants: { kind: 'fixed', tenant: 'acme' } },
    { clockSkewSeconds: 0 },
    { clockSkewSeconds: 300 },
    groups(1),
    { claims: { ...issuerOf().claims, groups: { kind: 'none' } } },
    asks(),
    asks({ url: 'https://issuer.test/i', cacheSeconds: 300 }),
    { ...asks({ url: 'http://issuer.test/i' }), plainHttp: true },
    logout(['a'], ['logout+jwt', 'jwt']),
    { serviceAccounts: { claim: 'a', prefix: 'b' } },
  ])('with %j', (changes) => {
    expect(problems(changes)).toEqual([]);
  });
});

describe('the address of a provider', () => {
  it('is https, http on this machine, or plain http where that was allowed; never with a user or a fragment', () => {
    expect(
      ['https://a.test', 'http://localhost', 'http://[::1]:1', 'http://a.test', 'ftp://a.test', 'x'].map((url) => isProviderUrl(url)),
    ).toEqual([true, true, true, false, false, false]);
    expect(
      ['http://a.test', 'https://a.test', 'http://u@a.test', 'http://a.test/#a', 'ftp://a.test'].map((url) => isProviderUrl(url, true)),
    ).toEqual([true, true, false, false, false]);
    expect(['http://localhost', 'https://localhost', 'http://a.test'].map((url) => isLoopbackHttp(new URL(url)))).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('what the rest of the house may know', () => {
  it('is name, url, tenants and where groups come from', () => {
    const base = { name: 'test', url: 'https://issuer.test', tenants: ['acme', 'other'] };
    const subjects = { user: 'userName', group: 'displayName' } as const;
    expect(summaryOf(issuerOf(asks()))).toEqual({ ...base, groups: 'claim' });
    expect(summaryOf(issuerOf({ tenants: { kind: 'fixed', tenant: 'one' } }))).toEqual({ ...base, groups: 'claim', tenants: ['one'] });
    expect(summaryOf(issuerOf({ directory: { kind: 'token' } }))).toEqual({ ...base, groups: 'claim' });
    expect(summaryOf(issuerOf({ directory: { kind: 'authoritative', subjects } }))).toEqual({
      ...base,
      groups: 'directory',
      directory: subjects,
    });
  });
});
