import { documentName } from '../../core/audit-names.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Erasable } from '../../core/ports/audit.ts';
import type { Tx } from '../../database/database.ts';
import { contentName, type Key } from '../names/key.ts';
import { nameRange } from './name-range.ts';

const NAMES_PER_STATEMENT = 500;

/** Every key of it, of every kind and version. */
export async function keysOf(tx: Tx, tenant: TenantId, what: Erasable): Promise<readonly Key[]> {
  const keys = tx.selectFrom('audit_keys').select(['kind', 'name', 'pseudonym', 'key']).where('tenant', '=', tenant);
  if (what.kind === 'caller') return keys.where('kind', 'in', ['person', 'holder']).where('name', '=', what.principal).execute();
  const { source, document, version } = what;
  if (version !== undefined) {
    return keys
      .where('kind', '=', 'content')
      .where('name', '=', contentName(source, document, version))
      .execute();
  }
  const { from, to } = nameRange(source, document);
  const versions = await keys.where('kind', '=', 'content').where('name', '>', from).where('name', '<', to).orderBy('name').execute();
  const name = await keys.where('kind', '=', 'document').where('name', '=', documentName(source, document)).execute();
  return [...name, ...versions];
}

/** Deletes keys and the texts under them, and leaves tombstones that point to the event at `index`. */
export async function destroyKeys(tx: Tx, tenant: TenantId, keys: readonly Omit<Key, 'key'>[], index: number): Promise<void> {
  for (let start = 0; start < keys.length; start += NAMES_PER_STATEMENT) {
    const some = keys.slice(start, start + NAMES_PER_STATEMENT);
    const pseudonyms = some.map(({ pseudonym }) => pseudonym);
    await tx.deleteFrom('audit_keys').where('tenant', '=', tenant).where('pseudonym', 'in', pseudonyms).execute();
    await tx.deleteFrom('audit_texts').where('tenant', '=', tenant).where('pseudonym', 'in', pseudonyms).execute();
    await tx
      .insertInto('audit_tombstones')
      .values(some.map(({ kind, pseudonym }) => ({ tenant, kind, pseudonym, idx: index })))
      .execute();
  }
}
