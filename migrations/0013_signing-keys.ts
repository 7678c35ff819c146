import type { Kysely } from 'kysely';
import { tableTool } from './support/tables.ts';

/**
 * Public parts of the keys that this deployment signed with: under scope `*` all of them, under a tenant those that its log names.
 * Private parts are in a file, never here.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const make = tableTool(db, kind);
  await make.table('signing_keys', ['scope', 'kid'], { scope: 'text', kid: 'text', x: 'text', since: 'text', retired: 'text?' });
}
