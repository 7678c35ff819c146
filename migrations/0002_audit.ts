import { sql, type Kysely } from 'kysely';

/** The audit's log and its heads, one chain a tenant. Events are only ever inserted. */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  // Tenants are locked in order, so both order them by code point, whatever the server's locale.
  const text = kind === 'postgres' ? sql`text collate "C"` : ('text' as const);
  await db.schema
    .createTable('audit_events')
    .addColumn('tenant', text, (column) => column.notNull())
    .addColumn('idx', 'bigint', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('request_id', text, (column) => column.notNull())
    .addColumn('body', text, (column) => column.notNull())
    .addColumn('salt', text, (column) => column.notNull())
    .addColumn('leaf', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('audit_events_pk', ['tenant', 'idx'])
    .execute();
  await db.schema.createIndex('audit_events_by_request').on('audit_events').columns(['tenant', 'request_id', 'idx']).execute();
  await db.schema
    .createTable('audit_heads')
    .addColumn('tenant', text, (column) => column.primaryKey())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('head', text, (column) => column.notNull())
    .execute();
}
