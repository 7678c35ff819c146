import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { qdrantForTests, type TestQdrant } from '../../test/support/qdrant.ts';
import { createHotRead, type HotRead } from './hot-read.ts';
import { parseHits } from './hits.ts';
import { choosePlan, createPlanner, EXACT_UP_TO, planParams, type SearchPlan } from './plan.ts';

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
    [EXACT_UP_TO + 1, 5_000_000, 'acorn'],
    [39_999, 100_000, 'acorn'],
    [40_000, 100_000, 'graph'],
    [100_000, 100_000, 'graph'],
    // An estimate may exceed the total.
    [100_001, 100_000, 'graph'],
  ])('%i of %i: %s', (readable, total, plan) => {
    expect(choosePlan(readable, total)).toBe(plan);
  });
});

describe('the planner', () => {
  it('asks nothing about the filter where the collection is small', async () => {
    const { planner, asked } = plannerOver({ total: EXACT_UP_TO, readable: 1 });
    expect(await planner.plan(mintFilterForTests(), '{}', signal)).toBe('exact');
    expect(asked).toHaveLength(1);
  });

  it('counts a filter once while it is fresh, and another one by itself', async () => {
    const { planner, asked, clock } = plannerOver({ total: 100_000, readable: 20_000 });
    const [a, b] = [mintFilterForTests(), mintFilterForTests()];
    for (let i = 0; i < 3; i += 1) expect(await planner.plan(a, '{}', signal)).toBe('acorn');
    expect(asked).toHaveLength(2);
    await planner.plan(b, '{}', signal);
    expect(asked).toHaveLength(3);
    clock.at += 60_000;
    await planner.plan(a, '{}', signal);
    expect(asked).toHaveLength(5);
  });

  it('trusts no count of another shape', async () => {
    const planner = createPlanner(async () => ({ result: { count: -1 } }), { now: () => 0 });
    await expect(planner.plan(mintFilterForTests(), '{}', signal)).rejects.toThrow(/too_small|>=0/);
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
