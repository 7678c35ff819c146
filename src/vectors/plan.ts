import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../core/json.ts';
import type { Clock } from '../core/ports/clock.ts';

/** How a dense leg is searched; see docs/decisions/0030-search-plan.md and 0121 for the measurements. */
export type SearchPlan = 'exact' | 'acorn' | 'graph';

/** Up to this many readable points each one is compared, which cannot miss any, unless it is known of a search that the graph does not. */
export const EXACT_UP_TO = 10_000;
/** From this share of the collection on the plain graph misses next to nothing; further down it loses up to 29 % of the top ten. */
export const GRAPH_FROM_SHARE = 0.4;
/** The same where few are readable, so that not to miss any costs little. */
export const GRAPH_OF_FEW_FROM_SHARE = 0.5;
/** A collection of so many points is compared whole in less time than it takes to ask how many of them are readable. */
export const SMALL_UP_TO = 2_000;
const KEPT_MS = 10_000;
/** Filters whose counts are kept, for one collection. */
const MAX_KEPT = 256;

/**
 * `nearest`: the nearest points to one vector, of which it can be seen when some are missing. `other`: anything else, such as stages
 * whose points nobody sees.
 */
export type SearchKind = 'nearest' | 'other';

/** How many points there are, and how many of them are readable: estimates. */
export interface Counts {
  readonly readable: number;
  readonly total: number;
}

export function choosePlan({ readable, total }: Counts, search: SearchKind): SearchPlan {
  const small = search === 'nearest' ? total <= SMALL_UP_TO : readable <= EXACT_UP_TO;
  if (small || total === 0) return 'exact';
  const few = readable <= EXACT_UP_TO;
  if (readable / total >= (few ? GRAPH_OF_FEW_FROM_SHARE : GRAPH_FROM_SHARE)) return 'graph';
  return few ? 'exact' : 'acorn';
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
  /** `filter` gives the caller's filter as JSON; the same text for all that reads alike, so without a time of day. */
  counts(search: SearchKind, filter: () => string, signal: AbortSignal): Promise<Counts>;
}

export const countAnswer = z.object({ result: z.object({ count: z.number().int().nonnegative() }) });

interface Kept {
  readonly points: number;
  readonly at: number;
}

type Count = (body: string, signal: AbortSignal) => Promise<unknown>;

/**
 * `count` POSTs a count request and gives Qdrant's answer. A wrong estimate costs time or recall of the graph, never a leak.
 *
 * Qdrant estimates how many points fulfil several conditions as if each condition were independent of the others. Where a collection
 * has points of two kinds, and `kind` is true of one, those of that kind are as good as none in its estimate: there points are counted.
 */
export function createPlanner(count: Count, clock: Clock, kind?: string): Planner {
  let total: (Kept & { readonly mixed: boolean }) | undefined;
  const readable = new Map<string, Kept>();

  const ask = async (body: string, signal: AbortSignal): Promise<number> => countAnswer.parse(await count(body, signal)).result.count;
  const fresh = <T extends Kept>(kept: T | undefined): kept is T => kept !== undefined && Math.abs(clock.now() - kept.at) < KEPT_MS;

  async function all(signal: AbortSignal): Promise<Kept & { readonly mixed: boolean }> {
    if (fresh(total)) return total;
    const some = kind === undefined ? undefined : `{"filter":${kind},"exact":false}`;
    const [points, ofKind] = await Promise.all([ask('{"exact":false}', signal), some === undefined ? 0 : ask(some, signal)]);
    total = { points, mixed: ofKind > 0 && ofKind < points, at: clock.now() };
    return total;
  }

  async function readableBy(filter: string, exact: boolean, signal: AbortSignal): Promise<number> {
    // A digest, since a filter may be long: of zones, or of the numbers of ten thousand groups.
    const key = createHash('sha256').update(filter).digest('base64');
    const known = readable.get(key);
    if (fresh(known)) return known.points;
    const points = await ask(`{"filter":${filter},"exact":${exact}}`, signal);
    if (readable.size >= MAX_KEPT) readable.clear();
    readable.set(key, { points, at: clock.now() });
    return points;
  }

  return {
    async counts(search, filter, signal) {
      const { points, mixed } = await all(signal);
      // Nobody can read more than there is, so small collections need no second question.
      if (points <= (search === 'nearest' ? SMALL_UP_TO : EXACT_UP_TO)) return { readable: points, total: points };
      return { readable: await readableBy(filter(), mixed, signal), total: points };
    },
  };
}
