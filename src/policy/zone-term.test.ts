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

  it('has no form for nothing', () => {
    expect(() => zoneTerm([])).toThrow(/none/);
  });
});
