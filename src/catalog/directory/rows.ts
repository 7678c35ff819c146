import { AppError } from '../../core/errors.ts';
import type { DirectoryGroup, DirectoryGroupFields, DirectoryUser, DirectoryUserFields } from '../../core/ports/directory.ts';
import type { Principal } from '../../core/principal.ts';
import type { Tx } from '../../database/database.ts';
import type { DirectoryGroupRow, DirectoryRow, DirectoryUserRow } from '../../database/directory-tables.ts';

/** What names of users and groups compare as. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

export function userOf(row: DirectoryUserRow): DirectoryUser {
  return {
    id: row.id,
    issuer: row.issuer,
    principal: row.principal as Principal,
    externalId: row.external_id ?? undefined,
    userName: row.user_name,
    displayName: row.display_name ?? undefined,
    userType: row.user_type ?? undefined,
    active: row.active === 1,
    guest: row.guest !== 0,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function groupOf(row: DirectoryGroupRow): DirectoryGroup {
  return {
    id: row.id,
    issuer: row.issuer,
    principal: row.principal as Principal,
    externalId: row.external_id ?? undefined,
    title: row.title,
    members: row.members,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

type UserColumns = Omit<DirectoryUserRow, 'tenant' | 'revision' | 'created_at' | 'updated_at'>;

export function userColumns(user: DirectoryUserFields): UserColumns {
  return {
    id: user.id,
    issuer: user.issuer,
    principal: user.principal,
    user_name: user.userName,
    user_name_key: nameKey(user.userName),
    external_id: user.externalId ?? null,
    display_name: user.displayName ?? null,
    user_type: user.userType ?? null,
    active: user.active ? 1 : 0,
    guest: user.guest ? 1 : 0,
  };
}

type GroupColumns = Omit<DirectoryGroupRow, 'tenant' | 'revision' | 'members' | 'created_at' | 'updated_at'>;

export function groupColumns(group: DirectoryGroupFields): GroupColumns {
  return {
    id: group.id,
    issuer: group.issuer,
    principal: group.principal,
    title: group.title,
    title_key: nameKey(group.title),
    external_id: group.externalId ?? null,
  };
}

export function alreadyExists(detail: string): AppError {
  return new AppError('already_exists', { detail });
}

type Counts = Omit<DirectoryRow, 'tenant' | 'issuer'>;

/** Counts what is added to or taken from a directory. It locks the directory's row, so that its changes come one after the other. */
export async function count(tx: Tx, tenant: string, issuer: string, more: Partial<Counts>, limits: Counts): Promise<void> {
  const { users = 0, groups = 0, memberships = 0 } = more;
  await tx
    .insertInto('directories')
    .values({ tenant, issuer, users: 0, groups: 0, memberships: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const after = await tx
    .updateTable('directories')
    .set((row) => ({
      users: row('users', '+', users),
      groups: row('groups', '+', groups),
      memberships: row('memberships', '+', memberships),
    }))
    .where('tenant', '=', tenant)
    .where('issuer', '=', issuer)
    .returning(['users', 'groups', 'memberships'])
    .executeTakeFirstOrThrow();
  for (const kind of ['users', 'groups', 'memberships'] as const) {
    const grows = (more[kind] ?? 0) > 0;
    if (grows && after[kind] > limits[kind]) {
      throw new AppError('limit_exceeded', { issues: [{ pointer: '', message: `at most ${limits[kind]} ${kind} in a directory` }] });
    }
  }
}
