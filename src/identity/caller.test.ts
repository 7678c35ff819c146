import { afterEach, describe, expect, it } from 'vitest';
import { type IdentityFixture, startIdentity } from '../../test/support/identity-fixture.ts';
import type { TestClaims } from '../../test/support/test-issuer.ts';
import { aclSubject, type Caller } from '../core/caller.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { groupsOf } from './groups.ts';
import { MAX_GROUPS } from './limits.ts';

const signal = new AbortController().signal;
const open: IdentityFixture[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((fixture) => fixture.close()));
});

const CLAIMS: IssuerConfig['claims'] = {
  client: 'client_id',
  groups: { kind: 'claim', claim: 'groups' },
  guest: { kind: 'claim', claim: 'employment', members: ['employee'] },
  scope: 'scope',
  scopePrefix: '',
};

const MARK: Partial<IssuerConfig> = { serviceAccounts: { claim: 'preferred_username', prefix: 'service-account-' } };

interface Reader {
  caller(claims: TestClaims): Promise<Caller>;
  code(claims: TestClaims): Promise<string>;
}

async function reader(overrides: Partial<IssuerConfig> = {}): Promise<Reader> {
  const fixture = await startIdentity({ overrides });
  open.push(fixture);
  return {
    caller: async (claims) => fixture.identity.authenticate(await fixture.issuer.sign(claims), signal),
    code: async (claims) => fixture.outcome(await fixture.issuer.sign(claims)),
  };
}

const groupsIn = (caller: Caller) => (caller.user.kind === 'user' ? caller.user.groups : 'none');

describe('groups', () => {
  it('are named under their issuer, whatever they are called, and once each', async () => {
    const { caller } = await reader();
    const names = ['role:admin', 'user:test|olga', 'everyone', 'a|b', 'hr', 'hr', 'HR'];
    const made = await caller({ groups: names });
    expect(groupsIn(made)).toEqual(['role:admin', 'user:test|olga', 'everyone', 'a|b', 'hr', 'HR'].map((name) => `group:test|${name}`));
    // A group named like something else opens nothing of it.
    const subject = aclSubject(made);
    for (const name of ['role:admin', 'user:test|olga']) expect([...subject.gate]).not.toContain(name);
    expect([...subject.gate].filter((p) => p.startsWith('role:'))).toEqual([]);
  });

  it('missing are not none: the claim must be there, an empty list says none', async () => {
    const { caller, code } = await reader();
    expect(await code({ groups: undefined })).toBe('groups_incomplete');
    expect(groupsIn(await caller({ groups: [] }))).toEqual([]);
  });

  it('left out by the provider are incomplete', async () => {
    const { code } = await reader();
    const names = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } };
    expect(await code({ groups: undefined, ...names })).toBe('groups_incomplete');
    expect(await code({ groups: ['a'], ...names })).toBe('groups_incomplete');
    expect(await code({ groups: ['a'], _claim_names: 'groups' })).toBe('groups_incomplete');
    expect(await code({ groups: ['a'], _claim_names: { address: 'src1' } })).toBe('ok');
    for (const hasgroups of [true, 'true', 1, null]) expect(await code({ groups: ['a'], hasgroups })).toBe('groups_incomplete');
    expect(await code({ groups: ['a'], hasgroups: false })).toBe('ok');
  });

  it('as many as the provider gives at most are incomplete, one fewer are not', async () => {
    const { code } = await reader({ claims: { ...CLAIMS, groups: { kind: 'claim', claim: 'groups', maximum: 100 } } });
    const list = (length: number) => Array.from({ length }, (_, i) => `g${i}`);
    expect(await code({ groups: list(99) })).toBe('ok');
    expect(await code({ groups: list(100) })).toBe('groups_incomplete');
    expect(await code({ groups: list(101) })).toBe('groups_incomplete');
  });

  it('that are no names refuse the token: a deny might have named them', async () => {
    const { code } = await reader();
    for (const member of [1, null, {}, ['hr'], true, '', 'a\nb', '\udc00', 'x'.repeat(600)]) {
      expect(await code({ groups: ['hr', member as string] })).toBe('invalid_token');
    }
    for (const groups of ['hr', 'hr sales', null, { hr: true }, 7]) {
      expect(await code({ groups: groups as unknown as string[] })).toBe('invalid_token');
    }
    expect(await code({ groups: ['hr', 'x'.repeat(500)] })).toBe('ok');
  });

  it('beyond the limit refuse the token', () => {
    const config = { name: 'test', claims: CLAIMS } as unknown as IssuerConfig;
    const claims = (length: number) => new Map([['groups', Array.from({ length }, (_, i) => `g${i}`)]]);
    expect(groupsOf(claims(MAX_GROUPS), config)).toMatchObject({ kind: 'named', groups: { length: MAX_GROUPS } });
    expect(() => groupsOf(claims(MAX_GROUPS + 1), config)).toThrow('more groups than the limit');
  });

  it('are not looked at where none are configured', async () => {
    const { caller } = await reader({ claims: { ...CLAIMS, groups: { kind: 'none' } } });
    expect(groupsIn(await caller({ groups: ['hr'], hasgroups: true }))).toEqual([]);
  });
});

describe('a client without a user', () => {
  it('is told by its subject, and needs no groups', async () => {
    const { caller } = await reader();
    const alone = await caller({ sub: 'connector', client_id: 'connector', groups: undefined });
    expect(alone).toMatchObject({ user: { kind: 'none' }, client: 'client:test|connector' });
    expect([...aclSubject(alone).gate]).toEqual(['client:test|connector']);
    expect(await caller({ sub: 'alice', client_id: 'connector' })).toMatchObject({ user: { kind: 'user' } });
  });

  it('is told as Entra and Auth0 do', async () => {
    const { caller } = await reader();
    expect((await caller({ sub: 'object-id', idtyp: 'app' })).user).toEqual({ kind: 'none' });
    expect((await caller({ sub: 'object-id', idtyp: 'user' })).user.kind).toBe('user');
    expect((await caller({ sub: 'assistant@clients', gty: 'client-credentials' })).user).toEqual({ kind: 'none' });
    expect((await caller({ sub: 'assistant@clients' })).user.kind).toBe('user');
    expect((await caller({ sub: 'alice', gty: 'client-credentials' })).user.kind).toBe('user');
  });

  it('is told by a configured mark with its own name in it, as Keycloak writes it', async () => {
    const rule = { claims: { ...CLAIMS, client: 'azp' as const }, requiredClaims: ['sub', 'aud'] };
    const user = async (name: string, client: string, more: Partial<IssuerConfig> = MARK) => {
      const { caller } = await reader({ ...rule, ...more });
      return (await caller({ sub: 'f0e1-uuid', client_id: undefined, azp: client, preferred_username: name })).user.kind;
    };
    expect(await user('service-account-loader', 'loader')).toBe('none');
    expect(await user('service-account-loader', 'Loader')).toBe('none');
    expect(await user('service-account-loader', 'loader', {})).toBe('user');
    // Somebody who called themselves so is still a person, through any other application.
    expect(await user('service-account-loader', 'assistant')).toBe('user');
    expect(await user('service-account-', 'assistant')).toBe('user');
    expect(await user('Service-Account-Loader', 'loader')).toBe('user');
    expect(await user('loader', 'loader')).toBe('user');
  });

  it.each(['azp', 'appid', 'cid'] as const)('is named by the configured claim %s', async (client) => {
    const { caller, code } = await reader({ claims: { ...CLAIMS, client }, requiredClaims: ['sub', 'aud'] });
    expect((await caller({ client_id: undefined, [client]: 'app' })).client).toBe('client:test|app');
    expect((await caller({ client_id: 'app', [client]: 'app' })).client).toBe('client:test|app');
    // Judged as the one and used by the other.
    for (const other of ['decoy', '', 7, null]) expect(await code({ client_id: other as string, [client]: 'app' })).toBe('invalid_token');
    expect(await code({ client_id: 'app' })).toBe('invalid_token');
  });
});

describe('guests', () => {
  it('are all but those known not to be', async () => {
    const { caller } = await reader();
    const guest = async (employment: unknown) => {
      const { user } = await caller({ employment: employment as string });
      return user.kind === 'user' && user.guest;
    };
    expect(await guest('employee')).toBe(false);
    expect(await guest(['x', 'employee'])).toBe(false);
    for (const value of ['contractor', 'Employee', undefined, null, '', [], {}, true, [['employee']]])
      expect(await guest(value)).toBe(true);
  });

  it('by a number, as Entra writes it; and everybody, where nothing is configured', async () => {
    const numbered = await reader({ claims: { ...CLAIMS, guest: { kind: 'claim', claim: 'acct', members: ['0'] } } });
    expect((await numbered.caller({ acct: 0 })).user).toMatchObject({ guest: false });
    expect((await numbered.caller({ acct: 1 })).user).toMatchObject({ guest: true });
    const unknown = await reader({ claims: { ...CLAIMS, guest: { kind: 'none' } } });
    expect((await unknown.caller({})).user).toMatchObject({ guest: true });
  });
});

describe('actors', () => {
  it('the outermost is the actor, the chain is for the audit only', async () => {
    const { caller } = await reader();
    const made = await caller({ act: { sub: 'agent-1', client_id: 'agent-1', act: { sub: 'agent-2', act: { client_id: 'agent-3' } } } });
    expect(made.actor).toEqual({ kind: 'actor', principals: ['client:test|agent-1', 'user:test|agent-1'] });
    expect(made.actorChain).toEqual(['agent-1', 'agent-2', 'agent-3']);
    const subject = aclSubject(made);
    expect([...subject.deny]).toContain('client:test|agent-1');
    for (const inner of ['client:test|agent-2', 'user:test|agent-2', 'client:test|agent-3']) expect([...subject.deny]).not.toContain(inner);
    for (const name of made.actor.kind === 'actor' ? made.actor.principals : []) expect([...subject.gate]).not.toContain(name);
  });

  it('by a bare sub is both a person and a client, so that a deny on either finds it', async () => {
    const { caller } = await reader();
    expect((await caller({ act: { sub: 'bob' } })).actor).toEqual({ kind: 'actor', principals: ['client:test|bob', 'user:test|bob'] });
    expect((await caller({ act: { client_id: 'agent' } })).actor).toEqual({ kind: 'actor', principals: ['client:test|agent'] });
    expect((await caller({ act: { sub: 'assistant', client_id: 'assistant' } })).actor).toEqual({
      kind: 'actor',
      principals: ['client:test|assistant', 'user:test|assistant'],
    });
    expect(await caller({})).toMatchObject({ actor: { kind: 'none' }, actorChain: [] });
  });

  it('malformed, foreign or too many refuse the token', async () => {
    const { code } = await reader();
    const chain = (depth: number): object => (depth === 1 ? { sub: 'a' } : { sub: 'a', act: chain(depth - 1) });
    for (const act of [
      null,
      'bob',
      [],
      {},
      { sub: '' },
      { sub: 7 },
      { sub: 'bob', client_id: 7 },
      { sub: 'bob', act: 'carol' },
      { sub: 'a\nb' },
    ]) {
      expect(await code({ act })).toBe('invalid_token');
    }
    expect(await code({ act: { sub: 'bob', iss: 'https://elsewhere.example' } })).toBe('invalid_token');
    expect(await code({ act: chain(17) })).toBe('invalid_token');
    expect(await code({ act: chain(16) })).toBe('ok');
  });
});

describe('scopes', () => {
  it('from a string or a list, without the prefix, and no others', async () => {
    const { caller, code } = await reader({ claims: { ...CLAIMS, scopePrefix: 'sluice:' } });
    const scopes = async (scope: unknown) => [...(await caller({ scope: scope as string })).scopes];
    expect(await scopes('sluice:retrieve openid admin sluice:everything sluice:audit')).toEqual(['retrieve', 'audit']);
    expect(await scopes(['sluice:ingest', 'ingest'])).toEqual(['ingest']);
    expect(await scopes('retrieve admin')).toEqual([]);
    expect(await scopes('')).toEqual([]);
    expect(await scopes(undefined)).toEqual([]);
    for (const scope of [7, null, {}, ['sluice:retrieve', 7]]) expect(await code({ scope: scope as string })).toBe('invalid_token');
  });
});

describe('exceptions of a configuration', () => {
  it('no aud but a client that is listed (Cognito), no typ at all', async () => {
    const fixture = await startIdentity({
      overrides: {
        types: [''],
        audienceCheck: { kind: 'client-id', allow: ['assistant'] },
        audiences: [],
        requiredClaims: ['sub', 'client_id'],
      },
    });
    open.push(fixture);
    const code = async (claims: TestClaims, typ?: string) =>
      fixture.outcome(await fixture.issuer.sign({ aud: undefined, ...claims }, { header: { typ } }));
    expect(await code({ token_use: 'access' })).toBe('ok');
    expect(await code({ client_id: 'another' })).toBe('invalid_token');
    expect(await code({ token_use: 'id' })).toBe('invalid_token');
    expect(await code({ aud: 'assistant' })).toBe('invalid_token');
    expect(await code({}, 'JWT')).toBe('invalid_token');
  });

  it('one tenant for all, whatever the token claims', async () => {
    const { caller } = await reader({ tenants: { kind: 'fixed', tenant: 'acme' } });
    expect((await caller({ tenant: 'globex' })).tenant).toBe('acme');
    expect((await caller({ tenant: undefined })).tenant).toBe('acme');
  });
});
