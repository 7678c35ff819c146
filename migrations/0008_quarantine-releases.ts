import { sql, type Kysely } from 'kysely';

/**
 * `released`: the denies that name nobody known and that an owner has let go, a JSON array; it stands for the ACL beside it alone.
 * `deleted_as`: whether a tombstone was made by an owner, or by a writer who may not widen what was there.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('documents').addColumn('released', 'text').execute();
  await db.schema.alterTable('documents').addColumn('deleted_as', 'text').execute();
  await db.schema
    .createIndex('documents_quarantined')
    .on('documents')
    .columns(['tenant', 'source', 'document'])
    .where(sql<boolean>`state = 'quarantined'`)
    .execute();
}
