import { named } from '../core/audit-names.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseTenantId } from '../core/ids.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import { DRIFT_KINDS, NO_DRIFT, type DriftCounts, type PointId, type Run, type RunProgress } from '../core/ports/drift.ts';
import { comparePage, confirm, type Drift } from './reconciler-compare.ts';
import { mend, type MendParts } from './reconciler-mend.ts';

export interface RunParts extends MendParts {
  readonly audit: Pick<AuditPort, 'append'>;
}

export interface RunLimits {
  /** How many points and chunks are held at once. */
  readonly page: number;
  /** How long a run may be silent before another replica takes it over, milliseconds. */
  readonly leaseMs: number;
  /** Before a difference is looked at again, milliseconds: a write under way is over by then. */
  readonly settleMs: number;
}

/** At most so many ids are kept for a last look. */
const MAX_AGAIN = 10_000;

/**
 * Works on a run from where it stands to its end, saving its place after each page. Gives the ended run's progress; `taken-over`
 * where another replica works on it by now. Fails with the `…_unavailable` of the part that failed; the place stays saved.
 */
export async function workOn(
  parts: RunParts,
  run: Run,
  holder: string,
  limits: RunLimits,
  signal: AbortSignal,
): Promise<RunProgress | 'taken-over'> {
  const { catalog } = parts;
  const { scope } = run;
  let progress = run.progress;
  if (progress.position === undefined) progress = { ...progress, total: await catalog.chunkTotal(scope) };
  const again = new Set<PointId>();
  for (;;) {
    signal.throwIfAborted();
    const { suspects, chunks, end } = await comparePage(parts, scope, progress.position, limits.page, signal);
    const step = await settleSuspects(parts, run, suspects, limits, signal);
    for (const id of step.again) if (again.size < MAX_AGAIN) again.add(id);
    progress = { ...added(progress, step), chunks: progress.chunks + chunks, position: end ?? progress.position };
    if (!(await catalog.saveRun(run.id, holder, progress, limits.leaseMs))) return 'taken-over';
    if (end === undefined) break;
  }
  // A point that was removed while its text was being written again is put back.
  const last = await settleSuspects(parts, run, [...again], limits, signal);
  progress = added(progress, last);
  await recordMending(parts, run, progress);
  return (await catalog.endRun(run.id, holder, 'done', progress)) ? progress : 'taken-over';
}

interface Step {
  readonly found: readonly Drift[];
  readonly mended: readonly Drift[];
  readonly again: readonly PointId[];
}

async function settleSuspects(
  parts: RunParts,
  { scope, mode }: Run,
  suspects: readonly PointId[],
  { settleMs }: RunLimits,
  signal: AbortSignal,
): Promise<Step> {
  if (suspects.length === 0) return { found: [], mended: [], again: [] };
  await sleep(settleMs, undefined, { signal });
  const found = await confirm(parts, scope, suspects, signal);
  for (const kind of DRIFT_KINDS) parts.telemetry.count('drift_found', { kind }, of(found, kind));
  if (mode === 'check') return { found, mended: [], again: [] };
  const left = new Set((await mend(parts, scope, found, signal)).map(({ id }) => id));
  const mended = found.filter(({ id }) => !left.has(id));
  for (const kind of DRIFT_KINDS) parts.telemetry.count('drift_mended', { kind }, of(mended, kind));
  return { found, mended, again: mended.filter(({ kind }) => kind === 'extra').map(({ id }) => id) };
}

function of(drifts: readonly Drift[], kind: Drift['kind']): number {
  return drifts.reduce((sum, drift) => sum + (drift.kind === kind ? 1 : 0), 0);
}

function plus(counts: DriftCounts, drifts: readonly Drift[]): DriftCounts {
  const { missing, extra, stale } = counts;
  return { missing: missing + of(drifts, 'missing'), extra: extra + of(drifts, 'extra'), stale: stale + of(drifts, 'stale') };
}

function added(progress: RunProgress, { found, mended }: Step): RunProgress {
  const byTenant = { ...progress.byTenant };
  for (const [tenant, some] of Map.groupBy(mended, ({ record }) => record?.tenant ?? '')) {
    byTenant[tenant] = plus(byTenant[tenant] ?? NO_DRIFT, some);
  }
  return { ...progress, found: plus(progress.found, found), mended: plus(progress.mended, mended), byTenant };
}

/** Points that were nobody's go to the log of the tenant that asked; where nobody asked, to the service's own. */
async function recordMending({ audit, telemetry }: RunParts, run: Run, { byTenant }: RunProgress): Promise<void> {
  for (const [name, mended] of Object.entries(byTenant)) {
    const tenant = name === '' && run.scope.kind === 'tenant' ? run.scope.tenant : parseTenantId(name);
    const { by, through, requestId, id } = run;
    if (tenant === undefined) telemetry.log.warn({ ...mended }, 'points that belong to no chunk were removed from the index');
    else
      await audit.append({ tenant, kind: 'index.reconciled', requestId, body: { by: named(by), through, run: id, mended: { ...mended } } });
  }
}
