import type { Kysely, Selectable } from 'kysely';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { NO_DRIFT, type DriftCatalog, type DriftScope, type NewRun, type Run, type RunProgress } from '../core/ports/drift.ts';
import type { ReconciliationRow } from '../database/enforcement-tables.ts';
import type { Tx } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';
import { databaseNow, type CatalogContext } from './context.ts';
import { EVERYTHING } from './epochs.ts';

type Runs = Pick<DriftCatalog, 'beginRun' | 'beginDueRun' | 'takeOverRun' | 'saveRun' | 'endRun' | 'findRun' | 'lastRun'>;

const NOTHING_YET: RunProgress = { position: undefined, chunks: 0, total: 0, found: NO_DRIFT, mended: NO_DRIFT, byTenant: {}, lost: {} };

function scopeName(scope: DriftScope): string {
  return scope.kind === 'tenant' ? scope.tenant : EVERYTHING;
}

type Saved = Omit<RunProgress, 'position' | 'lost'> & Partial<Pick<RunProgress, 'lost'>> & { position?: string | number | null };

function runOf(row: Selectable<ReconciliationRow>): Run {
  // Of a run that an older release began, what was lost in hosted collections was not looked at.
  const { position, lost = {}, ...rest } = JSON.parse(row.counts) as Saved;
  return {
    id: row.id,
    scope: row.scope === EVERYTHING ? { kind: 'everything' } : { kind: 'tenant', tenant: row.scope as TenantId },
    mode: row.mode,
    state: row.state,
    by: row.by,
    through: row.through,
    requestId: row.request_id,
    progress: { ...rest, lost, position: position ?? undefined },
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
  };
}

function progressColumns(progress: RunProgress): { readonly position: string; readonly counts: string } {
  return { position: String(progress.position ?? ''), counts: JSON.stringify(progress) };
}

function running(tx: Tx, scope: string): Promise<ReconciliationRow | undefined> {
  return tx.selectFrom('reconciliations').selectAll().where('scope', '=', scope).where('state', '=', 'running').executeTakeFirst();
}

function rowOf(run: NewRun, holder: string, at: number, leaseMs: number): ReconciliationRow {
  const { id, mode, by, through, requestId } = run;
  const times = { lease_until: at + leaseMs, started_at: at, ended_at: null };
  const facts = { id, scope: scopeName(run.scope), mode, state: 'running' as const, by, through, request_id: requestId, holder };
  return { ...facts, ...progressColumns(NOTHING_YET), ...times };
}

async function begin(
  context: CatalogContext,
  tx: Tx,
  run: NewRun,
  holder: string,
  leaseMs: number,
): Promise<{ readonly run: Run; readonly fresh: boolean }> {
  const at = await databaseNow(tx, context);
  const inserted = await tx
    .insertInto('reconciliations')
    .values(rowOf(run, holder, at, leaseMs))
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  const row = await running(tx, scopeName(run.scope));
  // The one under way ended between the two statements: whoever asked asks again.
  if (row === undefined) throw new AppError('conflict', { detail: 'a run ended meanwhile' });
  return { run: runOf(row), fresh: inserted.numInsertedOrUpdatedRows === 1n };
}

async function last(db: Kysely<Schema>, scope: DriftScope): Promise<Run | undefined> {
  const row = await db
    .selectFrom('reconciliations')
    .selectAll()
    .where('scope', '=', scopeName(scope))
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && runOf(row);
}

async function takeOver(context: CatalogContext, tx: Tx, holder: string, leaseMs: number): Promise<Run | undefined> {
  const at = await databaseNow(tx, context);
  const orphan = await tx
    .selectFrom('reconciliations')
    .selectAll()
    .where('state', '=', 'running')
    .where('lease_until', '<', at)
    .limit(1)
    .executeTakeFirst();
  if (orphan === undefined) return undefined;
  const { numUpdatedRows } = await tx
    .updateTable('reconciliations')
    .set({ holder, lease_until: at + leaseMs })
    .where('id', '=', orphan.id)
    .where('holder', '=', orphan.holder)
    .where('lease_until', '=', orphan.lease_until)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n ? runOf(orphan) : undefined;
}

/** True where the run is still this holder's. */
function update(context: CatalogContext, id: string, holder: string, set: (at: number) => Partial<ReconciliationRow>): Promise<boolean> {
  return context.database.transaction(async (tx) => {
    const at = await databaseNow(tx, context);
    const { numUpdatedRows } = await tx
      .updateTable('reconciliations')
      .set(set(at))
      .where('id', '=', id)
      .where('holder', '=', holder)
      .where('state', '=', 'running')
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  });
}

/** Runs of the reconciler. One a scope at a time; whoever holds its lease works on it. */
export function reconciliationRuns(context: CatalogContext): Runs {
  const { database } = context;
  return {
    beginRun: (run, holder, leaseMs) => database.transaction((tx) => begin(context, tx, run, holder, leaseMs)),
    beginDueRun: (run, everyMs, holder, leaseMs) =>
      database.transaction(async (tx) => {
        const before = await last(tx, run.scope);
        const at = await databaseNow(tx, context);
        if (before !== undefined && before.startedAt > at - everyMs) return undefined;
        const { run: begun, fresh } = await begin(context, tx, run, holder, leaseMs);
        return fresh ? begun : undefined;
      }),
    takeOverRun: (holder, leaseMs) => database.transaction((tx) => takeOver(context, tx, holder, leaseMs)),
    saveRun: (id, holder, progress, leaseMs) =>
      update(context, id, holder, (at) => ({ ...progressColumns(progress), lease_until: at + leaseMs })),
    endRun: (id, holder, state, progress) => update(context, id, holder, (at) => ({ ...progressColumns(progress), state, ended_at: at })),
    async findRun(id) {
      const row = await database.db.selectFrom('reconciliations').selectAll().where('id', '=', id).executeTakeFirst();
      return row && runOf(row);
    },
    lastRun: (scope) => last(database.db, scope),
  };
}
