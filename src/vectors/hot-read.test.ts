import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { AppError } from '../core/errors.ts';
import type { ChunkId, CollectionKey, DocumentKey, TenantId, ZoneId } from '../core/ids.ts';
import type { PointSearch } from '../core/points/question.ts';
import { systemClock } from '../core/ports/clock.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Leg } from '../core/ports/vectors.ts';
import { createVectorIndex, remoteEndpoint, type StartableVectorIndex } from './vector-index.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const leg: Leg = { name: 'bm25', kind: 'sparse', vector: { indices: [1], values: [1] } };
const ID = '00000000-0000-8000-8000-000000000001';
const PLACE = '00000000-0000-4000-8000-00000000000a';
const ALL: PointSearch<ChunkId> = { prefetch: [], limit: 3, offset: 0, select: { payload: { kind: 'none' }, vectors: { kind: 'none' } } };
const filter = mintFilterForTests();
const signal = new AbortController().signal;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

function indexAt(url: string, options: { searchDeadlineMs?: number; writeDeadlineMs?: number } = {}): StartableVectorIndex {
  const identity = { sparse: 'bm25@1', dense: { kind: 'none' } } as const;
  const endpoint = remoteEndpoint(url, 'key');
  const index = createVectorIndex({ endpoint, collection: 'c', identity, telemetry: silentTelemetry, clock: systemClock, ...options });
  cleanups.push(() => index.close());
  return index;
}

function answer(body: string, status = 200): Handler {
  return (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };
}

const hits = (...points: unknown[]) => JSON.stringify({ status: 'ok', time: 0.1, result: { points } });

async function failure(work: Promise<unknown>): Promise<AppError> {
  const error: unknown = await work.then(
    (value) => new Error(`answered ${JSON.stringify(value)}`),
    (e: unknown) => e,
  );
  if (error instanceof AppError) return error;
  throw error;
}

describe('a search', () => {
  it('sends the filter, no compression, and asks for no payload', async () => {
    let body = '';
    let headers: IncomingMessage['headers'] = {};
    const url = await serve((request, response) => {
      headers = request.headers;
      request.on('data', (piece) => (body += String(piece)));
      request.on('end', () => response.end(hits({ id: ID, version: 3, score: 1.5 })));
    });
    expect(await indexAt(`${url}/below/a/path/`).search(filter, leg, 3, signal)).toEqual([{ chunk: ID, score: 1.5 }]);
    expect(headers['accept-encoding']).toBe('identity');
    expect(headers['api-key']).toBe('key');
    const sent = JSON.parse(body) as { filter: { must: unknown[] } };
    expect(sent).toMatchObject({ using: 'bm25', with_payload: false, with_vector: false });
    expect(sent.filter.must).toHaveLength(14);
  });

  const rubbish: Record<string, Handler> = {
    'a web page': answer('<html>welcome</html>'),
    'half an answer': answer(hits({ id: ID, score: 1 }).slice(0, 30)),
    null: answer('null'),
    'another shape': answer('{"status":"ok","result":[]}'),
    'a status that is not ok': answer(`{"status":"accepted","result":{"points":[]}}`),
    'a numeric id': answer(hits({ id: 7, score: 1 })),
    'an id that is no UUID': answer(hits({ id: '../x', score: 1 })),
    'a score that is no number': answer(hits({ id: ID, score: null })),
    'an infinite score': answer(`{"status":"ok","result":{"points":[{"id":"${ID}","score":1e999}]}}`),
    'more hits than asked for': answer(hits(...Array.from({ length: 50 }, () => ({ id: ID, score: 1 })))),
    'a redirect': (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    'a refusal': answer('{"status":{"error":"secret detail"}}', 400),
    'no such collection': answer('{}', 404),
    'an error': answer('{}', 500),
    'a closed connection': (request) => request.socket.destroy(),
    'far too much': (_, response) => {
      response.writeHead(200);
      const piece = Buffer.alloc(1024 * 1024, ' ');
      const more = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more);
      more();
    },
  };
  for (const [name, handler] of Object.entries(rubbish)) {
    it(`answered with ${name} is index_unavailable, quoting nothing`, async () => {
      const error = await failure(indexAt(await serve(handler)).search(filter, leg, 3, signal));
      expect(error.code).toBe('index_unavailable');
      expect(`${error.message} ${String(error.cause)}`).not.toContain('secret');
    });
  }

  it('that is answered too late, or drop by drop, ends at its deadline', async () => {
    const silent = await serve((request) => request.resume());
    expect((await failure(indexAt(silent, { searchDeadlineMs: 100 }).search(filter, leg, 3, signal))).message).toContain('100 ms');
    const dripping = await serve((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    });
    expect((await failure(indexAt(dripping, { searchDeadlineMs: 200 }).search(filter, leg, 3, signal))).message).toContain('200 ms');
  });

  it('ends with its caller', async () => {
    const controller = new AbortController();
    const url = await serve(() => controller.abort());
    expect((await failure(indexAt(url).search(filter, leg, 3, controller.signal))).code).toBe('index_unavailable');
  });

  it('survives a connection that went away while idle', async () => {
    let answers = 0;
    const url = await serve((request, response) => {
      if (answers === 1) request.socket.destroy();
      else response.end(hits());
      answers += 1;
    });
    const index = indexAt(url);
    for (let i = 0; i < 2; i += 1) expect(await index.search(filter, leg, 3, signal)).toEqual([]);
    expect(answers).toBe(3);
  });
});

describe('the circuit', () => {
  it('opens after five faults in a row, spares the server, and closes once it answers again', async () => {
    let asked = 0;
    let well = false;
    const url = await serve((request, response) => {
      asked += 1;
      answer(well ? hits() : '{}', well ? 200 : 503)(request, response);
    });
    const index = indexAt(url);
    for (let i = 0; i < 8; i += 1) expect((await failure(index.search(filter, leg, 3, signal))).code).toBe('index_unavailable');
    expect(asked).toBe(5);
    well = true;
    let found: unknown;
    for (let i = 0; i < 200 && found === undefined; i += 1) {
      found = await index.search(filter, leg, 3, signal).catch(() => undefined);
      if (found === undefined) await sleep(50);
    }
    expect(found).toEqual([]);
  });

  it('is not opened by a request of an application on which the server breaks off; that request is refused', async () => {
    const url = await serve((request, response) => {
      request.resume();
      if (request.url?.includes(PLACE) === true) request.socket.destroy();
      else answer(hits())(request, response);
    });
    const index = indexAt(url);
    const scope = { place: PLACE as CollectionKey, filter, never: [] };
    for (let i = 0; i < 8; i += 1) expect((await failure(index.points.search(scope, [ALL], signal))).code).toBe('unsupported_request');
    expect(await index.search(filter, leg, 3, signal)).toEqual([]);
    expect((await failure(index.points.search({ ...scope, place: 'own' }, [ALL], signal))).message).not.toContain('failing');
  });

  it('is not opened by a request of an application whose answer is too large; that request is refused', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024 + 1, ' ');
    const url = await serve((request, response) => {
      request.resume();
      if (request.url?.includes(PLACE) === true) response.end(large);
      else answer('{"result":{"count":1,"points":[]}}')(request, response);
    });
    const index = indexAt(url);
    const scope = { place: PLACE as CollectionKey, filter, never: [] };
    for (let i = 0; i < 6; i += 1) expect((await failure(index.points.search(scope, [ALL], signal))).code).toBe('limit_exceeded');
    const page = { limit: 1, vectors: { kind: 'none' } } as const;
    expect(await index.points.scroll({ ...scope, place: 'own' }, page, signal)).toEqual({ hits: [], more: false });
  });

  it('is not opened by refused requests or by callers who leave', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      answer('{}', 400)(request, response);
    });
    const index = indexAt(url);
    for (let i = 0; i < 8; i += 1) await failure(index.search(filter, leg, 3, signal));
    expect(asked).toBe(8);
    for (let i = 0; i < 8; i += 1) await failure(index.search(filter, leg, 3, AbortSignal.abort()));
    await failure(index.search(filter, leg, 3, signal));
    expect(asked).toBe(9);
  });
});

describe('a write', () => {
  const point = {
    chunk: ID as ChunkId,
    access: {
      tenant: 'acme' as TenantId,
      document: ID as string as DocumentKey,
      zone: 1 as ZoneId,
      revision: 1,
      acl: { gates: [], deny: [] },
      validFrom: 'always',
      validUntil: 'forever',
      metadata: {},
    },
    sparse: { indices: [1], values: [1] },
    dense: { kind: 'none' },
  } as const;
  const completed = '{"status":"ok","result":{"operation_id":1,"status":"completed"}}';

  it('is repeated after a fault, whole', async () => {
    const bodies: string[] = [];
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (piece) => (body += String(piece)));
      request.on('end', () => {
        bodies.push(body);
        if (bodies.length === 1) request.socket.destroy();
        else if (bodies.length === 2) response.writeHead(503).end('{}');
        else response.writeHead(200, { 'content-type': 'application/json' }).end(completed);
      });
    });
    await indexAt(url).upsert([point], signal);
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(1);
  });

  it('is given up after a bounded number of attempts, and at once where it was refused', async () => {
    for (const [status, attempts] of [
      [500, 4],
      [400, 1],
    ] as const) {
      let asked = 0;
      const url = await serve((request, response) => {
        asked += 1;
        answer('{"status":{"error":"secret"}}', status)(request, response);
      });
      const error = await failure(indexAt(url).rewriteAccess(point.access, signal));
      expect([error.code, asked]).toEqual(['index_unavailable', attempts]);
      expect(JSON.stringify([error.message, String(error.cause)])).not.toContain('secret');
    }
  });

  it.each(['{"status":"ok","result":{"operation_id":1,"status":"acknowledged"}}', '{"status":"ok"}', 'hello', '[]'])(
    'that is only answered %s counts as not done',
    async (body) => {
      const index = indexAt(await serve(answer(body)));
      expect((await failure(index.upsert([point], signal))).code).toBe('index_unavailable');
      expect((await failure(index.deleteChunks('acme' as TenantId, [point.chunk], signal))).code).toBe('index_unavailable');
    },
  );

  it('ends at its deadline and with its caller', async () => {
    const silent = await serve((request) => request.resume());
    expect((await failure(indexAt(silent, { writeDeadlineMs: 50 }).upsert([point], signal))).code).toBe('index_unavailable');
    expect((await failure(indexAt(silent).upsert([point], AbortSignal.timeout(50)))).code).toBe('index_unavailable');
  });
});
