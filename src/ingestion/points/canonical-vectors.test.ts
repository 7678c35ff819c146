import { describe, expect, it } from 'vitest';
import type { RawJson } from '../../core/points/raw-json.ts';
import { canonicalVectors } from './canonical-vectors.ts';

const same = (a: string, b: string): boolean => canonicalVectors(a as RawJson) === canonicalVectors(b as RawJson);

describe('vectors that are compared', () => {
  it.each([
    ['numbers', '[1, 0.5, 2]', '[1.0,5e-1,2e0]'],
    ['what Qdrant gives back of a double', '[0.1234567890123, -0]', '[0.12345679, 0.0]'],
    ['names in another order', '{"a":[1,2],"b":[3],"10":[4]}', '{"10":[4],"b":[3.0],"a":[1,2]}'],
    ['the vector without a name', '{"":[1,2]}', '[1,2]'],
    ['a sparse one', '{"w":{"indices":[7,4294967295],"values":[1,2]}}', '{"w":{"values":[2.0,1],"indices":[4294967295,7]}}'],
    ['many in one', '{"m":[[1,2],[3,4]]}', '{"m":[[1,2.0],[3,4]]}'],
  ])('are equal where they are the same: %s', (_what, a, b) => {
    expect(same(a, b)).toBe(true);
  });

  it.each([
    ['a number', '[1,2]', '[1,3]'],
    ['the order of numbers', '[1,2]', '[2,1]'],
    ['a name', '{"a":[1]}', '{"b":[1]}'],
    ['names exchanged', '{"a":[1],"b":[2]}', '{"a":[2],"b":[1]}'],
    ['one more', '{"a":[1]}', '{"a":[1],"b":[2]}'],
    ['an index', '{"w":{"indices":[16777216],"values":[1]}}', '{"w":{"indices":[16777217],"values":[1]}}'],
    ['whose value is whose', '{"w":{"indices":[1,2],"values":[3,4]}}', '{"w":{"indices":[1,2],"values":[4,3]}}'],
    ['how many are in one', '[[1,2],[3,4]]', '[[1,2,3,4]]'],
    ['one with a name and one without', '{"a":[1]}', '[1]'],
  ])('differ by %s', (_what, a, b) => {
    expect(same(a, b)).toBe(false);
  });
});
