import { sql, type Kysely } from 'kysely';

/**
 * What an aggregate asks of the catalog without reading it all (validity that ends next, entries with bounds), chunks by id alone
 * for the comparison with the index, and the comparisons themselves. `counts`: JSON. `scope`: a tenant, or `*` for everything.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const text = kind === 'postgres' ? sql`text collate "C"` : ('text' as const);
  await db.schema
    .createIndex('documents_ending')
    .on('documents')
    .columns(['tenant', 'valid_until'])
    .where(sql<boolean>`valid_until is not null`)
    .execute();
  await db.schema
    .createIndex('documents_timed')
    .on('documents')
    .columns(['tenant', 'key'])
    .where(sql<boolean>`acl like '%"principal":%'`)
    .execute();
  await db.schema.createIndex('chunks_by_chunk').on('chunks').columns(['chunk']).execute();
  const columns = {
    id: text,
    scope: text,
    mode: text,
    state: text,
    by: text,
    through: text,
    request_id: text,
    position: text,
    counts: text,
    holder: text,
    lease_until: 'bigint',
    started_at: 'bigint',
    ended_at: 'bigint?',
  } as const;
  let table = db.schema.createTable('reconciliations');
  for (const [name, type] of Object.entries(columns)) {
    table =
      type === 'bigint?'
        ? table.addColumn(name, 'bigint')
        : table.addColumn(name, type, (made) => (name === 'id' ? made.primaryKey() : made.notNull()));
  }
  await table.execute();
  await db.schema
    .createIndex('reconciliations_running')
    .unique()
    .on('reconciliations')
    .columns(['scope'])
    .where(sql<boolean>`state = 'running'`)
    .execute();
  await db.schema.createIndex('reconciliations_by_scope').on('reconciliations').columns(['scope', 'started_at']).execute();
}
