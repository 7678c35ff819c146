import type { Kysely } from 'kysely';
import type { AuditEventRow } from '../../database/audit-tables.ts';
import type { Schema } from '../../database/schema.ts';
import { leafHash } from '../leaf.ts';

export interface Misfit {
  readonly index: number;
  /**
   * `changed`: the event is not the one its leaf was made from. `swapped`: it belongs elsewhere. `inserted`: it was put in, and what
   * follows stands one place too far. `missing`: it is gone, and what follows may have been moved up.
   */
  readonly reason: 'changed' | 'swapped' | 'inserted' | 'missing';
}

/** So far to either side an event is looked for that was moved: some hundred thousand hashes, once. */
const REACH = 50_000;

/** What happened at the first place whose event does not fit its leaf, in a log of this size. */
export async function placeMisfit(db: Kysely<Schema>, row: AuditEventRow, size: number): Promise<Misfit> {
  const { idx: index } = row;
  const next = await db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant', '=', row.tenant)
    .where('idx', '=', index + 1)
    .executeTakeFirst();
  const nextBelongs = (at: number): boolean => next === undefined || fits(next, at);
  // An event that was put in with a leaf of its own fits, and the one after it is the first that does not.
  if (index > 0 && fits(row, index - 1) && nextBelongs(index)) return { index: index - 1, reason: 'inserted' };
  if (fits(row, index + 1) && nextBelongs(index + 2)) return { index, reason: 'missing' };
  if (next !== undefined && fits(next, index) && !fits(row, index + 1)) return { index, reason: 'inserted' };
  // One place behind the end: an event may have been taken out before it.
  const furthest = Math.min(REACH, Math.max(index, size - index));
  for (let away = 1; away <= furthest; away += 1) {
    if (fits(row, index + away) || (away <= index && fits(row, index - away))) return { index, reason: 'swapped' };
  }
  return { index, reason: 'changed' };
}

function fits(row: AuditEventRow, idx: number): boolean {
  return leafHash({ ...row, idx }) === row.leaf;
}
