import { setImmediate as nextTurn } from 'node:timers/promises';
import { subLogsOf } from '../../core/sub-logs.ts';
import { hashChildren } from '../../core/tlog/merkle.ts';
import { subLogKey } from '../../core/tlog/sub-log-map.ts';
import type { SubLog } from '../../core/ports/evidence.ts';
import type { AuditEventRow } from '../../database/audit-tables.ts';
import type { Database, Tx } from '../../database/database.ts';
import { EMPTY_HEAD, leafHash } from '../leaf.ts';
import { bodyOf, isEmptied } from '../stored-body.ts';
import { buildMap } from './build-map.ts';
import { fenced } from './fence.ts';
import { growSubLogs, type SubLogGrowth } from './grow-sub-logs.ts';
import { growTree } from './grow-tree.ts';
import { settleIntents } from './open-intents.ts';
import type { LogAndIndex } from './open-index.ts';

export interface BatchLimits {
  readonly events: number;
  /** UTF-16 units of bodies, passed by at most one page. */
  readonly text: number;
}

/** A document that is often released is written once a batch: where the index is behind, a longer one costs less an event. */
const LIMITS: BatchLimits = { events: 12_000, text: 67_108_864 };
const PAGE = 200;

/** What is kept of a batch; its bodies are read and let go, page by page. */
interface Batch {
  readonly events: Pick<AuditEventRow, 'idx' | 'at' | 'kind' | 'request_id'>[];
  readonly leaves: Uint8Array[];
  /** By a name that is each sub-log's own. */
  readonly grown: Map<string, SubLogGrowth>;
}

/** An event that should be there is not: somebody took it out of the log. */
export class GapInLog extends Error {
  readonly index: number;

  constructor(tenant: string, index: number) {
    super(`the log of ${tenant} has no event ${index}`);
    this.name = 'GapInLog';
    this.index = index;
  }
}

/**
 * An event that is not the one its leaf was made from: its lists would not hold it, and be signed. Nothing is indexed from there on until
 * it is put back.
 */
export class ChangedEvent extends Error {
  constructor(tenant: string, index: number) {
    super(`event ${index} of the log of ${tenant} is not the one that its leaf was made from`);
    this.name = 'ChangedEvent';
  }
}

/**
 * Indexes what follows, up to `upTo`, at most one batch, and returns the size reached. All of it is committed in one transaction under
 * this term: a crash leaves the state of the batch before.
 */
export async function indexBatch(
  { log, index }: Pick<LogAndIndex, 'log' | 'index'>,
  term: number,
  tenant: string,
  upTo: number,
  limits: BatchLimits = LIMITS,
): Promise<number> {
  const from = (await logState(index.db, tenant)).size;
  if (from >= upTo) return from;
  const { events, leaves, grown } = await readBatch(log, tenant, from, upTo, limits);
  return fenced(index, term, async (tx) => {
    const state = await logState(tx, tenant);
    // Somebody else under the same term: a mistake of ours, and nothing is written.
    if (state.size !== from) throw new Error('the index moved meanwhile');
    let head: Uint8Array = Buffer.from(state.head, 'hex');
    for (const leaf of leaves) head = hashChildren(head, leaf);
    await growTree(tx, index.kind, tenant, leaves);
    await growSubLogs(tx, index.kind, tenant, [...grown.values()]);
    await settleIntents(tx, index.kind, tenant, events);
    const size = from + events.length;
    await saveState(tx, tenant, { size, head: Buffer.from(head).toString('hex') });
    return size;
  });
}

/** Brings the map to the indexed size, in one transaction. */
export async function settleMap(index: Database, term: number, tenant: string): Promise<{ readonly size: number; readonly map: string }> {
  return fenced(index, term, async (tx) => {
    const { size } = await logState(tx, tenant);
    const map = await buildMap(tx, index.kind, tenant);
    await tx.updateTable('audit_index_logs').set({ map_size: size, map_root: map }).where('tenant', '=', tenant).execute();
    return { size, map };
  });
}

/** All that is derived from the log, by tenant. */
export const INDEX_TABLES = [
  'audit_index_logs',
  'audit_tiles',
  'audit_edges',
  'audit_sublogs',
  'audit_sublog_blocks',
  'audit_map_buckets',
  'audit_map_tiles',
  'audit_open_intents',
] as const;

/** Deletes what is indexed of a tenant, to be built again. */
export async function dropIndex(index: Database, term: number, tenant: string): Promise<void> {
  await fenced(index, term, async (tx) => {
    for (const table of INDEX_TABLES) await tx.deleteFrom(table).where('tenant', '=', tenant).execute();
  });
}

export interface LogState {
  readonly size: number;
  /** The running hash of the log at this size. */
  readonly head: string;
  readonly mapSize: number;
  readonly mapRoot: string;
}

export async function logState(db: Pick<Tx, 'selectFrom'>, tenant: string): Promise<LogState> {
  const row = await db.selectFrom('audit_index_logs').selectAll().where('tenant', '=', tenant).executeTakeFirst();
  return { size: row?.size ?? 0, head: row?.head ?? EMPTY_HEAD, mapSize: row?.map_size ?? 0, mapRoot: row?.map_root ?? '' };
}

async function saveState(tx: Tx, tenant: string, moved: { readonly size: number; readonly head: string }): Promise<void> {
  await tx
    .insertInto('audit_index_logs')
    .values({ tenant, ...moved, map_size: 0, map_root: '' })
    .onConflict((conflict) => conflict.column('tenant').doUpdateSet(moved))
    .execute();
}

async function readBatch(log: Database, tenant: string, from: number, upTo: number, limits: BatchLimits): Promise<Batch> {
  const batch: Batch = { events: [], leaves: [], grown: new Map() };
  const { events } = batch;
  let text = 0;
  while (events.length < limits.events && from + events.length < upTo && text < limits.text) {
    const next = from + events.length;
    const page = await log.db
      .selectFrom('audit_events')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('idx', '>=', next)
      .where('idx', '<', Math.min(upTo, next + Math.min(PAGE, limits.events - events.length)))
      .orderBy('idx')
      .execute();
    if (page.length === 0) throw new GapInLog(tenant, next);
    // Whoever asks this thread something gets a turn.
    await nextTurn();
    for (const event of page) {
      if (event.idx !== from + events.length) throw new GapInLog(tenant, from + events.length);
      if (!isEmptied(event) && leafHash(event) !== event.leaf) throw new ChangedEvent(tenant, event.idx);
      text += event.body.length;
      take(batch, event);
    }
  }
  return batch;
}

function take({ events, leaves, grown }: Batch, event: AuditEventRow): void {
  const { idx, at, kind, request_id, v } = event;
  const leaf = Buffer.from(event.leaf, 'hex');
  events.push({ idx, at, kind, request_id });
  leaves.push(leaf);
  for (const subLog of subLogsOf({ v, kind, body: bodyOf(event) })) {
    const name = nameOf(subLog);
    let growth = grown.get(name);
    if (growth === undefined) grown.set(name, (growth = { key: subLogKey(subLog), events: [] }));
    growth.events.push({ index: idx, leaf });
  }
}

function nameOf({ about, what, name }: SubLog): string {
  return `${about} ${what} ${name}`;
}
