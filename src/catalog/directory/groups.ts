import { digestOf } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Change } from '../../core/ports/catalog.ts';
import { MAX_GROUP_MEMBERS, type DirectoryCatalog } from '../../core/ports/directory.ts';
import type { Tx } from '../../database/database.ts';
import type { DirectoryGroupRow } from '../../database/directory-tables.ts';
import type { Schema } from '../../database/schema.ts';
import type { Kysely } from 'kysely';
import { changedBy, databaseNow, demandOne, type CatalogContext } from '../context.ts';
import { moveEpoch } from '../epochs.ts';
import { changeEvent } from '../events.ts';
import { demandNotDenied } from './denied-names.ts';
import { beginMemberships, differenceOf, emptyGroup, endMemberships, type Difference } from './memberships.ts';
import { alreadyExists, count, groupColumns, groupOf } from './rows.ts';
import { addUsers, demandEntry, leaveGroups, LIMITS, LONG } from './users.ts';

type Groups = Pick<DirectoryCatalog, 'putDirectoryGroup' | 'deleteDirectoryGroup'>;

export function directoryGroupWrites(context: CatalogContext): Groups {
  return { putDirectoryGroup: createPutGroup(context), deleteDirectoryGroup: createDeleteGroup(context) };
}

function createPutGroup(context: CatalogContext): Groups['putDirectoryGroup'] {
  const { database } = context;
  return async (tenant, group, members, newcomers, expected, change) => {
    const { issuer, id } = group;
    const seen = await groupRow(database.db, tenant, issuer, id);
    demandEntry(seen, expected);
    const columns = groupColumns(group);
    const titled = seen !== undefined && sameFacts(seen, columns);
    if (titled && newcomers.length === 0 && isNone(await differenceOf(database.db, tenant, id, members))) return groupOf(seen);
    const renamed = seen !== undefined && seen.principal !== columns.principal;
    const moves = renamed || members.kind !== 'keep';
    const row = await database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: moves, generation: moves });
      const at = await databaseNow(tx, context);
      await count(tx, tenant, issuer, { groups: seen === undefined ? 1 : 0, users: newcomers.length }, LIMITS);
      const before = await groupRow(tx, tenant, issuer, id);
      demandEntry(before, seen === undefined ? 'absent' : expected);
      if (before !== undefined && before.principal !== columns.principal) await demandNotDenied(context, tx, tenant, before.principal);
      await addUsers(tx, tenant, newcomers, change, at);
      const difference = await differenceOf(tx, tenant, id, members);
      const after = nextRow(tenant, before, columns, difference, at);
      await demandNameFree(tx, after);
      await writeGroup(tx, before, after);
      await endMemberships(tx, tenant, id, difference.removed, at);
      await beginMemberships(tx, tenant, group, difference.added, at);
      await count(tx, tenant, issuer, { memberships: difference.added.length - difference.removed.length }, LIMITS);
      await recordGroup(tx, after, 'live', change, at);
      await audit(context, tx, after, difference, newcomers.length, change);
      return after;
    }, LONG);
    return groupOf(row);
  };
}

function createDeleteGroup(context: CatalogContext): Groups['deleteDirectoryGroup'] {
  return async (tenant, issuer, id, expected, change) => {
    await context.database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: true, generation: true });
      const at = await databaseNow(tx, context);
      await count(tx, tenant, issuer, { groups: -1 }, LIMITS);
      const before = await groupRow(tx, tenant, issuer, id);
      demandEntry(before, expected);
      if (before === undefined) throw new AppError('not_found');
      await demandNotDenied(context, tx, tenant, before.principal);
      const ended = (await leaveGroups(tx, tenant, id, at)) + (await emptyGroup(tx, tenant, id, at));
      await count(tx, tenant, issuer, { memberships: -ended }, LIMITS);
      await tx.deleteFrom('directory_groups').where('tenant', '=', tenant).where('id', '=', id).execute();
      await recordGroup(tx, { ...before, revision: before.revision + 1 }, 'deleted', change, at);
      const { principal, revision } = before;
      const body = { issuer, id, principal, revision: revision + 1, memberships: ended };
      await context.auditSink(tx, changeEvent(tenant, 'directory.group-deleted', change, body));
    }, LONG);
  };
}

export function groupRow(db: Kysely<Schema>, tenant: TenantId, issuer: string, id: string): Promise<DirectoryGroupRow | undefined> {
  return db
    .selectFrom('directory_groups')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('issuer', '=', issuer)
    .executeTakeFirst();
}

function isNone({ added, removed }: Difference): boolean {
  return added.length === 0 && removed.length === 0;
}

function sameFacts(before: DirectoryGroupRow, after: object): boolean {
  return Object.entries(after).every(([column, value]) => before[column as keyof DirectoryGroupRow] === value);
}

function nextRow(
  tenant: TenantId,
  before: DirectoryGroupRow | undefined,
  columns: ReturnType<typeof groupColumns>,
  { added, removed }: Difference,
  at: number,
): DirectoryGroupRow {
  const members = (before?.members ?? 0) + added.length - removed.length;
  if (members > MAX_GROUP_MEMBERS && added.length > 0) {
    throw new AppError('limit_exceeded', { issues: [{ pointer: '/members', message: `at most ${MAX_GROUP_MEMBERS} members in a group` }] });
  }
  return { tenant, ...columns, members, revision: (before?.revision ?? 0) + 1, created_at: before?.created_at ?? at, updated_at: at };
}

async function demandNameFree(tx: Tx, row: DirectoryGroupRow): Promise<void> {
  const taken = await tx
    .selectFrom('directory_groups')
    .select('id')
    .where('tenant', '=', row.tenant)
    .where('principal', '=', row.principal)
    .where('id', '<>', row.id)
    .executeTakeFirst();
  if (taken !== undefined) throw alreadyExists('a group of that name');
}

async function writeGroup(tx: Tx, before: DirectoryGroupRow | undefined, after: DirectoryGroupRow): Promise<void> {
  if (before === undefined) {
    await tx.insertInto('directory_groups').values(after).execute();
    return;
  }
  const updated = await tx
    .updateTable('directory_groups')
    .set(after)
    .where('tenant', '=', after.tenant)
    .where('id', '=', after.id)
    .where('revision', '=', before.revision)
    .executeTakeFirstOrThrow();
  demandOne(updated.numUpdatedRows, 'the group has moved on');
}

async function recordGroup(tx: Tx, row: DirectoryGroupRow, state: 'live' | 'deleted', change: Change, at: number): Promise<void> {
  const { tenant, id, issuer, principal, revision, title } = row;
  await tx
    .updateTable('directory_group_history')
    .set({ recorded_to: at })
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('recorded_to', 'is', null)
    .execute();
  await tx
    .insertInto('directory_group_history')
    .values({ tenant, id, issuer, principal, revision, title, state, ...changedBy(change), recorded_from: at, recorded_to: null })
    .execute();
}

/** Who came and went stands in `memberships`; the event holds how many, and a digest that their lists can be checked against. */
async function audit(
  context: CatalogContext,
  tx: Tx,
  after: DirectoryGroupRow,
  { added, removed }: Difference,
  users: number,
  change: Change,
): Promise<void> {
  const { tenant, issuer, id, principal, revision, members } = after;
  const listed = (ids: readonly string[]) => ({ count: ids.length, ids: digestOf(JSON.stringify([...ids].sort())) });
  const body = { issuer, id, principal, revision, members, newUsers: users, added: listed(added), removed: listed(removed) };
  await context.auditSink(tx, changeEvent(tenant as TenantId, 'directory.group-put', change, body));
}
