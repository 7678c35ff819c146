import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { seededRandom, type Random } from '../../../test/support/random.ts';
import { NOW, numbers, zone } from '../../../test/support/vector-fixture.ts';
import type { FilterSpec } from '../../core/filter.ts';
import type { ChunkId, CollectionKey } from '../../core/ids.ts';
import type { PointSearch } from '../../core/points/question.ts';
import type { HostedPoint, PointIndex } from '../../core/ports/points.ts';
import { createHotRead, type HotRead } from '../hot-read.ts';
import { SMALL_UP_TO } from '../plan.ts';
import { hostedFixture, hostedPoint, json, nearest, scopeOf, type HostedFixture } from './hosted.fixture.ts';
import { createPointIndex } from './point-index.ts';
import { physicalName } from './place.ts';
import { planFor, kindOf } from './searches.ts';

const { signal } = new AbortController();
const COUNT = SMALL_UP_TO + 1_000;
const DIMENSION = 16;
const ZONES = 10;

type Vector = readonly number[];

const length = (v: Vector): number => Math.hypot(...v);
const cosine = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0) / (length(a) * length(b));

function vectorNear(random: Random, centres: readonly Vector[]): Vector {
  return random.pick(centres).map((x) => x + 0.6 * (2 * random.next() - 1));
}

interface Drawn {
  readonly point: HostedPoint;
  readonly vector: Vector;
}

/**
 * Zones in turn; a third of the points with a gate more, some ended, some for others, and ten alike. Not more alike than a point has
 * links in the graph: those may have no way to them from anywhere else, with Sluice and without.
 */
function drawn(): { readonly points: readonly Drawn[]; readonly questions: readonly Vector[] } {
  const random = seededRandom(20_261_121);
  const centres = Array.from({ length: 30 }, () => Array.from({ length: DIMENSION }, () => 2 * random.next() - 1));
  const same = vectorNear(random, centres);
  const points = Array.from({ length: COUNT }, (_, i): Drawn => {
    const vector = i % 300 === 7 ? same : vectorNear(random, centres);
    const gates = [i % 50 === 3 ? numbers(4) : numbers(5), ...(i % 3 === 0 ? [numbers(5, 6)] : [])];
    const validUntil = i % 40 === 11 ? NOW : ('forever' as const);
    return { vector, point: hostedPoint({ zone: zone(1 + (i % ZONES)), acl: { gates, deny: [] }, validUntil }, json({ i }), json(vector)) };
  });
  return { points, questions: [same, ...Array.from({ length: 40 }, () => vectorNear(random, centres))] };
}

const { points, questions } = drawn();
const zonesUpTo = (most: number): Partial<FilterSpec> => ({
  zones: { kind: 'flat', ids: Array.from({ length: most }, (_, i) => zone(i + 1)) },
});

/** The rules, spelt out a second time. */
function readableIn(most: number): readonly Drawn[] {
  return points.filter(
    ({ point: { access } }) => access.zone <= most && access.acl.gates[0]?.includes(numbers(5)[0] as never) && access.validUntil !== NOW,
  );
}

function bestOf(readable: readonly Drawn[], question: Vector): readonly { readonly chunk: ChunkId; readonly score: number }[] {
  const all = readable.map(({ point, vector }) => ({ chunk: point.chunk, score: cosine(vector, question) }));
  return all.toSorted((a, b) => b.score - a.score);
}

const isExact = (body: string): boolean => body.includes('"exact":true');

let fixture: HostedFixture;
let key: CollectionKey;
let read: HotRead;
let index: PointIndex;
/** Bodies of searches, as they went to Qdrant. */
const asked: string[] = [];
/** And of counts. */
const counts: string[] = [];
/** As many hits as a graph that has come apart finds. */
let reached = Infinity;

interface Answer {
  readonly result: { readonly points: readonly unknown[] };
}

beforeAll(async () => {
  fixture = await hostedFixture();
  read = createHotRead({ endpoint: fixture.qdrant.endpoint, deadlineMs: 20_000, asked: 'by applications' });
  const listening: HotRead = {
    ...read,
    async send(request, abort) {
      const answer = await read.send(request, abort);
      if (request.path.includes('/points/count')) counts.push(request.body ?? '');
      if (!request.path.includes('/query')) return answer;
      asked.push(request.body ?? '');
      if (isExact(request.body ?? '') || reached === Infinity) return answer;
      const { result, ...rest } = JSON.parse(answer.text) as Answer;
      return { ...answer, text: JSON.stringify({ ...rest, result: { points: result.points.slice(0, reached) } }) };
    },
  };
  index = createPointIndex({
    read: listening,
    counting: read,
    collection: 'x',
    clock: { now: () => 0 },
    unfit: new Set(),
    deadlineMs: 20_000,
  });
  key = await withGraph();
}, 120_000);
afterAll(async () => {
  await read.close();
  await fixture.close();
}, 60_000);

/** With a graph over everything, which Qdrant would not walk over so few points with its defaults. */
async function withGraph(): Promise<CollectionKey> {
  const made = await fixture.newCollection({
    vectors: { size: DIMENSION, distance: 'Cosine' },
    hnsw_config: { full_scan_threshold: 10 },
    optimizers_config: { indexing_threshold: 10, default_segment_number: 1 },
  });
  await fixture.index.hosted.upsert(
    made,
    points.map(({ point }) => point),
    signal,
  );
  const state = async (): Promise<boolean> => {
    const { result } = (await fixture.ask('GET', `/collections/${physicalName(made)}`)) as {
      readonly result: { readonly status: string; readonly indexed_vectors_count: number };
    };
    return result.status === 'green' && result.indexed_vectors_count >= COUNT * 0.9;
  };
  await vi.waitUntil(state, { timeout: 100_000, interval: 200 });
  return made;
}

async function search(most: number, ...searches: readonly PointSearch<ChunkId>[]) {
  asked.length = 0;
  const lists = await index.search(scopeOf(key, zonesUpTo(most)), searches, signal);
  return lists.map((hits) => hits.map(({ chunk, score }) => ({ chunk, score: Number(score) })));
}

describe('a search for the nearest of what may be read', () => {
  it.each([
    [10, 'graph'],
    [6, 'graph'],
    [5, 'exact'],
    [3, 'exact'],
    [1, 'exact'],
  ] as const)(
    'of %i of ten zones finds what an exact one finds, and never fewer',
    async (most, plan) => {
      const readable = readableIn(most);
      let [found, wanted] = [0, 0];
      for (const question of questions) {
        const truth = bestOf(readable, question);
        for (const limit of [1, 10, 20]) {
          const [hits = []] = await search(most, nearest(question, { limit }));
          expect(asked.map(isExact)).toEqual([plan === 'exact']);
          expect(hits).toHaveLength(limit);
          const last = truth[limit - 1]?.score ?? Infinity;
          // Among equals any is as near as another.
          found += hits.filter(({ chunk }) => (truth.find((one) => one.chunk === chunk)?.score ?? -Infinity) >= last - 1e-6).length;
          wanted += limit;
        }
      }
      expect(found / wanted).toBeGreaterThanOrEqual(plan === 'exact' ? 1 : 0.97);
    },
    60_000,
  );

  it('gives all there are where more are asked for, and all above a threshold', async () => {
    const readable = readableIn(10);
    const [question = []] = questions;
    const [all = []] = await search(10, nearest(question, { limit: COUNT }));
    expect(new Set(all.map(({ chunk }) => chunk))).toEqual(new Set(readable.map(({ point }) => point.chunk)));
    // Not of the first, to which ten points are equally near.
    for (const one of questions.slice(1, 10)) {
      const truth = bestOf(readable, one);
      for (const rank of [3, 40]) {
        const scoreThreshold = ((truth[rank]?.score ?? 0) + (truth[rank + 1]?.score ?? 0)) / 2;
        const above = truth.filter(({ score }) => score >= scoreThreshold).length;
        const [hits = []] = await search(10, nearest(one, { limit: 60, scoreThreshold }));
        expect(hits).toHaveLength(Math.min(60, above));
      }
    }
  }, 60_000);

  it('has what is readable counted once, whatever the second, and for another reader again', async () => {
    counts.length = 0;
    const [, question = []] = questions;
    for (const now of [NOW, NOW + 1, NOW + 2]) {
      const [hits = []] = await index.search(scopeOf(key, { ...zonesUpTo(9), now }), [nearest(question)], signal);
      expect(hits).toHaveLength(10);
    }
    expect(counts.filter((body) => body.includes('[1,2,3,4,5,6,7,8,9]'))).toHaveLength(1);
    await index.search(scopeOf(key, zonesUpTo(8)), [nearest(question)], signal);
    expect(counts.filter((body) => body.includes('[1,2,3,4,5,6,7,8]'))).toHaveLength(1);
  });

  it('has a plan of its own beside others in a batch', async () => {
    const [, question = []] = questions;
    const staged = nearest(question, { prefetch: [{ ...nearest(question), limit: 20 }] });
    const lists = await search(10, nearest(question), staged, nearest(question, { params: { exact: true } }));
    expect(lists.map((hits) => hits.length)).toEqual([10, 10, 10]);
    const { searches } = JSON.parse(asked[0] ?? '') as { searches: readonly { readonly params: { readonly exact?: boolean } }[] };
    expect(searches.map(({ params }) => params.exact === true)).toEqual([false, true, true]);
    expect(lists[1]).toEqual(lists[2]);
  });
});

describe('where the graph has come apart', () => {
  beforeAll(() => {
    reached = 7;
  });
  afterAll(() => {
    reached = Infinity;
  });
  const [, question = []] = questions;
  const scores = (hits: readonly { readonly score: number }[]) => hits.map(({ score }) => score.toFixed(4));

  it('what it leaves short is asked for again, point by point', async () => {
    const readable = readableIn(6);
    const [hits = []] = await search(6, nearest(question, { limit: 20 }));
    expect(asked.map(isExact)).toEqual([false, true]);
    expect(scores(hits)).toEqual(scores(bestOf(readable, question).slice(0, 20)));
    const [few = []] = await search(6, nearest(question, { limit: 7 }));
    expect([few.length, asked.length]).toEqual([7, 1]);
    const scoreThreshold = (bestOf(readable, question)[11]?.score ?? 0) - 1e-6;
    const [above = []] = await search(6, nearest(question, { limit: 20, scoreThreshold }));
    expect([above.length, asked.length]).toEqual([12, 2]);
  });

  it('what was compared point by point is not asked for again', async () => {
    const [none = []] = await search(6, nearest(question, { limit: 20, scoreThreshold: 2, params: { exact: true } }));
    expect([none.length, asked.length]).toEqual([0, 1]);
    const [hidden = []] = await search(1, nearest(question, { limit: 20, scoreThreshold: 2 }));
    expect([hidden.length, asked.length]).toEqual([0, 1]);
  });
});

describe('the plan of one search', () => {
  const counted = { readable: 9_000, total: 16_000 };
  const plain = nearest([1, 2]);
  const filter = { must: [{ kind: 'has-id', ids: [] }] } as const;
  const input = { kind: 'vector', vector: [1, 2] } as const;

  it('is that of the nearest for one dense vector alone', () => {
    expect([kindOf(plain), planFor(plain, counted)]).toEqual(['nearest', 'graph']);
    const others: readonly PointSearch<ChunkId>[] = [
      nearest([1, 2], { filter }),
      nearest([1, 2], { prefetch: [{ prefetch: [], limit: 3 }] }),
      { ...plain, query: { kind: 'nearest', input, mmr: { diversity: 0.5 } } },
      { ...plain, query: { kind: 'nearest', input: { kind: 'vector', vector: { indices: [1], values: [1] } } } },
      { ...plain, query: { kind: 'nearest', input: { kind: 'vector', vector: [[1, 2]] } } },
      { ...plain, query: { kind: 'nearest', input: { kind: 'id', id: points[0]?.point.chunk as ChunkId } } },
      { ...plain, query: { kind: 'recommend', positive: [input], negative: [] } },
      { ...plain, query: { kind: 'discover', target: input, context: [] } },
      { ...plain, query: { kind: 'context', context: [] } },
    ];
    for (const one of others) expect([kindOf(one), planFor(one, counted)]).toEqual(['other', 'exact']);
  });

  it('compares all where a large part of them is asked for', () => {
    expect(planFor({ ...plain, limit: 900 }, counted)).toBe('graph');
    expect(planFor({ ...plain, limit: 901 }, counted)).toBe('exact');
    expect(planFor({ ...plain, limit: 801, offset: 100 }, counted)).toBe('exact');
    expect(planFor({ ...plain, limit: 9_000 }, { readable: 20_000, total: 20_000 })).toBe('graph');
  });
});
