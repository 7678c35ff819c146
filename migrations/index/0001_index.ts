import { sql, type Kysely } from 'kysely';
import { tableTool } from '../support/tables.ts';

/** What is derived from the events of the audit log; deleted, it is built again. */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const make = tableTool(db, kind);
  await make.table('audit_index_fence', ['id'], { id: 'integer', term: 'bigint' });
  await sql`insert into audit_index_fence (id, term) values (1, 0)`.execute(db);
  await make.table('audit_index_logs', ['tenant'], {
    tenant: 'text',
    size: 'bigint',
    head: 'text',
    map_size: 'bigint',
    map_root: 'text',
  });
  await make.table('audit_tiles', ['tenant', 'level', 'idx'], { tenant: 'text', level: 'integer', idx: 'bigint', hashes: 'blob' });
  await make.table('audit_edges', ['tenant', 'level'], { tenant: 'text', level: 'integer', idx: 'bigint', hashes: 'blob' });
  await make.table(
    'audit_sublogs',
    ['tenant', 'key'],
    { tenant: 'text', key: 'blob', size: 'bigint', head: 'blob', blocks: 'integer', tail: 'blob', dirty: 'integer' },
    { clustered: true },
  );
  // Small: only what grew since the last checkpoint is in it.
  await make.index('audit_sublogs', ['tenant', 'key'], { where: 'dirty = 1', name: 'audit_sublogs_dirty' });
  await make.table('audit_sublog_blocks', ['tenant', 'key', 'block'], {
    tenant: 'text',
    key: 'blob',
    block: 'integer',
    first: 'bigint',
    positions: 'blob',
  });
  await make.table('audit_map_buckets', ['tenant', 'bucket'], { tenant: 'text', bucket: 'integer', entries: 'blob' });
  await make.table('audit_map_tiles', ['tenant', 'idx'], { tenant: 'text', idx: 'integer', hashes: 'blob' });
  await make.table('audit_open_intents', ['tenant', 'idx'], { tenant: 'text', idx: 'bigint', request_id: 'text', at: 'bigint' });
  await make.index('audit_open_intents', ['tenant', 'request_id']);
}
