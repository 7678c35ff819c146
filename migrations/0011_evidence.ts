import { sql, type Kysely } from 'kysely';
import { CHANGED_BY, tableTool } from './support/tables.ts';

/**
 * Names under pseudonyms, keys that can be destroyed, and what is sealed under them. Events from before are version 1: they name
 * people and documents plainly, and their leaves stand in the same tree.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const make = tableTool(db, kind);
  await db.schema
    .alterTable('audit_events')
    .addColumn('v', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
  for (const column of ['at', 'erasures']) {
    await db.schema
      .alterTable('audit_heads')
      .addColumn(column, 'bigint', (made) => made.notNull().defaultTo(0))
      .execute();
  }
  await sql`update audit_heads set at = coalesce((select max(at) from audit_events where audit_events.tenant = audit_heads.tenant), 0)`.execute(
    db,
  );
  await make.table('audit_keys', ['tenant', 'kind', 'name'], {
    tenant: 'text',
    kind: 'text',
    name: 'text',
    pseudonym: 'text',
    key: 'blob',
  });
  await make.index('audit_keys', ['tenant', 'pseudonym'], { unique: true });
  await make.table('audit_tombstones', ['tenant', 'pseudonym'], { tenant: 'text', pseudonym: 'text', kind: 'text', idx: 'bigint' });
  await make.table('audit_sealed', ['tenant', 'idx'], { tenant: 'text', idx: 'bigint', content: 'blob' });
  await make.table('audit_texts', ['tenant', 'id'], { tenant: 'text', id: 'text', pseudonym: 'text', content: 'blob' });
  // An erasure looks for the texts of a version, and for events that name somebody plainly.
  await make.index('audit_texts', ['tenant', 'pseudonym']);
  await make.index('audit_events', ['tenant', 'idx'], { where: 'v = 1', name: 'audit_events_plain' });
  await make.table('audit_holds', ['tenant', 'name'], {
    tenant: 'text',
    name: 'text',
    what: 'text',
    reason: 'text',
    since: 'bigint',
    ...CHANGED_BY,
  });
  await make.table('replay_approvals', ['tenant', 'request', 'reader'], {
    tenant: 'text',
    request: 'text',
    reader: 'text',
    reason: 'text',
    asked_at: 'bigint',
    approved_by: 'text?',
    valid_until: 'bigint?',
  });
}
