import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import type { TenantId } from '../core/ids.ts';
import type { Principal } from '../core/principal.ts';
import { describedCaller, type DescribedParts } from './described-caller.ts';

const asking: Caller = {
  tenant: 'acme' as TenantId,
  issuer: 'staff',
  user: { kind: 'user', principal: 'user:staff|7' as Principal, groups: [], guest: false },
  client: 'client:staff|console' as Principal,
  actor: { kind: 'none' },
  actorChain: [],
  scopes: new Set(),
  tokenDigest: 'd',
  expiresAt: 4_000_000_000,
  login: { subject: '7', issuedAt: 1, session: { kind: 'session', id: 's' } },
};

describe('somebody who is asked about', () => {
  it('is looked up without the login of who asks, which another issuer may have ended for somebody of the same name', async () => {
    const looked: Caller[] = [];
    const resolve = async (caller: Caller): Promise<Caller> => {
      looked.push(caller);
      return caller;
    };
    const parts = {
      catalog: { resolve } as Partial<DescribedParts['catalog']> as DescribedParts['catalog'],
      issuers: [{ name: 'partners', url: 'https://partners.example', groups: 'directory', tenants: ['acme'] }] as DescribedParts['issuers'],
    };
    const stamp = { tenant: 1, global: 1, generation: 1 };
    const described = await describedCaller(parts, asking, stamp, { user: 'user:partners|9' });
    expect(looked.map(({ issuer, user, login }) => [issuer, user.kind === 'user' && user.principal, login])).toEqual([
      ['partners', 'user:partners|9', undefined],
    ]);
    expect(described.caller.login).toBeUndefined();
    // Who asks about themselves is themselves.
    expect((await describedCaller(parts, asking, stamp, {})).caller.login).toEqual(asking.login);
  });
});
