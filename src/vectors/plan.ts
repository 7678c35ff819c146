import { z } from 'zod';
import type { JsonObject } from '../core/json.ts';
import type { AuthorizedFilter } from '../core/filter.ts';
import type { Clock } from '../core/ports/clock.ts';

/** How a dense leg is searched; see docs/decisions/0030-search-plan.md for the measurements. */
export type SearchPlan = 'exact' | 'acorn' | 'graph';

/** Up to this many readable points each one is compared, which cannot miss any. */
export const EXACT_UP_TO = 10_000;
/** From this share of the collection on the plain graph misses next to nothing; further down it loses up to 29 % of the top ten. */
export const GRAPH_FROM_SHARE = 0.4;
const KEPT_MS = 10_000;

export function choosePlan(readable: number, total: number): SearchPlan {
  if (readable <= EXACT_UP_TO || total === 0) return 'exact';
  return readable / total >= GRAPH_FROM_SHARE ? 'graph' : 'acorn';
}

export function planParams(plan: SearchPlan, limit: number): JsonObject {
  switch (plan) {
    case 'exact':
      return { exact: true };
    case 'acorn':
      // The share is judged here; Qdrant's own ceiling of 0.4 would switch it off for some of the middle.
      return { hnsw_ef: Math.max(128, 2 * limit), acorn: { enable: true, max_selectivity: 1 } };
    case 'graph':
      return { hnsw_ef: Math.max(128, 2 * limit) };
    default:
      return plan satisfies never;
  }
}

export interface Planner {
  plan(filter: AuthorizedFilter, rendered: string, signal: AbortSignal): Promise<SearchPlan>;
}

export const countAnswer = z.object({ result: z.object({ count: z.number().int().nonnegative() }) });

/** `count` POSTs a count request and gives Qdrant's answer. A wrong estimate costs time or recall of the graph, never a leak. */
export function createPlanner(count: (body: string, signal: AbortSignal) => Promise<unknown>, clock: Clock): Planner {
  let total: { readonly points: number; readonly at: number } | undefined;
  const readable = new WeakMap<AuthorizedFilter, { readonly points: number; readonly at: number }>();

  async function ask(body: string, signal: AbortSignal): Promise<{ readonly points: number; readonly at: number }> {
    return { points: countAnswer.parse(await count(body, signal)).result.count, at: clock.now() };
  }
  const fresh = (kept: { readonly at: number } | undefined) => kept !== undefined && Math.abs(clock.now() - kept.at) < KEPT_MS;

  return {
    async plan(filter, rendered, signal) {
      if (total === undefined || !fresh(total)) total = await ask('{"exact":false}', signal);
      // Nobody can read more than there is, so small collections need no second question.
      if (total.points <= EXACT_UP_TO) return 'exact';
      let kept = readable.get(filter);
      if (kept === undefined || !fresh(kept)) {
        kept = await ask(`{"filter":${rendered},"exact":false}`, signal);
        readable.set(filter, kept);
      }
      return choosePlan(kept.points, total.points);
    },
  };
}
