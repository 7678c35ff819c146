import { sql, type Kysely } from 'kysely';

/**
 * `policy_shadows`: which revision is decided by beside the active one, since when and by whom; at most one a tenant at a time.
 * `policy_shadow_findings`: how often the two differed, added up over replicas; bounded by whoever writes it.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const text = kind === 'postgres' ? sql`text collate "C"` : ('text' as const);
  await db.schema
    .createTable('policy_shadows')
    .addColumn('tenant', text, (column) => column.notNull())
    .addColumn('shadow', text, (column) => column.notNull())
    .addColumn('revision', text, (column) => column.notNull())
    .addColumn('changed_by', text, (column) => column.notNull())
    .addColumn('changed_through', text, (column) => column.notNull())
    .addColumn('request_id', text, (column) => column.notNull())
    .addColumn('recorded_from', 'bigint', (column) => column.notNull())
    .addColumn('recorded_to', 'bigint')
    .addColumn('stopped_by', text)
    .addPrimaryKeyConstraint('policy_shadows_key', ['tenant', 'shadow'])
    .execute();
  const current = sql<boolean>`recorded_to is null`;
  await db.schema.createIndex('policy_shadows_by_tenant').unique().on('policy_shadows').column('tenant').where(current).execute();
  await db.schema
    .createTable('policy_shadow_findings')
    .addColumn('tenant', text, (column) => column.notNull())
    .addColumn('shadow', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('gains', 'bigint', (column) => column.notNull())
    .addColumn('loses', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('policy_shadow_findings_key', ['tenant', 'shadow', 'kind', 'name'])
    .execute();
}
