import { sql, type Kysely } from 'kysely';

/**
 * `sessions`: the joint label of everything released under a session. A row whose `ended_at` is set holds no label any more; it stays
 * so that its name cannot begin again at once. `honey_documents`: which documents are bait, when, and with which marker.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const text = kind === 'postgres' ? sql`text collate "C"` : ('text' as const);
  await db.schema
    .createTable('sessions')
    .addColumn('tenant', text, (column) => column.notNull())
    .addColumn('session', text, (column) => column.notNull())
    .addColumn('holder', text, (column) => column.notNull())
    .addColumn('turns', 'bigint', (column) => column.notNull())
    .addColumn('level', text)
    .addColumn('compartments', text)
    .addColumn('trust', text)
    .addColumn('begun_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addPrimaryKeyConstraint('sessions_key', ['tenant', 'session'])
    .execute();
  await db.schema.createIndex('sessions_by_holder').on('sessions').columns(['tenant', 'holder', 'used_at']).execute();
  await db.schema.createIndex('sessions_by_used_at').on('sessions').columns(['used_at']).execute();
  await db.schema
    .createTable('honey_documents')
    .addColumn('tenant', text, (column) => column.notNull())
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('marker', text, (column) => column.notNull())
    .addColumn('changed_by', text, (column) => column.notNull())
    .addColumn('changed_through', text, (column) => column.notNull())
    .addColumn('request_id', text, (column) => column.notNull())
    .addColumn('recorded_from', 'bigint', (column) => column.notNull())
    .addColumn('recorded_to', 'bigint')
    .execute();
  const current = sql<boolean>`recorded_to is null`;
  await db.schema.createIndex('honey_documents_by_key').unique().on('honey_documents').columns(['tenant', 'key']).where(current).execute();
}
