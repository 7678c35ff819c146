import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { openDoor, receipt, token, type Fixture, type FixtureOptions } from './door.fixture.ts';
import { DEFAULT_HTTP_LIMITS } from './config.ts';
import { batchAnswerSchema } from './schemas/answers.ts';

let fixture: Fixture | undefined;

afterEach(async () => {
  await fixture?.door.close(0);
  fixture = undefined;
});

const writer = token('wim', ['ingest']);
const PATH = '/v1/sources/handbook/documents';

function doc(document: string, text = 'x'): string {
  return JSON.stringify({ document, mediaType: 'text/plain', text, acl: { allow: ['everyone'] } });
}

async function open(options: FixtureOptions = {}): Promise<Fixture> {
  fixture = await openDoor(options);
  return fixture;
}

type Answer = Record<string, unknown>;

async function send(body: string | Buffer, options: FixtureOptions = {}): Promise<Answer[]> {
  const { at } = await open(options);
  const response = await fetch(at.url + PATH, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${writer}`, 'content-type': 'application/x-ndjson' },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  const text = await response.text();
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => batchAnswerSchema.parse(JSON.parse(line)) as Answer);
}

/** A batch that is written and read by hand. */
function converse(at: Fixture['at']): { upload: ClientRequest; lines: () => Promise<Answer>; response: () => Promise<IncomingMessage> } {
  const upload = request(at.url + PATH, {
    method: 'POST',
    headers: { authorization: `Bearer ${writer}`, 'content-type': 'application/x-ndjson' },
  });
  upload.on('error', () => undefined);
  upload.flushHeaders();
  const response = once(upload, 'response').then(([message]) => message as IncomingMessage);
  response.catch(() => undefined);
  let rest = '';
  const iterator = response.then((message) => message.setEncoding('utf8')[Symbol.asyncIterator]());
  iterator.catch(() => undefined);
  return {
    upload,
    response: () => response,
    async lines() {
      while (!rest.includes('\n')) {
        const read = await (await iterator).next();
        if (read.done === true) throw new Error('no more lines');
        rest += String(read.value);
      }
      const end = rest.indexOf('\n');
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      return JSON.parse(line) as Answer;
    },
  };
}

describe('a batch', () => {
  it('answers each line in order and says that it is done', async () => {
    const answers = await send(`${doc('a')}\n\r\n${doc('b/ü')}\r\n{"document":"c","delete":true}\n`);
    expect(answers).toMatchObject([
      { line: 1, document: 'a', changed: true },
      { line: 3, document: 'b/ü', changed: true },
      { line: 4, document: 'c', deleted: true },
      { done: true, lines: 3, failed: 0 },
    ]);
    expect(fixture?.seen.written.map(({ document }) => document)).toEqual(['a', 'b/ü']);
    expect(fixture?.seen.written[0]?.body).not.toHaveProperty('document');
    expect(fixture?.seen.deleted).toEqual(['c']);
  });

  it('keeps the lines around one that breaks', async () => {
    const broken = doc('b').slice(0, 30);
    const answers = await send(`${doc('a')}\n${broken}\n${doc('c')}\n${broken}`);
    expect(answers).toMatchObject([
      { line: 1, document: 'a' },
      { line: 2, error: { code: 'malformed_json' } },
      { line: 3, document: 'c' },
      { line: 4, error: { code: 'malformed_json' } },
      { done: true, lines: 4, failed: 2 },
    ]);
    expect(JSON.stringify(answers)).not.toContain('mediaType');
  });

  it.each([
    ['an unknown key', '{"document":"a","mediaType":"text/plain","text":"x","hack":1}', 'invalid_request'],
    ['no name', '{"mediaType":"text/plain","text":"x"}', 'invalid_request'],
    ['a name with a NUL', '{"document":"a\\u0000","delete":true}', 'invalid_request'],
    ['a name of 10 kB', `{"document":"${'x'.repeat(10_000)}","delete":true}`, 'invalid_request'],
    ['a delete that says more', '{"document":"a","delete":true,"text":"x"}', 'invalid_request'],
    ['a delete that is false', '{"document":"a","delete":false}', 'invalid_request'],
    ['a list', '[]', 'invalid_request'],
    ['a number', '7', 'invalid_request'],
    ['bad UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'malformed_json'],
    ['a lone surrogate', '{"document":"\\ud800","delete":true}', 'invalid_request'],
  ])('%s fails alone', async (_name, line, code) => {
    const body = Buffer.concat([Buffer.from(line), Buffer.from(`\n${doc('good')}\n`)]);
    expect(await send(body)).toMatchObject([
      { line: 1, error: { code } },
      { line: 2, document: 'good' },
      { done: true, lines: 2, failed: 1 },
    ]);
  });

  it('bounds a line, without holding what is too long', async () => {
    const limits = { ...DEFAULT_HTTP_LIMITS, documentBytes: 1_000 };
    const answers = await send(`${doc('a', 'x'.repeat(2_000_000))}\n${doc('b')}`, { config: { limits } });
    expect(answers).toMatchObject([{ line: 1, error: { code: 'payload_too_large' } }, { line: 2, document: 'b' }, { done: true }]);
  });

  it('turns a failure of one line into its answer, and foreign errors into internal', async () => {
    const answers = await send(`${doc('a')}\n${doc('b')}\n${doc('c')}\n`, {
      ingestion: {
        putDocument: (_context, _source, document) => {
          if (document === 'a') return Promise.reject(new AppError('acl_required'));
          if (document === 'b') return Promise.reject(new Error('secret detail'));
          return Promise.resolve(receipt(document));
        },
      },
    });
    expect(answers).toMatchObject([
      { line: 1, document: 'a', error: { code: 'acl_required' } },
      { line: 2, document: 'b', error: { code: 'internal' } },
      { line: 3, document: 'c', changed: true },
      { done: true, lines: 3, failed: 2 },
    ]);
    expect(JSON.stringify(answers)).not.toContain('secret detail');
    expect(JSON.stringify(fixture?.log())).toContain('secret detail');
  });

  it('is refused as a whole before it begins', async () => {
    const { at } = await open();
    const post = async (auth: string, type: string, source = 'handbook') => {
      const headers = { authorization: `Bearer ${auth}`, 'content-type': type };
      return (await fetch(`${at.url}/v1/sources/${source}/documents`, { method: 'POST', body: doc('a'), headers })).status;
    };
    expect(await post(token('ada', ['retrieve']), 'application/x-ndjson')).toBe(403);
    expect(await post(writer, 'application/json')).toBe(415);
    expect(await post(writer, 'application/x-ndjson', 'a%2Fb')).toBe(400);
    expect(await post(writer, 'application/x-ndjson; charset=utf-8')).toBe(200);
  });
});

describe('its order and width', () => {
  it('runs four at a time, answers in order, and one document in the order of its lines', async () => {
    let running = 0;
    let widest = 0;
    const finished: string[] = [];
    const lines = Array.from({ length: 24 }, (_, i) => doc(i % 6 === 5 ? 'same' : `d${i}`, String(i)));
    const answers = await send(lines.join('\n'), {
      ingestion: {
        async putDocument(_context, _source, document, body) {
          running += 1;
          widest = Math.max(widest, running);
          const text = body.content.kind === 'text' ? body.content.text : '';
          // The earlier, the slower: without care the order would turn round.
          await sleep(Number(text) % 4 === 0 ? 12 : 2);
          finished.push(`${document}:${text}`);
          running -= 1;
          return receipt(document);
        },
      },
    });
    expect(widest).toBe(4);
    expect(answers.slice(0, -1).map(({ line }) => line)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    expect(finished.filter((entry) => entry.startsWith('same'))).toEqual(['same:5', 'same:11', 'same:17', 'same:23']);
    expect(finished).not.toEqual(lines.map((_line, i) => `${i % 6 === 5 ? 'same' : `d${i}`}:${i}`));
  });

  it('answers a line before the next one has come', async () => {
    const { at } = await open();
    const { upload, lines } = converse(at);
    upload.write(`${doc('a')}\n`);
    expect(await lines()).toMatchObject({ line: 1, document: 'a' });
    upload.write(doc('b').slice(0, 10));
    upload.write(`${doc('b').slice(10)}\n`);
    expect(await lines()).toMatchObject({ line: 2, document: 'b' });
    upload.end();
    expect(await lines()).toEqual({ done: true, lines: 2, failed: 0 });
  });

  it('reads no faster than it is read', async () => {
    let started = 0;
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { at } = await openDoorWith(async (document) => {
      started += 1;
      await gate;
      return receipt(document);
    });
    const { upload, lines } = converse(at);
    for (let i = 0; i < 50; i += 1) upload.write(`${doc(`d${i}`)}\n`);
    upload.end();
    await waitFor(() => started === 4);
    await sleep(30);
    expect(started).toBe(4);
    open();
    for (let i = 0; i < 50; i += 1) expect(await lines()).toMatchObject({ line: i + 1 });
    expect(await lines()).toEqual({ done: true, lines: 50, failed: 0 });
  });
});

async function openDoorWith(put: (document: string, signal: AbortSignal) => Promise<ReturnType<typeof receipt>>): Promise<Fixture> {
  return open({ ingestion: { putDocument: (context, _source, document) => put(document, context.signal) } });
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

describe('its end', () => {
  it('a client that goes away stops the work', async () => {
    const signals: AbortSignal[] = [];
    const { at } = await openDoorWith((_document, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    const { upload } = converse(at);
    for (let i = 0; i < 50; i += 1) upload.write(`${doc(`d${i}`)}\n`);
    await waitFor(() => signals.length === 4);
    expect(signals.some((signal) => signal.aborted)).toBe(false);
    upload.destroy();
    await waitFor(() => signals.every((signal) => signal.aborted));
    await sleep(30);
    expect(signals).toHaveLength(4);
  });

  it('a client that falls silent is told, and what came before is kept', async () => {
    const { at } = await open({ config: { limits: { ...DEFAULT_HTTP_LIMITS, idleMs: 1_000 } } });
    const { upload, lines } = converse(at);
    upload.write(`${doc('a')}\n${doc('b').slice(0, 10)}`);
    expect(await lines()).toMatchObject({ line: 1, document: 'a' });
    expect(await lines()).toMatchObject({ done: false, lines: 1, failed: 0, error: { code: 'request_timeout' } });
    upload.destroy();
  });

  it('a line that takes too long fails alone', async () => {
    const answers = await send(`${doc('slow')}\n${doc('quick')}\n`, {
      config: { limits: { ...DEFAULT_HTTP_LIMITS, deadlineMs: 1_000 } },
      ingestion: {
        putDocument: (_context, _source, document) =>
          document === 'slow' ? new Promise(() => undefined) : Promise.resolve(receipt(document)),
      },
    });
    expect(answers).toMatchObject([{ line: 1, error: { code: 'deadline_exceeded' } }, { line: 2, document: 'quick' }, { done: true }]);
  });

  it('a stopping service takes no further line and says so', async () => {
    const { at, door } = await open();
    const { upload, lines } = converse(at);
    upload.write(`${doc('a')}\n`);
    expect(await lines()).toMatchObject({ line: 1, document: 'a' });
    const closed = door.close(5_000);
    expect(await lines()).toMatchObject({ done: false, lines: 1, error: { code: 'shutting_down' } });
    await closed;
    expect(fixture?.seen.written).toHaveLength(1);
    upload.destroy();
  });
});
