import { sql, type Kysely } from 'kysely';
import { CHANGED_BY, tableTool } from './support/tables.ts';

/**
 * Collections of the Qdrant-compatible door, the points that applications wrote into them, and static keys of applications. `collection`
 * of documents and chunks is null for Sluice's own.
 */
export async function up(db: Kysely<unknown>, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const { table, index } = tableTool(db, dialect);
  const text = dialect === 'postgres' ? sql`text collate "C"` : ('text' as const);
  await db.schema.alterTable('documents').addColumn('collection', text).execute();
  await db.schema.alterTable('chunks').addColumn('collection', text).execute();
  await index('documents', ['collection'], { where: 'collection is not null' });
  // For the comparison with the index, one collection after the other.
  await index('chunks', ['tenant', 'collection', 'chunk'], { where: 'collection is not null' });
  // Deleted ones stay, so that a key is never reused; their name is free again.
  await table('collections', ['key'], {
    key: 'text',
    tenant: 'text',
    name: 'text',
    revision: 'bigint',
    state: 'text',
    params: 'text',
    writers: 'text',
    profile: 'text',
    default_acl: 'text?',
    sources: 'text',
    recorded_from: 'bigint',
    ...CHANGED_BY,
  });
  await index('collections', ['tenant', 'name'], { unique: true, where: `state = 'live'` });
  await index('collections', ['state'], { where: `state = 'deleting'` });
  await table('points', ['tenant', 'chunk'], { tenant: 'text', chunk: 'text', collection: 'text', point: 'text', payload: 'text' });
  await index('points', ['tenant', 'collection', 'point']);
  await table('application_keys', ['id'], {
    id: 'text',
    tenant: 'text',
    client: 'text',
    scopes: 'text',
    note: 'text',
    digest: 'text',
    expires_at: 'bigint?',
    revoked_at: 'bigint?',
    recorded_from: 'bigint',
    ...CHANGED_BY,
  });
  await index('application_keys', ['digest'], { unique: true });
  await index('application_keys', ['tenant', 'id']);
}
