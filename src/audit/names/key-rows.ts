import type { Kysely } from 'kysely';
import type { Tx } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import { subjectId, type Key, type KeyKind, type Subject } from './key.ts';

/** Names in one statement: SQLite binds at most 32,766 values, and a longer list is slower to plan than two short ones. */
const NAMES_PER_READ = 500;
const ROWS_PER_INSERT = 500;

/** Those of the subjects that have a key, by `subjectId`. */
export async function readKeys(db: Kysely<Schema>, tenant: string, subjects: readonly Subject[]): Promise<Map<string, Key>> {
  const found = new Map<string, Key>();
  for (const [kind, names] of byKind(subjects)) {
    for (let start = 0; start < names.length; start += NAMES_PER_READ) {
      const rows = await db
        .selectFrom('audit_keys')
        .select(['kind', 'name', 'pseudonym', 'key'])
        .where('tenant', '=', tenant)
        .where('kind', '=', kind)
        .where('name', 'in', names.slice(start, start + NAMES_PER_READ))
        .execute();
      for (const row of rows) found.set(subjectId(row), row);
    }
  }
  return found;
}

/** Under the lock of the tenant's head, so that no two replicas make a key for the same name. */
export async function insertKeys(tx: Tx, tenant: string, keys: readonly Key[]): Promise<void> {
  for (let start = 0; start < keys.length; start += ROWS_PER_INSERT) {
    const rows = keys
      .slice(start, start + ROWS_PER_INSERT)
      .map(({ kind, name, pseudonym, key }) => ({ tenant, kind, name, pseudonym, key }));
    await tx.insertInto('audit_keys').values(rows).execute();
  }
}

/** How often keys of the tenant were destroyed so far. Read it before the keys: then it is never newer than they are. */
export async function readErasures(db: Kysely<Schema>, tenant: string): Promise<number> {
  const row = await db.selectFrom('audit_heads').select('erasures').where('tenant', '=', tenant).executeTakeFirst();
  return row?.erasures ?? 0;
}

function byKind(subjects: readonly Subject[]): ReadonlyMap<KeyKind, string[]> {
  const kinds = new Map<KeyKind, string[]>();
  for (const { kind, name } of subjects) {
    const names = kinds.get(kind) ?? [];
    names.push(name);
    kinds.set(kind, names);
  }
  return kinds;
}
