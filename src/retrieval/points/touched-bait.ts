import type { ChunkId } from '../../core/ids.ts';
import type { PointsQuestion } from '../../core/points/question.ts';
import type { Bait } from '../judge.ts';
import { Judged, type Searching } from './judging.ts';
import type { PointsParts } from './parts.ts';

/** Bait that one search, with bait let in, would have answered with: asked once, since nothing of it leaves. */
export async function touchedBait(parts: PointsParts, searching: Searching, question: PointsQuestion<ChunkId>): Promise<readonly Bait[]> {
  const judged = new Judged(parts, searching);
  const scope = judged.scope();
  const { signal, declared } = searching;
  if (question.kind === 'groups') {
    const [groups] = await Promise.all([parts.index.groups(scope, question.search, signal), declared()]);
    const hits = groups.flatMap((group) => group.hits);
    await judged.judge(hits);
    return judged.bait(hits, 0, hits.length);
  }
  if (question.kind !== 'search') return [];
  const asked = question.searches.map((search) => ({ ...search, offset: 0, limit: Math.max(1, search.offset + search.limit) }));
  const [lists] = await Promise.all([parts.index.search(scope, asked, signal), declared()]);
  await judged.judge(lists.flat());
  return lists.flatMap((hits, index) => {
    const { offset = 0, limit = 0 } = question.searches[index] ?? {};
    return judged.bait(hits, offset, offset + limit);
  });
}
