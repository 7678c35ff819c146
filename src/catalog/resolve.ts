import { sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Caller, CallerUser } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import { MAX_GROUPS_OF_USER } from '../core/ports/directory.ts';
import type { Principal } from '../core/principal.ts';
import type { CatalogContext } from './context.ts';

interface Person {
  /** Read after a stamp of this generation, so at least as new. */
  readonly generation: number;
  readonly guest: boolean;
  /** Sorted. */
  readonly groups: readonly Principal[];
}

/** Groups of all people that are remembered together. */
const CACHED_GROUPS = 2_000_000;

/**
 * Fills in what the directory holds of a person. A deactivated or unknown person is never remembered, so that one who comes back
 * need move nothing; everything else that changes what is read here moves the generation.
 */
export function createResolve({ database }: Pick<CatalogContext, 'database'>): ReadCatalog['resolve'] {
  const people = new LRUCache<string, Person>({ maxSize: CACHED_GROUPS, sizeCalculation: ({ groups }) => groups.length + 1 });
  const loading = new Map<string, Promise<Person>>();
  // By the caller as identity made it; what was resolved is resolved again from that one.
  const origins = new WeakMap<Caller, Caller>();
  const resolved = new WeakMap<Caller, { readonly person: Person; readonly caller: Caller }>();

  async function load(key: string, caller: Caller, user: Principal, generation: number): Promise<Person> {
    const person = await readPerson(database, caller.tenant, user, generation);
    const before = people.get(key);
    if (before !== undefined && before.generation > generation) return person;
    const kept = before !== undefined && same(before, person) ? { ...before, generation } : person;
    people.set(key, kept);
    return kept;
  }

  function personOf(caller: Caller, user: Principal, generation: number): Person | Promise<Person> {
    const key = `${caller.tenant} ${user}`;
    const known = people.get(key);
    if (known !== undefined && known.generation >= generation) return known;
    const turn = `${generation} ${key}`;
    let underWay = loading.get(turn);
    if (underWay === undefined) {
      underWay = load(key, caller, user, generation).finally(() => loading.delete(turn));
      loading.set(turn, underWay);
    }
    return underWay;
  }

  return async (given, { generation }) => {
    const caller = origins.get(given) ?? given;
    const { user } = caller;
    if (user.kind === 'none' || user.groupsFrom === undefined) return caller;
    const known = resolved.get(caller);
    if (known !== undefined && known.person.generation >= generation) return known.caller;
    const person = await personOf(caller, user.principal, generation);
    const latest = resolved.get(caller);
    if (latest !== undefined && latest.person.generation >= person.generation) return latest.caller;
    // Callers are cache keys by identity, so where nothing of this person changed they get the same one.
    const unchanged = latest !== undefined && same(latest.person, person);
    const filled = unchanged ? latest.caller : withPerson(caller, user, person);
    resolved.set(caller, { person, caller: filled });
    origins.set(filled, caller);
    return filled;
  };
}

function withPerson(caller: Caller, user: Extract<CallerUser, { kind: 'user' }>, { groups, guest }: Person): Caller {
  return { ...caller, user: { ...user, groups, guest } };
}

function same(a: Person, b: Person): boolean {
  if (a.guest !== b.guest || a.groups.length !== b.groups.length) return false;
  return a.groups === b.groups || a.groups.every((group, index) => group === b.groups[index]);
}

interface Row {
  readonly active: number | null;
  readonly guest: number | null;
  readonly principal: string | null;
}

/**
 * One statement, so that person and groups are of one moment: read apart, somebody deleted in between would seem to be in no group.
 * `union` drops what was reached before, which makes the walk breadth-first, free of cycles, and as deep as groups are nested.
 */
async function readPerson(
  { db }: Pick<CatalogContext['database'], 'db'>,
  tenant: string,
  user: Principal,
  generation: number,
): Promise<Person> {
  const { rows } = await sql<Row>`
    with recursive who as (select id, active, guest from directory_users where tenant = ${tenant} and principal = ${user}),
    up (id) as (
      select m.group_id from memberships m join who w on m.member_id = w.id where m.tenant = ${tenant} and m.recorded_to is null
      union
      select m.group_id from memberships m join up u on m.member_id = u.id where m.tenant = ${tenant} and m.recorded_to is null
    )
    select active, guest, null as principal from who
    union all
    select null, null, g.principal from up u join directory_groups g on g.tenant = ${tenant} and g.id = u.id
    limit ${MAX_GROUPS_OF_USER + 2}`.execute(db);
  const who = rows.find(({ principal }) => principal === null);
  if (who?.active !== 1) throw new AppError('forbidden', { detail: 'the directory does not know this person, or has deactivated them' });
  const groups = rows.flatMap(({ principal }) => (principal === null ? [] : [principal as Principal]));
  if (groups.length > MAX_GROUPS_OF_USER) {
    throw new AppError('groups_incomplete', { detail: `a person of more than ${MAX_GROUPS_OF_USER} groups` });
  }
  return { generation, guest: who.guest !== 0, groups: groups.sort() };
}
