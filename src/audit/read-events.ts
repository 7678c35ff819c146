import type { Kysely } from 'kysely';
import { erasedName, mapNames, plainName, type NameKind } from '../core/audit-names.ts';
import type { TenantId } from '../core/ids.ts';
import type { AuditKind, StoredAuditEvent } from '../core/ports/audit.ts';
import type { AuditEventRow } from '../database/audit-tables.ts';
import type { Tx } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';
import { shownBody } from './stored-body.ts';

const PSEUDONYMS_PER_READ = 500;

/** How many events the log holds. */
export async function logSize(db: Pick<Tx, 'selectFrom'>, tenant: string): Promise<number> {
  const row = await db.selectFrom('audit_heads').select('size').where('tenant', '=', tenant).executeTakeFirst();
  return row?.size ?? 0;
}

/**
 * Rows of one tenant as readers see them, over any connection: names put back, with one look-up for all of them, `erased:<pseudonym>`
 * for whoever was erased. Nothing is kept, so what was erased before the call is never shown. An emptied row has the body
 * `{"erased": true}`, one that is no JSON `{"damaged": true}`. Whether anybody changed the rows is `verifyChain`'s question.
 */
export async function storedEvents(
  db: Kysely<Schema>,
  tenant: TenantId,
  rows: readonly AuditEventRow[],
): Promise<readonly StoredAuditEvent[]> {
  const read = rows.map((row) => ({ row, body: shownBody(row) }));
  const pseudonyms = new Set<string>();
  for (const { row, body } of read) {
    if (row.v === 1) continue;
    mapNames(body, (_, pseudonym) => {
      pseudonyms.add(pseudonym);
      return null;
    });
  }
  const names = await namesBehind(db, tenant, [...pseudonyms]);
  return read.map(({ row, body }) => ({
    tenant,
    kind: row.kind as AuditKind,
    requestId: row.request_id,
    body: row.v > 1 ? mapNames(body, names) : body,
    index: row.idx,
    leaf: row.leaf,
    at: new Date(row.at).toISOString(),
  }));
}

/** Under the kind it was made for: a body cannot make a holder's key out to be a person. */
async function namesBehind(db: Kysely<Schema>, tenant: string, pseudonyms: readonly string[]) {
  const names = new Map<string, string>();
  for (let start = 0; start < pseudonyms.length; start += PSEUDONYMS_PER_READ) {
    const rows = await db
      .selectFrom('audit_keys')
      .select(['kind', 'name', 'pseudonym'])
      .where('tenant', '=', tenant)
      .where('pseudonym', 'in', pseudonyms.slice(start, start + PSEUDONYMS_PER_READ))
      .execute();
    for (const { kind, name, pseudonym } of rows) names.set(`${kind} ${pseudonym}`, name);
  }
  return (kind: NameKind, pseudonym: string) => {
    const name = names.get(`${kind} ${pseudonym}`);
    return name === undefined ? erasedName(pseudonym) : plainName(kind, name);
  };
}
