import type { AuditEventRow } from '../../database/audit-tables.ts';
import type { DatabaseKind, Tx } from '../../database/database.ts';
import { upsert } from './bulk.ts';

const INTENTS = { table: 'audit_open_intents', columns: ['tenant', 'idx', 'request_id', 'at'], key: 2 };
const IDS_PER_DELETE = 400;

/** Remembers intents that the batch leaves open, and forgets those that it ends. Most begin and end within one batch. */
export async function settleIntents(
  tx: Tx,
  kind: DatabaseKind,
  tenant: string,
  events: readonly Pick<AuditEventRow, 'idx' | 'at' | 'kind' | 'request_id'>[],
): Promise<void> {
  const open = new Map<string, readonly unknown[]>();
  const ended = new Set<string>();
  for (const event of events) {
    if (event.kind === 'intent') open.set(event.request_id, [tenant, event.idx, event.request_id, event.at]);
    else if (event.kind === 'release' || event.kind === 'error') {
      if (!open.delete(event.request_id)) ended.add(event.request_id);
    }
  }
  await upsert(tx, kind, INTENTS, [...open.values()]);
  const ids = [...ended];
  for (let from = 0; from < ids.length; from += IDS_PER_DELETE) {
    await tx
      .deleteFrom('audit_open_intents')
      .where('tenant', '=', tenant)
      .where('request_id', 'in', ids.slice(from, from + IDS_PER_DELETE))
      .execute();
  }
}

export interface OpenIntent {
  readonly tenant: string;
  readonly index: number;
  readonly requestId: string;
}

/** Those that have stood alone since before `before` (database time, milliseconds), by tenant and position, behind `after`. */
export async function orphansBefore(
  db: Pick<Tx, 'selectFrom'>,
  before: number,
  limit: number,
  after: OpenIntent | undefined,
): Promise<readonly OpenIntent[]> {
  let open = db.selectFrom('audit_open_intents').select(['tenant', 'idx', 'request_id']).where('at', '<', before);
  if (after !== undefined) {
    const { tenant, index } = after;
    open = open.where(({ eb, or, and }) => or([eb('tenant', '>', tenant), and([eb('tenant', '=', tenant), eb('idx', '>', index)])]));
  }
  const rows = await open.orderBy('tenant').orderBy('idx').limit(limit).execute();
  return rows.map(({ tenant, idx, request_id: requestId }) => ({ tenant, index: idx, requestId }));
}
