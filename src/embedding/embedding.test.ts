import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { createEmbedding, type DenseSettings, type Embedding } from './embedding.ts';

const SECRET_TEXT = 'the merger with Halvorsen closes in May';
const KEY = 'sk-test-key';
const DIMENSION = 3;

interface Asked {
  readonly url: string;
  readonly authorization: string | undefined;
  readonly model: string;
  readonly input: readonly string[];
}
type Handler = (asked: Asked, response: ServerResponse, nth: number) => void;

let server: Server;
let url: string;
let asked: Asked[];
let handler: Handler;
let embedding: Embedding | undefined;

const vectorOf = (text: string): number[] => [text.length, 0.5, -1];
const honest = (input: readonly string[]): object[] =>
  input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) }));
const send = (response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};
const answerHonestly: Handler = ({ input }, response) => {
  send(response, { object: 'list', data: honest(input), model: 'm' });
};

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { model, input } = JSON.parse(await readBody(request)) as { model: string; input: string[] };
  const one = { url: request.url ?? '', authorization: request.headers.authorization, model, input };
  asked.push(one);
  handler(one, response, asked.length);
}

beforeEach(async () => {
  asked = [];
  handler = answerHonestly;
  server = createServer((request, response) => {
    void take(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await embedding?.close();
  embedding = undefined;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function remote(limits: Extract<DenseSettings, { kind: 'remote' }>['limits'] = {}): Embedding {
  embedding = createEmbedding({
    dense: {
      kind: 'remote',
      url,
      model: 'm-1',
      apiKey: KEY,
      dimension: DIMENSION,
      limits: { callTimeoutMs: 5_000, attempts: 3, backoffMs: 1, maxBackoffMs: 2_000, random: () => 0.5, ...limits },
    },
    telemetry: silentTelemetry,
  });
  return embedding;
}

const never = new AbortController().signal;
const texts = (...all: string[]): { text: string; language: string }[] => all.map((text) => ({ text, language: 'en' }));
const denseOf = (one: { readonly dense: { readonly kind: string; readonly vector?: readonly number[] } } | undefined): readonly number[] =>
  one?.dense.vector ?? [];

async function failure(run: Promise<unknown>): Promise<AppError> {
  const error: unknown = await run.then(
    () => new Error('it succeeded'),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, JSON.stringify(error, Object.getOwnPropertyNames(error)), everythingOf(error.cause ?? '')].join(' ');
}

describe('an OpenAI-compatible server', () => {
  it('is asked in batches, with the key in the header, and answers in order', async () => {
    const made = await remote({ texts: 2 }).embedDocuments(texts('a', 'bb', 'ccc'), never);
    expect(made.map(denseOf)).toEqual([vectorOf('a'), vectorOf('bb'), vectorOf('ccc')]);
    expect(made.every(({ sparse }) => sparse.indices.length <= 1)).toBe(true);
    expect(asked.map(({ input }) => input)).toEqual([['a', 'bb'], ['ccc']]);
    expect(asked[0]).toMatchObject({ url: '/v1/embeddings', authorization: `Bearer ${KEY}`, model: 'm-1' });
  });

  it('may answer out of order: the index counts', async () => {
    handler = ({ input }, response) => {
      send(response, { data: honest(input).toReversed() });
    };
    const made = await remote().embedDocuments(texts('a', 'bb'), never);
    expect(made.map(denseOf)).toEqual([vectorOf('a'), vectorOf('bb')]);
  });

  it('is asked for a query once, and not for a blank one', async () => {
    const query = await remote().embedQuery({ text: 'parental leave', languages: ['en'] }, never);
    expect(query.dense).toEqual({ kind: 'vector', vector: vectorOf('parental leave') });
    expect(query.sparse.kind).toBe('vector');
    const blank = await remote().embedQuery({ text: '  ', languages: ['en'] }, never);
    expect(blank).toEqual({ sparse: { kind: 'none' }, dense: { kind: 'none' } });
    expect(asked).toHaveLength(1);
  });

  it.each([429, 500, 503])('is asked again after %i', async (status) => {
    handler = (one, response, nth) => {
      if (nth === 1) send(response, 'later', status, { 'retry-after': '0' });
      else answerHonestly(one, response, nth);
    };
    const made = await remote().embedDocuments(texts('a'), never);
    expect(denseOf(made[0])).toEqual(vectorOf('a'));
    expect(asked).toHaveLength(2);
  });

  it('is asked again after a broken connection', async () => {
    handler = (one, response, nth) => {
      if (nth === 1) response.destroy();
      else answerHonestly(one, response, nth);
    };
    await remote().probe(never);
    expect(asked).toHaveLength(2);
  });

  it('is given up where it asks for a longer wait than we have', async () => {
    handler = (_one, response) => {
      send(response, 'later', 429, { 'retry-after': '3600' });
    };
    expect((await failure(remote().probe(never))).code).toBe('embedding_unavailable');
    expect(asked).toHaveLength(1);
  });

  it('is given up after the last attempt', async () => {
    handler = (_one, response) => {
      send(response, 'broken', 500);
    };
    expect((await failure(remote().probe(never))).code).toBe('embedding_unavailable');
    expect(asked).toHaveLength(3);
  });

  it.each([400, 401, 302])('is not asked again after %i', async (status) => {
    handler = (_one, response) => {
      send(response, `refused: ${SECRET_TEXT}`, status, status === 302 ? { location: `${url}/elsewhere` } : {});
    };
    const error = await failure(remote().embedDocuments(texts(SECRET_TEXT), never));
    expect(error.code).toBe('embedding_unavailable');
    expect(asked).toHaveLength(1);
    expect(everythingOf(error)).not.toContain('Halvorsen');
    expect(everythingOf(error)).not.toContain(KEY);
  });

  const item = (embedding: unknown, index: unknown = 0): object => ({ data: [{ index, embedding }] });
  it.each<[string, unknown]>([
    ['rubbish', `<html>${SECRET_TEXT}`],
    ['no data', { error: SECRET_TEXT }],
    ['null', 'null'],
    ['another dimension', item([1, 2])],
    ['null in a vector', item([1, null, 3])],
    ['NaN', '{"data":[{"index":0,"embedding":[1,NaN,3]}]}'],
    ['a number too large for the index', item([1, 1e39, 3])],
    ['text for a vector', item('AAAA')],
    ['too many items', { data: [...honest(['a']), { index: 1, embedding: [1, 2, 3] }] }],
    ['no items', { data: [] }],
    ['an index out of range', item([1, 2, 3], 1)],
    ['no index', { data: [{ embedding: [1, 2, 3] }] }],
    ['an item that is null', { data: [null] }],
    ['more bytes than vectors can have', { data: honest(['a']), padding: 'x'.repeat(100_000) }],
  ])('that answers %s is not believed, nor asked again', async (_what, body) => {
    handler = (_one, response) => {
      send(response, body);
    };
    const error = await failure(remote().embedDocuments(texts(SECRET_TEXT), never));
    expect(error.code).toBe('embedding_unavailable');
    expect(asked).toHaveLength(1);
    expect(everythingOf(error)).not.toContain('Halvorsen');
  });

  it('that gives one index twice is not believed', async () => {
    handler = ({ input }, response) => {
      send(response, { data: honest(input).map((one) => ({ ...one, index: 0 })) });
    };
    expect((await failure(remote().embedDocuments(texts('a', 'b'), never))).code).toBe('embedding_unavailable');
  });

  it('that breaks the protocol does not get its bytes into our errors', async () => {
    handler = (_one, response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\nbad header ${SECRET_TEXT}\r\n\r\n`);
    };
    const error = await failure(remote().probe(never));
    expect(everythingOf(error)).not.toContain('Halvorsen');
  });

  it('that is slow is cut off at the deadline of each call', async () => {
    handler = () => undefined;
    expect((await failure(remote({ callTimeoutMs: 1_000, attempts: 2 }).probe(never))).code).toBe('embedding_unavailable');
    expect(asked).toHaveLength(2);
  });

  it('is no longer waited for when the caller gives up, also between attempts', async () => {
    const aborting = new AbortController();
    handler = (_one, response) => {
      send(response, 'later', 429, { 'retry-after': '600' });
      setTimeout(() => aborting.abort(), 20);
    };
    const error = await failure(remote({ maxBackoffMs: 3_600_000 }).probe(aborting.signal));
    expect(error.code).toBe('embedding_unavailable');
    expect(asked).toHaveLength(1);
    expect((await failure(remote().probe(AbortSignal.abort()))).code).toBe('embedding_unavailable');
    expect(asked).toHaveLength(1);
  });

  it('is left alone after failures in a row, and asked again later', async () => {
    let healthy = false;
    handler = (one, response, nth) => {
      if (healthy) answerHonestly(one, response, nth);
      else send(response, 'broken', 500);
    };
    const client = remote({ attempts: 1, breakAfter: 2, breakForMs: 1_000 });
    await failure(client.probe(never));
    await failure(client.probe(never));
    expect((await failure(client.probe(never))).retryAfter).toBe(1);
    expect(asked).toHaveLength(2);
    healthy = true;
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await client.probe(never);
    expect(asked).toHaveLength(3);
  });

  it('that is not there', async () => {
    const gone = createEmbedding({
      dense: { kind: 'remote', url: 'http://127.0.0.1:1', model: 'm', dimension: 3, limits: { attempts: 2, backoffMs: 1 } },
      telemetry: silentTelemetry,
    });
    expect((await failure(gone.probe(never))).code).toBe('embedding_unavailable');
    await gone.close();
  });
});

describe('vectors given by the caller', () => {
  const caller = (): Embedding =>
    createEmbedding({ dense: { kind: 'caller', model: 'theirs', dimension: DIMENSION }, telemetry: silentTelemetry });

  it('are taken where they fit', async () => {
    const [made] = await caller().embedDocuments([{ text: 'a policy', language: 'en', dense: [1, 2, 3] }], never);
    expect(made?.dense).toEqual({ kind: 'vector', vector: [1, 2, 3] });
    const query = await caller().embedQuery({ dense: [1, 2, 3], languages: ['en'] }, never);
    expect(query).toEqual({ sparse: { kind: 'none' }, dense: { kind: 'vector', vector: [1, 2, 3] } });
  });

  it('may be absent: then the text is found by its words alone', async () => {
    const [made] = await caller().embedDocuments(texts('a policy'), never);
    expect(made?.dense).toEqual({ kind: 'none' });
    expect(made?.sparse.indices).toHaveLength(1);
  });

  it.each([[[1, 2]], [[1, 2, 3, 4]], [[1, Number.NaN, 3]], [[1, Infinity, 3]], [[1, 1e39, 3]], [[]]])('are refused: %j', async (dense) => {
    expect((await failure(caller().embedDocuments([{ text: 'a', language: 'en', dense }], never))).code).toBe('vector_mismatch');
    expect((await failure(caller().embedQuery({ dense, languages: [] }, never))).code).toBe('vector_mismatch');
  });

  it('are refused where dense vectors are off, and checked before a server is asked', async () => {
    const none = createEmbedding({ dense: { kind: 'none' }, telemetry: silentTelemetry });
    expect((await failure(none.embedQuery({ dense: [1], languages: [] }, never))).code).toBe('vector_mismatch');
    const mixed = [...texts('a'), { text: 'b', language: 'en', dense: [1] }];
    expect((await failure(remote().embedDocuments(mixed, never))).code).toBe('vector_mismatch');
    expect(asked).toHaveLength(0);
    const fits = await remote().embedDocuments([...texts('a'), { text: 'b', language: 'en', dense: [7, 8, 9] }, ...texts('cc')], never);
    expect(fits.map(denseOf)).toEqual([vectorOf('a'), [7, 8, 9], vectorOf('cc')]);
  });
});

describe('identity', () => {
  it('names what the vectors were made with', async () => {
    const none = createEmbedding({ dense: { kind: 'none' }, telemetry: silentTelemetry });
    expect(none.identity).toEqual({ sparse: 'bm25@1', dense: { kind: 'none' } });
    expect(remote().identity.dense).toEqual({ kind: 'remote', model: 'm-1', dimension: DIMENSION });
    await none.probe(never);
  });
});
