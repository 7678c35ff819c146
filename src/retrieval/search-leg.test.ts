import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { AuthorizedFilter } from '../core/filter.ts';
import type { ChunkId } from '../core/ids.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { Leg, VectorIndex } from '../core/ports/vectors.ts';
import { candidate, chunkId, countedTelemetry, fakeCatalog, fakePolicy, judgingContext, READ_AT, STAFF } from './retrieval.fixture.ts';
import { rejudge, searchLeg, type Search, type SearchParts } from './search-leg.ts';

const LEG: Leg = { name: 'bm25', kind: 'sparse', vector: { indices: [1], values: [1] } };
const FILTER = {} as AuthorizedFilter;
const SEARCH: Search = {
  context: judgingContext(),
  filter: FILTER,
  declared: () => Promise.resolve(),
  signal: new AbortController().signal,
};

function never(): never {
  throw new Error('not a part of retrieval');
}

/** An index that ranks chunks 0, 1, 2, … and notes how wide it was asked to search. */
function staleIndex(size: number): { readonly widths: number[]; readonly vectors: VectorIndex } {
  const widths: number[] = [];
  const search: VectorIndex['search'] = async (_filter, _leg, limit) => {
    widths.push(limit);
    return Array.from({ length: Math.min(limit, size) }, (_, n) => ({ chunk: chunkId(n), score: 1 / (n + 1) }));
  };
  return { widths, vectors: { search, count: never, upsert: never, rewriteAccess: never, deleteChunks: never, probe: never } };
}

function partsOf(vectors: VectorIndex, candidates: readonly Candidate[]) {
  const catalog = fakeCatalog({ candidates: () => candidates });
  const telemetry = countedTelemetry();
  const parts: SearchParts = { vectors, catalog, policy: fakePolicy(), telemetry };
  return { parts, catalog, telemetry };
}

const numbers = (passed: readonly { readonly candidate: Candidate }[]): readonly number[] =>
  passed.map((one) => Number(one.candidate.chunk.slice('chunk-'.length)));

describe('searchLeg', () => {
  it('searches once where enough pass', async () => {
    const { widths, vectors } = staleIndex(50);
    const { parts } = partsOf(
      vectors,
      Array.from({ length: 50 }, (_, n) => candidate(n)),
    );
    const result = await searchLeg(parts, SEARCH, LEG, 3);
    expect(numbers(result.passed)).toEqual([0, 1, 2]);
    expect(result).toMatchObject({ candidates: 3, refused: 0, gone: false });
    expect(widths).toEqual([3]);
  });

  it('widens past hits that the catalog refuses, judging each chunk once', async () => {
    const { widths, vectors } = staleIndex(100);
    const stale = Array.from({ length: 100 }, (_, n) => candidate(n, n < 20 ? { state: 'gone' } : {}));
    const { parts, catalog, telemetry } = partsOf(vectors, stale);
    const result = await searchLeg(parts, SEARCH, LEG, 3);
    expect(numbers(result.passed)).toEqual([20, 21, 22]);
    expect(result).toMatchObject({ candidates: 48, refused: 20, gone: true });
    expect(widths).toEqual([3, 12, 48]);
    expect(catalog.reads.flat()).toHaveLength(48);
    expect(new Set(catalog.reads.flat()).size).toBe(48);
    expect(telemetry.counts).toHaveLength(20);
    expect(telemetry.errors).toEqual([]);
  });

  it('says where bait would have stood, and releases none of it', async () => {
    const all = Array.from({ length: 10 }, (_, n) => candidate(n, n % 2 === 0 ? { honey: true } : {}));
    const { parts, telemetry } = partsOf(staleIndex(10).vectors, all);
    const result = await searchLeg(parts, SEARCH, LEG, 4);
    expect(numbers(result.passed)).toEqual([1, 3, 5, 7]);
    expect(result.withBait.map(({ chunk, bait }) => [chunk, bait?.key])).toEqual([
      [chunkId(0), 'key-0'],
      [chunkId(1), undefined],
      [chunkId(2), 'key-2'],
      [chunkId(3), undefined],
    ]);
    expect(telemetry.errors).toEqual([]);
  });

  it('stops where the index has no more, with what there is', async () => {
    const { widths, vectors } = staleIndex(10);
    const few = Array.from({ length: 10 }, (_, n) => candidate(n, n % 5 === 4 ? {} : { validUntil: 1 }));
    const result = await searchLeg(partsOf(vectors, few).parts, SEARCH, LEG, 8);
    expect(numbers(result.passed)).toEqual([4, 9]);
    expect(result.gone).toBe(false);
    expect(widths).toEqual([8, 32]);
    const empty = await searchLeg(partsOf(staleIndex(0).vectors, []).parts, SEARCH, LEG, 8);
    expect(empty).toEqual({ passed: [], candidates: 0, refused: 0, gone: false, withBait: [] });
  });

  it('gives up with index_unavailable rather than answer too little, reading the catalog in slices', async () => {
    const { widths, vectors } = staleIndex(1_000_000);
    const { parts, catalog } = partsOf(vectors, []);
    await expect(searchLeg(parts, SEARCH, LEG, 100)).rejects.toMatchObject({ code: 'index_unavailable' });
    expect(widths.at(-1)).toBeGreaterThan(10_000);
    expect(Math.max(...catalog.reads.map((read) => read.length))).toBeLessThanOrEqual(1_024);
  });

  it.each([
    ['hits that an ACL keeps back for a time', { acl: { gates: [[{ principal: STAFF, until: READ_AT }]], deny: [] } }],
    ['bait', { honey: true }],
  ])('goes on past any number of %s', async (_what, fields) => {
    // More than the 65,536 at which a stale index is given up.
    const withheld = 66_000;
    const { widths, vectors } = staleIndex(withheld + 3);
    const ended = candidate(0, fields);
    const { parts, catalog } = partsOf(vectors, []);
    const read: typeof catalog.candidates = async (_tenant, chunks) => {
      const found = chunks.map((chunk): [ChunkId, Candidate] => {
        const number = Number(chunk.slice('chunk-'.length));
        return [chunk, number < withheld ? { ...ended, chunk } : candidate(number)];
      });
      return { at: READ_AT, candidates: new Map(found) };
    };
    const { passed } = await searchLeg({ ...parts, catalog: { ...catalog, candidates: read } }, SEARCH, LEG, 1);
    expect(numbers(passed)).toEqual([withheld]);
    expect(widths.at(-1)).toBeGreaterThan(withheld);
  });

  it('finds the first that pass, however many before them are refused', async () => {
    const world = fc.record({ alive: fc.array(fc.boolean(), { maxLength: 200 }), depth: fc.integer({ min: 1, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(world, async ({ alive, depth }) => {
        const all = alive.map((live, n) => candidate(n, live ? {} : { state: 'quarantined' }));
        const { passed } = await searchLeg(partsOf(staleIndex(all.length).vectors, all).parts, SEARCH, LEG, depth);
        const expected = alive.flatMap((live, n) => (live ? [n] : [])).slice(0, depth);
        expect(numbers(passed)).toEqual(expected);
      }),
    );
  });

  it('judges nothing before the intent is durable, though the search is under way', async () => {
    const { parts, catalog } = partsOf(staleIndex(3).vectors, [candidate(0)]);
    const intent = Promise.withResolvers<void>();
    const searching = searchLeg(parts, { ...SEARCH, declared: () => intent.promise }, LEG, 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(catalog.reads).toEqual([]);
    intent.resolve();
    expect(numbers((await searching).passed)).toEqual([0]);
    const refused = new AppError('audit_unavailable');
    const failing = searchLeg(parts, { ...SEARCH, declared: () => Promise.reject(refused) }, LEG, 1);
    await expect(failing).rejects.toBe(refused);
    expect(catalog.reads).toHaveLength(1);
  });

  it('counts each refusal by its reason and alarms on those that should not happen', async () => {
    const { parts, telemetry } = partsOf(staleIndex(3).vectors, [candidate(0), candidate(1, { state: 'off' })]);
    const refusing = { ...parts, policy: fakePolicy({ confirm: () => ({ kind: 'refuse', reason: 'denied' }) }) };
    await searchLeg(refusing, SEARCH, LEG, 3);
    expect(telemetry.counts.map(({ counter, labels }) => [counter, labels['reason']])).toEqual([
      ['hits_refused', 'policy'],
      ['keys_disagree', undefined],
      ['hits_refused', 'off'],
      ['hits_refused', 'unknown'],
      ['hits_unknown', undefined],
    ]);
    expect(telemetry.errors).toHaveLength(2);
  });

  it('passes on what the index and the catalog fail with', async () => {
    const { parts } = partsOf(staleIndex(3).vectors, []);
    const failing = (code: 'index_unavailable' | 'catalog_unavailable') => () => Promise.reject(new AppError(code));
    const noIndex = { ...parts, vectors: { ...parts.vectors, search: failing('index_unavailable') } };
    const noCatalog = { ...parts, catalog: { ...parts.catalog, candidates: failing('catalog_unavailable') } };
    await expect(searchLeg(noIndex, SEARCH, LEG, 1)).rejects.toMatchObject({ code: 'index_unavailable' });
    await expect(searchLeg(noCatalog, SEARCH, LEG, 1)).rejects.toMatchObject({ code: 'catalog_unavailable' });
  });
});

describe('rejudge', () => {
  it('gives all of them anew in their order, or nothing where one fell', async () => {
    const world = [candidate(2), candidate(1)];
    const { parts } = partsOf(staleIndex(0).vectors, world);
    const chosen = world.map(
      (one) => ({ candidate: one, label: { level: 'public', compartments: [], trust: 'trusted' }, rules: [], at: 0 }) as never,
    );
    const again = await rejudge(parts, judgingContext(), chosen);
    expect(numbers(again ?? [])).toEqual([2, 1]);
    expect(again?.[0]?.at).not.toBe(0);
    expect(await rejudge(partsOf(staleIndex(0).vectors, world.slice(1)).parts, judgingContext(), chosen)).toBeUndefined();
    expect(await rejudge(parts, judgingContext(), [])).toEqual([]);
  });
});
