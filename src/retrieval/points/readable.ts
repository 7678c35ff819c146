import type { Caller } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import { pointIdText, type PointId } from '../../core/points/point-id.ts';
import type { PointFilter } from '../../core/points/question.ts';
import { mapFilter } from '../../core/points/walk-conditions.ts';
import { idsIn } from '../../core/points/walk-question.ts';
import type { PointHit, ReadablePoint, ReadablePoints } from '../../core/ports/points.ts';
import { usualPurpose } from '../../core/purpose.ts';
import { Judged, tooStale } from './judging.ts';
import { checkOwnKeys } from './own-collection.ts';
import type { PointsParts } from './parts.ts';
import { authorizeAt, stand } from './standing.ts';

type ReadableParts = Omit<PointsParts, 'audit' | 'embedding' | 'provenance' | 'random' | 'languages' | 'shadow' | 'watch'>;

const PAGE = 1_024;
const MAX_SEEN = 65_536;
const NO_WAIT = async (): Promise<void> => undefined;

/** Which points a caller may read, by id or by a filter, judged by both keys. Nothing leaves, so nothing is recorded as released. */
export function createReadablePoints(parts: ReadableParts): ReadablePoints {
  return {
    async readable(caller, collection, which, most, signal) {
      const standing = await stand(parts, { name: collection, purpose: usualPurpose(parts.policy) }, caller);
      const { context, place } = standing;
      // Time is judged on the database's clock; the index only has to be asked widely enough.
      const authorization = await authorizeAt(parts, standing, Math.floor(parts.clock.now() / 1_000), { kind: 'none' });
      if (authorization.kind === 'none') return [];
      const searching = { context, place: place.place, filter: authorization.filter, declared: NO_WAIT, signal };
      const judged = new Judged(parts, searching);
      if ('ids' in which) return byIds(parts, judged, caller, place.place, which.ids, most);
      if (place.place === 'own') checkOwnKeys({ kind: 'count', filter: which.filter });
      const filter = await resolved(parts, caller, place.place, which.filter);
      return byFilter(parts, judged, filter, most, signal);
    },
  };
}

async function byIds(
  { catalog }: ReadableParts,
  judged: Judged,
  { tenant }: Caller,
  place: Parameters<ReadableParts['catalog']['chunksOfPoints']>[1],
  ids: readonly PointId[],
  most: number,
): Promise<readonly ReadablePoint[]> {
  const chunks = await catalog.chunksOfPoints(tenant, place, ids);
  const hits = [...chunks.values()].flat().map((chunk) => ({ chunk }));
  await judged.judge(hits);
  return bounded(pointsOf(judged, hits), most);
}

async function resolved(
  { catalog }: ReadableParts,
  { tenant }: Caller,
  place: Parameters<ReadableParts['catalog']['chunksOfPoints']>[1],
  filter: PointFilter<PointId>,
): Promise<PointFilter<ChunkId>> {
  const { optional } = idsIn({ kind: 'count', filter });
  const chunks = await catalog.chunksOfPoints(tenant, place, optional);
  return mapFilter(filter, (ids) => ids.flatMap((id) => chunks.get(pointIdText(id)) ?? []));
}

async function byFilter(
  { index }: ReadableParts,
  judged: Judged,
  filter: PointFilter<ChunkId>,
  most: number,
  signal: AbortSignal,
): Promise<readonly ReadablePoint[]> {
  const found: ReadablePoint[] = [];
  let after: ChunkId | undefined;
  for (let seen = 0; seen <= MAX_SEEN + most; seen += PAGE) {
    const page = { filter, limit: PAGE, vectors: { kind: 'none' as const }, ...(after === undefined ? {} : { after }) };
    const { hits, more } = await index.scroll({ ...judged.scope(), never: [] }, page, signal);
    await judged.judge(hits);
    found.push(...bounded(pointsOf(judged, hits), most - found.length));
    after = hits.at(-1)?.chunk;
    if (!more || after === undefined) return found;
  }
  throw tooStale();
}

function pointsOf(judged: Judged, hits: readonly PointHit[]): readonly ReadablePoint[] {
  return judged.passed(hits).map(({ hit, stored, judgement }) => ({ id: stored.id, chunk: hit.chunk, key: judgement.candidate.key }));
}

function bounded(points: readonly ReadablePoint[], most: number): readonly ReadablePoint[] {
  if (points.length > most) throw new AppError('limit_exceeded', { detail: 'more points match than one change may touch' });
  return points;
}
