import { sql, type ExpressionBuilder, type Expression, type SqlBool } from 'kysely';
import type { TenantId } from '../../core/ids.ts';
import type { DirectoryCatalog, DirectoryFilter, DirectoryMember } from '../../core/ports/directory.ts';
import type { Principal } from '../../core/principal.ts';
import type { Schema } from '../../database/schema.ts';
import type { CatalogContext } from '../context.ts';
import { groupRow } from './groups.ts';
import { slices } from './memberships.ts';
import { groupOf, nameKey, userOf } from './rows.ts';
import { userRow } from './users.ts';

type Reads = Omit<
  DirectoryCatalog,
  'putDirectoryUser' | 'deleteDirectoryUser' | 'putDirectoryGroup' | 'deleteDirectoryGroup' | 'quarantinedDocuments'
>;

export function directoryReads({ database }: Pick<CatalogContext, 'database'>): Reads {
  const { db } = database;
  return {
    async directoryUser(tenant, issuer, id) {
      const row = await userRow(db, tenant, issuer, id);
      return row && userOf(row);
    },
    async directoryGroup(tenant, issuer, id) {
      const row = await groupRow(db, tenant, issuer, id);
      return row && groupOf(row);
    },
    async directoryUsers(tenant, issuer, filter, offset, limit) {
      const query = db.selectFrom('directory_users').where('tenant', '=', tenant).where('issuer', '=', issuer).where(userCondition(filter));
      const { total } = await query.select((row) => row.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
      if (limit === 0) return { total, entries: [] };
      return { total, entries: (await query.selectAll().orderBy('id').offset(offset).limit(limit).execute()).map(userOf) };
    },
    async directoryGroups(tenant, issuer, filter, offset, limit) {
      const query = db
        .selectFrom('directory_groups')
        .where('tenant', '=', tenant)
        .where('issuer', '=', issuer)
        .where(groupCondition(tenant, filter));
      const { total } = await query.select((row) => row.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
      if (limit === 0) return { total, entries: [] };
      return { total, entries: (await query.selectAll().orderBy('id').offset(offset).limit(limit).execute()).map(groupOf) };
    },
    async directoryGroupsAfter(tenant, issuer, after, limit) {
      const rows = await db
        .selectFrom('directory_groups')
        .selectAll()
        .where('tenant', '=', tenant)
        // Between `group:<issuer>|` and the next character: the principals of one issuer stand together in their index.
        .where('principal', '>', after ?? `group:${issuer}|`)
        .where('principal', '<', `group:${issuer}}`)
        .orderBy('principal')
        .limit(limit)
        .execute();
      return rows.map(groupOf);
    },
    directoryMembers: (tenant, group, after, limit) => members(database, tenant, group, after, limit),
    directoryEntries: (tenant, principals) => entries(database, tenant, principals),
    async unknownPrincipals(tenant, principals) {
      const known = await entries(database, tenant, principals);
      return new Set(principals.filter((principal) => (known.get(principal) ?? 'deleted') === 'deleted'));
    },
    groupsAt: (tenant, user, at) => groupsAt(database, tenant, user, at),
  };
}

type Db = Pick<CatalogContext['database'], 'db'>;

function userCondition(filter: DirectoryFilter) {
  return (where: ExpressionBuilder<Schema, 'directory_users'>): Expression<SqlBool> => {
    switch (filter.kind) {
      case 'all':
        return sql<SqlBool>`1 = 1`;
      case 'active':
        return where('active', '=', filter.value ? 1 : 0);
      case 'and':
        return where.and(filter.filters.map((one) => userCondition(one)(where)));
      case 'or':
        return where.or(filter.filters.map((one) => userCondition(one)(where)));
      case 'equal':
        switch (filter.field) {
          case 'id':
          case 'principal':
            return where(filter.field, '=', filter.value);
          case 'userName':
            return where('user_name_key', '=', nameKey(filter.value));
          case 'externalId':
            return where('external_id', '=', filter.value);
          case 'displayName':
            return where('display_name', '=', filter.value);
          case 'member':
            return sql<SqlBool>`1 = 0`;
        }
    }
  };
}

function groupCondition(tenant: TenantId, filter: DirectoryFilter) {
  return (where: ExpressionBuilder<Schema, 'directory_groups'>): Expression<SqlBool> => {
    switch (filter.kind) {
      case 'all':
        return sql<SqlBool>`1 = 1`;
      case 'active':
        return sql<SqlBool>`1 = 0`;
      case 'and':
        return where.and(filter.filters.map((one) => groupCondition(tenant, one)(where)));
      case 'or':
        return where.or(filter.filters.map((one) => groupCondition(tenant, one)(where)));
      case 'equal':
        switch (filter.field) {
          case 'id':
          case 'principal':
            return where(filter.field, '=', filter.value);
          case 'displayName':
            return where('title_key', '=', nameKey(filter.value));
          case 'externalId':
            return where('external_id', '=', filter.value);
          case 'userName':
            return sql<SqlBool>`1 = 0`;
          case 'member':
            return where.exists((from) =>
              from
                .selectFrom('memberships as m')
                .select('m.group_id')
                .where('m.tenant', '=', tenant)
                .where('m.member_id', '=', filter.value)
                .where('m.recorded_to', 'is', null)
                .whereRef('m.group_id', '=', 'directory_groups.id'),
            );
        }
    }
  };
}

async function members(
  { db }: Db,
  tenant: TenantId,
  group: string,
  after: string | undefined,
  limit: number,
): Promise<readonly DirectoryMember[]> {
  const rows = await db
    .selectFrom('memberships as m')
    .leftJoin('directory_users as u', (join) => join.onRef('u.tenant', '=', 'm.tenant').onRef('u.id', '=', 'm.member_id'))
    .leftJoin('directory_groups as g', (join) => join.onRef('g.tenant', '=', 'm.tenant').onRef('g.id', '=', 'm.member_id'))
    .select(['m.member_id', 'u.principal as user', 'g.principal as group'])
    .where('m.tenant', '=', tenant)
    .where('m.group_id', '=', group)
    .where('m.recorded_to', 'is', null)
    .$if(after !== undefined, (query) => query.where('m.member_id', '>', after ?? ''))
    .orderBy('m.member_id')
    .limit(limit)
    .execute();
  return rows.map(({ member_id: id, user, group: nested }) => ({
    kind: user === null ? 'group' : 'user',
    id,
    principal: (user ?? nested ?? '') as Principal,
  }));
}

async function entries({ db }: Db, tenant: TenantId, principals: readonly Principal[]): ReturnType<Reads['directoryEntries']> {
  const found = new Map<Principal, DirectoryMember | 'deleted'>();
  for (const slice of slices([...new Set(principals)])) {
    for (const table of ['directory_user_history', 'directory_group_history'] as const) {
      const rows = await db
        .selectFrom(table)
        .select('principal')
        .distinct()
        .where('tenant', '=', tenant)
        .where('principal', 'in', slice)
        .execute();
      for (const { principal } of rows) found.set(principal as Principal, 'deleted');
    }
    for (const [table, kind] of [
      ['directory_users', 'user'],
      ['directory_groups', 'group'],
    ] as const) {
      const rows = await db
        .selectFrom(table)
        .select(['id', 'principal'])
        .where('tenant', '=', tenant)
        .where('principal', 'in', slice)
        .execute();
      for (const { id, principal } of rows) found.set(principal as Principal, { kind, id, principal: principal as Principal });
    }
  }
  return found;
}

/** As `resolve` reads them, but from the histories. */
async function groupsAt({ db }: Db, tenant: TenantId, user: Principal, at: number): Promise<readonly Principal[] | undefined> {
  const then = (alias: string) =>
    sql`${sql.ref(`${alias}.tenant`)} = ${tenant} and ${sql.ref(`${alias}.recorded_from`)} <= ${at} and (${sql.ref(`${alias}.recorded_to`)} is null or ${sql.ref(`${alias}.recorded_to`)} > ${at})`;
  const { rows } = await sql<{ readonly principal: string | null }>`
    with recursive who as (
      select h.id from directory_user_history h where h.principal = ${user} and h.state = 'live' and h.active = 1 and ${then('h')}
    ),
    up (id) as (
      select m.group_id from memberships m join who w on m.member_id = w.id where ${then('m')}
      union
      select m.group_id from memberships m join up u on m.member_id = u.id where ${then('m')}
    )
    select null as principal from who
    union all
    select h.principal from up u join directory_group_history h on h.id = u.id where h.state = 'live' and ${then('h')}`.execute(db);
  if (!rows.some(({ principal }) => principal === null)) return undefined;
  return rows.flatMap(({ principal }) => (principal === null ? [] : [principal as Principal])).sort();
}
