import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  DIMENSION,
  documentsIn,
  failures,
  notReady,
  OPEN,
  problemIn,
  put,
  retrieve,
  startFaultyParts,
  untilRight,
  type FaultyParts,
} from '../support/faulty-parts.ts';
import type { HttpProxy, Reaction } from '../support/http-proxy.ts';
import { HANDBOOK } from '../support/marked-client.ts';

let parts: FaultyParts;
beforeAll(async () => {
  parts = await startFaultyParts();
});
afterAll(() => parts.stop());
afterEach(() => parts.recover());

/** Codes of the requests that the log tells of. */
function failedRequests(): readonly (string | undefined)[] {
  const lines = parts.logged.map((line) => JSON.parse(line) as { level: string; msg: string; code?: string });
  return lines.filter(({ level, msg }) => level === 'error' && msg === 'request failed').map(({ code }) => code);
}

interface Outage {
  readonly name: string;
  readonly begin: () => void;
}

describe('a part that failed before a request', () => {
  const rubbish = (body: string, status = 200): Reaction => ({ kind: 'answer', status, body });
  const reacting = (proxy: () => HttpProxy, reaction: Reaction) => () => proxy().react(() => reaction);
  const inIndex = (name: string, reaction: Reaction): Outage => ({ name, begin: reacting(() => parts.index, reaction) });
  const inEmbedding = (name: string, reaction: Reaction): Outage => ({ name, begin: reacting(() => parts.embedding, reaction) });

  it.each([
    inIndex('gone', { kind: 'cut' }),
    inIndex('slow', { kind: 'hang' }),
    inIndex('failing', rubbish('{"status":{"error":"out of disk"}}', 500)),
    inIndex('answering HTML', rubbish('<html>Welcome</html>')),
    inIndex('answering another shape', rubbish('{"status":"ok","result":{"points":[{"id":7,"score":"high"}],"status":"acknowledged"}}')),
  ])('Qdrant is $name', async ({ begin }) => {
    const before = await failures(parts, 'qdrant');
    begin();
    const answers = [retrieve(parts), put(parts, 'new')];
    expect(await notReady(parts.test)).toEqual(['index']);
    expect((await Promise.all(answers)).map(problemIn)).toEqual(Array(2).fill('503 index_unavailable'));
    expect(await failures(parts, 'qdrant')).toBeGreaterThan(before);
    expect(failedRequests()).toContain('index_unavailable');
    // What needs no index goes on.
    expect((await parts.test.call('GET', `${HANDBOOK}/documents/${OPEN.document}`, parts.loader)).status).toBe(200);
    expect((await parts.test.call('GET', '/v1/sources', parts.loader)).status).toBe(200);
    parts.index.mend();
    await untilRight(parts);
    expect((await put(parts, 'new')).status).toBe(200);
    expect((await parts.test.call('DELETE', `${HANDBOOK}/documents/new`, parts.loader)).status).toBe(204);
  });

  it.each([
    { name: 'gone', begin: () => parts.database.cut() },
    { name: 'slow', begin: () => parts.database.stall() },
    { name: 'answering rubbish', begin: () => parts.database.garble() },
  ])('the database is $name', async ({ begin }) => {
    const before = await failures(parts, 'database');
    begin();
    const { test, loader } = parts;
    const answers = [
      retrieve(parts),
      put(parts, 'new'),
      test.call('GET', `${HANDBOOK}/documents/${OPEN.document}`, loader),
      test.call('PATCH', HANDBOOK, loader, { level: 'restricted' }),
    ];
    expect(await notReady(test)).toEqual(['catalog']);
    expect((await Promise.all(answers)).map(problemIn)).toEqual(Array(4).fill('503 catalog_unavailable'));
    expect(await failures(parts, 'database')).toBeGreaterThan(before);
    expect(failedRequests()).toContain('catalog_unavailable');
    expect((await test.call('GET', '/healthz', undefined)).status).toBe(200);
    parts.database.mend();
    await untilRight(parts);
    expect((await test.call('GET', HANDBOOK, loader)).json()).toMatchObject({ level: 'internal' });
  });

  it.each([
    inEmbedding('gone', { kind: 'cut' }),
    inEmbedding('slow', { kind: 'hang' }),
    inEmbedding('failing', rubbish('{}', 500)),
    inEmbedding('answering HTML', rubbish('<html>Welcome</html>')),
    inEmbedding('answering fewer vectors than texts', rubbish('{"data":[]}')),
    inEmbedding('answering another dimension', rubbish(JSON.stringify({ data: [{ index: 0, embedding: [1, 2, 3] }] }))),
  ])('the embedding server is $name', async ({ begin }) => {
    const before = await failures(parts, 'embedding');
    begin();
    // BM25 alone would answer, but not what was asked for.
    const answers = [retrieve(parts), put(parts, 'new')];
    expect(await notReady(parts.test)).toEqual(['embedding']);
    expect((await Promise.all(answers)).map(problemIn)).toEqual(Array(2).fill('503 embedding_unavailable'));
    expect(await failures(parts, 'embedding')).toBeGreaterThan(before);
    expect(failedRequests()).toContain('embedding_unavailable');
    const patch = { acl: { allow: ['group:test|staff', 'group:test|hr'] } };
    expect((await parts.test.call('PATCH', `${HANDBOOK}/documents/${OPEN.document}`, parts.loader, patch)).status).toBe(200);
    // Whoever brings the vector needs no server for it.
    const vector = Array.from({ length: DIMENSION }, () => 0.5);
    const body = { query: OPEN.marker, vector, limit: 3 };
    expect(documentsIn(await parts.test.call('POST', '/v1/retrieve', parts.reader, body))).toEqual([OPEN.document]);
  });

  const keys = (body: string) =>
    parts.issuer.answer('keys', (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(body));

  it.each([
    { name: 'gone', begin: async () => parts.issuer.stop(), end: async () => parts.issuer.restart() },
    { name: 'slow', begin: async () => parts.issuer.pause(), end: async () => parts.issuer.resume() },
    { name: 'answering HTML', begin: async () => keys('<html>Welcome</html>'), end: async () => parts.issuer.answer('keys', undefined) },
    {
      name: 'answering another shape',
      begin: async () => keys('{"keys":"none"}'),
      end: async () => parts.issuer.answer('keys', undefined),
    },
  ])('the issuer is $name: known keys go on, an unknown one fails closed', async ({ begin, end }) => {
    const known = await parts.issuer.sign({ sub: 'anna', groups: ['staff'] }, { key: parts.firstKey });
    const before = await failures(parts, 'issuer');
    await begin();
    const fresh = await parts.issuer.rotate();
    const unknown = await parts.issuer.sign({ sub: 'anna', groups: ['staff'] }, { key: fresh });
    expect(documentsIn(await retrieve(parts, known))).toEqual([OPEN.document]);
    expect(problemIn(await retrieve(parts, unknown))).toBe('503 issuer_unavailable');
    expect(await notReady(parts.test)).toEqual([]);
    expect(await failures(parts, 'issuer')).toBeGreaterThan(before);
    await end();
    await expect.poll(async () => (await retrieve(parts, unknown)).status).toBe(200);
    expect(documentsIn(await retrieve(parts, unknown))).toEqual([OPEN.document]);
    // The twin: a key that nobody published stays unknown, and that is the token's fault.
    const stranger = await parts.issuer.rotate({ publish: false });
    const token = await parts.issuer.sign({ groups: ['staff'] }, { key: stranger });
    expect(problemIn(await retrieve(parts, token))).toBe('401 invalid_token');
  });

  it('the issuer is down at start: not ready, every token refused, and ready without a restart once it is back', async () => {
    await parts.issuer.stop();
    const other = await parts.another();
    try {
      const answer = await other.call('GET', '/readyz', undefined);
      expect(answer.status).toBe(503);
      expect(answer.text).toContain('no keys read yet from test');
      expect(problemIn(await other.call('POST', '/v1/retrieve', parts.reader, { query: 'x', limit: 1 }))).toBe('503 issuer_unavailable');
      await parts.issuer.restart();
      await expect.poll(async () => (await other.call('GET', '/readyz', undefined)).status).toBe(200);
      expect((await other.call('POST', '/v1/retrieve', parts.reader, { query: 'x', limit: 1 })).status).toBe(200);
    } finally {
      await other.stop();
      await parts.issuer.restart().catch(() => undefined);
    }
  });
});
