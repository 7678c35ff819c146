import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { Caller } from '../../src/core/caller.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import type { AppError } from '../../src/core/errors.ts';
import type { VerifiedLogout } from '../../src/core/ports/identity.ts';
import { ACME, ANNA, GLOBEX, type CatalogWorld } from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const now = () => Math.floor(Date.now() / 1_000);
let made = 0;

function logout(over: Partial<VerifiedLogout> = {}): VerifiedLogout {
  const ends = { kind: 'person', subject: 'anna' } as const;
  return { issuer: 'idp', ends, issuedAt: now(), tokenKey: `logout-${(made += 1)}`, keepSeconds: 3_600, tenants: [ACME], ...over };
}

function caller(subject: string, issuedAt: number, sid?: string): Caller {
  const session = sid === undefined ? ({ kind: 'none' } as const) : ({ kind: 'session', id: sid } as const);
  return {
    tenant: ACME,
    issuer: 'idp',
    user: { kind: 'user', principal: ANNA, groups: [], guest: false },
    client: ANNA,
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(),
    tokenDigest: 'd',
    expiresAt: issuedAt + 3_600,
    login: { subject, issuedAt, session },
  };
}

async function lets(world: CatalogWorld, catalog: Catalog, one: Caller): Promise<boolean> {
  return catalog.resolve(one, await world.stamp(catalog)).then(
    () => true,
    (error: unknown) => {
      expect(error).toMatchObject({ code: 'invalid_token' });
      return false;
    },
  );
}

export function describeLogouts(get: GetWorld): void {
  describe('logouts', () => {
    it('are known to a replica that was there, to one that starts later, and after a page of others', async () => {
      const world = get();
      const there = await world.replica();
      const [old, fresh] = [caller('anna', now() - 60), caller('anna', now() + 60)];
      expect(await lets(world, there, old)).toBe(true);
      await world.database.transaction(async (tx) => {
        for (let page = 0; page < 12; page++) {
          const keys = Array.from({ length: 1_000 }, (_, n) => sha256Hex(`other ${page} ${n}`));
          await tx
            .insertInto('logouts')
            .values(keys.map((key) => ({ epoch: 0, key, not_before: now(), expires_at: now() + 600 })))
            .execute();
        }
      });
      await world.catalog.recordLogout(logout(), 'request-1');
      for (const catalog of [world.catalog, there, await world.replica()]) {
        expect([await lets(world, catalog, old), await lets(world, catalog, fresh)]).toEqual([false, true]);
        expect(await lets(world, catalog, caller('anna|x', now() - 60))).toBe(true);
        expect(await lets(world, catalog, { ...old, issuer: 'other' })).toBe(true);
      }
    });

    it('of one session leave the others, and never give back what an earlier one took', async () => {
      const world = get();
      const { catalog } = world;
      await catalog.recordLogout(logout({ ends: { kind: 'session', session: 'a', subject: 'anna' } }), 'request-1');
      const of = (sid?: string) => lets(world, catalog, caller('anna', now() - 60, sid));
      expect([await of('a'), await of('b'), await of()]).toEqual([false, true, false]);
      // A name of a session is no name of a person.
      expect(await lets(world, catalog, caller('a', now() - 60))).toBe(true);
      await catalog.recordLogout(logout(), 'request-2');
      await catalog.recordLogout(logout({ issuedAt: now() - 3_000, keepSeconds: 60 }), 'request-3');
      expect([await of('a'), await of('b'), await of()]).toEqual([false, false, false]);
    });

    it('are taken once by all replicas together, and one that is not leaves nothing', async () => {
      const world = get();
      const catalogs = [world.catalog, await world.replica(), await world.replica()];
      const one = logout();
      const outcomes = await Promise.allSettled(catalogs.map((catalog) => catalog.recordLogout(one, 'race')));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as AppError).code] : []));
      expect(codes).toEqual(['invalid_logout_token', 'invalid_logout_token']);
      expect((await world.stamp()).global).toBe(1);
      expect(await world.audit.byRequest(ACME, 'race')).toHaveLength(1);
    });

    it('are told to each tenant of the issuer, and to one of several without the name', async () => {
      const world = get();
      await world.catalog.recordLogout(logout(), 'one');
      await world.catalog.recordLogout(logout({ tenants: [GLOBEX, ACME, 'never' as typeof ACME] }), 'both');
      const user = async (tenant: typeof ACME, request: string) =>
        (await world.audit.byRequest(tenant, request)).map(({ body }) => body['user']);
      expect(await user(ACME, 'one')).toEqual([ANNA]);
      expect(await user(GLOBEX, 'one')).toEqual([]);
      expect(await user(ACME, 'both')).toEqual([null]);
      expect(await user(GLOBEX, 'both')).toEqual([null]);
    });

    it('are forgotten once no token from before them can be used', async () => {
      const world = get();
      await world.catalog.recordLogout(logout({ issuedAt: now() - 10, keepSeconds: -5 }), 'request-1');
      await world.catalog.recordLogout(logout({ ends: { kind: 'person', subject: 'bert' } }), 'request-2');
      expect(await world.database.db.selectFrom('logouts').selectAll().execute()).toHaveLength(1);
    });
  });

  describe('what may be used once', () => {
    it('is, however many replicas are asked at a time', async () => {
      const world = get();
      const catalogs = [world.catalog, await world.replica(), await world.replica()];
      for (const key of ['a', 'b', 'c']) {
        const firsts = await Promise.all(catalogs.map((catalog) => catalog.useOnce(key, now() + 60)));
        expect(firsts.filter((first) => first)).toHaveLength(1);
      }
      expect(await (await world.replica()).useOnce('a', now() + 60)).toBe(false);
    });

    it('is forgotten after its time, and not before', async () => {
      const world = get();
      await world.catalog.useOnce('past', now() - 5);
      await world.catalog.useOnce('coming', now() + 60);
      const later = await world.replica();
      await later.useOnce('another', now() + 60);
      const keys = await world.database.db.selectFrom('seen_tokens').select('key').orderBy('key').execute();
      expect(keys.map(({ key }) => key)).toEqual(['another', 'coming']);
    });
  });
}
