import { CompiledQuery, sql } from 'kysely';
import type { Scope } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { MAX_APPLICATION_KEYS, type ApplicationKey, type ApplicationKeyCatalog } from '../../core/ports/application-keys.ts';
import type { Change } from '../../core/ports/catalog.ts';
import type { Principal } from '../../core/principal.ts';
import type { Database, Tx } from '../../database/database.ts';
import type { ApplicationKeyRow } from '../../database/point-tables.ts';
import { databaseTime } from '../../database/time.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from '../context.ts';
import { moveEpoch } from '../epochs.ts';
import { changeEvent } from '../events.ts';

export function applicationKeys(context: CatalogContext): ApplicationKeyCatalog {
  const { database } = context;
  const find = findText(database);
  return {
    addApplicationKey: (key, digest, change) => database.transaction((tx) => addKey(tx, context, key, digest, change)),
    revokeApplicationKey: (tenant, id, change) => database.transaction((tx) => revokeKey(tx, context, tenant, id, change)),

    async applicationKeys(tenant, after, limit) {
      const rows = await database.db
        .selectFrom('application_keys')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('revoked_at', 'is', null)
        .where('id', '>', after ?? '')
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(keyOf);
    },

    async findApplicationKey(digest) {
      const { rows } = await database.db.executeQuery<ApplicationKeyRow>(CompiledQuery.raw(find, [digest]));
      const [row] = rows;
      return row === undefined ? undefined : keyOf(row);
    },
  };
}

/** Asked at each request. On database time: a replica whose clock is behind must not let an ended key in. */
function findText({ db, kind }: Database): string {
  return sql`
    select * from application_keys
    where digest = ${''} and revoked_at is null and (expires_at is null or expires_at > ${databaseTime(kind)})
  `.compile(db).sql;
}

type NewKey = Parameters<ApplicationKeyCatalog['addApplicationKey']>[0];

async function addKey(tx: Tx, context: CatalogContext, key: NewKey, digest: string, change: Change): Promise<ApplicationKey> {
  const { id, tenant, client, scopes, note, expiresAt } = key;
  // Whoever adds another one meanwhile waits here, so that the bound holds.
  await moveEpoch(tx, tenant, { epoch: false, generation: true });
  const at = await databaseNow(tx, context);
  const { held } = await tx
    .selectFrom('application_keys')
    .select(({ fn }) => fn.countAll<number | string>().as('held'))
    .where('tenant', '=', tenant)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (Number(held) >= MAX_APPLICATION_KEYS) throw tooMany();
  const row: ApplicationKeyRow = {
    id,
    tenant,
    client,
    scopes: JSON.stringify(scopes),
    note,
    digest,
    expires_at: expiresAt === 'never' ? null : expiresAt,
    revoked_at: null,
    recorded_from: at,
    ...changedBy(change),
  };
  await tx.insertInto('application_keys').values(row).execute();
  const body = { key: id, client, scopes, expires: expiresAt === 'never' ? null : new Date(expiresAt).toISOString() };
  await context.auditSink(tx, changeEvent(tenant, 'application-key.added', change, body));
  return keyOf(row);
}

async function revokeKey(tx: Tx, context: CatalogContext, tenant: TenantId, id: string, change: Change): Promise<void> {
  await moveEpoch(tx, tenant, { epoch: true, generation: false });
  const at = await databaseNow(tx, context);
  const row = await tx
    .selectFrom('application_keys')
    .select('client')
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (row === undefined) throw new AppError('not_found');
  const { numUpdatedRows } = await tx
    .updateTable('application_keys')
    .set({ revoked_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  demandOne(numUpdatedRows, 'the key was revoked meanwhile');
  await context.auditSink(tx, changeEvent(tenant, 'application-key.revoked', change, { key: id, client: row.client }));
}

function tooMany(): AppError {
  const message = `at most ${MAX_APPLICATION_KEYS} keys a tenant; revoke those that nobody uses`;
  return new AppError('limit_exceeded', { issues: [{ pointer: '', message }] });
}

function keyOf(row: ApplicationKeyRow): ApplicationKey {
  return {
    id: row.id,
    tenant: row.tenant as TenantId,
    client: row.client as Principal,
    scopes: JSON.parse(row.scopes) as readonly Scope[],
    note: row.note,
    createdBy: row.changed_by as Principal,
    createdAt: row.recorded_from,
    expiresAt: row.expires_at ?? 'never',
  };
}
