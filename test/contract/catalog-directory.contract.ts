import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../src/core/caller.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { DirectoryGroupFields, DirectoryUserFields, MemberChange } from '../../src/core/ports/directory.ts';
import type { Principal } from '../../src/core/principal.ts';
import { ACME, CHANGE, GLOBEX, type CatalogWorld } from '../support/catalog-fixture.ts';
import { seededRandom } from '../support/random.ts';
import type { GetWorld } from './catalog.contract.ts';

const NOBODY: MemberChange = { kind: 'exactly', ids: new Set() };
const exactly = (...ids: readonly string[]): MemberChange => ({ kind: 'exactly', ids: new Set(ids) });

function userFields(subject: string, more: Partial<DirectoryUserFields> = {}): DirectoryUserFields {
  return {
    id: randomUUID(),
    issuer: 'idp',
    principal: `user:idp|${subject}` as Principal,
    externalId: subject,
    userName: subject,
    displayName: undefined,
    userType: undefined,
    active: true,
    guest: false,
    ...more,
  };
}

function groupFields(name: string, more: Partial<DirectoryGroupFields> = {}): DirectoryGroupFields {
  return { id: randomUUID(), issuer: 'idp', principal: `group:idp|${name}` as Principal, externalId: name, title: name, ...more };
}

function callerOf(subject: string, tenant: TenantId = ACME): Caller {
  return {
    tenant,
    issuer: 'idp',
    user: { kind: 'user', principal: `user:idp|${subject}` as Principal, groups: [], guest: true, groupsFrom: 'directory' },
    client: 'client:idp|bot' as Principal,
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(),
    tokenDigest: `${tenant}-${subject}`,
    expiresAt: 9_999_999_999,
  };
}

function groupsOf(caller: Caller): readonly string[] {
  return caller.user.kind === 'user' ? caller.user.groups.map((group) => group.replace('group:idp|', '')) : ['no user'];
}

export function describeDirectory(get: GetWorld): void {
  const user = async (subject: string, more: Partial<DirectoryUserFields> = {}, tenant: TenantId = ACME) =>
    (await get().catalog.putDirectoryUser(tenant, userFields(subject, more), 'absent', CHANGE)).id;
  const group = async (name: string, members: MemberChange = NOBODY, tenant: TenantId = ACME) =>
    (await get().catalog.putDirectoryGroup(tenant, groupFields(name), members, [], 'absent', CHANGE)).id;
  const change = async (id: string, members: MemberChange) => {
    const now = await get().catalog.directoryGroup(ACME, 'idp', id);
    if (now === undefined) throw new Error('no such group');
    return get().catalog.putDirectoryGroup(ACME, now, members, [], 'any', CHANGE);
  };
  const resolved = async (subject: string, world: CatalogWorld = get()) => world.catalog.resolve(callerOf(subject), await world.stamp());
  const code = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'ok',
      (error: unknown) => (error as { code: string }).code,
    );

  describe('directory', () => {
    it('fills in groups, nested as deep as they are and round in circles, sorted and each once', async () => {
      const anna = await user('anna');
      const chain: string[] = [await group('g00', exactly(anna))];
      for (let depth = 1; depth < 40; depth++) {
        chain.push(await group(`g${String(depth).padStart(2, '0')}`, exactly(chain[depth - 1] ?? '', anna)));
      }
      await change(chain[0] ?? '', exactly(anna, chain[39] ?? '', chain[0] ?? ''));
      const names = Array.from({ length: 40 }, (_, i) => `g${String(i).padStart(2, '0')}`);
      expect(groupsOf(await resolved('anna'))).toEqual(names);
      await change(chain[20] ?? '', NOBODY);
      // In the others they are members themselves.
      expect(groupsOf(await resolved('anna'))).toEqual(names.filter((name) => name !== 'g20'));
    });

    it('agrees with a walk over the same edges, for random groups in groups', async () => {
      const random = seededRandom(7);
      const people = await Promise.all(Array.from({ length: 6 }, (_, i) => user(`p${i}`)));
      const groups: string[] = [];
      for (let i = 0; i < 12; i++) groups.push(await group(`g${i}`));
      const edges = new Map<string, Set<string>>();
      for (let round = 0; round < 3; round++) {
        for (const id of groups) {
          const members = [...people, ...groups].filter(() => random.chance(0.12));
          edges.set(id, new Set(members));
          await change(id, exactly(...members));
        }
        for (const [i, person] of people.entries()) {
          const reached = new Set<string>();
          for (let frontier = [person]; frontier.length > 0;) {
            const next = groups.filter((id) => !reached.has(id) && frontier.some((member) => edges.get(id)?.has(member)));
            for (const id of next) reached.add(id);
            frontier = next;
          }
          const expected = [...reached].map((id) => `g${groups.indexOf(id)}`).sort();
          expect(groupsOf(await resolved(`p${i}`))).toEqual(expected);
        }
      }
    });

    it('gives back the same caller while nothing of them changes, and from what was resolved before', async () => {
      const anna = await user('anna');
      await group('a', exactly(anna));
      const caller = callerOf('anna');
      const first = await get().catalog.resolve(caller, await get().stamp());
      expect(await get().catalog.resolve(caller, await get().stamp())).toBe(first);
      expect(await get().catalog.resolve(first, await get().stamp())).toBe(first);
      await group('b');
      await change(await group('c'), exactly(await user('bob')));
      expect(await get().catalog.resolve(first, await get().stamp())).toBe(first);
      await group('d', exactly(anna));
      const second = await get().catalog.resolve(first, await get().stamp());
      expect(second).not.toBe(first);
      expect(groupsOf(second)).toEqual(['a', 'd']);
      expect(await Promise.all([1, 2, 3].map(async () => get().catalog.resolve(caller, await get().stamp())))).toEqual([
        second,
        second,
        second,
      ]);
    });

    it('takes token callers and clients as they are', async () => {
      const { user: person, ...rest } = callerOf('ghost');
      const token: Caller = {
        ...rest,
        user: { kind: 'user', principal: 'user:tok|x' as Principal, groups: ['group:tok|g' as Principal], guest: false },
      };
      const client: Caller = { ...rest, user: { kind: 'none' } };
      for (const caller of [token, client]) expect(await get().catalog.resolve(caller, await get().stamp())).toBe(caller);
      expect(person.kind).toBe('user');
    });

    it('refuses whom it does not know, has deactivated or deleted, and whom only another tenant knows', async () => {
      await user('elsewhere', {}, GLOBEX);
      expect(await code(resolved('elsewhere'))).toBe('forbidden');
      expect(await code(resolved('ghost'))).toBe('forbidden');
      const fields = userFields('anna');
      await get().catalog.putDirectoryUser(ACME, fields, 'absent', CHANGE);
      expect(await code(resolved('anna'))).toBe('ok');
      await get().catalog.putDirectoryUser(ACME, { ...fields, active: false }, 'any', CHANGE);
      expect(await code(resolved('anna'))).toBe('forbidden');
      await get().catalog.putDirectoryUser(ACME, fields, 'any', CHANGE);
      expect(await code(resolved('anna'))).toBe('ok');
      await get().catalog.deleteDirectoryUser(ACME, 'idp', fields.id, 'any', CHANGE);
      expect(await code(resolved('anna'))).toBe('forbidden');
    });

    it('holds on every replica at the next stamp', async () => {
      const anna = await user('anna');
      const staff = await group('staff', exactly(anna));
      const other = await get().replica();
      const caller = callerOf('anna');
      const seen = async () => groupsOf(await other.resolve(caller, await get().stamp(other)));
      expect(await seen()).toEqual(['staff']);
      await change(staff, NOBODY);
      expect(await seen()).toEqual([]);
      await change(staff, exactly(anna));
      expect(await seen()).toEqual(['staff']);
      await get().catalog.deleteDirectoryGroup(ACME, 'idp', staff, 'any', CHANGE);
      expect(await seen()).toEqual([]);
    });

    it('moves epoch and generation for what may take reading from somebody, and neither for names', async () => {
      const moved = async (work: () => Promise<unknown>): Promise<readonly number[]> => {
        const before = await get().stamp();
        await work();
        const after = await get().stamp();
        return [after.tenant - before.tenant, after.generation - before.generation];
      };
      const anna = userFields('anna');
      const staff = groupFields('staff');
      const put = (fields: DirectoryUserFields) => () => get().catalog.putDirectoryUser(ACME, fields, 'any', CHANGE);
      const set = (fields: DirectoryGroupFields, members: MemberChange) => () =>
        get().catalog.putDirectoryGroup(ACME, fields, members, [], 'any', CHANGE);
      expect(await moved(() => get().catalog.putDirectoryUser(ACME, anna, 'absent', CHANGE))).toEqual([0, 0]);
      expect(await moved(() => get().catalog.putDirectoryGroup(ACME, staff, { kind: 'keep' }, [], 'absent', CHANGE))).toEqual([0, 0]);
      expect(await moved(put({ ...anna, displayName: 'Anna' }))).toEqual([0, 0]);
      expect(await moved(put({ ...anna, displayName: 'Anna' }))).toEqual([0, 0]);
      expect(await moved(set({ ...staff, title: 'Staff' }, { kind: 'keep' }))).toEqual([0, 0]);
      expect(await moved(set(staff, exactly(anna.id)))).toEqual([1, 1]);
      expect(await moved(set(staff, exactly(anna.id)))).toEqual([0, 0]);
      expect(await moved(set(staff, { kind: 'change', add: new Set([anna.id]), remove: new Set() }))).toEqual([0, 0]);
      expect(await moved(set(staff, { kind: 'change', add: new Set(), remove: new Set([anna.id]) }))).toEqual([1, 1]);
      for (const fields of [
        { ...anna, active: false },
        anna,
        { ...anna, guest: true },
        { ...anna, principal: 'user:idp|anne' as Principal },
      ]) {
        expect(await moved(put(fields))).toEqual([1, 1]);
      }
      expect(await moved(set({ ...staff, principal: 'group:idp|crew' as Principal }, { kind: 'keep' }))).toEqual([1, 1]);
      expect(await moved(() => get().catalog.deleteDirectoryGroup(ACME, 'idp', staff.id, 'any', CHANGE))).toEqual([1, 1]);
      expect(await moved(() => get().catalog.deleteDirectoryUser(ACME, 'idp', anna.id, 'any', CHANGE))).toEqual([1, 1]);
    });

    it('writes its events in the same transaction: without one nothing changes', async () => {
      const anna = await user('anna');
      const staff = await group('staff', exactly(anna));
      const broken = await get().replica(() => Promise.reject(new Error('the log is full')));
      const now = await get().catalog.directoryGroup(ACME, 'idp', staff);
      if (now === undefined) throw new Error('no such group');
      const before = await get().stamp();
      expect(await code(broken.putDirectoryGroup(ACME, now, NOBODY, [], 'any', CHANGE))).toBe('catalog_unavailable');
      expect(await code(broken.deleteDirectoryUser(ACME, 'idp', anna, 'any', CHANGE))).toBe('catalog_unavailable');
      expect(await code(broken.putDirectoryUser(ACME, userFields('new'), 'absent', CHANGE))).toBe('catalog_unavailable');
      expect(await get().stamp()).toEqual(before);
      expect(groupsOf(await resolved('anna'))).toEqual(['staff']);
      expect(await get().catalog.directoryUsers(ACME, 'idp', { kind: 'all' }, 0, 10)).toMatchObject({ total: 1 });
    });

    it('keeps its counts, its members and its histories right', async () => {
      const anna = await user('anna');
      const bob = await user('bob');
      const inner = await group('inner', exactly(anna, bob));
      const outer = await group('outer', exactly(inner, bob));
      expect(await get().catalog.directoryMembers(ACME, outer, undefined, 10)).toEqual(
        [
          { kind: 'group', id: inner, principal: 'group:idp|inner' },
          { kind: 'user', id: bob, principal: 'user:idp|bob' },
        ].sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
      const at = Date.now() + 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      await get().catalog.deleteDirectoryUser(ACME, 'idp', bob, 'any', CHANGE);
      expect(await get().catalog.directoryGroup(ACME, 'idp', outer)).toMatchObject({ members: 1 });
      await get().catalog.deleteDirectoryGroup(ACME, 'idp', inner, 'any', CHANGE);
      expect(await get().catalog.directoryGroup(ACME, 'idp', outer)).toMatchObject({ members: 0 });
      const counted = await get().database.db.selectFrom('directories').selectAll().where('tenant', '=', ACME).executeTakeFirstOrThrow();
      expect(counted).toMatchObject({ users: 1, groups: 1, memberships: 0 });
      expect(await get().catalog.groupsAt(ACME, 'user:idp|bob' as Principal, at)).toEqual(['group:idp|inner', 'group:idp|outer']);
      expect(await get().catalog.groupsAt(ACME, 'user:idp|bob' as Principal, Date.now() + 60_000)).toBeUndefined();
      expect(await get().catalog.groupsAt(ACME, 'user:idp|anna' as Principal, Date.now() + 60_000)).toEqual([]);
      expect(await get().catalog.groupsAt(ACME, 'user:idp|anna' as Principal, 1_000)).toBeUndefined();
    });

    it('says who is unknown now, and who was there once', async () => {
      const bob = await user('bob');
      await group('staff');
      await user('theirs', {}, GLOBEX);
      const asked = ['user:idp|bob', 'group:idp|staff', 'user:idp|theirs', 'group:idp|nothing'] as Principal[];
      expect([...(await get().catalog.unknownPrincipals(ACME, asked))]).toEqual(['user:idp|theirs', 'group:idp|nothing']);
      await get().catalog.deleteDirectoryUser(ACME, 'idp', bob, 'any', CHANGE);
      expect([...(await get().catalog.unknownPrincipals(ACME, asked))]).toContain('user:idp|bob');
      expect((await get().catalog.directoryEntries(ACME, asked)).get('user:idp|bob' as Principal)).toBe('deleted');
    });

    it('takes members of the same tenant and issuer alone', async () => {
      const theirs = await user('theirs', {}, GLOBEX);
      const foreign = await user('foreign', { issuer: 'other', principal: 'user:other|foreign' as Principal });
      for (const id of [theirs, foreign, randomUUID()]) expect(await code(group(`of-${id}`, exactly(id)))).toBe('invalid_request');
      expect(await get().catalog.directoryGroups(ACME, 'idp', { kind: 'all' }, 0, 10)).toEqual({ total: 0, entries: [] });
    });

    it('keeps a name for as long as the deny of a document names it, as a whole and of the same tenant', async () => {
      const quoted = 'a "deny":b';
      for (const name of ['staff', 'staf', quoted]) await group(name);
      await group('staff', NOBODY, GLOBEX);
      const deny = [`group:idp|staff`, `group:idp|${quoted}`] as Principal[];
      await get().put('denied', { attributes: { acl: { gates: [['group:idp|staf' as Principal]], deny } } });
      const rename = async (name: string, tenant = ACME) => {
        const filter = { kind: 'equal', field: 'principal', value: `group:idp|${name}` } as const;
        const { entries } = await get().catalog.directoryGroups(tenant, 'idp', filter, 0, 1);
        const fields = { ...groupFields(`${name}-2`), id: entries[0]?.id ?? '' };
        return code(get().catalog.putDirectoryGroup(tenant, fields, { kind: 'keep' }, [], 'any', CHANGE));
      };
      expect([await rename('staff'), await rename(quoted), await rename('staf'), await rename('staff', GLOBEX)]).toEqual([
        'invalid_request',
        'invalid_request',
        'ok',
        'ok',
      ]);
      await get().put('denied', { attributes: { acl: { gates: [[deny[0] as Principal]], deny: [] } } });
      expect([await rename('staff'), await rename(quoted)]).toEqual(['ok', 'ok']);
    });

    it('settles races: one name once, every membership counted', async () => {
      const codes = await Promise.all(Array.from({ length: 5 }, () => code(user('same'))));
      expect(codes.filter((one) => one === 'ok')).toHaveLength(1);
      expect(codes.filter((one) => one === 'already_exists')).toHaveLength(4);
      const staff = await group('staff');
      const people = await Promise.all(Array.from({ length: 8 }, (_, i) => user(`p${i}`)));
      await Promise.all(people.map((id) => change(staff, { kind: 'change', add: new Set([id]), remove: new Set() })));
      expect(await get().catalog.directoryGroup(ACME, 'idp', staff)).toMatchObject({ members: 8 });
      await Promise.all(people.slice(4).map((id) => get().catalog.deleteDirectoryUser(ACME, 'idp', id, 'any', CHANGE)));
      expect(await get().catalog.directoryGroup(ACME, 'idp', staff)).toMatchObject({ members: 4 });
    });
  });
}
