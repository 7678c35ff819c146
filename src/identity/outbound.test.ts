import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { graphExchange, LookupFailed } from './graph-exchange.ts';
import { providerFetch, type ProviderFetch } from './provider-fetch.ts';

const LIMIT = 1_000;
const GRAPH_LIMIT = 1024 * 1024;
const { signal } = new AbortController();
type Respond = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let origin: string;
let respond: Respond;
let seen: { readonly method: string | undefined; readonly headers: IncomingMessage['headers']; readonly body: string }[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      seen.push({ method: request.method, headers: request.headers, body });
      respond(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const answering =
  (status: number, body: string | Buffer, headers: Record<string, string> = {}): Respond =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);

async function withFetch<T>(run: (fetcher: ProviderFetch) => Promise<T>, fetchDeadlineMs = 3_000): Promise<T> {
  const fetcher = providerFetch({ fetchDeadlineMs, fetchMaxBytes: LIMIT });
  try {
    seen = [];
    return await run(fetcher);
  } finally {
    await fetcher.close();
  }
}
const get = (how: Respond, deadline?: number, given = signal) => {
  respond = how;
  return withFetch((fetcher) => fetcher.get(new URL(origin), given), deadline);
};

describe('an exchange with a provider', () => {
  it('gives status, type and text, and asks for JSON without compression', async () => {
    const answer = await get(answering(418, 'é', { 'content-type': 'text/x' }));
    expect(answer).toEqual({ status: 418, contentType: 'text/x', body: 'é' });
    expect(seen[0]).toMatchObject({ method: 'GET', headers: { accept: 'application/json', 'accept-encoding': 'identity' }, body: '' });
    expect((await get(answering(200, ''))).contentType).toBe('');
  });

  it('posts a form with the authorization that it is given', async () => {
    respond = answering(200, '{}', { 'content-type': 'application/json' });
    const form = new URLSearchParams({ token: 'a&b' });
    expect(await withFetch((fetcher) => fetcher.post(new URL(origin), form, 'Basic x', signal))).toMatchObject({ status: 200, body: '{}' });
    expect(seen[0]).toMatchObject({
      method: 'POST',
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        authorization: 'Basic x',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'token=a%26b',
    });
  });

  it('follows no redirect', async () => {
    expect(await get(answering(302, '', { location: origin }))).toMatchObject({ status: 302 });
    expect(seen).toHaveLength(1);
  });

  it('takes as many bytes as the limit and no more', async () => {
    expect((await get(answering(200, 'x'.repeat(LIMIT)))).body).toHaveLength(LIMIT);
    await expect(get(answering(200, 'x'.repeat(LIMIT + 1)))).rejects.toThrow('the answer is larger than the limit');
  });

  it('ends with the deadline, also in the middle of an answer, and with the one who asked', async () => {
    await expect(get(() => undefined, 30)).rejects.toThrow('timeout');
    await expect(get((_request, response) => void response.writeHead(200).write('x'), 30)).rejects.toThrow('timeout');
    await expect(get(answering(200, ''), 3_000, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    respond = () => undefined;
    const post = (given: AbortSignal) => withFetch((fetcher) => fetcher.post(new URL(origin), new URLSearchParams(), 'x', given), 30);
    await expect(post(signal)).rejects.toThrow('timeout');
    await expect(post(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });

  it('is over once it is closed', async () => {
    const fetcher = providerFetch({ fetchDeadlineMs: 3_000, fetchMaxBytes: LIMIT });
    await fetcher.close();
    await expect(fetcher.get(new URL(origin), signal)).rejects.toThrow('destroyed');
  });
});

describe('an exchange with a directory', () => {
  async function exchange(how: Respond, deadlineMs = 3_000, given = signal, body?: string) {
    respond = how;
    seen = [];
    const agent = new Agent();
    const what = { method: 'POST', url: new URL(origin), headers: { 'x-own': '1' }, ...(body === undefined ? {} : { body }) } as const;
    try {
      return await graphExchange(agent, deadlineMs)(what, given);
    } finally {
      await agent.destroy();
    }
  }
  const reason = (...args: Parameters<typeof exchange>) =>
    exchange(...args).then(
      () => 'ok',
      (error: unknown) => [error instanceof LookupFailed, (error as Error).name, (error as Error).message, (error as Error).cause],
    );
  const failed = (why: string) => [true, 'LookupFailed', why, undefined];

  it('gives status, type, text and the wait that was asked for', async () => {
    const headers = { 'content-type': 'application/json', 'retry-after': '12' };
    expect(await exchange(answering(429, 'é', headers), 3_000, signal, 'sent')).toEqual({
      status: 429,
      retryAfter: 12_000,
      contentType: 'application/json',
      body: 'é',
    });
    expect(seen[0]).toMatchObject({
      method: 'POST',
      headers: { accept: 'application/json', 'accept-encoding': 'identity', 'x-own': '1' },
      body: 'sent',
    });
    expect(await exchange(answering(200, ''))).toEqual({ status: 200, retryAfter: undefined, contentType: '', body: '' });
    for (const wait of ['x', '-1', '1.5', '12345', 'Wed, 21 Oct 2015 07:28:00 GMT']) {
      expect((await exchange(answering(429, '', { 'retry-after': wait }))).retryAfter).toBeUndefined();
    }
    expect((await exchange(answering(302, '', { location: origin }))).status).toBe(302);
  });

  it('takes as many bytes as the limit and no more', async () => {
    expect((await exchange(answering(200, Buffer.alloc(GRAPH_LIMIT, 'x')))).body).toHaveLength(GRAPH_LIMIT);
    expect(await reason(answering(200, Buffer.alloc(GRAPH_LIMIT + 1, 'x')))).toEqual(failed('the answer is larger than the limit'));
  });

  it('that fails says so by a code alone', async () => {
    expect(await reason((request) => void request.socket.destroy())).toEqual(failed('no answer (UND_ERR_SOCKET)'));
    expect(await reason(() => undefined, 30)).toEqual(failed('no answer (no code)'));
    expect(await reason(answering(200, ''), 3_000, AbortSignal.abort())).toEqual(failed('no answer (no code)'));
  });
});
