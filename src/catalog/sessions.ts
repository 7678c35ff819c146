import type { Digest } from '../core/digest.ts';
import { joinLabels, type LabelScheme } from '../core/label.ts';
import type { SessionReads, SessionUpkeep } from '../core/ports/sessions.ts';
import { MAX_SESSIONS, SESSION_ENDED_MS, SESSION_IDLE_MS, type KnownSession } from '../core/session.ts';
import type { SessionRow } from '../database/enforcement-tables.ts';
import type { Tx } from '../database/database.ts';
import type { JoinedSession, SessionSink, TenantTurn } from '../database/session-sink.ts';
import { readDatabaseTime } from '../database/time.ts';
import type { CatalogContext } from './context.ts';
import { labelColumns, labelOf } from './rows.ts';

/** Reads and upkeep of sessions; what joins them is `createSessionSink`. */
export function sessions({ database, scheme }: CatalogContext): SessionReads & SessionUpkeep {
  return {
    session: (tenant, id) =>
      // The row and the clock it is judged by come from one state.
      database.snapshot(async (tx) => {
        const row = await readRow(tx, tenant, id);
        return row === undefined ? { kind: 'none' } : stateOf(scheme, row, await readDatabaseTime(tx, database.kind));
      }),
    sweepSessions: (limit) =>
      database.transaction(async (tx) => {
        const now = await readDatabaseTime(tx, database.kind);
        const idle = await tx
          .selectFrom('sessions')
          .select(['tenant', 'session', 'used_at'])
          .where('used_at', '<', now - SESSION_IDLE_MS)
          .where((row) => row.or([row('ended_at', 'is', null), row('used_at', '<', now - SESSION_IDLE_MS - SESSION_ENDED_MS)]))
          .orderBy('used_at')
          .limit(limit)
          .execute();
        for (const row of idle) await endOrForget(tx, row, now);
        return idle.length;
      }),
  };
}

/** Compared again on `used_at`: a session that was used since it was read is left alone. */
async function endOrForget(tx: Tx, row: Pick<SessionRow, 'tenant' | 'session' | 'used_at'>, now: number): Promise<void> {
  const { tenant, session, used_at } = row;
  if (used_at < now - SESSION_IDLE_MS - SESSION_ENDED_MS) {
    await tx.deleteFrom('sessions').where('tenant', '=', tenant).where('session', '=', session).where('used_at', '=', used_at).execute();
    return;
  }
  await tx
    .updateTable('sessions')
    .set({ level: null, compartments: null, trust: null, ended_at: now })
    .where('tenant', '=', tenant)
    .where('session', '=', session)
    .where('used_at', '=', used_at)
    .execute();
}

function readRow(tx: Tx, tenant: string, id: Digest): Promise<SessionRow | undefined> {
  return tx.selectFrom('sessions').selectAll().where('tenant', '=', tenant).where('session', '=', id).executeTakeFirst();
}

function stateOf(scheme: LabelScheme, row: SessionRow, now: number): KnownSession {
  if (row.ended_at !== null || row.used_at < now - SESSION_IDLE_MS) return { kind: 'ended' };
  const { level, compartments, trust, turns } = row;
  if (level === null || compartments === null || trust === null) return { kind: 'open', seen: { turns, label: undefined } };
  if (scheme.parse(level) === undefined) return { kind: 'unreadable' };
  return { kind: 'open', seen: { turns, label: labelOf(scheme, { level, compartments, trust }) } };
}

/** See SessionSink. A turn that may not be joined leaves its session as it was. */
export function createSessionSink(scheme: LabelScheme): SessionSink {
  return async (tx, turns, at) => {
    const joined: JoinedSession[] = [];
    for (const turn of turns) joined.push(await join(tx, scheme, turn, at));
    return joined;
  };
}

async function join(tx: Tx, scheme: LabelScheme, { tenant, key, label }: TenantTurn, at: number): Promise<JoinedSession> {
  const row = await readRow(tx, tenant, key.id);
  if (row === undefined) {
    if (await isFull(tx, tenant, key.holder, at)) return { kind: 'limit' };
    const columns = label === undefined ? NOTHING_SEEN : labelColumns(label);
    await tx
      .insertInto('sessions')
      .values({
        tenant,
        session: key.id,
        holder: key.holder,
        person: key.person,
        turns: 1,
        ...columns,
        begun_at: at,
        used_at: at,
        ended_at: null,
      })
      .execute();
    return { kind: 'open', seen: { turns: 1, label } };
  }
  const before = stateOf(scheme, row, at);
  if (before.kind !== 'open') return before;
  const seen = before.seen.label;
  const after = seen === undefined || label === undefined ? (seen ?? label) : joinLabels(scheme, seen, label);
  const turns = before.seen.turns + 1;
  await tx
    .updateTable('sessions')
    .set({ ...(after === undefined ? NOTHING_SEEN : labelColumns(after)), turns, used_at: Math.max(at, row.used_at) })
    .where('tenant', '=', tenant)
    .where('session', '=', key.id)
    .execute();
  return { kind: 'open', seen: { turns, label: after } };
}

const NOTHING_SEEN = { level: null, compartments: null, trust: null } as const;

async function isFull(tx: Tx, tenant: string, holder: Digest, at: number): Promise<boolean> {
  const row = await tx
    .selectFrom('sessions')
    .select('session')
    .where('tenant', '=', tenant)
    .where('holder', '=', holder)
    .where('used_at', '>=', at - SESSION_IDLE_MS)
    .orderBy('used_at')
    .offset(MAX_SESSIONS - 1)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
