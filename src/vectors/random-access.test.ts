import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { BM25_LEG, NOW, numbers, testPoint, vectorFixture, zone, type VectorFixture } from '../../test/support/vector-fixture.ts';
import type { FilterSpec } from '../core/filter.ts';
import type { TenantId } from '../core/ids.ts';
import type { AccessPayload } from '../core/ports/vectors.ts';

const { signal } = new AbortController();
let fixture: VectorFixture;
let tenant: TenantId;

const point = (access: Partial<AccessPayload> = {}, weight = 1) => testPoint(tenant, access, weight);
const mint = (spec: Partial<FilterSpec>) => mintFilterForTests({ tenant, now: NOW, ...spec });

beforeAll(async () => {
  fixture = await vectorFixture();
});
beforeEach(() => {
  tenant = fixture.newTenant();
});
afterAll(() => fixture.close());

describe('random points and callers', () => {
  const some = (maximum: number) => fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: maximum }).map((ids) => numbers(...ids));
  const access = fc.record({
    tenant: fc.constantFrom('a', 'b'),
    zone: fc.integer({ min: 1, max: 12 }),
    gates: fc.array(some(3), { maxLength: 3 }),
    deny: some(2),
    from: fc.constantFrom('always' as const, NOW - 1, NOW, NOW + 1),
    until: fc.constantFrom('forever' as const, NOW - 1, NOW, NOW + 1),
  });
  const caller = fc.record({
    tenant: fc.constantFrom('a', 'b'),
    zones: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1 }),
    runs: fc.boolean(),
    gate: fc.uniqueArray(fc.integer({ min: 1, max: 6 })),
    deny: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 2 }),
  });

  /** From the first to the last with holes between: one run that means the same as the list. */
  function asRun(zones: readonly number[]): FilterSpec['zones'] {
    const [first, last] = [Math.min(...zones), Math.max(...zones)];
    const holes = Array.from({ length: last - first }, (_, i) => first + i).filter((id) => !zones.includes(id));
    return { kind: 'runs', runs: [{ first: zone(first), last: zone(last), holes: holes.map(zone) }] };
  }

  it('meet exactly as the rules of access say', async () => {
    const { index } = fixture;
    const drawn = fc.sample(access, { numRuns: 400, seed: 7 });
    const name = (letter: string) => `${tenant}-${letter}` as TenantId;
    const points = drawn.map((a) => {
      const acl = { gates: a.gates, deny: a.deny };
      return point({ tenant: name(a.tenant), zone: zone(a.zone), acl, validFrom: a.from, validUntil: a.until });
    });
    await index.upsert(points, signal);
    let [matched, excluded] = [0, 0];
    for (const c of fc.sample(caller, { numRuns: 150, seed: 8 })) {
      const expected = points.filter((_, i) => {
        const a = drawn[i];
        if (a === undefined || a.tenant !== c.tenant || !c.zones.includes(a.zone)) return false;
        if (a.gates.length === 0 || !a.gates.every((gate) => gate.some((p) => c.gate.includes(p)))) return false;
        if (a.deny.some((p) => c.deny.includes(p))) return false;
        return (a.from === 'always' || a.from <= NOW) && (a.until === 'forever' || a.until > NOW);
      });
      const zones: FilterSpec['zones'] = c.runs ? asRun(c.zones) : { kind: 'flat', ids: c.zones.map(zone) };
      const filter = mint({ tenant: name(c.tenant), zones, gate: c.gate, deny: c.deny });
      const hits = await index.search(filter, BM25_LEG, 400, signal);
      expect(hits.map((hit) => hit.chunk)).toEqual(expected.map((p) => p.chunk).sort());
      matched += expected.length;
      excluded += points.length - expected.length;
    }
    expect(Math.min(matched, excluded)).toBeGreaterThan(500);
  });
});
