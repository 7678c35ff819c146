import type { AuditReceipt } from '../core/ports/audit.ts';
import type { SessionTurn } from '../core/ports/sessions.ts';
import type { SessionSeen } from '../core/session.ts';
import type { AuditEventRow, AuditHeadRow } from '../database/audit-tables.ts';
import type { Tx } from '../database/database.ts';
import type { DatabaseKind } from '../database/database.ts';
import type { JoinedSession, SessionSink } from '../database/session-sink.ts';
import { together } from '../database/together.ts';
import { sessionText, type Condition, type Entry, type Outcome } from './entry.ts';
import { leafHash, nextHead } from './leaf.ts';
import { settleKeys, type Settled } from './names/settle-keys.ts';
import { fill } from './names/template.ts';
import { keyUnderLock, sealedUnderLock } from './prepare.ts';
import type { SealedPart, Sealer } from './sealed/seal.ts';
import type { StoredText } from './sealed/text-store.ts';
import { sealedInserts } from './sealed/statements.ts';
import { eventInserts, headMove, lock } from './statements.ts';

const EVERYWHERE = '*';
/** Of what is written now. */
const LEAF_VERSION = 2;

export interface WriteOptions {
  /** Asked by position once the locks are held. */
  readonly isAbandoned: (position: number) => boolean;
  readonly sessionSink: SessionSink;
  readonly sealer: Sealer;
}

export interface Written {
  readonly outcomes: readonly Outcome[];
  /** What may be remembered once this is committed. */
  readonly settled: readonly Settled[];
  readonly texts: readonly StoredText[];
}

/**
 * Writes what may be written, in order, and says for each entry what became of it. Locks, in this order and each kind sorted: the
 * epoch rows of the releases (shared, so that no revocation commits between the comparison and our commit), then the heads. The clock is
 * read after them, when our turn has come, so that time does not run backwards along the log.
 * Sessions are joined under the head of their tenant, so that no two replicas join one at the same time.
 */
export async function writeEntries(
  tx: Tx,
  kind: DatabaseKind,
  entries: readonly Entry[],
  { isAbandoned, sessionSink, sealer }: WriteOptions,
): Promise<Written> {
  const { epochs, heads, now } = await lock(tx, kind, scopesOf(entries), [...new Set(entries.map((entry) => entry.tenant))].sort());
  const before = new Map(heads);
  const obstacles = entries.map((entry, position): Outcome | undefined =>
    isAbandoned(position) ? { kind: 'abandoned' } : obstacleTo(entry.condition, known(heads, entry.tenant), epochs, now),
  );
  const clear = entries.filter((_, position) => obstacles[position] === undefined);
  const sessions = await joinSessions(tx, sessionSink, clear, now);
  const going = clear.filter((entry) => (sessions.get(entry)?.kind ?? 'open') === 'open');
  const settled = await settleKeys(tx, heads, going, sealer.random);
  const rows: AuditEventRow[] = [];
  const parts: (SealedPart & { readonly tenant: string; readonly idx: number })[] = [];
  const outcomes = entries.map((entry, position): Outcome => {
    const obstacle = obstacles[position];
    if (obstacle !== undefined) return obstacle;
    const session = sessions.get(entry);
    if (session !== undefined && session.kind !== 'open') return { kind: `session-${session.kind}` };
    const mine = settled.get(entry.tenant);
    const sealed = sealedUnderLock(entry, mine, sealer);
    const { row, head } = placed(entry, bodyOf(entry, session?.seen, sealed, mine), known(heads, entry.tenant), now);
    rows.push(row);
    if (sealed !== undefined) parts.push({ ...sealed, tenant: row.tenant, idx: row.idx });
    heads.set(entry.tenant, head);
    const receipt = { index: row.idx, leaf: row.leaf };
    return { kind: 'released', receipt, ...(session === undefined ? {} : { session: session.seen }) };
  });
  const { statements, texts } = sealedInserts(kind, parts);
  const moved = [...heads.values()].filter((head) => head.size !== known(before, head.tenant).size);
  await together(tx, kind, [...eventInserts(kind, rows), ...statements, ...moved.map((head) => headMove(kind, head))]);
  return { outcomes, settled: [...settled.values()], texts };
}

function bodyOf(entry: Entry, seen: SessionSeen | undefined, sealed: SealedPart | undefined, settled: Settled | undefined): string {
  const turn = turnOf(entry);
  const key = keyUnderLock(entry, settled);
  const holder = entry.plan === undefined ? undefined : key(entry.plan.holder).key;
  return fill(entry.body, {
    pseudonym: (id) => key(id).pseudonym,
    session: turn === undefined || seen === undefined ? undefined : sessionText(turn, seen, holder),
    sealed: sealed?.digest,
  });
}

/** The row of an entry after this head, and the head after it. */
function placed(entry: Entry, body: string, head: AuditHeadRow, at: number): { readonly row: AuditEventRow; readonly head: AuditHeadRow } {
  const { tenant, kind, requestId, salt } = entry;
  // Where the clock was set back, time stands still along the log.
  const time = Math.max(at, head.at);
  const content = { tenant, idx: head.size, at: time, kind, request_id: requestId, body, salt, v: LEAF_VERSION };
  const leaf = leafHash(content);
  return { row: { ...content, leaf }, head: { ...head, size: head.size + 1, head: nextHead(head.head, leaf), at: time } };
}

function turnOf({ condition }: Entry): SessionTurn | undefined {
  return condition.kind === 'release' ? condition.turn : undefined;
}

async function joinSessions(
  tx: Tx,
  sessionSink: SessionSink,
  entries: readonly Entry[],
  at: number,
): Promise<ReadonlyMap<Entry, JoinedSession>> {
  const turning = entries.flatMap((entry) => {
    const turn = turnOf(entry);
    return turn === undefined ? [] : [{ entry, turn: { ...turn, tenant: entry.tenant } }];
  });
  const joined = new Map<Entry, JoinedSession>();
  if (turning.length === 0) return joined;
  const after = await sessionSink(
    tx,
    turning.map(({ turn }) => turn),
    at,
  );
  // A turn without an answer is one that was not joined.
  for (const [position, { entry }] of turning.entries()) joined.set(entry, after[position] ?? { kind: 'unreadable' });
  return joined;
}

/** Events without a condition in the caller's own transaction. */
export async function writeOwn(tx: Tx, kind: DatabaseKind, entries: readonly Entry[], sealer: Sealer): Promise<readonly AuditReceipt[]> {
  const written = await writeEntries(tx, kind, entries, { isAbandoned: () => false, sessionSink: async () => [], sealer });
  return written.outcomes.map((outcome) => {
    if (outcome.kind !== 'released') throw new Error('an event without a condition was not written');
    return outcome.receipt;
  });
}

/** One of them. */
export async function writeEntry(tx: Tx, kind: DatabaseKind, entry: Entry, sealer: Sealer): Promise<AuditReceipt> {
  const [receipt] = await writeOwn(tx, kind, [entry], sealer);
  if (receipt === undefined) throw new Error('an event without a condition was not written');
  return receipt;
}

function obstacleTo(
  condition: Condition,
  { tenant, erasures }: AuditHeadRow,
  epochs: ReadonlyMap<string, number>,
  now: number,
): Outcome | undefined {
  if (condition.kind === 'none') return undefined;
  if (condition.kind === 'no-erasure-since') return erasures === condition.erasures ? undefined : { kind: 'erased-since' };
  const { judgedAt, validUntil } = condition;
  // A missing row compares unequal: an epoch that cannot be read is one that moved.
  if (epochs.get(tenant) !== judgedAt.tenant || epochs.get(EVERYWHERE) !== judgedAt.global) return { kind: 'epoch-moved' };
  return validUntil !== 'forever' && now >= validUntil ? { kind: 'validity-ended' } : undefined;
}

/** Whose epochs are compared, in the order of their locks. */
function scopesOf(entries: readonly Entry[]): readonly string[] {
  const tenants = entries.filter((entry) => entry.condition.kind === 'release').map((entry) => entry.tenant);
  return tenants.length === 0 ? [] : [...new Set([EVERYWHERE, ...tenants])].sort();
}

function known(heads: ReadonlyMap<string, AuditHeadRow>, tenant: string): AuditHeadRow {
  const head = heads.get(tenant);
  if (head === undefined) throw new Error('a head that was just locked is missing');
  return head;
}
