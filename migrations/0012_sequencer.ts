import type { Kysely } from 'kysely';
import { tableTool } from './support/tables.ts';

/** Who signs, under which names, what was signed and where it was given. It outlives the index, which can be built again. */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const make = tableTool(db, kind);
  await make.table('audit_lease', ['name'], { name: 'text', holder: 'text', term: 'bigint', until: 'bigint' });
  await make.table('audit_origins', ['tenant', 'number'], {
    tenant: 'text',
    number: 'integer',
    origin: 'text',
    since: 'bigint',
    reason: 'text',
  });
  await make.index('audit_origins', ['origin'], { unique: true });
  await make.table('audit_checkpoints', ['tenant', 'origin', 'size'], {
    tenant: 'text',
    origin: 'text',
    size: 'bigint',
    root: 'text',
    map: 'text',
    note: 'text',
    at: 'bigint',
  });
  await make.table('audit_outside', ['origin', 'place'], { origin: 'text', place: 'text', size: 'bigint', at: 'bigint' });
  await make.table('audit_wanted', ['tenant'], { tenant: 'text', size: 'bigint' });
}
