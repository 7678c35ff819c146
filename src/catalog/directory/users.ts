import { named } from '../../core/audit-names.ts';
import { AppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Change } from '../../core/ports/catalog.ts';
import {
  MAX_DIRECTORY_GROUPS,
  MAX_DIRECTORY_MEMBERSHIPS,
  MAX_DIRECTORY_USERS,
  type DirectoryCatalog,
  type DirectoryUserFields,
  type ExpectedEntry,
} from '../../core/ports/directory.ts';
import type { Tx } from '../../database/database.ts';
import type { DirectoryUserRow } from '../../database/directory-tables.ts';
import type { Kysely } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from '../context.ts';
import { moveEpoch, type Movement } from '../epochs.ts';
import { changeEvent } from '../events.ts';
import { demandNotDenied } from './denied-names.ts';
import { alreadyExists, count, nameKey, userColumns, userOf } from './rows.ts';

export const LIMITS = { users: MAX_DIRECTORY_USERS, groups: MAX_DIRECTORY_GROUPS, memberships: MAX_DIRECTORY_MEMBERSHIPS };
/** Rows a statement writes or looks for at once. */
export const SLICE = 500;
/** A directory's first load writes tens of thousands of rows at once. */
export const LONG = { timeoutMs: 120_000 };

type Users = Pick<DirectoryCatalog, 'putDirectoryUser' | 'deleteDirectoryUser'>;

export function directoryUserWrites(context: CatalogContext): Users {
  const { database } = context;
  return {
    async putDirectoryUser(tenant, user, expected, change) {
      const before = await userRow(database.db, tenant, user.issuer, user.id);
      demandEntry(before, expected);
      const columns = userColumns(user);
      if (before !== undefined && sameFacts(before, columns)) return userOf(before);
      const row = await database.transaction(async (tx) => {
        await moveEpoch(tx, tenant, movementOf(before, columns));
        const at = await databaseNow(tx, context);
        await count(tx, tenant, user.issuer, { users: before === undefined ? 1 : 0 }, LIMITS);
        if (before !== undefined && before.principal !== columns.principal) await demandNotDenied(context, tx, tenant, before.principal);
        const after = {
          tenant,
          ...columns,
          revision: (before?.revision ?? 0) + 1,
          created_at: before?.created_at ?? at,
          updated_at: at,
        } satisfies DirectoryUserRow;
        await demandNamesFree(tx, after);
        if (before === undefined) await tx.insertInto('directory_users').values(after).execute();
        else await replace(tx, before, after);
        await recordUsers(tx, [after], 'live', change, at);
        await context.auditSink(tx, changeEvent(tenant, 'directory.user-put', change, factsOf(after)));
        return after;
      });
      return userOf(row);
    },

    async deleteDirectoryUser(tenant, issuer, id, expected, change) {
      await database.transaction(async (tx) => {
        await moveEpoch(tx, tenant, { epoch: true, generation: true });
        const at = await databaseNow(tx, context);
        await count(tx, tenant, issuer, { users: -1 }, LIMITS);
        const before = await userRow(tx, tenant, issuer, id);
        demandEntry(before, expected);
        if (before === undefined) throw new AppError('not_found');
        const left = await leaveGroups(tx, tenant, id, at);
        await count(tx, tenant, issuer, { memberships: -left }, LIMITS);
        await tx.deleteFrom('directory_users').where('tenant', '=', tenant).where('id', '=', id).execute();
        const after = { ...before, revision: before.revision + 1 };
        await recordUsers(tx, [after], 'deleted', change, at);
        await context.auditSink(tx, changeEvent(tenant, 'directory.user-deleted', change, { ...factsOf(after), groups: left }));
      }, LONG);
    },
  };
}

export function userRow(db: Kysely<Schema>, tenant: TenantId, issuer: string, id: string): Promise<DirectoryUserRow | undefined> {
  return db
    .selectFrom('directory_users')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('issuer', '=', issuer)
    .executeTakeFirst();
}

export function demandEntry(found: { readonly revision: number } | undefined, expected: ExpectedEntry): void {
  if (expected === 'absent') {
    if (found !== undefined) throw alreadyExists('an entry of that id');
    return;
  }
  if (found === undefined) throw new AppError('not_found');
  if (expected !== 'any' && found.revision !== expected) throw new AppError('conflict', { detail: 'the entry has moved on' });
}

function factsOf(row: DirectoryUserRow): JsonObject {
  const { issuer, id, principal, revision } = row;
  return { issuer, id, principal: named(principal), revision, active: row.active === 1, guest: row.guest !== 0 };
}

function sameFacts(before: DirectoryUserRow, after: object): boolean {
  return Object.entries(after).every(([column, value]) => before[column as keyof DirectoryUserRow] === value);
}

/**
 * A new person is in no group yet, and nothing is remembered of whom the directory did not know. A guest who becomes a member may be
 * kept out by a deny on `everyone-except-guests`, so that counts as a loss both ways.
 */
function movementOf(
  before: DirectoryUserRow | undefined,
  after: Omit<DirectoryUserRow, 'tenant' | 'revision' | 'created_at' | 'updated_at'>,
): Movement {
  if (before === undefined) return { epoch: false, generation: false };
  const decided = before.principal !== after.principal || before.active !== after.active || before.guest !== after.guest;
  return { epoch: decided, generation: decided };
}

/** Under the directory's lock, so what is free stays free until the commit. */
async function demandNamesFree(tx: Tx, row: DirectoryUserRow): Promise<void> {
  const taken = await tx
    .selectFrom('directory_users')
    .select('id')
    .where('tenant', '=', row.tenant)
    .where((where) =>
      where.or([
        where('principal', '=', row.principal),
        where.and([where('issuer', '=', row.issuer), where('user_name_key', '=', nameKey(row.user_name))]),
      ]),
    )
    .where('id', '<>', row.id)
    .limit(1)
    .executeTakeFirst();
  if (taken !== undefined) throw alreadyExists('a user of that name or subject');
}

async function replace(tx: Tx, before: DirectoryUserRow, after: DirectoryUserRow): Promise<void> {
  const updated = await tx
    .updateTable('directory_users')
    .set(after)
    .where('tenant', '=', after.tenant)
    .where('id', '=', after.id)
    .where('revision', '=', before.revision)
    .executeTakeFirstOrThrow();
  demandOne(updated.numUpdatedRows, 'the user has moved on');
}

/** Makes many users at once, for a group that names people whom the directory never knew. */
export async function addUsers(tx: Tx, tenant: TenantId, users: readonly DirectoryUserFields[], change: Change, at: number): Promise<void> {
  const rows = users.map((user): DirectoryUserRow => ({ tenant, ...userColumns(user), revision: 1, created_at: at, updated_at: at }));
  for (let start = 0; start < rows.length; start += SLICE) {
    const slice = rows.slice(start, start + SLICE);
    const inserted = await tx
      .insertInto('directory_users')
      .values(slice)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (inserted.numInsertedOrUpdatedRows !== BigInt(slice.length))
      throw new AppError('conflict', { detail: 'one of the users was made meanwhile' });
    await recordUsers(tx, slice, 'live', change, at);
  }
}

/** Ends what no longer holds and begins what does, so that at any time `t` it is the row with recorded_from <= t < recorded_to. */
async function recordUsers(
  tx: Tx,
  rows: readonly DirectoryUserRow[],
  state: 'live' | 'deleted',
  change: Change,
  at: number,
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  if (first.revision > 1) {
    await tx
      .updateTable('directory_user_history')
      .set({ recorded_to: at })
      .where('tenant', '=', first.tenant)
      .where('id', '=', first.id)
      .where('recorded_to', 'is', null)
      .execute();
  }
  await tx
    .insertInto('directory_user_history')
    .values(
      rows.map(({ tenant, id, issuer, principal, revision, user_name, active, guest }) => ({
        tenant,
        id,
        issuer,
        principal,
        revision,
        user_name,
        active,
        guest,
        state,
        ...changedBy(change),
        recorded_from: at,
        recorded_to: null,
      })),
    )
    .execute();
}

/** Ends every membership of a user or group; the groups it was in are another version from now on. Says how many they were. */
export async function leaveGroups(tx: Tx, tenant: TenantId, member: string, at: number): Promise<number> {
  await tx
    .updateTable('directory_groups')
    .set((row) => ({ members: row('members', '-', 1), revision: row('revision', '+', 1), updated_at: at }))
    .where('tenant', '=', tenant)
    .where('id', 'in', (from) =>
      from
        .selectFrom('memberships')
        .select('group_id')
        .where('tenant', '=', tenant)
        .where('member_id', '=', member)
        .where('recorded_to', 'is', null),
    )
    .execute();
  const ended = await tx
    .updateTable('memberships')
    .set({ recorded_to: at })
    .where('tenant', '=', tenant)
    .where('member_id', '=', member)
    .where('recorded_to', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(ended.numUpdatedRows);
}
