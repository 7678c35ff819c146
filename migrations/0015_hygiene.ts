import type { Kysely } from 'kysely';

/**
 * `original`: what was handed in, where characters were taken out of it; null where nothing was. `characters`: of the text with them.
 * Both go with the version's row when it is erased. `hygiene`: what the text took from its document, see core/hygiene.ts.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('document_versions').addColumn('characters', 'integer').execute();
  await db.schema.alterTable('document_versions').addColumn('original', 'text').execute();
  await db.schema.alterTable('documents').addColumn('hygiene', 'text').execute();
}
