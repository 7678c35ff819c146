import type { ChunkId } from '../../core/ids.ts';
import type { PointSearch } from '../../core/points/question.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import type { PointHit, PointIndex, PointScope } from '../../core/ports/points.ts';
import { choosePlan, EXACT_UP_TO, planParams, type Counts, type SearchKind, type SearchPlan } from '../plan.ts';
import { batchAnswer, groupsAnswer, pointsAnswer } from './answers.ts';
import { accessOfScope } from './render-filter.ts';
import { allowance, renderGroups, renderSearch, type Rendering } from './render-query.ts';

export type Post = (place: PointPlace, path: string, body: string, signal: AbortSignal) => Promise<string>;
export type Counting = (scope: PointScope, search: SearchKind, signal: AbortSignal) => Promise<Counts>;

type Search = PointSearch<ChunkId>;

interface Planned {
  readonly search: Search;
  readonly plan: SearchPlan;
}

/** Searches by the plan that suits each of them. One that the graph left short of hits is asked again, point by point. */
export function searches(post: Post, counts: Counting): Pick<PointIndex, 'search' | 'groups'> {
  async function ask(scope: PointScope, asked: readonly Planned[], signal: AbortSignal): Promise<readonly (readonly PointHit[])[]> {
    const shared = { place: scope.place, access: accessOfScope(scope), spend: allowance() };
    const rendered = asked.map(({ search, plan }) => renderSearch({ ...shared, plan: paramsOf(plan) }, search));
    const limits = asked.map(({ search }) => search.limit);
    const [body, ...more] = rendered;
    if (body !== undefined && more.length === 0) {
      return [pointsAnswer(await post(scope.place, '/points/query', body, signal), limits[0] ?? 0)];
    }
    return batchAnswer(await post(scope.place, '/points/query/batch', `{"searches":[${rendered.join(',')}]}`, signal), limits);
  }

  return {
    async search(scope, asked, signal) {
      const counted = await counts(scope, asked.some((one) => kindOf(one) === 'nearest') ? 'nearest' : 'other', signal);
      const planned = asked.map((search): Planned => ({ search, plan: planFor(search, counted) }));
      const lists = await ask(scope, planned, signal);
      const short = planned.filter((one, i) => isShort(one, lists[i] ?? [], counted));
      if (short.length === 0) return lists;
      const exact = short.map(({ search }): Planned => ({ search, plan: 'exact' }));
      const filled = new Map((await ask(scope, exact, signal)).map((list, n) => [short[n], list]));
      return lists.map((list, i) => filled.get(planned[i]) ?? list);
    },
    async groups(scope, search, signal) {
      const plan = choosePlan(await counts(scope, 'other', signal), 'other');
      const to: Rendering = { place: scope.place, access: accessOfScope(scope), plan: paramsOf(plan), spend: allowance() };
      return groupsAnswer(
        await post(scope.place, '/points/query/groups', renderGroups(to, search), signal),
        search.limit,
        search.groupSize,
      );
    },
  };
}

const paramsOf =
  (plan: SearchPlan): Rendering['plan'] =>
  (limit) => ({ ...planParams(plan, limit) });

/**
 * The nearest points to one vector, of all that may be read: what was measured of the graph is true of these, and too few are seen to be
 * too few. A filter of the caller's own leaves another share, and in stages before the last one nobody sees what is missing.
 */
export function kindOf({ query, prefetch, filter }: Search): SearchKind {
  if (prefetch.length > 0 || filter !== undefined || query?.kind !== 'nearest' || query.mmr !== undefined) return 'other';
  const { input } = query;
  // A sparse vector is no list, and one of several rows is a list of lists.
  return input.kind === 'vector' && Array.isArray(input.vector) && !Array.isArray(input.vector[0]) ? 'nearest' : 'other';
}

/** Of so large a part of what may be read, a graph finds some more slowly than all are compared. */
const PART = 10;

export function planFor(search: Search, counted: Counts): SearchPlan {
  const plan = choosePlan(counted, kindOf(search));
  const large = counted.readable <= EXACT_UP_TO && (search.limit + search.offset) * PART > counted.readable;
  return large ? 'exact' : plan;
}

/** Where more are readable than are compared one by one, a threshold may be all that hits are short of. */
function isShort({ search, plan }: Planned, hits: readonly PointHit[], { readable }: Counts): boolean {
  if (plan === 'exact' || kindOf(search) === 'other' || search.params?.['exact'] === true) return false;
  return hits.length < search.limit && (readable <= EXACT_UP_TO || search.scoreThreshold === undefined);
}
