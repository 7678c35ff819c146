import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../src/core/ids.ts';
import type { Principal } from '../../src/core/principal.ts';
import { MAX_ZONES_PER_SOURCE } from '../../src/core/zone.ts';
import { ACME, ANNA, CHANGE, GLOBEX, HANDBOOK, HR, label, OPS, policy, PUBLIC_ACL, sourceAttributes } from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

export function describeViews(get: GetWorld): void {
  describe('views', () => {
    it('are the same object until something in them changes', async () => {
      const { catalog, stamp, put } = get();
      const first = await catalog.view(ACME, await stamp());
      expect(await catalog.view(ACME, await stamp())).toBe(first);
      expect(first).toMatchObject({ tenant: ACME, policy: policy('first'), off: { everything: false } });
      expect(first.sources.get(HANDBOOK)).toMatchObject({ tenant: ACME, id: HANDBOOK, revision: 1, state: 'live', owner: HR });
      const { zone } = await put('d');
      const second = await catalog.view(ACME, await stamp());
      expect(second).not.toBe(first);
      expect(second.zones.get(zone)).toEqual({ id: zone, source: HANDBOOK, declared: label('public', [], 'trusted') });
      expect(first.zones.size).toBe(0);
      // What did not change is the same object, so that what was computed from it may be kept.
      expect(second.policy).toBe(first.policy);
    });

    it('of a second replica are new at its next reading of the epoch', async () => {
      const { catalog, replica, stamp } = get();
      const other = await replica();
      const seen = async () => other.view(ACME, await stamp(other));
      expect((await seen()).sources.get(HANDBOOK)?.label.level).toBe('internal');
      await catalog.putSource(ACME, HANDBOOK, sourceAttributes({ label: label('restricted') }), 1, CHANGE);
      expect((await seen()).sources.get(HANDBOOK)?.label.level).toBe('restricted');
      await catalog.activatePolicy(ACME, policy('second'), 'first', CHANGE);
      expect((await seen()).policy.id).toBe('second');
      await catalog.throwSwitch(ACME, { kind: 'user', id: ANNA }, 'left', CHANGE);
      await catalog.throwSwitch(ACME, { kind: 'source', id: HANDBOOK }, 'spill', CHANGE);
      const { off } = await seen();
      expect([off.everything, [...off.sources], [...off.principals]]).toEqual([false, [HANDBOOK], [ANNA]]);
      await catalog.throwSwitch(GLOBEX, { kind: 'all' }, 'stop', CHANGE);
      expect((await seen()).off.everything).toBe(true);
      await catalog.liftSwitch(GLOBEX, { kind: 'all' }, CHANGE);
      await catalog.liftSwitch(ACME, { kind: 'user', id: ANNA }, CHANGE);
      expect((await seen()).off).toMatchObject({ everything: false, principals: new Set() });
    });

    it('asked for by many at once are loaded together and are never older than the stamp', async () => {
      const { catalog, stamp } = get();
      const asks = Array.from({ length: 30 }, async (_, n) => {
        if (n % 5 === 0) await catalog.throwSwitch(ACME, { kind: 'user', id: `user:idp|u${n}` as Principal }, 'r', CHANGE);
        const before = await stamp();
        return { before, view: await catalog.view(ACME, before) };
      });
      for (const { before, view } of await Promise.all(asks)) expect(view.generation).toBeGreaterThanOrEqual(before.generation);
    });

    it('leave out a deleted source with its zones, and take it up again when it is made anew', async () => {
      const { catalog, stamp, put } = get();
      const { zone } = await put('d');
      await catalog.deleteSource(ACME, HANDBOOK, 1, CHANGE);
      const without = await catalog.view(ACME, await stamp());
      expect([without.sources.size, without.zones.size]).toEqual([0, 0]);
      const again = () => catalog.putSource(ACME, HANDBOOK, sourceAttributes(), 'absent', CHANGE);
      await expect(again()).rejects.toMatchObject({ code: 'conflict' });
      while (await catalog.purgeSources(10));
      expect((await again()).revision).toBe(3);
      const anew = await catalog.view(ACME, await stamp());
      expect([...anew.zones.keys()]).toEqual([zone]);
    });

    it('fail where the tenant has no policy, or its lines were altered behind our back', async () => {
      const { catalog, replica, stamp, database } = get();
      await database.transaction((tx) => tx.updateTable('policy_revisions').set({ lines: '[]' }).where('tenant', '=', ACME).execute());
      await expect(catalog.view(ACME, await stamp())).rejects.toMatchObject({ code: 'policy_unavailable' });
      await database.transaction((tx) => tx.deleteFrom('policy_activations').where('tenant', '=', ACME).execute());
      await expect((await replica()).view(ACME, await stamp())).rejects.toMatchObject({ code: 'policy_unavailable' });
      expect(await catalog.activePolicy(ACME)).toBeUndefined();
      await expect(catalog.view(GLOBEX, await stamp(catalog, GLOBEX))).resolves.toMatchObject({ tenant: GLOBEX });
    });
  });

  describe('numbers', () => {
    it('are told of principals in ACLs only, and a new one at the next generation', async () => {
      const { catalog, replica, stamp } = get();
      const other = await replica();
      const ask = async () => catalog.numbers(ACME, [HR, OPS, ANNA], await stamp());
      expect((await ask()).size).toBe(0);
      const { acl } = await other.reserve(ACME, HANDBOOK, label('public'), { gates: [[HR]], deny: [OPS] });
      expect(await ask()).toEqual(
        new Map([
          [HR, acl.gates[0]?.[0]],
          [OPS, acl.deny[0]],
        ]),
      );
      const many = Array.from({ length: 2_000 }, (_, n) => `group:idp|g'%${n}` as Principal);
      expect([...(await catalog.numbers(ACME, [...many, HR], await stamp())).keys()]).toEqual([HR]);
    });
  });

  describe('limits', () => {
    const members = (n: number) => Array.from({ length: n }, (_, i) => `user:idp|u${i}` as Principal);
    const names = (n: number) => Array.from({ length: n }, (_, i) => `c${i}`);

    it('refuse too many ACL entries, gates and compartments, each by its place, and store nothing', async () => {
      const { catalog, stamp } = get();
      const before = await stamp();
      const pointers = (error: { issues: readonly { pointer: string }[] }) => error.issues.map(({ pointer }) => pointer);
      const nine = Array.from({ length: 9 }, () => [HR]);
      const refused = (declared: Parameters<typeof catalog.reserve>[2], acl: Parameters<typeof catalog.reserve>[3]) =>
        catalog.reserve(ACME, HANDBOOK, declared, acl).then(() => 'accepted', pointers);
      expect(await refused(label('public'), { gates: [members(1_000)], deny: [HR] })).toEqual(['/acl']);
      expect(await refused(label('public'), { gates: nine, deny: [] })).toEqual(['/acl/gates']);
      expect(await refused(label('public', names(65)), PUBLIC_ACL)).toEqual(['/compartments']);
      expect(await refused(label('public', names(65)), { gates: nine, deny: members(1_000) })).toEqual([
        '/acl',
        '/acl/gates',
        '/compartments',
      ]);
      expect(await stamp()).toEqual(before);
      await catalog.reserve(ACME, HANDBOOK, label('public', names(64)), { gates: nine.slice(1), deny: members(992) });
      const over = sourceAttributes({ label: label('public', names(65)) });
      await expect(catalog.putSource(ACME, HANDBOOK, over, 1, CHANGE)).rejects.toMatchObject({ code: 'limit_exceeded' });
    });

    it('refuse the 65th zone of a source, but not its first 64 again nor another source', async () => {
      const { catalog } = get();
      const reserve = (n: number, source = HANDBOOK) => catalog.reserve(ACME, source, label('public', [`c${n}`]), PUBLIC_ACL);
      for (let n = 0; n < MAX_ZONES_PER_SOURCE; n += 1) await reserve(n);
      await expect(reserve(64)).rejects.toMatchObject({ code: 'limit_exceeded', issues: [{ pointer: '' }] });
      await expect(reserve(5)).resolves.toBeDefined();
      await catalog.putSource(ACME, 'other' as SourceId, sourceAttributes(), 'absent', CHANGE);
      await expect(reserve(64, 'other' as SourceId)).resolves.toBeDefined();
    });

    it('refuse the 20,001st zone of a tenant, and a view holds all 20,000', async () => {
      const { catalog, database, stamp } = get();
      const taken = 19_999;
      await database.transaction(async (tx) => {
        for (let first = 1; first <= taken; first += 2_000) {
          const rows = Array.from({ length: Math.min(2_000, taken - first + 1) }, (_, i) => {
            const id = 1_000_000 + first + i;
            const zone = { tenant: ACME, zone: id, source: HANDBOOK, declared: String(id), level: 'public' };
            return { ...zone, compartments: '[]', trust: 'internal' as const, recorded_from: 0 };
          });
          await tx.insertInto('zones').values(rows).execute();
        }
      });
      const other = 'other' as SourceId;
      await catalog.putSource(ACME, other, sourceAttributes(), 'absent', CHANGE);
      const { zone } = await catalog.reserve(ACME, other, label('public'), PUBLIC_ACL);
      await expect(catalog.reserve(ACME, other, label('internal'), PUBLIC_ACL)).rejects.toMatchObject({ code: 'limit_exceeded' });
      const view = await catalog.view(ACME, await stamp());
      expect(view.zones.size).toBe(20_000);
      expect(view.zones.get(zone)?.source).toBe(other);
      await expect(catalog.reserve(GLOBEX, HANDBOOK, label('internal'), PUBLIC_ACL)).resolves.toBeDefined();
    });
  });
}
