import type { NameKind } from '../../core/audit-names.ts';
import type { TenantId } from '../../core/ids.ts';
import type { StoredName, SubLog } from '../../core/ports/evidence.ts';
import type { Database } from '../../database/database.ts';

/** A sub-log as events name it: under the name itself, and where that has a pseudonym under it as well, for as long as it is known. */
export async function storedNames(log: Database, tenant: TenantId, subLog: SubLog): Promise<readonly StoredName[]> {
  const kind = nameKind(subLog);
  if (kind === undefined) return [{ log: subLog }];
  const { name } = subLog;
  const row = await log.db
    .selectFrom('audit_keys')
    .select(['pseudonym', 'key'])
    .where('tenant', '=', tenant)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst();
  if (row === undefined) return [{ log: subLog }];
  const key = Buffer.from(row.key).toString('hex');
  return [{ log: subLog }, { log: { ...subLog, name: row.pseudonym }, pseudonym: { kind, name, key } }];
}

function nameKind({ about }: SubLog): NameKind | undefined {
  switch (about) {
    case 'document':
      return 'document';
    case 'caller':
      return 'person';
    case 'source':
    case 'client':
    case 'kind':
      return undefined;
  }
}
