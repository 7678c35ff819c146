import type { Kysely } from 'kysely';
import { CHANGED_BY, RECORDED, tableTool, type Columns, type TableTool } from './support/tables.ts';

const ENTRY = { tenant: 'text', id: 'text', issuer: 'text', principal: 'text', revision: 'bigint' } as const satisfies Columns;

/** Users and groups that Sluice holds for issuers that leave them to it. The table `memberships` was never written to until now. */
export async function up(db: Kysely<unknown>, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const tool = tableTool(db, dialect);
  await db.schema.dropTable('memberships').execute();
  await users(tool);
  await groups(tool);
}

async function users({ table, index }: TableTool): Promise<void> {
  await table('directories', ['tenant', 'issuer'], {
    tenant: 'text',
    issuer: 'text',
    users: 'bigint',
    groups: 'bigint',
    memberships: 'bigint',
  });

  const user = { user_name: 'text', active: 'integer', guest: 'integer' } as const satisfies Columns;
  await table('directory_users', ['tenant', 'id'], {
    ...ENTRY,
    ...user,
    user_name_key: 'text',
    external_id: 'text?',
    display_name: 'text?',
    user_type: 'text?',
    created_at: 'bigint',
    updated_at: 'bigint',
  });
  await index('directory_users', ['tenant', 'principal'], { unique: true });
  await index('directory_users', ['tenant', 'issuer', 'user_name_key'], { unique: true });
  await index('directory_users', ['tenant', 'issuer', 'external_id']);
  await index('directory_users', ['tenant', 'issuer', 'id']);
  await table('directory_user_history', ['tenant', 'id', 'revision'], { ...ENTRY, ...user, state: 'text', ...CHANGED_BY, ...RECORDED });
  await index('directory_user_history', ['tenant', 'principal']);
}

async function groups({ table, index }: TableTool): Promise<void> {
  await table('directory_groups', ['tenant', 'id'], {
    ...ENTRY,
    title: 'text',
    title_key: 'text',
    external_id: 'text?',
    members: 'bigint',
    created_at: 'bigint',
    updated_at: 'bigint',
  });
  await index('directory_groups', ['tenant', 'principal'], { unique: true });
  await index('directory_groups', ['tenant', 'issuer', 'title_key']);
  await index('directory_groups', ['tenant', 'issuer', 'external_id']);
  await index('directory_groups', ['tenant', 'issuer', 'id']);
  await table('directory_group_history', ['tenant', 'id', 'revision'], {
    ...ENTRY,
    title: 'text',
    state: 'text',
    ...CHANGED_BY,
    ...RECORDED,
  });
  await index('directory_group_history', ['tenant', 'principal']);

  // `member_id` is the id of a user or of a group. Who changed it is in the history of the group at that time.
  await table('memberships', [], { tenant: 'text', group_id: 'text', member_id: 'text', ...RECORDED });
  // Ids are unique in the whole deployment. With the tenant in front, PostgreSQL, before it knows how full a table is, takes the
  // wrong one of the two for a walk upwards and reads all of it at every step.
  await index('memberships', ['group_id', 'member_id'], { unique: true, where: 'recorded_to is null' });
  await index('memberships', ['member_id', 'recorded_to', 'group_id']);

  await index('documents', ['tenant', 'key'], { where: `state = 'quarantined'` });
}
