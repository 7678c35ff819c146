import type { Kysely } from 'kysely';
import { tableTool } from './support/tables.ts';

/**
 * Whose session it is, as a digest like the others in the row: sessions of a person can be found to be erased. Sessions from before have
 * none, and end after 30 days without use as they did.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  await db.schema.alterTable('sessions').addColumn('person', 'text').execute();
  await tableTool(db, kind).index('sessions', ['tenant', 'person'], { where: 'person is not null' });
}
