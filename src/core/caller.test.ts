import { describe, expect, it } from 'vitest';
import { actorPrincipals, aclSubject, userPrincipals, type Caller } from './caller.ts';
import { AppError } from './errors.ts';
import type { TenantId } from './ids.ts';
import type { EpochStamp, ReadCatalog, TenantView } from './ports/catalog.ts';
import { presence } from './presence.ts';
import type { Principal } from './principal.ts';

const name = (text: string): Principal => text as Principal;
const ALONE: Caller = {
  tenant: 'acme' as TenantId,
  issuer: 'i',
  user: { kind: 'none' },
  client: name('client:i|app'),
  actor: { kind: 'none' },
  actorChain: [],
  scopes: new Set(),
  tokenDigest: '',
  expiresAt: 0,
};
const MEMBER: Caller = {
  ...ALONE,
  user: { kind: 'user', principal: name('user:i|a'), groups: [name('group:i|g')], guest: false },
  actor: { kind: 'actor', principals: [name('user:i|bot'), name('client:i|bot')] },
};
const GUEST: Caller = { ...ALONE, user: { kind: 'user', principal: name('user:i|b'), groups: [], guest: true } };

describe('the principals of a caller', () => {
  it('are themselves, their groups and everyone, with everyone-except-guests for members alone', () => {
    expect(userPrincipals(MEMBER)).toEqual(['user:i|a', 'group:i|g', 'everyone', 'everyone-except-guests']);
    expect(userPrincipals(GUEST)).toEqual(['user:i|b', 'everyone']);
    expect(userPrincipals(ALONE)).toEqual([]);
  });

  it('pass gates as the user, and are met by denies as the user, the client and every name of the actor', () => {
    expect(aclSubject(MEMBER).gate).toEqual(new Set(['user:i|a', 'group:i|g', 'everyone', 'everyone-except-guests']));
    expect(aclSubject(MEMBER).deny).toEqual(new Set([...aclSubject(MEMBER).gate, 'client:i|app', 'user:i|bot', 'client:i|bot']));
    expect(actorPrincipals(MEMBER)).toEqual(['user:i|bot', 'client:i|bot']);
  });

  it('pass gates as the client where there is no user, and then everyone is nobody', () => {
    expect(aclSubject(ALONE)).toEqual({ gate: new Set(['client:i|app']), deny: new Set(['client:i|app']) });
    expect(actorPrincipals(ALONE)).toEqual([]);
  });
});

describe('presence', () => {
  const STAMP: EpochStamp = { tenant: 1, global: 2, generation: 3 };

  it('reads the epoch first, then what is at least as new, and gives the caller of the directory', async () => {
    const asked: unknown[] = [];
    const view = {} as TenantView;
    const catalog = {
      epoch: async (tenant: TenantId) => (asked.push(tenant), { kind: 'epoch', stamp: STAMP }),
      view: async (tenant: TenantId, stamp: EpochStamp) => (asked.push([tenant, stamp]), view),
      resolve: async (caller: Caller, stamp: EpochStamp) => (asked.push([caller, stamp]), MEMBER),
    } as unknown as ReadCatalog;
    expect(await presence(catalog, GUEST)).toEqual({ stamp: STAMP, view, caller: MEMBER });
    expect(asked).toEqual(['acme', ['acme', STAMP], [GUEST, STAMP]]);
  });

  it('refuses a tenant that was never made', async () => {
    const catalog = { epoch: async () => ({ kind: 'none' }) } as unknown as ReadCatalog;
    await expect(presence(catalog, GUEST)).rejects.toMatchObject({
      code: 'invalid_token',
      message: 'the token asserts a tenant that does not exist',
    });
  });
});

describe('AppError', () => {
  it('carries code, status and public text; detail and cause are for the log', () => {
    const cause = new Error('inside');
    const error = new AppError('forbidden', { detail: 'why', cause, issues: [{ pointer: '/a', message: 'b' }], retryAfter: 3 });
    expect(error).toMatchObject({ name: 'AppError', code: 'forbidden', status: 403, message: 'why', cause, retryAfter: 3 });
    expect(error.publicMessage).not.toContain('why');
    expect(error.issues).toEqual([{ pointer: '/a', message: 'b' }]);
    const bare = new AppError('not_found');
    expect(bare).toMatchObject({ message: 'not_found', issues: [], retryAfter: undefined });
    expect('cause' in bare).toBe(false);
  });
});
