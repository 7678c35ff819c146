import { Pool } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { httpProxy, PASS, type HttpProxy } from '../support/http-proxy.ts';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';
import { sideOf, type Side } from '../support/wire.ts';

const TENANTS = ['acme', 'beta'] as const;
const POLICY = TENANTS.flatMap((tenant) => [
  allow('everyone', tenant, 'retrieve'),
  allow('client:test|app', tenant, 'retrieve'),
  ...['label', 'administer', 'audit', 'replay', 'retrieve'].map((action) => allow('client:test|writer', tenant, action)),
  allow('client:test|writer', tenant, 'ingest', '*', undefined, 'as:trusted'),
]).join('\n');
const POINTS = Array.from({ length: 12 }, (_, n) => n + 1);
/** No two points are equally near to a third, so ranks have no ties. */
const vectorOf = (n: number): readonly number[] => [Math.cos(n * n), Math.sin(n * n), 1 + n / 10];
const payloadOf = (n: number, tenant = 'acme') => ({
  text: `Point ${n} of ${tenant}, about herons and ferries, told at some length.`,
  n,
  one: 1.5,
});

/** Bodies of what came back, without what is never the same. */
const bare = ({ status, text }: Answered): string => `${status} ${text.replace(/"time":[\d.e-]+/, '"time":0')}`;

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly id: string;
}

let here: TestService;
let qdrant: TestQdrant;
let index: HttpProxy;
let pool: Pool;
let twin: Side;
const tokens: Record<string, string> = {};

const send = async (who: string, method: string, path: string, body?: unknown): Promise<Answered> => {
  const headers = { 'api-key': tokens[who] ?? '', 'content-type': 'application/json' };
  const answer = await pool.request({
    method,
    path,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: answer.statusCode,
    text: await answer.body.text(),
    id: String(answer.headers['sluice-request-id'] ?? answer.headers['x-request-id']),
  };
};
const ok = async (...given: Parameters<typeof send>): Promise<Answered> => {
  const answer = await send(...given);
  expect(answer.status, answer.text).toBe(200);
  return answer;
};
const api = async (who: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  here.call(method, path, tokens[who], body);
const made = async (...given: Parameters<typeof api>): Promise<Answer> => {
  const answer = await api(...given);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer;
};
const point = (n: number, more: object = {}, tenant?: string) => ({
  id: n,
  vector: vectorOf(n),
  payload: { ...payloadOf(n, tenant), ...more },
});
const put = (who: string, points: readonly object[], collection = 'books') =>
  ok(who, 'PUT', `/collections/${collection}/points?wait=true`, { points });
const query = (body: object, who = 'ann', collection = 'books') => send(who, 'POST', `/collections/${collection}/points/query`, body);
const document = (n: number, collection = 'books') => `/v1/sources/s/documents/${encodeURIComponent(`${collection}/${n}`)}`;
const ids = ({ text }: Answered): readonly number[] =>
  (JSON.parse(text) as { result: { points: { id: number }[] } }).result.points.map(({ id }) => id);
const FUSED = {
  prefetch: [
    { query: vectorOf(2), limit: 6 },
    { query: vectorOf(5), limit: 6 },
  ],
  query: { fusion: 'rrf' },
  limit: 12,
  with_payload: ['n'],
};
/** What a Qdrant answers that holds these points alone. What has equal scores has no order of its own. */
const oracle = async (numbers: readonly number[], body: object): Promise<ReadonlyMap<number, number>> => {
  await twin.send('DELETE', '/collections/twin-of-answers');
  await twin.send('PUT', '/collections/twin-of-answers', { vectors: { size: 3, distance: 'Cosine' } });
  await twin.send('PUT', '/collections/twin-of-answers/points?wait=true', { points: numbers.map((n) => point(n)) as never });
  return scores((await twin.send('POST', '/collections/twin-of-answers/points/query', body as never)).text);
};
const scores = (text: string): ReadonlyMap<number, number> =>
  new Map((JSON.parse(text) as { result: { points: { id: number; score: number }[] } }).result.points.map(({ id, score }) => [id, score]));

beforeAll(async () => {
  qdrant = await qdrantForTests();
  index = await httpProxy(qdrant.url);
  twin = sideOf(qdrant.url, qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey });
  here = await startTestService({
    policy: POLICY,
    tenants: TENANTS,
    config: { qdrant: { kind: 'remote', url: index.url, apiKey: qdrant.apiKey ?? '' }, collection: qdrant.freshCollection() },
  });
  pool = new Pool(here.qdrantUrl);
  for (const tenant of TENANTS) {
    const [writer, ann] = tenant === 'acme' ? ['writer', 'ann'] : ['beta-writer', 'beta-ann'];
    tokens[writer] = await here.token({ tenant, sub: 'writer', client_id: 'writer', groups: undefined });
    tokens[ann] = await here.token({ tenant, sub: 'ann', client_id: 'app', groups: [] });
    await made(writer, 'PUT', '/v1/sources/s', { title: 'S', owner: 'group:test|o', level: 'public', compartments: [], trust: 'trusted' });
    for (const name of tenant === 'acme' ? ['books', 'lasting'] : ['books']) {
      const profile = { text: 'text', acl: 'acl', provenance: name === 'lasting' ? 'payload' : 'none' };
      const settings = { source: 's', profile, defaultAcl: { allow: ['everyone'] }, vectors: { size: 3, distance: 'Cosine' } };
      await made(writer, 'PUT', `/v1/collections/${name}`, settings);
    }
  }
  await put('writer', [...POINTS.map((n) => point(n)), point(47_110, { acl: ['user:test|bob'] })]);
  await put('beta-writer', [point(1, {}, 'beta'), point(200, {}, 'beta')]);
});
afterEach(() => index.mend());
afterAll(async () => {
  await pool.destroy();
  await here.stop();
  await twin.send('DELETE', '/collections/twin-of-answers');
  await twin.close();
  await index.close();
  await qdrant.stop();
});

describe('a hidden point', () => {
  it('is answered byte for byte like a missing one, wherever it is named', async () => {
    const naming: readonly ((n: number) => Promise<Answered>)[] = [
      (n) => query({ query: n, limit: 3 }),
      (n) => query({ query: { recommend: { positive: [1, n] } }, limit: 3 }),
      (n) => query({ prefetch: { query: n, limit: 5 }, query: { fusion: 'rrf' }, limit: 3 }),
      (n) => query({ query: vectorOf(1), filter: { must_not: [{ has_id: [n] }] }, limit: 3 }),
      (n) => query({ query: vectorOf(1), filter: { must: [{ has_id: [n, 3] }] }, limit: 3 }),
      (n) => send('ann', 'POST', '/collections/books/points', { ids: [1, n], with_payload: true }),
      (n) => send('ann', 'GET', `/collections/books/points/${n}`),
      (n) => send('ann', 'POST', '/collections/books/points/count', { exact: true, filter: { must: [{ has_id: [n] }] } }),
    ];
    for (const name of naming) {
      const [hidden, missing] = [await name(47_110), await name(47_111)];
      expect(bare(hidden).replaceAll('47110', '47111')).toBe(bare(missing));
    }
    expect((await query({ query: 47_110, limit: 3 }, 'ann')).status).toBe(404);
    expect((await query({ query: 1, limit: 3 }, 'ann')).status).toBe(200);
  });

  it('of another tenant is not in the collection of the same name', async () => {
    expect(ids(await query({ query: vectorOf(1), limit: 50 }, 'ann')).toSorted((a, b) => a - b)).toEqual(POINTS);
    const beta = await query({ query: vectorOf(1), limit: 50, with_payload: true }, 'beta-ann');
    expect(ids(beta).toSorted((a, b) => a - b)).toEqual([1, 200]);
    expect(beta.text).not.toContain('acme');
    expect((await query({ query: 200, limit: 1 }, 'ann')).status).toBe(404);
    expect(bare(await query({ query: 1, limit: 1 }, 'beta-ann', 'lasting'))).toBe(
      bare(await query({ query: 1, limit: 1 }, 'beta-ann', 'nothing')).replace('nothing', 'lasting'),
    );
  });
});

describe('a revoked point', () => {
  it('shapes no fusion while the index still shows it', async () => {
    expect(scores((await query(FUSED)).text)).toEqual(await oracle(POINTS, FUSED));
    // The catalog has taken it away; the index is not told.
    index.react(({ method, path }) => (method !== 'POST' || !/query|count|scroll/.test(path) ? { kind: 'cut' } : PASS));
    const taken = await api('writer', 'PATCH', document(2), { acl: { allow: ['user:test|bob'] } });
    expect(taken.status, taken.text).toBe(202);
    const left = POINTS.filter((n) => n !== 2);
    expect(scores((await query(FUSED)).text)).toEqual(await oracle(left, FUSED));
    expect(ids(await query({ query: vectorOf(2), limit: 3 }))).not.toContain(2);
    const count = await send('ann', 'POST', '/collections/books/points/count', { exact: true });
    expect(count.text).toContain('"count":11');
    index.mend();
    await made('writer', 'PATCH', document(2), { acl: { allow: ['everyone'] } });
    await here.service.mender.mend();
    expect(scores((await query(FUSED)).text)).toEqual(await oracle(POINTS, FUSED));
  });

  /** Takes this point away while the first search of a question is under way. */
  const during = async (n: number, body: object): Promise<Answered> => {
    const searched = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    let first = true;
    index.react(async ({ path }) => {
      if (!path.includes('query') || !first) return PASS;
      first = false;
      searched.resolve();
      await goOn.promise;
      return PASS;
    });
    const asked = query(body);
    await searched.promise;
    await made('writer', 'PATCH', document(n), { acl: { allow: ['user:test|bob'] } });
    goOn.resolve();
    const answer = await asked;
    index.mend();
    await made('writer', 'PATCH', document(n), { acl: { allow: ['everyone'] } });
    return answer;
  };

  it('leaves with no answer that began before it was taken away', async () => {
    const answer = await during(3, { query: vectorOf(3), limit: 3, with_payload: true });
    expect(ids(answer)).toHaveLength(3);
    expect(answer.text).not.toContain('Point 3 of');
    expect(ids(await query({ query: vectorOf(3), limit: 3 }))[0]).toBe(3);
  });

  it('is no input of an answer that began before it was taken away', async () => {
    expect(bare(await during(4, { query: 4, limit: 3 }))).toBe(bare(await query({ query: 47_111, limit: 3 })).replace('47111', '4'));
    expect(ids(await query({ query: 4, limit: 3 }))).toHaveLength(3);
  });
});

describe('bait', () => {
  it('is in no answer, staged or not, and is told of', async () => {
    await made('writer', 'PATCH', document(5), { honey: true });
    const left = POINTS.filter((n) => n !== 5);
    const plain = await ok('ann', 'POST', '/collections/books/points/query', { query: vectorOf(5), limit: 4 });
    expect(scores(plain.text)).toEqual(await oracle(left, { query: vectorOf(5), limit: 4 }));
    const fused = await query(FUSED);
    expect(scores(fused.text)).toEqual(await oracle(left, FUSED));
    const missing = await query({ query: 47_111, limit: 1 });
    const named = await query({ query: 5, limit: 1 });
    expect(bare(named).replaceAll('id 5', 'id 47111')).toBe(bare(missing));
    for (const { id } of [plain, fused, named]) {
      const kinds = async () => (await here.service.stores.audit.byRequest('acme' as TenantId, id)).map(({ kind }) => kind);
      await expect.poll(kinds).toContain('honey.touched');
    }
    await made('writer', 'PATCH', document(5), { honey: false });
  });
});

describe('what left', () => {
  const replay = (id: string) => api('writer', 'GET', `/v1/requests/${id}/replay?reason=complaint`);

  it('is found by auditors and replayed byte for byte after its points were written anew, deleted and erased', async () => {
    await put(
      'writer',
      [7, 8].map((n) => point(n)),
      'lasting',
    );
    const whole = await ok('ann', 'POST', '/collections/lasting/points/query', { query: vectorOf(7), limit: 5, with_payload: true });
    const part = await ok('ann', 'POST', '/collections/lasting/points', { ids: [8, 7, 9], with_payload: ['n'] });
    expect(whole.text).toContain('"_sluice":{"v":1,');
    const exact = async (): Promise<void> => {
      for (const answered of [whole, part]) {
        const again = await replay(answered.id);
        expect([again.status, again.headers['sluice-replay'], again.text]).toEqual([200, 'exact', answered.text]);
      }
    };
    await exact();
    await put('writer', [point(7, { text: 'Something else altogether.' })], 'lasting');
    await here.service.mender.mend();
    await exact();
    await ok('writer', 'POST', '/collections/lasting/points/delete?wait=true', { points: [7] });
    await here.service.mender.mend();
    await exact();
    for (const search of ['document=s/lasting/8', 'subject=user:test|ann', 'source=s', 'client=client:test|app']) {
      const found = async () =>
        (await made('writer', 'GET', `/v1/audit/events?${search}&kind=release&limit=100`))
          .json<{ events: { requestId: string }[] }>()
          .events.map(({ requestId }) => requestId);
      await expect.poll(found, { message: search }).toContain(whole.id);
    }
    await made('writer', 'POST', '/v1/erasures', { kind: 'content', source: 's', document: 'lasting/8', reason: 'asked to' });
    const left = await replay(whole.id);
    expect(left.headers['sluice-replay']).toBe('erased');
    expect(left.json()).toMatchObject({
      erased: [{ what: 'content', ranks: [2] }],
      chunks: [{ rank: 1, payload: JSON.stringify(payloadOf(7)) }],
    });
    expect(left.text).not.toContain('Point 8 of');
  });
});
