import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { qdrantForTests, type TestQdrant } from '../../test/support/qdrant.ts';
import { createHotRead, type HotRead } from './hot-read.ts';
import { parseHits } from './hits.ts';
import { choosePlan, createPlanner, EXACT_UP_TO, planParams, SMALL_UP_TO, type SearchPlan } from './plan.ts';

const signal = AbortSignal.timeout(60_000);

function plannerOver(counts: { total: number; readable: number }) {
  const asked: string[] = [];
  const clock = { at: 1_000, now: () => clock.at };
  const planner = createPlanner(async (body) => {
    asked.push(body);
    return { result: { count: body.includes('filter') ? counts.readable : counts.total } };
  }, clock);
  return { planner, asked, clock };
}

describe('choosePlan', () => {
  it.each<[number, number, SearchPlan]>([
    [0, 0, 'exact'],
    [10, 5_000_000, 'exact'],
    [EXACT_UP_TO, 5_000_000, 'exact'],
    [EXACT_UP_TO, EXACT_UP_TO, 'exact'],
    [EXACT_UP_TO + 1, 5_000_000, 'acorn'],
    [39_999, 100_000, 'acorn'],
    [40_000, 100_000, 'graph'],
    [100_000, 100_000, 'graph'],
    // An estimate may exceed the total.
    [100_001, 100_000, 'graph'],
  ])('%i of %i, for any other search: %s', (readable, total, plan) => {
    expect(choosePlan({ readable, total }, 'other')).toBe(plan);
  });

  it.each<[number, number, SearchPlan]>([
    [0, 0, 'exact'],
    [10, 5_000_000, 'exact'],
    [SMALL_UP_TO, SMALL_UP_TO, 'exact'],
    [SMALL_UP_TO + 1, SMALL_UP_TO + 1, 'graph'],
    [4_999, 10_000, 'exact'],
    [5_000, 10_000, 'graph'],
    [EXACT_UP_TO, 20_001, 'exact'],
    [EXACT_UP_TO, 20_000, 'graph'],
    [EXACT_UP_TO + 1, 25_002, 'graph'],
    [EXACT_UP_TO + 1, 5_000_000, 'acorn'],
    [100_001, 100_000, 'graph'],
  ])('%i of %i, for the nearest to one vector: %s', (readable, total, plan) => {
    expect(choosePlan({ readable, total }, 'nearest')).toBe(plan);
  });
});

describe('the planner', () => {
  const text = (what: string) => () => `{"must":[{"key":"${what}"}]}`;

  it.each([
    ['other', EXACT_UP_TO],
    ['nearest', SMALL_UP_TO],
  ] as const)('asks nothing about the filter where the collection is small (%s)', async (search, small) => {
    const { planner, asked } = plannerOver({ total: small, readable: 1 });
    expect(await planner.counts(search, text('a'), signal)).toEqual({ readable: small, total: small });
    expect(asked).toHaveLength(1);
    const larger = plannerOver({ total: small + 1, readable: 1 });
    expect(await larger.planner.counts(search, text('a'), signal)).toEqual({ readable: 1, total: small + 1 });
    expect(larger.asked).toEqual(['{"exact":false}', `{"filter":${text('a')()},"exact":false}`]);
  });

  it('counts a filter once while it is fresh, whoever asks by it, and another one by itself', async () => {
    const { planner, asked, clock } = plannerOver({ total: 100_000, readable: 20_000 });
    const counts = { readable: 20_000, total: 100_000 };
    for (let i = 0; i < 3; i += 1) expect(await planner.counts('other', text('a'), signal)).toEqual(counts);
    expect(asked).toHaveLength(2);
    await planner.counts('other', text('b'), signal);
    expect(asked).toHaveLength(3);
    clock.at += 60_000;
    await planner.counts('other', text('a'), signal);
    expect(asked).toHaveLength(5);
  });

  it('has points counted one by one where they are of two kinds, which an estimate would take for none', async () => {
    for (const [ofKind, exact] of [
      [0, false],
      [1, true],
      [99_999, true],
      [100_000, false],
    ] as const) {
      const asked: string[] = [];
      const answer = (body: string) => (body.includes('kind') ? ofKind : body.includes('filter') ? 20_000 : 100_000);
      const count = async (body: string) => ({ result: { count: (asked.push(body), answer(body)) } });
      const planner = createPlanner(count, { now: () => 0 }, '{"must":[{"key":"kind"}]}');
      expect(await planner.counts('other', text('a'), signal)).toEqual({ readable: 20_000, total: 100_000 });
      expect(asked).toEqual([
        '{"exact":false}',
        '{"filter":{"must":[{"key":"kind"}]},"exact":false}',
        `{"filter":${text('a')()},"exact":${exact}}`,
      ]);
    }
  });

  it('forgets filters before they are too many', async () => {
    const { planner, asked } = plannerOver({ total: 100_000, readable: 20_000 });
    for (let i = 0; i < 300; i += 1) await planner.counts('other', text(String(i)), signal);
    expect(asked).toHaveLength(301);
    await planner.counts('other', text('299'), signal);
    expect(asked).toHaveLength(301);
    await planner.counts('other', text('0'), signal);
    expect(asked).toHaveLength(302);
  });

  it('trusts no count of another shape', async () => {
    const planner = createPlanner(async () => ({ result: { count: -1 } }), { now: () => 0 });
    await expect(planner.counts('nearest', text('a'), signal)).rejects.toThrow(/too_small|>=0/);
  });
});

describe('the parameters of each plan, on the real server', () => {
  let qdrant: TestQdrant;
  let read: HotRead;
  let collection: string;
  const headers = () => ({ 'content-type': 'application/json', ...(qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey }) });

  beforeAll(async () => {
    qdrant = await qdrantForTests();
    collection = qdrant.freshCollection();
    read = createHotRead({ endpoint: qdrant.endpoint, deadlineMs: 20_000 });
    const put = async (path: string, body: unknown) => {
      const answer = await fetch(`${qdrant.url}/collections/${collection}${path}`, {
        method: 'PUT',
        headers: headers(),
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(await answer.text());
    };
    await put('', { vectors: { dense: { size: 2, distance: 'Cosine' } } });
    const points = Array.from({ length: 100 }, (_, i) => ({ id: randomUUID(), vector: { dense: [1, i / 100] }, payload: { even: i % 2 } }));
    await put('/points?wait=true', { points });
  });
  afterAll(async () => {
    await read.close();
    await qdrant.stop();
  });

  it('are accepted, and give the same nearest points', async () => {
    const answers = [];
    for (const plan of ['exact', 'acorn', 'graph'] as const) {
      const query = { query: [1, 0.3], using: 'dense', limit: 10, params: planParams(plan, 10) };
      const filtered = { ...query, filter: { must: [{ key: 'even', match: { value: 0 } }] } };
      answers.push(parseHits(await read.post(`/collections/${collection}/points/query`, JSON.stringify(filtered), signal), 10));
    }
    expect(answers[0]).toHaveLength(10);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('would be noticed if the server did not know them', async () => {
    const query = { query: [1, 0.3], using: 'dense', limit: 10, params: { acorn: { enable: 'yes' } } };
    await expect(read.post(`/collections/${collection}/points/query`, JSON.stringify(query), signal)).rejects.toThrow(/400/);
  });
});
