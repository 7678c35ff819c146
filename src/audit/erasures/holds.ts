import { named, namedDocument } from '../../core/audit-names.ts';
import type { TenantId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AuditEvent, Erasable, LegalHold } from '../../core/ports/audit.ts';
import type { Change } from '../../core/ports/catalog.ts';
import type { Principal } from '../../core/principal.ts';
import type { AuditHoldRow } from '../../database/audit-tables.ts';
import type { Database, Tx } from '../../database/database.ts';
import { readDatabaseTime } from '../../database/time.ts';
import { contentName } from '../names/key.ts';
import { nameRange } from './name-range.ts';

/** One text for what can be erased; versions of a document come right behind the document. */
export function erasableName(what: Erasable): string {
  if (what.kind === 'caller') return `caller ${what.principal}`;
  const { source, document, version } = what;
  return `content ${version === undefined ? JSON.stringify([source, document]) : contentName(source, document, version)}`;
}

/**
 * True where a hold is on it, on the whole of which it is a part, or on a part of it. Under the lock of the tenant's head: none is
 * placed between this question and the erasure.
 */
export async function isHeld(tx: Tx, tenant: TenantId, what: Erasable): Promise<boolean> {
  const names = [erasableName(what)];
  if (what.kind === 'content') names.push(erasableName({ kind: 'content', source: what.source, document: what.document }));
  const range = what.kind === 'content' && what.version === undefined ? nameRange(what.source, what.document) : undefined;
  const row = await tx
    .selectFrom('audit_holds')
    .select('name')
    .where('tenant', '=', tenant)
    .where(({ eb, or, and }) =>
      or([
        eb('name', 'in', names),
        ...(range === undefined ? [] : [and([eb('name', '>', `content ${range.from}`), eb('name', '<', `content ${range.to}`)])]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** False where it is held already. */
export async function insertHold(
  tx: Tx,
  database: Database,
  tenant: TenantId,
  what: Erasable,
  { reason, change }: { readonly reason: string; readonly change: Change },
): Promise<boolean> {
  const row: AuditHoldRow = {
    tenant,
    name: erasableName(what),
    what: JSON.stringify(what),
    reason,
    since: await readDatabaseTime(tx, database.kind),
    changed_by: change.by,
    changed_through: change.through,
    request_id: change.requestId,
  };
  const { numInsertedOrUpdatedRows: made } = await tx
    .insertInto('audit_holds')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return made === 1n;
}

export async function deleteHold(tx: Tx, tenant: TenantId, what: Erasable): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('audit_holds')
    .where('tenant', '=', tenant)
    .where('name', '=', erasableName(what))
    .executeTakeFirstOrThrow();
  return numDeletedRows === 1n;
}

export async function readHolds(
  { db }: Database,
  tenant: TenantId,
  after: string | undefined,
  limit: number,
): Promise<readonly LegalHold[]> {
  const rows = await db
    .selectFrom('audit_holds')
    .selectAll()
    .where('tenant', '=', tenant)
    .$if(after !== undefined, (query) => query.where('name', '>', after ?? ''))
    .orderBy('name')
    .limit(limit)
    .execute();
  return rows.map(({ name, what, reason, changed_by: by, since }) => ({
    name,
    what: JSON.parse(what) as Erasable,
    reason,
    by: by as Principal,
    since: new Date(since).toISOString(),
  }));
}

/** `version`: the pseudonym of its key, since a version's name is a digest of its text. */
export function holdEvent(
  tenant: TenantId,
  kind: 'hold.placed' | 'hold.lifted',
  what: Erasable,
  { reason, change, version }: { readonly reason: string; readonly change: Change; readonly version: string | undefined },
): AuditEvent {
  return {
    tenant,
    kind,
    requestId: change.requestId,
    body: { by: named(change.by), through: change.through, ...erasableFacts(what, version), reason },
  };
}

export function erasableFacts(what: Erasable, version: string | undefined): JsonObject {
  if (what.kind === 'caller') return { subject: named(what.principal) };
  return { source: what.source, document: namedDocument(what.source, what.document), version: version ?? null };
}
