import type { Database, Tx } from '../../database/database.ts';
import { readDatabaseTime } from '../../database/time.ts';

/** The name under which a tenant's log is known outside now; undefined before its first checkpoint. */
export async function currentOrigin(db: Pick<Tx, 'selectFrom'>, tenant: string): Promise<string | undefined> {
  return (await lastOf(db, tenant))?.origin;
}

/**
 * A new name for a tenant's log, in force at once. Its id is random: whoever sees checkpoints learns neither whose they are nor how many
 * tenants there are. `reason`: why the one before is given up; empty for the first.
 */
export async function addOrigin(tx: Tx, log: Database, tenant: string, origin: string, reason: string): Promise<void> {
  const last = await lastOf(tx, tenant);
  const since = await readDatabaseTime(tx, log.kind);
  await tx
    .insertInto('audit_origins')
    .values({ tenant, number: (last?.number ?? -1) + 1, origin, since, reason })
    .execute();
}

/** `<host>/sluice/<id>`: the form of tlog-checkpoint, a URL without its scheme. */
export function originName(host: string, id: string): string {
  return `${host}/sluice/${id}`;
}

/** The last part of it, which is unique and can be a file name. */
export function originId(origin: string): string {
  return origin.slice(origin.lastIndexOf('/') + 1);
}

function lastOf(db: Pick<Tx, 'selectFrom'>, tenant: string) {
  return db
    .selectFrom('audit_origins')
    .select(['number', 'origin'])
    .where('tenant', '=', tenant)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}
