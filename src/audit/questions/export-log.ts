import { AppError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { writeExport, type ExportedCheckpoint, type ExportedEvent } from '../../core/tlog/export-writer.ts';
import { checkpointsAfter, newestCheckpoint } from '../checkpoints/stored.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import { tileReader } from '../index/read-tiles.ts';
import { leafBytes } from '../leaf.ts';
import { isEmptied } from '../stored-body.ts';

const CHECKPOINTS_PER_READ = 100;

/**
 * The lines of an export of [from, to), each with its newline, as far as the log is signed; nothing is read before it is asked for, and 256
 * events at a time. Fails with `audit_unavailable` where the log has no checkpoint.
 */
export async function* exportLog(
  { log, index }: LogAndIndex,
  tenant: TenantId,
  range: { readonly from: number; readonly to: number | 'checkpoint' },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const newest = await newestCheckpoint(log.db, tenant);
  if (newest === undefined) throw new AppError('audit_unavailable', { detail: 'the log has no checkpoint yet' });
  const to = range.to === 'checkpoint' ? newest.size : Math.min(range.to, newest.size);
  const from = Math.min(range.from, to);
  const [above] = await checkpointsAfter(log.db, tenant, to - 1, 1);
  const beyond = above === undefined || above.size === to ? {} : { beyond: { size: above.size, note: above.note } };
  yield* writeExport({
    origin: newest.origin,
    tenant,
    from,
    to,
    tile: tileReader(index.db, tenant),
    events: (begin, end) => storedEvents(log, tenant, begin, end, signal),
    checkpoints: storedCheckpoints(log, tenant, from, to),
    ...beyond,
  });
}

async function* storedEvents(
  { db }: LogAndIndex['log'],
  tenant: TenantId,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<ExportedEvent> {
  signal.throwIfAborted();
  const rows = await db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('idx', '>=', from)
    .where('idx', '<', to)
    .orderBy('idx')
    .execute();
  for (const row of rows) {
    if (isEmptied(row)) yield { kind: 'erased', index: row.idx, leaf: Buffer.from(row.leaf, 'hex') };
    else yield { kind: 'event', preimage: leafBytes(row) };
  }
}

async function* storedCheckpoints(
  { db }: LogAndIndex['log'],
  tenant: TenantId,
  from: number,
  to: number,
): AsyncGenerator<ExportedCheckpoint> {
  let after = from - 1;
  for (;;) {
    const found = await checkpointsAfter(db, tenant, after, CHECKPOINTS_PER_READ);
    for (const { size, note } of found) {
      if (size > to) return;
      yield { size, note };
      after = size;
    }
    if (found.length < CHECKPOINTS_PER_READ) return;
  }
}
