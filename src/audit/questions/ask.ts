import type { StoredAuditEvent } from '../../core/ports/audit.ts';
import type { AuditPage, AuditQuestion, SubLog } from '../../core/ports/evidence.ts';
import { subLogsOf } from '../../core/sub-logs.ts';
import { subLogKey } from '../../core/tlog/sub-log-map.ts';
import type { AuditEventRow } from '../../database/audit-tables.ts';
import type { Database } from '../../database/database.ts';
import { indexedSize } from '../index/read-tiles.ts';
import { logSize, storedEvents } from '../read-events.ts';
import { bodyOf } from '../stored-body.ts';
import { nextInAll, openPostings, union, type Postings, type Work } from './postings.ts';
import { positionAt } from './position-at.ts';
import { storedNames } from './stored-names.ts';

export interface AskParts {
  readonly log: Database;
  readonly index: Database;
  readonly limits?: Partial<AskLimits>;
}

/** How much one page may cost. Where one is reached, the page ends with `next`, even without an event. */
export interface AskLimits {
  /** Blocks of sub-logs. */
  readonly blocks: number;
  /** Events that are read and looked at one by one. */
  readonly events: number;
}

const LIMITS: AskLimits = { blocks: 4_096, events: 10_000 };
/** Events in one statement; fewer parameters than any database refuses. */
const BATCH = 500;

interface Asking {
  readonly parts: AskParts;
  readonly limits: AskLimits;
  readonly question: AuditQuestion;
  readonly signal: AbortSignal;
  /** Sub-logs as events name them; an event has to be in one of each. */
  readonly wanted: Wanted;
  /** Positions [start, end), of which those below `indexed` are in the index. */
  readonly start: number;
  readonly end: number;
  readonly indexed: number;
  /** Of the log. */
  readonly size: number;
}

/** Where a page has got to. */
interface Found {
  readonly events: StoredAuditEvent[];
  /** Everything before it was looked at. */
  reached: number;
  /** Events that were read. */
  read: number;
}

/**
 * One page of the events that a question names, in their order, the part of the log that is not indexed yet included. Reads sub-logs
 * in blocks, the events it gives, and at most `limits.events` others.
 */
export async function ask(parts: AskParts, question: AuditQuestion, signal: AbortSignal): Promise<AuditPage> {
  const asking = await prepare(parts, question, signal);
  const { start, end, indexed, size } = asking;
  const found: Found = { events: [], reached: start, read: 0 };
  if (start < end) {
    const { wanted } = asking;
    if (wanted === 'whole-log') await scan(asking, found, end);
    else {
      const whole = await walk(asking, wanted, found, Math.min(indexed, end));
      if (whole) await scan(asking, found, end);
    }
  }
  const more = found.reached < end;
  return { events: found.events, ...(more ? { next: found.reached - 1 } : {}), size };
}

async function prepare(parts: AskParts, question: AuditQuestion, signal: AbortSignal): Promise<Asking> {
  const { tenant, from, to, after, before, kinds } = question;
  // First how far the index is, then how long the log is: what was indexed in between is scanned, never left out.
  const indexed = await indexedSize(parts.index.db, tenant);
  const size = await logSize(parts.log.db, tenant);
  const start = Math.max(after === undefined ? 0 : after + 1, from === undefined ? 0 : await positionAt(parts.log, tenant, from, size));
  const end = Math.min(before ?? size, size, to === undefined ? size : await positionAt(parts.log, tenant, to, size));
  // Kinds are told by the events where something narrower is asked for: their own sub-logs are the longest.
  const asked = question.in === 'whole-log' && kinds !== undefined ? ([kinds.map(kindLog)] as const) : question.in;
  const stored = async (list: readonly SubLog[]): Promise<readonly SubLog[]> =>
    (await Promise.all(list.map((one) => storedNames(parts.log, tenant, one)))).flat().map(({ log }) => log);
  const wanted: Wanted = asked === 'whole-log' ? asked : await Promise.all(asked.map(stored));
  return { parts, limits: { ...LIMITS, ...parts.limits }, question, signal, wanted, start, end, indexed, size };
}

/** As `Within`, by the names that events have for each. */
type Wanted = 'whole-log' | readonly (readonly SubLog[])[];

function kindLog(kind: string): SubLog {
  return { about: 'kind', what: 'all', name: kind };
}

/** Through the index, up to `end`. False where the page is full, or too much was read. */
async function walk(asking: Asking, wanted: Exclude<Wanted, 'whole-log'>, found: Found, end: number): Promise<boolean> {
  const { parts, limits, question, signal } = asking;
  if (found.reached >= end) return true;
  const work: Work = { blocks: 0 };
  const lists: Postings[] = [];
  for (const names of wanted) {
    const opened = await Promise.all(names.map((one) => openPostings(parts.index, question.tenant, subLogKey(one), work)));
    const some = opened.filter((one) => one !== undefined);
    if (some.length === 0) {
      found.reached = end;
      return true;
    }
    lists.push(union(some));
  }
  lists.sort((a, b) => a.size - b.size);
  const tired = (): boolean => work.blocks > limits.blocks || found.read >= limits.events;
  for (;;) {
    signal.throwIfAborted();
    const positions: number[] = [];
    const room = Math.min(BATCH, Math.max(question.limit - found.events.length, 1));
    let at = found.reached;
    let ended: 'batch' | 'end' | 'tired' = 'batch';
    while (positions.length < room) {
      const next = await nextInAll(lists, at, end, tired);
      if (next.kind !== 'found') {
        ended = next.kind;
        at = next.kind === 'end' ? end : next.position;
        break;
      }
      positions.push(next.position);
      at = next.position + 1;
    }
    await take(asking, found, positions, at);
    if (found.events.length >= question.limit) return false;
    if (ended === 'end') return true;
    if (ended === 'tired' || tired()) return false;
  }
}

/** Reads the events at these positions and keeps those of the kinds that are asked for. */
async function take({ parts, question }: Asking, found: Found, positions: readonly number[], reached: number): Promise<void> {
  if (positions.length > 0) {
    let query = parts.log.db
      .selectFrom('audit_events')
      .selectAll()
      .where('tenant', '=', question.tenant)
      .where('idx', 'in', [...positions])
      .orderBy('idx');
    if (question.kinds !== undefined) query = query.where('kind', 'in', [...question.kinds]);
    found.events.push(...(await storedEvents(parts.log.db, question.tenant, await query.execute())));
    found.read += positions.length;
  }
  found.reached = reached;
}

/** Event by event: what is not indexed yet, and questions about the whole log. */
async function scan({ parts, limits, question, wanted, signal }: Asking, found: Found, end: number): Promise<void> {
  const names = wanted === 'whole-log' ? wanted : wanted.map((list) => new Set(list.map(nameOf)));
  const kinds = question.kinds === undefined ? undefined : new Set<string>(question.kinds);
  while (found.reached < end && found.events.length < question.limit && found.read < limits.events) {
    signal.throwIfAborted();
    const to = Math.min(end, found.reached + (names === 'whole-log' ? Math.min(BATCH, question.limit - found.events.length) : BATCH));
    const rows = await parts.log.db
      .selectFrom('audit_events')
      .selectAll()
      .where('tenant', '=', question.tenant)
      .where('idx', '>=', found.reached)
      .where('idx', '<', to)
      .orderBy('idx')
      .execute();
    const matching = rows.filter((row) => (kinds === undefined || kinds.has(row.kind)) && isIn(row, names));
    const kept = matching.slice(0, question.limit - found.events.length);
    found.events.push(...(await storedEvents(parts.log.db, question.tenant, kept)));
    found.read += rows.length;
    const last = kept.at(-1);
    found.reached = kept.length < matching.length && last !== undefined ? last.idx + 1 : to;
  }
}

function isIn(row: AuditEventRow, wanted: 'whole-log' | readonly ReadonlySet<string>[]): boolean {
  if (wanted === 'whole-log') return true;
  const own = subLogsOf({ v: row.v, kind: row.kind, body: bodyOf(row) }).map(nameOf);
  return wanted.every((names) => own.some((name) => names.has(name)));
}

function nameOf({ about, what, name }: SubLog): string {
  return JSON.stringify([about, what, name]);
}
