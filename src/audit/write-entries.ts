import type { AuditReceipt } from '../core/ports/audit.ts';
import type { AuditEventRow, AuditHeadRow } from '../database/audit-tables.ts';
import type { Tx } from '../database/database.ts';
import { readDatabaseTime } from '../database/time.ts';
import type { DatabaseKind } from '../database/database.ts';
import type { Condition, Entry, Outcome } from './entry.ts';
import { leafHash, nextHead } from './leaf.ts';
import { insertEvents, lockEpochs, lockHeads, moveHead } from './statements.ts';

const EVERYWHERE = '*';

/**
 * Writes what may be written, in order, and says for each entry what became of it. Locks, in this order and each kind sorted: the
 * epoch rows of the releases (shared, so that no revocation commits between the comparison and our commit), then the heads.
 * `isAbandoned` is asked by position once the locks are held.
 */
export async function writeEntries(
  tx: Tx,
  kind: DatabaseKind,
  entries: readonly Entry[],
  isAbandoned: (position: number) => boolean,
): Promise<readonly Outcome[]> {
  const epochs = await epochsOf(tx, kind, entries);
  const heads = await lockHeads(tx, kind, [...new Set(entries.map((entry) => entry.tenant))].sort());
  // After the locks: the clock is read when our turn has come, so that time does not run backwards along the log.
  const now = await readDatabaseTime(tx, kind);
  const before = new Map(heads);
  const rows: AuditEventRow[] = [];
  const outcomes = entries.map((entry, position): Outcome => {
    if (isAbandoned(position)) return { kind: 'abandoned' };
    const obstacle = obstacleTo(entry.condition, entry.tenant, epochs, now);
    if (obstacle !== undefined) return obstacle;
    const head = known(heads, entry.tenant);
    const content = {
      tenant: entry.tenant,
      idx: head.size,
      at: now,
      kind: entry.kind,
      request_id: entry.requestId,
      body: entry.body,
      salt: entry.salt,
    };
    const leaf = leafHash(content);
    rows.push({ ...content, leaf });
    heads.set(entry.tenant, { tenant: entry.tenant, size: head.size + 1, head: nextHead(head.head, leaf) });
    return { kind: 'released', receipt: { index: head.size, leaf } };
  });
  await insertEvents(tx, kind, rows);
  for (const [tenant, head] of heads) {
    if (head.size !== known(before, tenant).size) await moveHead(tx, kind, head);
  }
  return outcomes;
}

/** One event in the caller's own transaction. */
export async function writeEntry(tx: Tx, kind: DatabaseKind, entry: Entry): Promise<AuditReceipt> {
  const [outcome] = await writeEntries(tx, kind, [entry], () => false);
  if (outcome?.kind !== 'released') throw new Error('an event without a condition was not written');
  return outcome.receipt;
}

function obstacleTo(condition: Condition, tenant: string, epochs: ReadonlyMap<string, number>, now: number): Outcome | undefined {
  if (condition.kind === 'none') return undefined;
  const { judgedAt, validUntil } = condition;
  // A missing row compares unequal: an epoch that cannot be read is one that moved.
  if (epochs.get(tenant) !== judgedAt.tenant || epochs.get(EVERYWHERE) !== judgedAt.global) return { kind: 'epoch-moved' };
  return validUntil !== 'forever' && now >= validUntil ? { kind: 'validity-ended' } : undefined;
}

async function epochsOf(tx: Tx, kind: DatabaseKind, entries: readonly Entry[]): Promise<ReadonlyMap<string, number>> {
  const tenants = entries.filter((entry) => entry.condition.kind === 'release').map((entry) => entry.tenant);
  return tenants.length === 0 ? new Map() : lockEpochs(tx, kind, [...new Set([EVERYWHERE, ...tenants])].sort());
}

function known(heads: ReadonlyMap<string, AuditHeadRow>, tenant: string): AuditHeadRow {
  const head = heads.get(tenant);
  if (head === undefined) throw new Error('a head that was just locked is missing');
  return head;
}
