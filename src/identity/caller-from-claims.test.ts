import { describe, expect, it } from 'vitest';
import { AT, claimsOf, issuerOf, reasonOf } from '../../test/support/identity-parts.ts';
import type { Caller } from '../core/caller.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { principal, type Principal } from '../core/principal.ts';
import { callerFromClaims } from './caller-from-claims.ts';
import { checkClaims } from './claims.ts';

type Changes = Readonly<Record<string, unknown>>;

function callerOf(changes: Changes = {}, overrides: Partial<IssuerConfig> = {}, lookedUp?: readonly Principal[]): Caller {
  const config = issuerOf(overrides);
  return callerFromClaims(checkClaims(claimsOf(changes), 'at+jwt', config, AT * 1_000), config, 'digest', lookedUp);
}
const reason = (...args: Parameters<typeof callerOf>) => reasonOf(() => callerOf(...args));
const claimsLike = (changes: Partial<IssuerConfig['claims']>): Partial<IssuerConfig> => ({ claims: { ...issuerOf().claims, ...changes } });
const found = principal('group', 'test', 'looked-up') as Principal;

describe('a caller', () => {
  it('is all that the token says, under the name of its issuer', () => {
    expect(callerOf({ act: { client_id: 'bot' }, sid: 's' })).toEqual({
      tenant: 'acme',
      issuer: 'test',
      user: { kind: 'user', principal: 'user:test|alice', groups: ['group:test|hr'], guest: false },
      client: 'client:test|assistant',
      actor: { kind: 'actor', principals: ['client:test|bot'] },
      actorChain: ['bot'],
      scopes: new Set(['retrieve']),
      tokenDigest: 'digest',
      expiresAt: AT + 600,
      login: { subject: 'alice', issuedAt: AT, session: { kind: 'session', id: 's' } },
    });
  });

  it('has no name that can be no principal', () => {
    for (const changes of [{ sub: 'a\nb' }, { sub: 'x'.repeat(600) }, { client_id: 'a\u0000' }]) {
      expect(reason(changes)).toBe('invalid_token: a name that can be no principal');
    }
  });
});

describe('the tenant', () => {
  const NOT_ITS = 'invalid_token: a tenant this issuer may not assert';

  it('is one that the issuer may assert, by its claim or for all', () => {
    expect(callerOf({ tenant: 'other' }).tenant).toBe('other');
    for (const tenant of ['globex', 'ACME', 'acme ']) expect(reason({ tenant })).toBe(NOT_ITS);
    for (const tenant of [undefined, '', ['acme']])
      expect(reason({ tenant })).toBe('invalid_token: a claim is missing or of the wrong type');
    expect(callerOf({ tenant: 'globex' }, { tenants: { kind: 'fixed', tenant: 'acme' } }).tenant).toBe('acme');
  });

  it('is a name of a tenant, whatever the configuration lists', () => {
    expect(reason({ tenant: '*' }, { tenants: { kind: 'claim', claim: 'tenant', allow: ['*'] } })).toBe(NOT_ITS);
    expect(reason({}, { tenants: { kind: 'fixed', tenant: '*' } })).toBe(NOT_ITS);
  });
});

describe('an application alone', () => {
  const none = { kind: 'none' };
  const MARK: Partial<IssuerConfig> = { serviceAccounts: { claim: 'name', prefix: 'service-account-' } };

  it.each<[string, Changes, Partial<IssuerConfig>]>([
    ['its own subject', { sub: 'assistant' }, {}],
    ["Entra's mark", { idtyp: 'app' }, {}],
    ["Auth0's mark and subject", { gty: 'client-credentials', sub: 'assistant@clients' }, {}],
    ['a configured mark', { name: 'service-account-assistant' }, MARK],
    ['a configured mark in lower case', { client_id: 'Assistant', name: 'service-account-assistant' }, MARK],
    ['a configured mark in the case of the client', { client_id: 'Assistant', name: 'service-account-Assistant' }, MARK],
  ])('is told by %s', (_name, changes, overrides) => {
    // No groups are needed, since it is in none.
    expect(callerOf({ ...changes, groups: undefined }, overrides).user).toEqual(none);
  });

  it.each<[string, Changes, Partial<IssuerConfig>]>([
    ['another value of idtyp', { idtyp: 'user' }, {}],
    ['a grant without its subject', { gty: 'client-credentials' }, {}],
    ['a subject without its grant', { sub: 'assistant@clients' }, {}],
    ['a subject of another client', { gty: 'client-credentials', sub: 'else@clients' }, {}],
    ['a mark that is not configured', { name: 'service-account-assistant' }, {}],
    ['the mark of another client', { name: 'service-account-else' }, MARK],
    ['a mark in upper case', { name: 'SERVICE-ACCOUNT-ASSISTANT' }, MARK],
    ['the name of the client alone', { name: 'assistant' }, {}],
    ['no mark', {}, MARK],
    ['a person named undefined', { name: 'undefined' }, MARK],
  ])('is not told by %s', (_name, changes, overrides) => {
    expect(callerOf(changes, overrides).user.kind).toBe('user');
  });
});

describe('guests', () => {
  const guest = (employment: unknown, overrides: Partial<IssuerConfig> = {}) => {
    const { user } = callerOf({ employment }, overrides);
    return user.kind === 'user' && user.guest;
  };

  it('are all but those with a listed value, written as text, number or boolean', () => {
    const listed = claimsLike({ guest: { kind: 'claim', claim: 'employment', members: ['employee', '0', 'true', 'null', ''] } });
    for (const value of ['employee', ['x', 'employee'], 0, '0', [0], true, '']) expect(guest(value, listed)).toBe(false);
    for (const value of ['Employee', 1, false, null, [null], [['employee']], {}, [], undefined]) expect(guest(value, listed)).toBe(true);
    expect(guest('employee', claimsLike({ guest: { kind: 'none' } }))).toBe(true);
    const undefinedListed = claimsLike({ guest: { kind: 'claim', claim: 'employment', members: ['undefined', '[object Object]'] } });
    for (const value of [undefined, {}]) expect(guest(value, undefinedListed)).toBe(true);
  });
});

describe('groups', () => {
  const groups = (caller: Caller) => (caller.user.kind === 'user' ? caller.user.groups : undefined);

  it('that are elsewhere are those looked up, and no answer is a refusal', () => {
    expect(groups(callerOf({ hasgroups: true }, {}, [found]))).toEqual([found]);
    expect(groups(callerOf({ hasgroups: true }, {}, []))).toEqual([]);
    expect(reason({ hasgroups: true })).toBe('groups_incomplete: the provider left groups out');
    const capped = claimsLike({ groups: { kind: 'claim', claim: 'groups', maximum: 1 } });
    expect(reason({}, capped)).toBe('groups_incomplete: as many groups as the provider gives at most');
  });

  it('that the token names are taken from it, whatever was looked up', () => {
    expect(groups(callerOf({}, {}, [found]))).toEqual(['group:test|hr']);
  });

  it('are left to the directory where it is authoritative, and then nothing of the token is believed', () => {
    const subjects = { user: 'externalId', group: 'externalId' } as const;
    const user = { kind: 'user', principal: 'user:test|alice' };
    const directory = { ...user, groups: [], guest: true, groupsFrom: 'directory' };
    for (const changes of [{}, { groups: undefined }, { hasgroups: true }, { groups: 7 }]) {
      expect(callerOf(changes, { directory: { kind: 'authoritative', subjects } }).user).toEqual(directory);
    }
    expect(callerOf({}, { directory: { kind: 'token' } }).user).toEqual({ ...user, groups: ['group:test|hr'], guest: false });
  });
});

describe('scopes', () => {
  const scopes = (scope: unknown, scopePrefix = '') => [...callerOf({ scope }, claimsLike({ scopePrefix })).scopes];

  it('are those known here, from a text or a list, under the prefix', () => {
    expect(scopes('retrieve openid admin')).toEqual(['retrieve', 'admin']);
    expect(scopes(['audit', 'email'])).toEqual(['audit']);
    expect(scopes('sluice:retrieve admin xsluice:audit', 'sluice:')).toEqual(['retrieve']);
    // As long as the prefix, and not the prefix.
    expect(scopes('another:retrieve', 'sluice1:')).toEqual([]);
    for (const none of [undefined, '', ' ', [], 'retrieve,admin', 'RETRIEVE']) expect(scopes(none)).toEqual([]);
  });

  it('of another type refuse the token', () => {
    for (const scope of [null, 7, true, {}, ['retrieve', 7], [null]]) {
      expect(reason({ scope })).toBe('invalid_token: scopes of the wrong type');
    }
  });
});
