import { named } from '../core/audit-names.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseTenantId } from '../core/ids.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import { DRIFT_KINDS, NO_DRIFT, type DriftCounts, type DriftPlace, type PointId, type Run, type RunProgress } from '../core/ports/drift.ts';
import { comparePage, confirm, type Drift, type Ground } from './reconciler-compare.ts';
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
  if (progress.position === undefined && progress.place === undefined) progress = { ...progress, total: await catalog.chunkTotal(scope) };
  for (let place: DriftPlace | undefined = progress.place ?? OWN; place !== undefined;) {
    const passed = await passPlace(parts, { run, place, holder, limits, signal }, progress);
    if (passed === 'taken-over') return passed;
    place = await catalog.nextPlace(scope, place);
    progress = { ...passed, ...(place === undefined ? {} : { place, position: undefined }) };
  }
  await recordMending(parts, run, progress);
  return (await catalog.endRun(run.id, holder, 'done', progress)) ? progress : 'taken-over';
}

const OWN: DriftPlace = { kind: 'own' };

interface Walk {
  readonly run: Run;
  readonly place: DriftPlace;
  readonly holder: string;
  readonly limits: RunLimits;
  readonly signal: AbortSignal;
}

/** From where the progress stands to the end of one collection. */
async function passPlace(parts: RunParts, walk: Walk, from: RunProgress): Promise<RunProgress | 'taken-over'> {
  const { run, place, holder, limits, signal } = walk;
  let progress = from;
  const again = new Set<PointId>();
  for (;;) {
    signal.throwIfAborted();
    const { suspects, chunks, end } = await comparePage(parts, { scope: run.scope, place }, progress.position, limits.page, signal);
    const step = await settleSuspects(parts, walk, suspects);
    for (const id of step.again) if (again.size < MAX_AGAIN) again.add(id);
    progress = { ...added(progress, step, place), chunks: progress.chunks + chunks, position: end ?? progress.position };
    if (!(await parts.catalog.saveRun(run.id, holder, progress, limits.leaseMs))) return 'taken-over';
    if (end === undefined) break;
  }
  // A point that was removed while its text was being written again is put back.
  return added(progress, await settleSuspects(parts, walk, [...again]), place);
}

interface Step {
  readonly found: readonly Drift[];
  readonly mended: readonly Drift[];
  readonly again: readonly PointId[];
}

async function settleSuspects(parts: RunParts, { run, place, limits, signal }: Walk, suspects: readonly PointId[]): Promise<Step> {
  if (suspects.length === 0) return { found: [], mended: [], again: [] };
  await sleep(limits.settleMs, undefined, { signal });
  const ground: Ground = { scope: run.scope, place };
  const found = await confirm(parts, ground, suspects, signal);
  for (const kind of DRIFT_KINDS) parts.telemetry.count('drift_found', { kind }, of(found, kind));
  sayLost(parts, place, of(found, 'missing'));
  if (run.mode === 'check') return { found, mended: [], again: [] };
  const left = new Set((await mend(parts, ground, found, signal)).map(({ id }) => id));
  const mended = found.filter(({ id }) => !left.has(id));
  for (const kind of DRIFT_KINDS) parts.telemetry.count('drift_mended', { kind }, of(mended, kind));
  return { found, mended, again: mended.filter(({ kind }) => kind === 'extra').map(({ id }) => id) };
}

function sayLost({ telemetry }: RunParts, place: DriftPlace, points: number): void {
  if (place.kind === 'own' || points === 0) return;
  telemetry.log.error(
    { tenant: place.tenant, collection: place.name, points },
    'points of a hosted collection are missing from the index; its application has to write them again',
  );
}

function of(drifts: readonly Drift[], kind: Drift['kind']): number {
  return drifts.reduce((sum, drift) => sum + (drift.kind === kind ? 1 : 0), 0);
}

function plus(counts: DriftCounts, drifts: readonly Drift[]): DriftCounts {
  const { missing, extra, stale } = counts;
  return { missing: missing + of(drifts, 'missing'), extra: extra + of(drifts, 'extra'), stale: stale + of(drifts, 'stale') };
}

function added(progress: RunProgress, { found, mended }: Step, place: DriftPlace): RunProgress {
  const byTenant = { ...progress.byTenant };
  const whose = ({ record }: Drift): string => (place.kind === 'hosted' ? place.tenant : (record?.tenant ?? ''));
  for (const [tenant, some] of Map.groupBy(mended, whose)) {
    byTenant[tenant] = plus(byTenant[tenant] ?? NO_DRIFT, some);
  }
  const lost = withLost(progress.lost, place, of(found, 'missing') - of(mended, 'missing'));
  return { ...progress, found: plus(progress.found, found), mended: plus(progress.mended, mended), byTenant, lost };
}

function withLost(lost: RunProgress['lost'], place: DriftPlace, points: number): RunProgress['lost'] {
  if (place.kind === 'own' || points === 0) return lost;
  const { tenant, name } = place;
  return { ...lost, [tenant]: { ...lost[tenant], [name]: (lost[tenant]?.[name] ?? 0) + points } };
}

/**
 * What was mended, and what of hosted collections nobody but their applications can mend. Points that were nobody's go to the log of
 * the tenant that asked; where nobody asked, to the service's own.
 */
async function recordMending({ audit, telemetry }: RunParts, run: Run, { byTenant, lost }: RunProgress): Promise<void> {
  if (run.mode === 'check') return;
  for (const name of new Set([...Object.keys(byTenant), ...Object.keys(lost)])) {
    const tenant = name === '' && run.scope.kind === 'tenant' ? run.scope.tenant : parseTenantId(name);
    const { by, through, requestId, id } = run;
    const mended = byTenant[name] ?? NO_DRIFT;
    if (tenant === undefined) {
      telemetry.log.warn({ ...mended }, 'points that belong to no chunk were removed from the index');
      continue;
    }
    const missing = lost[name] === undefined ? {} : { lost: { ...lost[name] } };
    const body = { by: named(by), through, run: id, mended: { ...mended }, ...missing };
    await audit.append({ tenant, kind: 'index.reconciled', requestId, body });
  }
}
