import { createConnection } from 'node:net';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { bearer, openDoor, token } from './door.fixture.ts';
import { allRoutes } from './router.ts';

const ALICE = bearer(token('alice'));
const COUNT = '/collections/sluice/points/count';

function errorOf(text: string): unknown {
  return (JSON.parse(text) as { readonly status: { readonly error: unknown } }).status.error;
}

describe('what anyone may ask', () => {
  test.each([
    ['/', 200, 'application/json', '"version":"1.16.3"'],
    ['/healthz', 200, 'text/plain; charset=utf-8', 'healthz check passed'],
    ['/livez', 200, 'text/plain; charset=utf-8', 'healthz check passed'],
    ['/readyz', 200, 'text/plain; charset=utf-8', 'all shards are ready'],
  ])('%s', async (path, status, type, text) => {
    const { call } = await openDoor();
    const answer = await call('GET', path);
    expect(answer).toMatchObject({ status, headers: { 'content-type': type } });
    expect(answer.text).toContain(text);
    const head = await call('HEAD', path);
    expect(head).toMatchObject({ status, text: '', headers: { 'content-length': answer.headers['content-length'] } });
  });

  test('a part that cannot be used is named', async () => {
    const { call } = await openDoor({ services: { notReady: async () => ['index'] } });
    expect(await call('GET', '/readyz')).toMatchObject({ status: 503, text: 'not ready: index' });
  });
});

describe('a request of a caller', () => {
  test('is answered in the envelope, with its id in a header', async () => {
    const { call, seen, log } = await openDoor();
    const answer = await call('POST', COUNT, { headers: { ...ALICE, 'sluice-purpose': 'support' }, body: { exact: true } });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ result: { count: 3 }, status: 'ok', time: expect.any(Number) as number });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['sluice-request-id']).toBe(answer.headers['x-request-id']);
    expect(answer.headers['ratelimit']).toContain('"user";r=');
    expect(seen.asked).toMatchObject([{ collection: 'sluice', purpose: 'support', question: { kind: 'count' } }]);
    await expect.poll(log).toContainEqual(
      expect.objectContaining({
        msg: 'request',
        route: '/collections/:collection/points/count',
        status: 200,
        requestId: answer.headers['x-request-id'],
      }),
    );
  });

  test('may say what a Qdrant would wait for, and is not compressed whatever it accepts', async () => {
    const { call } = await openDoor();
    const path = `${COUNT}?wait=true&ordering=strong&consistency=majority&timeout=5&unheard=of`;
    const answer = await call('POST', path, { headers: { ...ALICE, 'accept-encoding': 'gzip, br' }, body: {} });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  test.each(['wait=perhaps', 'ordering=any', 'consistency=some', 'timeout=0', 'timeout=x'])(
    'is refused with ?%s, as Qdrant refuses it',
    async (query) => {
      const { call, seen } = await openDoor();
      const answer = await call('POST', `${COUNT}?${query}`, { headers: ALICE, body: {} });
      expect(answer.status).toBe(400);
      expect(errorOf(answer.text)).toMatch(/^Deserialize error in query parameters: /);
      expect(seen.asked).toEqual([]);
    },
  );

  test('is read as JSON whatever its media type, and never unpacked', async () => {
    const { call } = await openDoor();
    const plain = await call('POST', COUNT, { headers: { ...ALICE, 'content-type': 'text/plain' }, body: {} });
    const packed = await call('POST', COUNT, { headers: { ...ALICE, 'content-encoding': 'gzip' }, body: {} });
    expect([plain.status, packed.status]).toEqual([200, 415]);
  });

  test('cannot be larger than the limit', async () => {
    const { call } = await openDoor({ config: { limits: { bodyBytes: 64, deadlineMs: 5_000, headersMs: 5_000 } } });
    expect((await call('POST', COUNT, { headers: ALICE, body: { filter: { must: [] } } })).status).toBe(200);
    expect((await call('POST', COUNT, { headers: ALICE, body: `{"a":"${'x'.repeat(64)}"}` })).status).toBe(413);
  });

  test.each(['', '{', 'nul', '{"a":1,"a":2}', '\uD800'])('with the body %j is refused', async (body) => {
    const { call } = await openDoor();
    const answer = await call('POST', COUNT, { headers: ALICE, body });
    expect(answer.status).toBe(400);
    expect(errorOf(answer.text)).toEqual(expect.any(String));
  });

  test('is told which scope it lacks', async () => {
    const { call, seen } = await openDoor();
    const reader = bearer(token('alice', 'app', ['retrieve']));
    const write = await call('PUT', '/collections/sluice/points', {
      headers: reader,
      body: { points: [{ id: 1, vector: [1], payload: {} }] },
    });
    expect(write.status).toBe(403);
    expect(errorOf(write.text)).toMatch(/^Forbidden: .*scope.* ingest/);
    expect(write.headers['www-authenticate']).toContain('error="insufficient_scope", scope="ingest"');
    const read = await call('POST', COUNT, { headers: bearer(token('alice', 'app', ['ingest'])), body: {} });
    expect(errorOf(read.text)).toMatch(/^Forbidden: .*scope.* retrieve/);
    expect([seen.asked, seen.changed]).toEqual([[], []]);
  });

  test('shares the limits of its caller', async () => {
    const { call } = await openDoor({ config: { rates: { clientPerMinute: 1, userPerMinute: 1, failuresPerMinute: 9 } } });
    expect((await call('GET', '/collections', { headers: ALICE })).status).toBe(200);
    const second = await call('GET', '/collections', { headers: ALICE });
    expect(second.status).toBe(429);
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
  });
});

describe('what is not there', () => {
  test('a hidden collection and a missing one answer the words of Qdrant, and are watched', async () => {
    const { call, seen } = await openDoor();
    for (const [method, path, body] of [
      ['POST', '/collections/nope/points/query', { query: [1] }],
      ['POST', '/collections/nope/points/scroll', {}],
      ['GET', '/collections/nope', undefined],
      ['GET', '/collections/nope/points/1', undefined],
      ['PUT', '/collections/nope/points', { points: [{ id: 1, vector: [1] }] }],
    ] as const) {
      const answer = await call(method, path, { headers: ALICE, body });
      expect([path, answer.status, errorOf(answer.text)]).toEqual([path, 404, "Not found: Collection `nope` doesn't exist!"]);
    }
    expect(seen.nearMisses).toBe(5);
  });

  test('a point that is not found is 404, one that is found 200', async () => {
    const { call } = await openDoor({
      found: (question) => ({
        kind: 'lists',
        lists: [
          question.kind === 'points' && question.ids.some((id) => id.kind === 'number')
            ? question.ids.map((id) => ({ id, payload: { kind: 'none' } }))
            : [],
        ],
      }),
    });
    expect(await call('GET', '/collections/sluice/points/18446744073709551615', { headers: ALICE })).toMatchObject({ status: 200 });
    const missing = await call('GET', '/collections/sluice/points/5c56c793-69f3-4fbf-87e6-c4bf54c28c26', { headers: ALICE });
    expect([missing.status, errorOf(missing.text)]).toEqual([
      404,
      'Not found: Point with id 5c56c793-69f3-4fbf-87e6-c4bf54c28c26 does not exists!',
    ]);
    expect((await call('GET', '/collections/sluice/points/abc', { headers: ALICE })).status).toBe(400);
  });

  test('paths and methods that nobody serves', async () => {
    const { call } = await openDoor();
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['POST', '/collections'],
      ['OPTIONS', '/collections'],
      ['HEAD', '/collections'],
      ['GET', '/collections/%ff%fe/x/y'],
      ['PATCH', COUNT],
    ] as const) {
      expect([path, (await call(method, path, { headers: ALICE })).status]).toEqual([path, 404]);
    }
  });

  test('everything else that a Qdrant has is refused with a reason', async () => {
    const { call } = await openDoor();
    const refused = allRoutes().flatMap((route) => (route.kind === 'refused' ? route.methods.map((method) => ({ ...route, method })) : []));
    expect(refused.length).toBeGreaterThan(50);
    // By name too, since a route that is lost would be missing in both lists.
    const named = ['snapshots', 'cluster', 'telemetry', 'metrics', 'collections/sluice/snapshots', 'collections/sluice/cluster'];
    const matrices = ['pairs', 'offsets'].map((form) => `collections/sluice/points/search/matrix/${form}`);
    for (const path of [...named, ...matrices, 'collections/sluice/shards', 'collections/aliases']) {
      const answer = await call('POST', `/${path}`, { headers: ALICE, body: '{}' });
      expect([path, answer.status, errorOf(answer.text)]).toEqual([path, 403, expect.stringMatching(/^Forbidden: .{40}/)]);
    }
    for (const { method, path, why } of refused) {
      const answer = await call(method, path.replace(':collection', 'sluice').replace('*', 'x/y'), { headers: ALICE });
      expect([path, answer.status, errorOf(answer.text)]).toEqual([path, 403, why]);
    }
  });
});

describe('paths count as Qdrant counts them', () => {
  test.each(['/collections/', '//collections', '/collections?x=1'])('%s', async (path) => {
    const { call } = await openDoor();
    expect(JSON.parse((await call('GET', path, { headers: ALICE })).text)).toMatchObject({ result: { collections: [{ name: 'sluice' }] } });
  });

  test('a name is decoded once', async () => {
    const { call } = await openDoor();
    expect(errorOf((await call('GET', '/collections/a%20b%2Fc%2525', { headers: ALICE })).text)).toBe(
      "Not found: Collection `a b/c%25` doesn't exist!",
    );
    const long = 'a'.repeat(255);
    expect(errorOf((await call('GET', `/collections/${long}`, { headers: ALICE })).text)).toContain(long);
  });
});

describe('failures', () => {
  test.each([
    ['index_unavailable', 503, 'Service unavailable: The vector index could not be reached.'],
    ['internal', 500, 'Service internal error: Something failed here. Quote the request id to the operator.'],
    ['groups_incomplete', 503, 'Service unavailable: Your groups could not be read in full, so access cannot be decided.'],
    ['vector_mismatch', 422, 'Validation error: The vector does not fit: check its dimension and that every number is finite.'],
  ] as const)('%s', async (code, status, words) => {
    const { call } = await openDoor({ found: () => Promise.reject(new AppError(code, { detail: 'SECRET' })) });
    const answer = await call('POST', COUNT, { headers: ALICE, body: {} });
    expect([answer.status, errorOf(answer.text)]).toEqual([status, words]);
  });

  test('a foreign error tells nothing', async () => {
    const { call, log } = await openDoor({ found: () => Promise.reject(new Error('SECRET')) });
    const answer = await call('POST', COUNT, { headers: ALICE, body: {} });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('SECRET');
    await expect.poll(log).toContainEqual(expect.objectContaining({ msg: 'request', status: 500, code: 'internal' }));
  });

  test('what takes too long is answered in time', async () => {
    const { call } = await openDoor({
      found: () => new Promise(() => undefined),
      config: { limits: { bodyBytes: 1_024, deadlineMs: 1_000, headersMs: 5_000 } },
    });
    expect((await call('POST', COUNT, { headers: ALICE, body: {} })).status).toBe(503);
    const waiting = await call('POST', COUNT, { headers: { ...ALICE, 'content-length': '10' } });
    expect(waiting.status).toBe(408);
  });

  test('what is not HTTP is answered in the envelope', async () => {
    const { url } = await openDoor();
    const socket = createConnection({ port: Number(new URL(url).port), host: '127.0.0.1' });
    socket.end('GET / NONSENSE\r\n\r\n');
    const parts: string[] = [];
    for await (const part of socket) parts.push(String(part));
    expect(parts.join('')).toMatch(/^HTTP\/1\.1 400 [^]*\{"status":\{"error":"Wrong input: [^"]+"\},"time":0\}$/);
  });
});

test('in development only names of this machine are answered', async () => {
  const { call, url } = await openDoor({ config: { allowedHosts: ['127.0.0.1', 'localhost', '[::1]'] } });
  const { port } = new URL(url);
  expect((await call('GET', '/', { headers: { host: `localhost:${port}` } })).status).toBe(200);
  expect((await call('GET', '/', { headers: { host: 'rebound.example' } })).status).toBe(421);
});

test('a stop lets what is in flight end, and takes nothing new', async () => {
  let answerIt = (): void => undefined;
  const begun = Promise.withResolvers<void>();
  const { door, call } = await openDoor({
    found: () =>
      new Promise((resolve) => {
        answerIt = () => resolve({ kind: 'count', count: 1 });
        begun.resolve();
      }),
  });
  const inFlight = call('POST', COUNT, { headers: ALICE, body: {} });
  await begun.promise;
  const closed = door.close(5_000);
  await expect(call('GET', '/')).rejects.toThrow(/ECONNREFUSED|ECONNRESET|hang up/);
  answerIt();
  expect(await inFlight).toMatchObject({ status: 200, headers: { connection: 'close' } });
  await closed;
});
