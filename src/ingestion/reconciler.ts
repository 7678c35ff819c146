import { asAppError } from '../core/errors.ts';
import { DRIFT_KINDS, type DriftScope, type NewRun, type Run } from '../core/ports/drift.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { workOn, type RunLimits, type RunParts } from './reconciler-run.ts';

export interface Reconciler {
  /** Begins a run here, or gives the one that is under way in its scope. */
  begin(run: NewRun): Promise<Run>;
  /** Takes over what was left and begins what is due; resolves when that is done. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

export interface ReconcilerOptions {
  /** This replica, new at each start. */
  readonly holder: string;
  /** How often everything is compared; 0: never by itself. Milliseconds. */
  readonly everyMs: number;
  readonly newId: () => string;
  readonly limits?: Partial<RunLimits> & { readonly tickMs?: number };
}

const DEFAULTS: RunLimits = { page: 256, leaseMs: 60_000, settleMs: 100 };
const TICK_MS = 15_000;
const EVERYTHING: DriftScope = { kind: 'everything' };

/** One replica at work. */
interface Desk {
  readonly parts: RunParts;
  readonly options: ReconcilerOptions;
  readonly limits: RunLimits;
  readonly signal: AbortSignal;
}

async function work({ parts, options: { holder }, limits, signal }: Desk, run: Run): Promise<void> {
  const { catalog, telemetry } = parts;
  try {
    const ended = await workOn(parts, run, holder, limits, signal);
    if (ended !== 'taken-over') telemetry.log.info({ run: run.id, chunks: ended.chunks }, 'catalog and index were compared');
  } catch (error) {
    // Stopping leaves the run as it is, for whoever takes it over.
    if (signal.aborted) return;
    telemetry.log.error({ run: run.id }, 'comparing catalog and index stopped', error);
    const saved = await catalog.findRun(run.id);
    if (saved !== undefined) await catalog.endRun(run.id, holder, 'failed', saved.progress);
  }
}

async function due({ parts: { catalog }, options: { everyMs, newId, holder }, limits }: Desk): Promise<Run | undefined> {
  if (everyMs === 0) return undefined;
  const id = newId();
  const own: NewRun = { id, scope: EVERYTHING, mode: 'mend', by: 'service', through: 'service', requestId: id };
  return catalog.beginDueRun(own, everyMs, holder, limits.leaseMs);
}

async function takeTurn(desk: Desk): Promise<void> {
  const { parts, options, limits, signal } = desk;
  const { catalog, telemetry } = parts;
  try {
    const run = (await catalog.takeOverRun(options.holder, limits.leaseMs)) ?? (await due(desk));
    if (run !== undefined) await work(desk, run);
    // From the database, so that every replica shows the same, whichever did it.
    const last = await catalog.lastRun(EVERYTHING);
    if (last?.endedAt !== undefined) show(telemetry, last, last.endedAt);
  } catch (error) {
    if (signal.aborted) return;
    const { code } = asAppError(error, 'internal');
    telemetry.log.warn({ code }, 'it is not known whether catalog and index have to be compared');
  }
}

function show(telemetry: Telemetry, { state, progress }: Run, endedAt: number): void {
  const found = DRIFT_KINDS.reduce((sum, kind) => sum + progress.found[kind], 0);
  telemetry.gauge('reconciliation_last_end_seconds', endedAt / 1_000);
  telemetry.gauge('reconciliation_last_drift', found);
  telemetry.gauge('reconciliation_last_failed', state === 'failed' ? 1 : 0);
}

/**
 * Finds and mends what differs between catalog and index: missing points, points of no chunk, payloads that are not the catalog's.
 * A run belongs to one replica at a time and is taken over where that one dies. It never makes a point more readable than the
 * catalog says, and needs no memory but for a page of each side.
 */
export function createReconciler(parts: RunParts, options: ReconcilerOptions): Reconciler {
  const stop = new AbortController();
  const desk: Desk = { parts, options, limits: { ...DEFAULTS, ...options.limits }, signal: stop.signal };
  const working = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  function track(started: Promise<void>): Promise<void> {
    const tracked = started.finally(() => working.delete(tracked));
    working.add(tracked);
    return tracked;
  }

  function schedule(delay: number): void {
    if (stop.signal.aborted) return;
    timer = setTimeout(() => void track(takeTurn(desk)).finally(() => schedule(options.limits?.tickMs ?? TICK_MS)), delay);
    timer.unref();
  }
  schedule(0);

  return {
    tick: () => track(takeTurn(desk)),
    async begin(wanted) {
      const { run, fresh } = await parts.catalog.beginRun(wanted, options.holder, desk.limits.leaseMs);
      if (fresh) void track(work(desk, run));
      return run;
    },
    async close() {
      stop.abort();
      clearTimeout(timer);
      await Promise.allSettled(working);
    },
  };
}
