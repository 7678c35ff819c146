import { AppError } from '../../core/errors.ts';
import type { ChunkId, CollectionKey } from '../../core/ids.ts';
import type { PointFilter, Selection } from '../../core/points/question.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import type { PointIndex, PointScope } from '../../core/ports/points.ts';
import type { HotRead } from '../hot-read.ts';
import { estimatedBy, SPELT_OUT } from '../filter.ts';
import { createPlanner, type Planner } from '../plan.ts';
import { countOf, facetAnswer, pointsAnswer } from './answers.ts';
import { describeCollection } from './describe.ts';
import { allowedPath, layoutOf, physicalName } from './place.ts';
import { accepted } from './refusals.ts';
import { accessOfScope, restricted } from './render-filter.ts';
import { narrowed, renderObject, renderOrder, shown } from './render-query.ts';
import { searches, type Counting, type Post } from './searches.ts';

export interface PointIndexOptions {
  readonly read: HotRead;
  /** With a circuit of its own, as for `VectorIndex.count`. */
  readonly counting: HotRead;
  /** Name of Sluice's own collection. */
  readonly collection: string;
  readonly clock: Clock;
  /** Collections that are not to be served: lost, or not as they were made. */
  readonly unfit: ReadonlySet<CollectionKey>;
  /** Milliseconds. */
  readonly deadlineMs: number;
}

export function createPointIndex({ read, counting, collection, clock, unfit, deadlineMs }: PointIndexOptions): PointIndex {
  const timeout = `timeout=${Math.ceil(deadlineMs / 1_000)}`;
  const planners = new Map<PointPlace, Planner>();

  function pathOf(place: PointPlace): string {
    if (place === 'own') return `/collections/${encodeURIComponent(collection)}`;
    if (unfit.has(place))
      throw new AppError('index_unavailable', { detail: 'this collection was found unfit at the start', retryAfter: 60 });
    return `/collections/${physicalName(place)}`;
  }
  const posting =
    (by: HotRead, more: string): Post =>
    async (place, path, body, signal) =>
      accepted(await by.send({ method: 'POST', path: `${pathOf(place)}${path}?${more}`, body }, signal));
  const post = posting(read, timeout);

  function plannerOf(place: PointPlace): Planner {
    const known = planners.get(place);
    if (known !== undefined) return known;
    // Dropped collections leave theirs behind: a bound keeps that small.
    if (planners.size >= MAX_PLANNERS) planners.clear();
    const count = async (body: string, signal: AbortSignal): Promise<unknown> =>
      JSON.parse(await post(place, '/points/count', body, signal));
    const made = createPlanner(count, clock, layoutOf(place) === 'root' ? undefined : JSON.stringify(SPELT_OUT));
    planners.set(place, made);
    return made;
  }

  const counts: Counting = ({ place, filter }, search, signal) =>
    plannerOf(place).counts(search, () => estimatedBy(filter, layoutOf(place)), signal);

  return {
    ...searches(post, counts),
    ...lists(post),
    // Every copy is asked, as for `VectorIndex.count`.
    ...aggregates(posting(counting, `consistency=all&${timeout}`)),
    describe: async (place, signal) => describeCollection(accepted(await read.send({ method: 'GET', path: pathOf(place) }, signal)), place),
  };
}

function lists(post: Post): Pick<PointIndex, 'scroll' | 'points'> {
  return {
    async scroll(scope, { filter, after, orderBy, limit, vectors }, signal) {
      // The place itself comes first where it is still there, and one more shows whether there is a further page.
      const asked = limit + (after === undefined ? 1 : 2);
      const body = renderObject([
        ['filter', restricted(accessOfScope(scope), narrowed(scope.place, filter))],
        ['limit', String(asked)],
        ['offset', after === undefined ? undefined : JSON.stringify(after)],
        ['order_by', orderBy === undefined ? undefined : renderOrder(scope.place, orderBy)],
        ...shown(vectors),
      ]);
      const found = pointsAnswer(await post(scope.place, '/points/scroll', body, signal), asked);
      const hits = found.filter(({ chunk }) => chunk !== after);
      return { hits: hits.slice(0, limit), more: hits.length > limit };
    },
    async points(scope, chunks, vectors, signal) {
      if (chunks.length === 0) return [];
      return pointsAnswer(await post(scope.place, '/points/scroll', renderPoints(scope, chunks, vectors), signal), chunks.length);
    },
  };
}

function aggregates(post: Post): Pick<PointIndex, 'count' | 'facet'> {
  return {
    async count(scope, filter, signal) {
      const body = `{"filter":${restricted(accessOfScope(scope), narrowed(scope.place, filter))},"exact":true}`;
      return countOf(await post(scope.place, '/points/count', body, signal));
    },
    facet: async (scope, { key, filter, limit }, signal) =>
      facetAnswer(await post(scope.place, '/facet', renderFacet(scope, key, filter, limit), signal)),
  };
}

const MAX_PLANNERS = 10_000;

/** A page of a scroll: `POST points` has no filter, so it would give a hidden point to whoever names it. */
function renderPoints(scope: PointScope, chunks: readonly ChunkId[], vectors: Selection['vectors']): string {
  return renderObject([
    ['filter', restricted(accessOfScope(scope), [`{"has_id":${JSON.stringify(chunks)}}`])],
    ['limit', String(chunks.length)],
    ...shown(vectors),
  ]);
}

function renderFacet(scope: PointScope, key: string, filter: PointFilter<ChunkId> | undefined, limit: number): string {
  return renderObject([
    ['key', JSON.stringify(allowedPath(scope.place, key))],
    ['filter', restricted(accessOfScope(scope), narrowed(scope.place, filter))],
    ['limit', String(limit)],
    ['exact', 'true'],
  ]);
}
