import { asAppError } from '../core/errors.ts';
import { DRIFT_KINDS, type DriftScope, type NewRun, type Run } from '../core/ports/drift.ts';
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

/**
 * Finds and mends what differs between catalog and index: missing points, points of no chunk, payloads that are not the catalog's.
 * A run belongs to one replica at a time and is taken over where that one dies. It never makes a point more readable than the
 * catalog says, and needs no memory but for a page of each side.
 */
export function createReconciler(parts: RunParts, options: ReconcilerOptions): Reconciler {
  const { holder, everyMs, newId } = options;
  const limits: RunLimits = { ...DEFAULTS, ...options.limits };
  const { catalog, telemetry } = parts;
  const stop = new AbortController();
  const working = new Set<Promise<void>>();

  function track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => working.delete(tracked));
    working.add(tracked);
    return tracked;
  }

  async function work(run: Run): Promise<void> {
    try {
      const ended = await workOn(parts, run, holder, limits, stop.signal);
      if (ended !== 'taken-over') telemetry.log.info({ run: run.id, chunks: ended.chunks }, 'catalog and index were compared');
    } catch (error) {
      // Stopping leaves the run as it is, for whoever takes it over.
      if (stop.signal.aborted) return;
      telemetry.log.error({ run: run.id }, 'comparing catalog and index stopped', error);
      const saved = await catalog.findRun(run.id);
      if (saved !== undefined) await catalog.endRun(run.id, holder, 'failed', saved.progress);
    }
  }

  async function due(): Promise<Run | undefined> {
    if (everyMs === 0) return undefined;
    const id = newId();
    const own: NewRun = { id, scope: EVERYTHING, mode: 'mend', by: 'service', through: 'service', requestId: id };
    return catalog.beginDueRun(own, everyMs, holder, limits.leaseMs);
  }

  async function tick(): Promise<void> {
    try {
      const run = (await catalog.takeOverRun(holder, limits.leaseMs)) ?? (await due());
      if (run !== undefined) await work(run);
      const last = await catalog.lastRun(EVERYTHING);
      if (last?.endedAt !== undefined) show(last, last.endedAt);
    } catch (error) {
      if (!stop.signal.aborted)
        telemetry.log.warn({ code: asAppError(error, 'internal').code }, 'it is not known whether catalog and index have to be compared');
    }
  }

  function show({ state, progress }: Run, endedAt: number): void {
    telemetry.gauge('reconciliation_last_end_seconds', endedAt / 1_000);
    telemetry.gauge(
      'reconciliation_last_drift',
      DRIFT_KINDS.reduce((sum, kind) => sum + progress.found[kind], 0),
    );
    telemetry.gauge('reconciliation_last_failed', state === 'failed' ? 1 : 0);
  }

  let timer: NodeJS.Timeout | undefined;
  function schedule(delay: number): void {
    if (stop.signal.aborted) return;
    timer = setTimeout(() => void track(tick()).finally(() => schedule(options.limits?.tickMs ?? TICK_MS)), delay);
    timer.unref();
  }
  schedule(0);

  return {
    tick: () => track(tick()),
    async begin(wanted) {
      const { run, fresh } = await catalog.beginRun(wanted, holder, limits.leaseMs);
      if (fresh) void track(work(run));
      return run;
    },
    async close() {
      stop.abort();
      clearTimeout(timer);
      await Promise.allSettled(working);
    },
  };
}
