import { AppError } from '../core/errors.ts';
import type { AuthorizedFilter } from '../core/filter.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { EmbeddingIdentity } from '../core/ports/embedding.ts';
import type { Hit, Leg } from '../core/ports/vectors.ts';
import { DENSE, SPARSE } from './collection.ts';
import { estimatedBy, onceAFilter, toQdrantFilter } from './filter.ts';
import { parseHits } from './hits.ts';
import type { HotRead } from './hot-read.ts';
import { choosePlan, countAnswer, createPlanner, planParams } from './plan.ts';

export interface SearchOptions {
  readonly read: Pick<HotRead, 'post'>;
  readonly collection: string;
  readonly identity: EmbeddingIdentity;
  readonly clock: Clock;
  readonly deadlineMs: number;
}

/** A few more than asked show whether the last hit ties with what was cut off. */
const PEEK = 4;
/** As far as a tie is followed. */
const MAX_FETCH = 4_096;

function checkVector(leg: Leg, identity: EmbeddingIdentity): void {
  if (leg.kind === 'sparse') {
    const { indices, values } = leg.vector;
    if (indices.length !== values.length || !values.every(Number.isFinite)) throw new AppError('vector_mismatch');
    return;
  }
  const dimension = identity.dense.kind === 'none' ? undefined : identity.dense.dimension;
  if (leg.vector.length !== dimension || !leg.vector.every(Number.isFinite)) throw new AppError('vector_mismatch');
}

/** True where hits with the score of the last wanted one may lie beyond what was fetched, so that ids could not decide. */
function cutsATie(hits: readonly Hit[], limit: number, fetched: number): boolean {
  return hits.length >= fetched && hits.at(-1)?.score === hits[limit - 1]?.score;
}

/**
 * Exact: an estimate would tell of points that the filter leaves out. Every copy of a shard is asked and the lowest number taken
 * (`consistency=all`): a node that has just come back answers from what it had when it went, until it learns what it missed, and
 * no second key judges a number. Fails with `index_unavailable`, also while a copy is down.
 */
export function createCount({ read, collection, deadlineMs }: Pick<SearchOptions, 'read' | 'collection' | 'deadlineMs'>) {
  const path = `/collections/${encodeURIComponent(collection)}/points/count?consistency=all&timeout=${Math.ceil(deadlineMs / 1_000)}`;
  return async function count(filter: AuthorizedFilter, signal: AbortSignal): Promise<number> {
    const answer = await read.post(path, `{"filter":${JSON.stringify(toQdrantFilter(filter))},"exact":true}`, signal);
    const parsed = countAnswer.safeParse(answer);
    if (!parsed.success) throw new AppError('index_unavailable', { detail: 'the vector index counted in a shape that is not understood' });
    return parsed.data.result.count;
  };
}

const rendered = onceAFilter((filter) => JSON.stringify(toQdrantFilter(filter)));

export function createSearch(options: SearchOptions) {
  const { read, collection, identity, clock, deadlineMs } = options;
  const path = `/collections/${encodeURIComponent(collection)}/points`;
  const timeout = `timeout=${Math.ceil(deadlineMs / 1_000)}`;
  const planner = createPlanner((body, signal) => read.post(`${path}/count?${timeout}`, body, signal), clock);

  async function fetchHits(filter: string, leg: Leg, params: string, count: number, signal: AbortSignal): Promise<readonly Hit[]> {
    const query = JSON.stringify(leg.kind === 'sparse' ? { indices: leg.vector.indices, values: leg.vector.values } : leg.vector);
    const using = leg.kind === 'sparse' ? SPARSE : DENSE;
    const rest = `"using":"${using}","limit":${count},"params":${params},"with_payload":false,"with_vector":false`;
    return parseHits(await read.post(`${path}/query?${timeout}`, `{"query":${query},"filter":${filter},${rest}}`, signal), count);
  }

  return async function search(filter: AuthorizedFilter, leg: Leg, limit: number, signal: AbortSignal): Promise<readonly Hit[]> {
    checkVector(leg, identity);
    // A zero vector has no direction and no terms: nothing is near it.
    if (limit < 1 || (leg.kind === 'sparse' && leg.vector.indices.length === 0)) return [];
    const json = rendered(filter);
    // A sparse search compares every point that shares a term, so it is exact without being told.
    const plan = leg.kind === 'sparse' ? 'exact' : choosePlan(await planner.counts('other', () => estimatedBy(filter), signal), 'other');
    let count = limit + PEEK;
    // Whoever asks for more gets it: fewer hits than asked for must mean that there are no more.
    const most = Math.max(count, MAX_FETCH);
    for (;;) {
      const params = leg.kind === 'sparse' ? '{}' : JSON.stringify(planParams(plan, count));
      const hits = await fetchHits(json, leg, params, count, signal);
      // Beyond the bound a tie of thousands is cut where the index cut it: any of them is as near as the others.
      if (count === most || !cutsATie(hits, limit, count)) return hits.slice(0, limit);
      count = Math.min(count * 4, most);
    }
  };
}
