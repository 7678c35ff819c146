import { describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { uuidOf } from '../core/digest.ts';
import type { Leg } from '../core/ports/vectors.ts';
import type { HotRead } from './hot-read.ts';
import { createSearch } from './search.ts';

const leg: Leg = { name: 'bm25', kind: 'sparse', vector: { indices: [1], values: [1] } };
const signal = new AbortController().signal;

/** An index of `size` points, each with the score that `scoreOf` gives; keeps how many were asked for each time. */
function indexOf(size: number, scoreOf: (rank: number) => number) {
  const asked: number[] = [];
  const read: Pick<HotRead, 'post'> = {
    post: (_path, body) => {
      const { limit } = JSON.parse(body) as { limit: number };
      asked.push(limit);
      const points = Array.from({ length: Math.min(limit, size) }, (_, rank) => ({ id: uuidOf('point', rank), score: scoreOf(rank) }));
      return Promise.resolve({ status: 'ok', result: { points } });
    },
  };
  const identity = { sparse: 'bm25@1', dense: { kind: 'none' } } as const;
  const search = createSearch({ read, collection: 'test', identity, clock: { now: () => 0 }, deadlineMs: 1_000 });
  return { asked, search: (limit: number) => search(mintFilterForTests(), leg, limit, signal) };
}

describe('a search', () => {
  it('gives as many hits as were asked for where there are as many, however many that is', async () => {
    // Whoever widens past refused hits takes fewer hits than asked for as the end of what there is.
    const { search } = indexOf(50_000, (rank) => -rank);
    for (const limit of [1, 100, 4_096, 4_097, 25_600]) expect(await search(limit)).toHaveLength(limit);
    expect(await search(60_000)).toHaveLength(50_000);
  });

  it('fetches more only where a tie is cut, and only up to a bound', async () => {
    const distinct = indexOf(50_000, (rank) => -rank);
    await distinct.search(8);
    expect(distinct.asked).toEqual([12]);
    const tied = indexOf(50_000, () => 1);
    expect(await tied.search(8)).toHaveLength(8);
    expect(Math.max(...tied.asked)).toBe(4_096);
    expect(await tied.search(10_000)).toHaveLength(10_000);
  });
});
