import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import type { ChunkId } from '../core/ids.ts';
import type { Hit } from '../core/ports/vectors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const answer = z.object({
  status: z.literal('ok'),
  result: z.object({ points: z.array(z.object({ id: z.string().regex(UUID), score: z.number() })) }),
});

/** Qdrant's answer as hits, each chunk once, best first and ties by id. Fails with `index_unavailable` on anything else. */
export function parseHits(json: unknown, asked: number): readonly Hit[] {
  const parsed = answer.safeParse(json);
  if (!parsed.success) throw new AppError('index_unavailable', { detail: 'the vector index answered in a shape that is not understood' });
  const { points } = parsed.data.result;
  if (points.length > asked)
    throw new AppError('index_unavailable', { detail: 'the vector index answered with more hits than were asked for' });
  // While a cluster moves a shard, a point may come from both places.
  const best = new Map<string, Hit>();
  for (const { id, score } of points) {
    const before = best.get(id);
    if (before === undefined || before.score < score) best.set(id, { chunk: id as ChunkId, score });
  }
  return [...best.values()].sort(byRank);
}

function byRank(a: Hit, b: Hit): number {
  if (a.score !== b.score) return b.score - a.score;
  return a.chunk < b.chunk ? -1 : 1;
}
