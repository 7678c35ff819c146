import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import type { PointSearch, PointsQuestion } from '../../core/points/question.ts';
import type { Bait } from '../judge.ts';
import { Judged, type Searching } from './judging.ts';
import type { PointsParts } from './parts.ts';

/**
 * Bait that one search, with bait let in, would have answered with: asked once, since nothing of it leaves. Never fails for what bait
 * holds: where a formula cannot be computed for it, say, the answer would tell that there is some. Then what the prefetches find counts.
 */
export async function touchedBait(parts: PointsParts, searching: Searching, question: PointsQuestion<ChunkId>): Promise<readonly Bait[]> {
  const orElse =
    (next: () => Promise<readonly Bait[]>) =>
    (failure: unknown): Promise<readonly Bait[]> => {
      if (searching.signal.aborted || !(failure instanceof AppError)) throw failure;
      return next();
    };
  const none = orElse(async () => []);
  return touched(parts, searching, question).catch(orElse(() => touched(parts, searching, unscored(question)).catch(none)));
}

/** The same with what the prefetches found in place of what is computed over it. */
function unscored(question: PointsQuestion<ChunkId>): PointsQuestion<ChunkId> {
  if (question.kind === 'groups') return { kind: 'groups', search: fused(question.search) };
  if (question.kind !== 'search') return question;
  const [first, ...rest] = question.searches;
  return { kind: 'search', searches: [fused(first), ...rest.map(fused)] };
}

function fused<S extends Pick<PointSearch<ChunkId>, 'query' | 'scoreThreshold' | 'prefetch'>>(search: S): S {
  if (search.prefetch.length === 0) return search;
  const { scoreThreshold: _least, ...rest } = search;
  return { ...rest, query: { kind: 'fusion', fusion: { fusion: 'rrf' } } } as unknown as S;
}

async function touched(parts: PointsParts, searching: Searching, question: PointsQuestion<ChunkId>): Promise<readonly Bait[]> {
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
