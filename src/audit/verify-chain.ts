import type { TenantId } from '../core/ids.ts';
import type { AuditEventRow, AuditHeadRow } from '../database/audit-tables.ts';
import type { Database } from '../database/database.ts';
import { EMPTY_HEAD, leafHash, nextHead } from './leaf.ts';

export type ChainVerdict =
  | { readonly kind: 'intact'; readonly size: number; readonly head: string }
  | {
      readonly kind: 'broken';
      /** The first place that is wrong. */
      readonly index: number;
      /**
       * `changed`: the event does not fit its leaf, or was moved here. `missing`: no event in this place. `beyond-head`: more events
       * than the head counts. `head`: each event fits its leaf, and yet they do not lead to the head, so one was rewritten with its leaf.
       */
      readonly reason: 'changed' | 'missing' | 'beyond-head' | 'head';
    };

const PAGE = 500;

/**
 * Reads a tenant's log page by page, recomputes every leaf and the head, and names the first bad place. It finds changes by whoever
 * does not also rewrite the rest of the chain; against that, compare size and head with ones kept elsewhere.
 */
export async function verifyChain(database: Database, tenant: TenantId): Promise<ChainVerdict> {
  // Head before events: the log only grows, so whatever is appended meanwhile lies beyond this size and is not looked at here.
  const stored = await headOf(database, tenant);
  let head = EMPTY_HEAD;
  for (let index = 0; index < stored.size;) {
    const rows = await page(database, tenant, index, stored.size);
    for (const row of rows) {
      if (row.idx !== index) return { kind: 'broken', index, reason: 'missing' };
      if (leafHash(row) !== row.leaf) return { kind: 'broken', index, reason: 'changed' };
      head = nextHead(head, row.leaf);
      index += 1;
    }
    if (rows.length === 0) return { kind: 'broken', index, reason: 'missing' };
  }
  if (head !== stored.head) return { kind: 'broken', index: stored.size, reason: 'head' };
  const excess = await firstBeyondHead(database, tenant);
  return excess === undefined ? { kind: 'intact', size: stored.size, head } : { kind: 'broken', index: excess, reason: 'beyond-head' };
}

async function headOf({ db }: Pick<Database, 'db'>, tenant: TenantId): Promise<AuditHeadRow> {
  const row = await db.selectFrom('audit_heads').selectAll().where('tenant', '=', tenant).executeTakeFirst();
  return row ?? { tenant, size: 0, head: EMPTY_HEAD, at: 0, erasures: 0 };
}

function page({ db }: Database, tenant: TenantId, from: number, size: number): Promise<readonly AuditEventRow[]> {
  return db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('idx', '>=', from)
    .where('idx', '<', size)
    .orderBy('idx')
    .limit(PAGE)
    .execute();
}

/** Head and events of one moment, since appends go on. */
function firstBeyondHead(database: Database, tenant: TenantId): Promise<number | undefined> {
  return database.snapshot(async (tx) => {
    const { size } = await headOf({ db: tx }, tenant);
    const row = await tx
      .selectFrom('audit_events')
      .select('idx')
      .where('tenant', '=', tenant)
      .where('idx', '>=', size)
      .orderBy('idx')
      .limit(1)
      .executeTakeFirst();
    return row?.idx;
  });
}
