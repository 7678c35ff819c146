import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChunkId } from '../core/ids.ts';
import { fuse } from './fuse.ts';

const ids = (...names: readonly string[]): readonly ChunkId[] => names as readonly ChunkId[];
const leg = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')).map((names) => ids(...names));

describe('fuse', () => {
  it('adds 1/(60 + rank) over the legs, rank from 1', () => {
    expect(fuse([ids('a', 'b', 'c'), ids('c', 'a')])).toEqual([
      { chunk: 'a', score: 1 / 61 + 1 / 62 },
      { chunk: 'c', score: 1 / 63 + 1 / 61 },
      { chunk: 'b', score: 1 / 62 },
    ]);
  });

  it('gives one leg the same form of score', () => {
    expect(fuse([ids('b', 'a')])).toEqual([
      { chunk: 'b', score: 1 / 61 },
      { chunk: 'a', score: 1 / 62 },
    ]);
    expect(fuse([])).toEqual([]);
    expect(fuse([[], []])).toEqual([]);
  });

  it('breaks ties by id, whatever the order of the legs', () => {
    expect(fuse([ids('b'), ids('a')]).map(({ chunk }) => chunk)).toEqual(['a', 'b']);
    expect(fuse([ids('a'), ids('b')]).map(({ chunk }) => chunk)).toEqual(['a', 'b']);
  });

  it('is a ranking of exactly what the legs found, by scores that never rise', () => {
    fc.assert(
      fc.property(fc.array(leg, { maxLength: 3 }), (legs) => {
        const fused = fuse(legs);
        expect(fused.map(({ chunk }) => chunk).sort()).toEqual([...new Set(legs.flat())].sort());
        for (const [index, { score }] of fused.entries()) expect(score).toBeLessThanOrEqual(fused[index - 1]?.score ?? 1);
        expect(fuse(legs.toReversed()).map(({ chunk }) => chunk)).toEqual(fused.map(({ chunk }) => chunk));
      }),
    );
  });

  it('keeps the order in which all legs agree', () => {
    fc.assert(
      fc.property(leg, leg, (a, b) => {
        const order = fuse([a, b]).map(({ chunk }) => chunk);
        const both = a.filter((chunk) => b.includes(chunk));
        for (const x of both) {
          for (const y of both) {
            const agreed = a.indexOf(x) < a.indexOf(y) && b.indexOf(x) < b.indexOf(y);
            expect(agreed && order.indexOf(x) > order.indexOf(y)).toBe(false);
          }
        }
      }),
    );
  });
});
