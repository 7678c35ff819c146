import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ZoneTerm } from '../core/filter.ts';
import type { ZoneId } from '../core/ids.ts';
import { trials } from '../../test/support/scale.ts';
import { MAX_FLAT_ZONES, MAX_RUNS, zoneTerm } from './zone-term.ts';

function listed(term: ZoneTerm): number[] {
  if (term.kind === 'flat') return [...term.ids];
  return term.runs.flatMap(({ first, last, holes }) => {
    const left = new Set<number>(holes);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((id) => !left.has(id));
  });
}

/** Blocks of ids with holes in them, as a tenant's zones are allocated. */
const blocks = fc
  .array(fc.record({ gap: fc.nat(5_000), length: fc.integer({ min: 1, max: 200 }), hole: fc.integer({ min: 2, max: 60 }) }), {
    minLength: 1,
    maxLength: 90,
    size: 'max',
  })
  .map((parts) => {
    const ids: number[] = [];
    let next = 1;
    for (const { gap, length, hole } of parts) {
      next += gap;
      for (let i = 0; i < length; i += 1, next += 1) if (i % hole !== 1) ids.push(next);
    }
    return ids as ZoneId[];
  });

describe('zoneTerm', () => {
  it('is always equal to the flat list', () => {
    const seen = { flat: 0, runs: 0 };
    const property = fc.property(blocks, (ids) => {
      const term = zoneTerm(ids);
      seen[term.kind] += 1;
      expect(listed(term).join()).toBe(ids.join());
      if (term.kind === 'flat') return;
      expect(ids.length).toBeGreaterThan(MAX_FLAT_ZONES);
      expect(term.runs.length).toBeLessThanOrEqual(MAX_RUNS);
      const members = new Set(ids);
      for (const run of term.runs) {
        // Both ends are zones that exist: a range open at its end would let in what is made later.
        expect(members.has(run.first) && members.has(run.last)).toBe(true);
        expect(run.holes.every((hole) => hole > run.first && hole < run.last && !members.has(hole))).toBe(true);
      }
    });
    fc.assert(property, { numRuns: trials(100, 2_000) });
    expect(seen.flat).toBeGreaterThan(0);
    expect(seen.runs).toBeGreaterThan(0);
  });

  it('stays flat up to the limit and becomes runs beyond it', () => {
    const ids = Array.from({ length: MAX_FLAT_ZONES + 1 }, (_, i) => (i + 5) as ZoneId);
    expect(zoneTerm(ids.slice(1)).kind).toBe('flat');
    expect(zoneTerm(ids)).toEqual({ kind: 'runs', runs: [{ first: 5, last: MAX_FLAT_ZONES + 5, holes: [] }] });
  });

  it('stays flat where ids lie so far apart that the holes would be more than the ids', () => {
    const ids = Array.from({ length: 3_000 }, (_, i) => (i * 1_000_000_000 + 1) as ZoneId);
    expect(zoneTerm(ids).kind).toBe('flat');
  });

  /** Blocks of 30 ids with a gap of each of these widths between them; a last block fills up to `count` ids. */
  function apart(widths: readonly number[], count = 4_000): readonly ZoneId[] {
    let next = 1;
    const ids = widths.flatMap((width) => {
      const block = Array.from({ length: 30 }, (_, i) => (next + i) as ZoneId);
      next += 30 + width;
      return block;
    });
    return [...ids, ...Array.from({ length: count - ids.length }, (_, i) => (next + i) as ZoneId)];
  }
  const cost = (term: ZoneTerm) =>
    term.kind === 'flat' ? 'flat' : { runs: term.runs.length, holes: term.runs.reduce((sum, { holes }) => sum + holes.length, 0) };

  it('is cut at the widest gaps, so that the fewest holes are left', () => {
    const widths = Array.from({ length: 80 }, (_, i) => ((i * 37) % 80) + 1);
    const term = zoneTerm(apart(widths));
    // The narrowest are 1 to 17 wide.
    expect(cost(term)).toEqual({ runs: MAX_RUNS, holes: (17 * 18) / 2 });
    expect(listed(term)).toEqual(apart(widths));
    expect(cost(zoneTerm(apart(widths.slice(0, 63))))).toEqual({ runs: 64, holes: 0 });
    expect(cost(zoneTerm(apart(Array(64).fill(2))))).toEqual({ runs: 64, holes: 2 });
  });

  it('becomes runs only where runs and holes together are fewer than the ids', () => {
    const wide = Array<number>(MAX_RUNS - 1).fill(100);
    const ids = (holes: number) => apart([...wide, ...Array<number>(Math.floor(holes / 99)).fill(99), holes % 99]);
    const limit = 4_000 - (MAX_RUNS - 1);
    expect(cost(zoneTerm(ids(limit - 1)))).toEqual({ runs: MAX_RUNS, holes: limit - 1 });
    expect(cost(zoneTerm(ids(limit)))).toBe('flat');
    expect(listed(zoneTerm(ids(limit)))).toEqual(ids(limit));
  });

  it('has no form for nothing', () => {
    expect(() => zoneTerm([])).toThrow(/none/);
  });
});
