import type { TenantId } from '../../core/ids.ts';
import type { SubLog } from '../../core/ports/evidence.ts';
import type { Database } from '../../database/database.ts';

/**
 * A sub-log as events name it: under the name itself for events of version 1 and for what has no pseudonym, and under the pseudonym
 * for as long as it is known.
 */
export async function storedSubLogs(log: Database, tenant: TenantId, subLog: SubLog): Promise<readonly SubLog[]> {
  const kind = subLog.about === 'document' ? 'document' : subLog.about === 'caller' ? 'person' : undefined;
  if (kind === undefined) return [subLog];
  const row = await log.db
    .selectFrom('audit_keys')
    .select('pseudonym')
    .where('tenant', '=', tenant)
    .where('kind', '=', kind)
    .where('name', '=', subLog.name)
    .executeTakeFirst();
  return row === undefined ? [subLog] : [subLog, { ...subLog, name: row.pseudonym }];
}
