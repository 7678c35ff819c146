import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ZoneTerm } from '../../src/core/filter.ts';
import type { TenantId, ZoneId } from '../../src/core/ids.ts';
import { MAX_FLAT_ZONES, MAX_RUNS, zoneTerm } from '../../src/policy/zone-term.ts';
import { toQdrantFilter } from '../../src/vectors/filter.ts';
import { mintFilterForTests } from '../support/authorized-filter.ts';
import { figure, trials } from '../support/scale.ts';
import { NOW, numbers, testPoint, vectorFixture, zone, type VectorFixture } from '../support/vector-fixture.ts';

const { signal } = new AbortController();
/** Points lie at every third id and a few more; the others name no zone that exists, or one that is made later. */
const LAST = 9_000;
const TENANT = 'terms' as TenantId;
const OTHER = 'terms-b' as TenantId;
const INDEXED = Array.from({ length: LAST }, (_, i) => i + 1).filter((id) => id % 3 === 1 || id % 50 === 0);
let fixture: VectorFixture;
const zoneOf = new Map<string, number>();

beforeAll(async () => {
  fixture = await vectorFixture();
  const points = INDEXED.map((id) => testPoint(TENANT, { zone: zone(id) }));
  for (const [index, point] of points.entries()) zoneOf.set(point.chunk, INDEXED[index] ?? 0);
  const others = INDEXED.slice(0, 300).map((id) => testPoint(OTHER, { zone: zone(id) }));
  const bare = [testPoint(TENANT, { zone: zone(2) }), testPoint(TENANT, { zone: zone(4_002) })];
  await fixture.index.upsert([...points, ...others, ...bare], signal);
  const keys = { keys: ['zone'], points: bare.map((point) => point.chunk) };
  await fixture.raw('POST', `/collections/${fixture.collection}/points/payload/delete?wait=true`, keys);
});
afterAll(() => fixture.close());

async function found(zones: ZoneTerm): Promise<readonly number[]> {
  const filter = toQdrantFilter(mintFilterForTests({ tenant: TENANT, zones, gate: numbers(5), now: NOW }));
  const { url, apiKey } = fixture.qdrant;
  const headers = { 'content-type': 'application/json', ...(apiKey === undefined ? {} : { 'api-key': apiKey }) };
  const body = JSON.stringify({ filter, limit: 10_000, with_payload: false });
  const answer = await fetch(`${url}/collections/${fixture.collection}/points/scroll`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(await answer.text());
  const { result } = (await answer.json()) as { result: { points: { id: string }[] } };
  return result.points.map(({ id }) => zoneOf.get(id) ?? -1).sort((a, b) => a - b);
}

/** Blocks of ids with holes, as a tenant's zones are: many short ones, few long ones, or single ids all over. */
const anyIds = fc
  .record({
    blocks: fc.array(fc.record({ gap: fc.nat(80), length: fc.integer({ min: 1, max: 400 }), hole: fc.integer({ min: 2, max: 60 }) }), {
      minLength: 5,
      maxLength: 120,
      size: 'max',
    }),
    start: fc.integer({ min: 1, max: 300 }),
  })
  .map(({ blocks, start }) => {
    const ids: number[] = [];
    let next = start;
    for (const { gap, length, hole } of blocks) {
      next += gap;
      for (let i = 0; i < length; i += 1, next += 1) if (i % hole !== 1 && next <= LAST) ids.push(next);
    }
    return ids as ZoneId[];
  })
  .filter((ids) => ids.length > 0);

function admits(term: ZoneTerm, id: number): boolean {
  if (term.kind === 'flat') return term.ids.some((one) => one === id);
  return term.runs.some(({ first, last, holes }) => first <= id && id <= last && !holes.some((hole) => hole === id));
}

describe('a set of zones as the index is told it', () => {
  it('is the flat list, for real Qdrant: zones that exist, that do not, made later, and points without one', async () => {
    const seen = { flat: 0, runs: 0, admitted: 0, kept: 0 };
    const property = fc.asyncProperty(anyIds, async (ids) => {
      const term = zoneTerm(ids);
      const hits = await found(term);
      expect(hits).toEqual(await found({ kind: 'flat', ids }));
      const listed = new Set<number>(ids);
      expect(hits).toEqual(INDEXED.filter((id) => listed.has(id)));
      seen[term.kind] += 1;
      seen.admitted += hits.length;
      seen.kept += INDEXED.length - hits.length;
    });
    await fc.assert(property, { numRuns: trials(40, 1_500) });
    expect(Math.min(seen.flat, seen.runs, seen.admitted, seen.kept)).toBeGreaterThan(0);
    figure('zone terms on real Qdrant', `${seen.flat} flat and ${seen.runs} in runs, equal to the list`);
  });

  it('lets in a zone made later only where the next filter says so', async () => {
    const later = [zone(102), zone(5_003), zone(8_501)];
    const ids = Array.from({ length: 7_900 }, (_, i) => zone(i + 101)).filter((id) => !later.includes(id));
    const before = zoneTerm(ids);
    expect(before.kind).toBe('runs');
    const points = later.map((id) => testPoint(TENANT, { zone: id }));
    const reached = await found(before);
    for (const [index, point] of points.entries()) zoneOf.set(point.chunk, later[index] ?? 0);
    await fixture.index.upsert(points, signal);
    expect(await found(before)).toEqual(reached);
    const after = zoneTerm([...ids, ...later].sort((a, b) => a - b));
    expect(await found(after)).toEqual([...reached, ...later].sort((a, b) => a - b));
    await fixture.index.deleteChunks(
      TENANT,
      points.map((point) => point.chunk),
      signal,
    );
  });

  // Last: it asks nobody, and a connection that rests meanwhile is closed at the other end.
  it('admits no id that is not in the list, however large, and stays within its bounds', () => {
    const property = fc.property(
      anyIds,
      fc.array(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { maxLength: 20 }),
      (ids, strangers) => {
        const term = zoneTerm(ids);
        const listed = new Set<number>(ids);
        const near = [...ids.slice(0, 30), ...ids.slice(-30)].flatMap((id) => [id - 1, id, id + 1]);
        for (const id of [...near, ...strangers]) expect(admits(term, id)).toBe(listed.has(id));
        if (term.kind === 'flat') return;
        expect(ids.length).toBeGreaterThan(MAX_FLAT_ZONES);
        expect(term.runs.length).toBeLessThanOrEqual(MAX_RUNS);
        // Never longer than the list it stands for.
        expect(term.runs.reduce((sum, { holes }) => sum + holes.length, 0)).toBeLessThan(ids.length);
      },
    );
    fc.assert(property, { numRuns: trials(150, 5_000) });
  });
});
