import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import type { TenantId } from '../core/ids.ts';
import type { Principal } from '../core/principal.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { onceInMemory } from './once.ts';
import { createTokenCache, type Known } from './token-cache.ts';

const NOW = 1_700_000_000_000;
const time = { at: NOW };
const clock = { now: () => time.at };

function known(digest: string, changes: Partial<Caller> = {}): Known {
  const caller: Caller = {
    tenant: 'acme' as TenantId,
    issuer: 'test',
    user: { kind: 'none' },
    client: 'client:test|a' as Principal,
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(),
    tokenDigest: digest,
    expiresAt: NOW / 1_000 + 86_400,
    ...changes,
  };
  return { caller, confirmation: { kind: 'key', thumbprint: digest } };
}

function cacheOf(limits: Partial<typeof DEFAULT_LIMITS> = {}) {
  time.at = NOW;
  const generation = new Map([['test', 3]]);
  return { generation, cache: createTokenCache({ ...DEFAULT_LIMITS, ...limits }, clock, (issuer) => generation.get(issuer) ?? -1) };
}

describe('the token cache', () => {
  it('gives back caller and confirmation of a token it knows, and of no other', () => {
    const { cache } = cacheOf();
    cache.set(known('a'), 3);
    expect(cache.get('a')).toMatchObject(known('a'));
    expect(cache.get('b')).toBeUndefined();
  });

  it.each([
    ['the limit', undefined, undefined, 300_000],
    ['what it is told', 1_000, undefined, 1_000],
    ['the limit, whatever it is told', 900_000, undefined, 300_000],
    ['the end of the token', undefined, NOW / 1_000 + 7, 7_000],
  ])('keeps it until %s', (_name, maxAgeMs, expiresAt, lasts) => {
    const { cache } = cacheOf();
    cache.set(known('a', expiresAt === undefined ? {} : { expiresAt }), 3, maxAgeMs);
    time.at = NOW + lasts - 1;
    expect(cache.get('a')).toBeDefined();
    time.at = NOW + lasts;
    expect(cache.get('a')).toBeUndefined();
    // Forgotten, not only passed over.
    time.at = NOW + lasts - 1;
    expect(cache.get('a')).toBeUndefined();
  });

  it('keeps nothing for no time, and nothing from after a clock that was set back', () => {
    const { cache } = cacheOf();
    for (const maxAgeMs of [0, -5]) {
      cache.set(known('a'), 3, maxAgeMs);
      expect(cache.get('a')).toBeUndefined();
    }
    cache.set(known('a'), 3);
    time.at = NOW - 1;
    expect(cache.get('a')).toBeUndefined();
  });

  it('does not let a later answer of no time stand in for an earlier one', () => {
    const { cache } = cacheOf();
    cache.set(known('a'), 3, 1_000);
    time.at = NOW + 500;
    expect(cache.get('a')).toBeDefined();
  });

  it('forgets what was verified under keys of which one was taken out since', () => {
    const { cache, generation } = cacheOf();
    cache.set(known('a'), 3);
    cache.set(known('old'), 2);
    expect([cache.get('a') === undefined, cache.get('old') === undefined]).toEqual([false, true]);
    generation.set('test', 4);
    expect(cache.get('a')).toBeUndefined();
    cache.set(known('b', { issuer: 'unknown' }), 3);
    expect(cache.get('b')).toBeUndefined();
  });

  it('holds so many tokens, and so many names of all of them together', () => {
    const few = cacheOf({ cacheMaxTokens: 2 }).cache;
    for (const digest of ['a', 'b', 'c']) few.set(known(digest), 3);
    expect(['a', 'b', 'c'].map((digest) => few.get(digest) !== undefined)).toEqual([false, true, true]);
    const groups = (count: number): Partial<Caller> => ({
      user: {
        kind: 'user',
        principal: 'user:test|a' as Principal,
        guest: false,
        groups: Array.from({ length: count }, (_, i) => `group:test|${i}` as Principal),
      },
    });
    const holds = (changes: Partial<Caller>) => {
      const { cache } = cacheOf({ cacheMaxPrincipals: 10 });
      cache.set(known('a', changes), 3);
      return cache.get('a') !== undefined;
    };
    expect([holds(groups(8)), holds(groups(9))]).toEqual([true, false]);
    const chain = (count: number): Partial<Caller> => ({ actorChain: Array<string>(count).fill('x') });
    expect([holds(chain(8)), holds(chain(9)), holds({ ...groups(5), ...chain(4) }), holds({ ...groups(4), ...chain(4) })]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});

describe('what may be used once', () => {
  const seconds = NOW / 1_000;

  it('is, until it is over', async () => {
    time.at = NOW;
    const once = onceInMemory(clock);
    expect([await once.useOnce('a', seconds + 10), await once.useOnce('a', seconds + 10), await once.useOnce('b', seconds + 10)]).toEqual([
      true,
      false,
      true,
    ]);
    time.at = NOW + 9_999;
    expect(await once.useOnce('a', seconds + 10)).toBe(false);
    time.at = NOW + 10_000;
    expect(await once.useOnce('a', seconds + 20)).toBe(true);
    expect(await once.useOnce('a', seconds + 20)).toBe(false);
  });

  it('is refused where the memory is full, until something in it is over', async () => {
    time.at = NOW;
    const once = onceInMemory(clock);
    for (let n = 0; n < 100_000; n++) await once.useOnce(String(n), n === 7 ? seconds + 5 : seconds + 10);
    expect(await once.useOnce('new', seconds + 10)).toBe(false);
    time.at = NOW + 4_999;
    expect(await once.useOnce('new', seconds + 10)).toBe(false);
    time.at = NOW + 5_000;
    expect([await once.useOnce('new', seconds + 10), await once.useOnce('newer', seconds + 10)]).toEqual([true, false]);
    expect(await once.useOnce('1', seconds + 10)).toBe(false);
  });
});
