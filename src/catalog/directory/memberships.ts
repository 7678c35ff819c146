import { AppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { MemberChange } from '../../core/ports/directory.ts';
import type { Tx } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import type { Kysely } from 'kysely';
import { SLICE } from './users.ts';

/** What a change of members comes to, by id, given who is in the group now. */
export interface Difference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export async function differenceOf(db: Kysely<Schema>, tenant: TenantId, group: string, change: MemberChange): Promise<Difference> {
  switch (change.kind) {
    case 'keep':
      return { added: [], removed: [] };
    case 'exactly': {
      const now = await membersOf(db, tenant, group);
      return { added: [...change.ids].filter((id) => !now.has(id)), removed: [...now].filter((id) => !change.ids.has(id)) };
    }
    case 'change': {
      const now = await membersAmong(db, tenant, group, [...change.add, ...change.remove]);
      return {
        added: [...change.add].filter((id) => !now.has(id) && !change.remove.has(id)),
        removed: [...change.remove].filter((id) => now.has(id)),
      };
    }
  }
}

async function membersOf(db: Kysely<Schema>, tenant: TenantId, group: string): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('memberships')
    .select('member_id')
    .where('tenant', '=', tenant)
    .where('group_id', '=', group)
    .where('recorded_to', 'is', null)
    .execute();
  return new Set(rows.map((row) => row.member_id));
}

async function membersAmong(db: Kysely<Schema>, tenant: TenantId, group: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const slice of slices(ids)) {
    const rows = await db
      .selectFrom('memberships')
      .select('member_id')
      .where('tenant', '=', tenant)
      .where('group_id', '=', group)
      .where('member_id', 'in', slice)
      .where('recorded_to', 'is', null)
      .execute();
    for (const row of rows) found.add(row.member_id);
  }
  return found;
}

export function slices<T>(list: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / SLICE) }, (_, index) => list.slice(index * SLICE, (index + 1) * SLICE));
}

export async function endMemberships(tx: Tx, tenant: TenantId, group: string, ids: readonly string[], at: number): Promise<void> {
  for (const slice of slices(ids)) {
    await tx
      .updateTable('memberships')
      .set({ recorded_to: at })
      .where('tenant', '=', tenant)
      .where('group_id', '=', group)
      .where('member_id', 'in', slice)
      .where('recorded_to', 'is', null)
      .execute();
  }
}

export async function emptyGroup(tx: Tx, tenant: TenantId, group: string, at: number): Promise<number> {
  const ended = await tx
    .updateTable('memberships')
    .set({ recorded_to: at })
    .where('tenant', '=', tenant)
    .where('group_id', '=', group)
    .where('recorded_to', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(ended.numUpdatedRows);
}

/** Fails with `invalid_request` for an id that is neither a user nor a group of the same directory: an issuer vouches for its own. */
export async function beginMemberships(
  tx: Tx,
  tenant: TenantId,
  group: { readonly id: string; readonly issuer: string },
  ids: readonly string[],
  at: number,
): Promise<void> {
  for (const slice of slices(ids)) {
    const known = new Set<string>();
    for (const table of ['directory_users', 'directory_groups'] as const) {
      const rows = await tx
        .selectFrom(table)
        .select('id')
        .where('tenant', '=', tenant)
        .where('issuer', '=', group.issuer)
        .where('id', 'in', slice)
        .execute();
      for (const { id } of rows) known.add(id);
    }
    if (slice.some((id) => !known.has(id))) {
      throw new AppError('invalid_request', { issues: [{ pointer: '/members', message: 'a member is not in this directory' }] });
    }
    const rows = slice.map((member_id) => ({ tenant, group_id: group.id, member_id, recorded_from: at, recorded_to: null }));
    await tx.insertInto('memberships').values(rows).execute();
  }
}
