import type { Checkpoint } from '../../core/ports/evidence.ts';
import { formatNote, parseNote, withSignature } from '../../core/tlog/note.ts';
import type { AuditCheckpointRow } from '../../database/evidence-tables.ts';
import type { Database, Tx } from '../../database/database.ts';
import { onDisk } from '../../database/on-disk.ts';
import { readDatabaseTime } from '../../database/time.ts';
import { holdLease, type Lease } from './lease.ts';
import { currentOrigin } from './origins.ts';

export interface StoredCheckpoint extends Checkpoint {
  readonly origin: string;
}

/** The last one of the log's name in force. */
export async function newestCheckpoint(db: Pick<Tx, 'selectFrom'>, tenant: string, upTo?: number): Promise<StoredCheckpoint | undefined> {
  const origin = await currentOrigin(db, tenant);
  if (origin === undefined) return undefined;
  let rows = db.selectFrom('audit_checkpoints').selectAll().where('tenant', '=', tenant).where('origin', '=', origin);
  if (upTo !== undefined) rows = rows.where('size', '<=', upTo);
  const row = await rows.orderBy('size', 'desc').limit(1).executeTakeFirst();
  return row === undefined ? undefined : checkpointOf(row);
}

/**
 * Waits until a checkpoint that was read is on the disk, and with it all smaller ones of its origin. A loss of power must not take back
 * what was given away: the log would grow another way, and sign another root for the same size.
 */
export function lastingIn(log: Database): (found: StoredCheckpoint) => Promise<void> {
  const sizes = new Map<string, number>();
  return async ({ origin, size }) => {
    if ((sizes.get(origin) ?? 0) >= size) return;
    await onDisk(log);
    sizes.set(origin, Math.max(sizes.get(origin) ?? 0, size));
  };
}

/** Oldest first, larger than `after`. */
export async function checkpointsAfter(
  db: Pick<Tx, 'selectFrom'>,
  tenant: string,
  after: number,
  limit: number,
): Promise<readonly StoredCheckpoint[]> {
  const origin = await currentOrigin(db, tenant);
  if (origin === undefined) return [];
  const rows = await db
    .selectFrom('audit_checkpoints')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('origin', '=', origin)
    .where('size', '>', after)
    .orderBy('size')
    .limit(limit)
    .execute();
  return rows.map(checkpointOf);
}

/**
 * Stores what was signed before anybody outside gets it, while the lease is held, and only where it is larger than all before it under
 * its origin: so no two roots are ever signed for one size. Throws `LeaseLost`; undefined where one as large is there already.
 */
export async function storeCheckpoint(
  log: Database,
  lease: Lease,
  made: Omit<AuditCheckpointRow, 'at'>,
): Promise<{ readonly at: number } | undefined> {
  return log.transaction(async (tx) => {
    await holdLease(tx, log, lease);
    const newest = await newestCheckpoint(tx, made.tenant);
    if (newest !== undefined && (newest.origin !== made.origin || newest.size >= made.size)) return undefined;
    // Accepting a rollback takes no lease: what was signed under the former name is not stored under any.
    if ((await currentOrigin(tx, made.tenant)) !== made.origin) return undefined;
    const at = await readDatabaseTime(tx, log.kind);
    await tx
      .insertInto('audit_checkpoints')
      .values({ ...made, at })
      .execute();
    return { at };
  });
}

/** Adds the cosignatures of this note to the stored one, which others may have extended meanwhile. Throws `LeaseLost`. */
export async function addCosignatures(log: Database, lease: Lease, { origin, size }: StoredCheckpoint, note: string): Promise<void> {
  await log.transaction(async (tx) => {
    await holdLease(tx, log, lease);
    const at = tx.selectFrom('audit_checkpoints').select('note').where('origin', '=', origin).where('size', '=', size);
    const stored = parseNote((await at.executeTakeFirst())?.note ?? '');
    const cosigned = parseNote(note);
    if (stored === undefined || cosigned === undefined || stored.text !== cosigned.text) return;
    const whole = formatNote(cosigned.signatures.reduce(withSignature, stored));
    await tx.updateTable('audit_checkpoints').set({ note: whole }).where('origin', '=', origin).where('size', '=', size).execute();
  });
}

function checkpointOf({ origin, note, size, root, map, at }: AuditCheckpointRow): StoredCheckpoint {
  return { origin, note, size, root, map, at: new Date(at).toISOString() };
}
