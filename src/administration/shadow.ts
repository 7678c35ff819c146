import { actingPrincipal, type Caller } from '../core/caller.ts';
import type { TenantId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Purpose } from '../core/ports/policy.ts';
import { MAX_FINDINGS, type Finding, type FindingKind, type RevisionCatalog } from '../core/ports/revisions.ts';
import type { ShadowObserver } from '../core/ports/shadow.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { differenceOf, type Difference, type DifferenceParts } from './shadow-difference.ts';

export interface ShadowParts extends DifferenceParts {
  readonly catalog: Pick<RevisionCatalog, 'addFindings'>;
  readonly telemetry: Telemetry;
}

export interface Shadow extends ShadowObserver {
  /** Decides what waits and writes what was found. Never fails; what could not be written waits for the next time. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  readonly view: TenantView;
  readonly caller: Caller;
  readonly purpose: Purpose;
}

type Counts = { gains: number; loses: number };
interface Run {
  readonly tenant: TenantId;
  readonly id: string;
  readonly counts: Map<string, Counts>;
  readonly names: Map<FindingKind, number>;
}

/** More than wait here within a turn of the event loop are counted as dropped, not decided: the caller's path comes first. */
const MAX_WAITING = 10_000;
/** Milliseconds after which the rest waits for the next turn. */
const SLICE_MS = 4;
const FLUSH_MS = 2_000;
/** A revision may open ten thousand zones to somebody; counting each for every request would cost more than deciding. */
const MAX_NOTED_ZONES = 100;

/** Off the path of every request: it puts the request into a list, and decides when the event loop has time. */
export function createShadow(parts: ShadowParts): Shadow {
  const { telemetry } = parts;
  const ledger = createLedger(parts);
  let waiting: Waiting[] = [];
  let scheduled: NodeJS.Immediate | undefined;

  const work = (): void => {
    scheduled = undefined;
    const until = performance.now() + SLICE_MS;
    let done = 0;
    while (done < waiting.length && performance.now() < until) {
      const next = waiting[done++];
      if (next !== undefined) ledger.decide(next);
    }
    waiting = waiting.slice(done);
    if (waiting.length > 0) scheduled = setImmediate(work);
  };
  const flush = (): Promise<void> => {
    for (const next of waiting) ledger.decide(next);
    waiting = [];
    return ledger.write();
  };
  const timer = setInterval(() => void (ledger.isEmpty() ? undefined : flush()), FLUSH_MS);
  timer.unref();

  return {
    observe(view, caller, purpose) {
      if (view.shadow === undefined) return;
      if (waiting.length >= MAX_WAITING) return telemetry.count('shadow_decisions', { outcome: 'dropped' });
      waiting.push({ view, caller, purpose });
      scheduled ??= setImmediate(work);
    },
    flush,
    async close() {
      clearInterval(timer);
      if (scheduled !== undefined) clearImmediate(scheduled);
      await flush();
    },
  };
}

/** What was found and not yet written, by run. */
function createLedger(parts: ShadowParts) {
  const { telemetry } = parts;
  const runs = new Map<string, Run>();
  const shadowViews = new WeakMap<TenantView, TenantView>();
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    for (const run of runs.values()) {
      runs.delete(run.id);
      try {
        await parts.catalog.addFindings(run.tenant, run.id, findingsOf(run));
      } catch (error) {
        telemetry.log.warn({ tenant: run.tenant }, `findings of the shadow could not be written: ${String(error)}`);
        putBack(runs, run);
        // The database is away; what else there is waits for the next time too.
        return;
      }
    }
  };
  return {
    isEmpty: () => runs.size === 0,
    write: () => (writing = writing.then(write)),
    decide({ view, caller, purpose }: Waiting): void {
      if (view.shadow === undefined) return;
      const { run: id, revision } = view.shadow;
      const run = runs.get(id) ?? { tenant: view.tenant, id, counts: new Map<string, Counts>(), names: new Map<FindingKind, number>() };
      runs.set(id, run);
      try {
        const { shadow: _shadow, ...rest } = view;
        const under = shadowViews.get(view) ?? { ...rest, policy: revision };
        shadowViews.set(view, under);
        note(run, caller, differenceOf(parts, view, under, caller, purpose), telemetry);
      } catch (error) {
        telemetry.log.warn({ tenant: view.tenant, revision: revision.id }, `the revision in shadow could not decide: ${String(error)}`);
        outcome(run, 'failed', telemetry);
      }
    },
  };
}

function outcome(run: Run, name: string, telemetry: Telemetry): void {
  telemetry.count('shadow_decisions', { outcome: name });
  add(run, 'outcome', name, 1, 0);
}

function note(run: Run, caller: Caller, difference: Difference, telemetry: Telemetry): void {
  outcome(run, difference.outcome, telemetry);
  if (difference.outcome === 'same') return;
  const { gained, lost, gainedBy, lostBy } = difference;
  const who = actingPrincipal(caller);
  add(run, 'principal', who, gained.length > 0 ? 1 : 0, lost.length > 0 ? 1 : 0);
  for (const zone of gained.slice(0, MAX_NOTED_ZONES)) add(run, 'zone', String(zone), 1, 0);
  for (const zone of lost.slice(0, MAX_NOTED_ZONES)) add(run, 'zone', String(zone), 0, 1);
  const [gains, loses] = [gained, lost].map(({ length }) => Math.max(0, length - MAX_NOTED_ZONES));
  if (gains !== 0 || loses !== 0) add(run, 'zone', '', gains ?? 0, loses ?? 0);
  for (const line of gainedBy) add(run, 'line', line, 1, 0);
  for (const line of lostBy) add(run, 'line', line, 0, 1);
}

function add(run: Run, kind: FindingKind, wanted: string, gains: number, loses: number): void {
  const known = run.counts.get(`${kind}\n${wanted}`);
  const names = run.names.get(kind) ?? 0;
  const name = known !== undefined || names < MAX_FINDINGS ? wanted : '';
  const counts = known ?? run.counts.get(`${kind}\n${name}`) ?? { gains: 0, loses: 0 };
  if (!run.counts.has(`${kind}\n${name}`)) run.names.set(kind, names + 1);
  counts.gains += gains;
  counts.loses += loses;
  run.counts.set(`${kind}\n${name}`, counts);
}

function findingsOf({ counts }: Run): readonly Finding[] {
  return [...counts].map(([key, { gains, loses }]) => {
    const end = key.indexOf('\n');
    return { kind: key.slice(0, end) as FindingKind, name: key.slice(end + 1), gains, loses };
  });
}

function putBack(runs: Map<string, Run>, run: Run): void {
  const since = runs.get(run.id);
  runs.set(run.id, run);
  if (since === undefined) return;
  for (const { kind, name, gains, loses } of findingsOf(since)) add(run, kind, name, gains, loses);
}
