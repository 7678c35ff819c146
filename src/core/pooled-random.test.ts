import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pooledRandom } from './pooled-random.ts';

describe('pooled random bytes', () => {
  it('are those of the source, each given once and wiped', () => {
    const pools: Buffer[] = [];
    const copies: Buffer[] = [];
    const random = pooledRandom((size) => {
      const drawn = randomBytes(size);
      pools.push(drawn);
      copies.push(Buffer.from(drawn));
      return drawn;
    });
    const given = Array.from({ length: 700 }, (_, n) => random([16, 12, 32][n % 3] ?? 16));
    expect(given.map(({ length }) => length).slice(0, 3)).toEqual([16, 12, 32]);
    expect(new Set(given.map((bytes) => bytes.toString('hex'))).size).toBe(700);
    const first = copies[0] ?? Buffer.alloc(0);
    const inFirst = Buffer.concat(given).subarray(0, 4_000);
    expect(inFirst.equals(first.subarray(0, 4_000))).toBe(true);
    expect(pools[0]?.subarray(0, 4_000).every((byte) => byte === 0)).toBe(true);
  });

  it('go on to belong to whoever got them', () => {
    const random = pooledRandom(randomBytes);
    const mine = random(16);
    const before = mine.toString('hex');
    for (let n = 0; n < 1_000; n += 1) random(16).fill(7);
    expect(mine.toString('hex')).toBe(before);
  });

  it('of a large size come from the source; one that gives too few is refused', () => {
    expect(pooledRandom(randomBytes)(10_000)).toHaveLength(10_000);
    expect(() => pooledRandom(() => Buffer.alloc(8))(16)).toThrow('too few');
  });
});
