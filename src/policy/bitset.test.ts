import { describe, expect, it } from 'vitest';
import { addAll, addIntersection, bits, keepOnly, membersOf, NO_BITS, removeAll, setBit, type Bits } from './bitset.ts';

const LIST = Array.from({ length: 100 }, (_, i) => i);
function of(...positions: readonly number[]): Bits {
  const set = bits(LIST.length);
  for (const position of positions) setBit(set, position);
  return set;
}
const changed = (set: Bits, change: (set: Bits) => void): readonly number[] => {
  change(set);
  return membersOf(set, LIST);
};

describe('sets of positions', () => {
  it('have a word for each 32 begun', () => {
    expect([0, 1, 31, 32, 33, 64, 65].map((size) => bits(size).length)).toEqual([0, 1, 1, 1, 2, 2, 3]);
  });

  it('hold what was put in, in order, at both ends of every word', () => {
    expect(membersOf(of(99, 64, 63, 32, 31, 30, 1, 0), LIST)).toEqual([0, 1, 30, 31, 32, 63, 64, 99]);
    expect(membersOf(of(), LIST)).toEqual([]);
    expect(membersOf(of(5, 5, 5), LIST)).toEqual([5]);
  });

  it('hold nobody beyond the end of the list', () => {
    expect(membersOf(of(0, 2, 3, 40), ['a', 'b', 'c'])).toEqual(['a', 'c']);
  });

  it('are added, intersected and taken away', () => {
    expect(changed(of(1, 31, 64), (set) => addAll(set, of(1, 32, 99)))).toEqual([1, 31, 32, 64, 99]);
    expect(changed(of(1, 31, 64), (set) => removeAll(set, of(31, 32, 64)))).toEqual([1]);
    expect(changed(of(1, 31, 64), (set) => keepOnly(set, of(31, 32, 64)))).toEqual([31, 64]);
    expect(changed(of(1), (set) => addIntersection(set, of(2, 33, 95), of(3, 33, 95)))).toEqual([1, 33, 95]);
  });

  it('take the empty set of no length for an empty one', () => {
    expect(changed(of(1, 64), (set) => addAll(set, NO_BITS))).toEqual([1, 64]);
    expect(changed(of(1, 64), (set) => removeAll(set, NO_BITS))).toEqual([1, 64]);
    expect(changed(of(1, 64), (set) => keepOnly(set, NO_BITS))).toEqual([]);
    expect(changed(of(1, 64), (set) => addIntersection(set, NO_BITS, of(2)))).toEqual([1, 64]);
  });
});
