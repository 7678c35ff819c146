import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';

interface Secrets {
  secrets: { name: string; value: string };
}

/**
 * Secrets of this deployment. `chunk-ids` goes into the names of chunks, which callers see: without it, whoever knows the
 * rest of a document could confirm a guess at its ACL from them.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('secrets')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  const value = randomBytes(32).toString('hex');
  await (db as Kysely<Secrets>).insertInto('secrets').values({ name: 'chunk-ids', value }).execute();
}
