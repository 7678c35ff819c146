import type { Kysely } from 'kysely';

/**
 * What ends tokens before their time. `seen_tokens` holds digests of proofs and logout tokens that were used, so that none is
 * taken twice on any replica. `logouts` says since when the tokens of a person, or of a session, are refused; `epoch` is the one
 * that the logout moved everything to, so that a replica reads only what is new to it. Both are forgotten at `expires_at`.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('seen_tokens')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('seen_tokens_by_expires_at').on('seen_tokens').column('expires_at').execute();
  await db.schema
    .createTable('logouts')
    .addColumn('epoch', 'bigint', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('not_before', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('logouts_key', ['epoch', 'key'])
    .execute();
  await db.schema.createIndex('logouts_by_expires_at').on('logouts').column('expires_at').execute();
}
