import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DEFAULT_HTTP_LIMITS } from './config.ts';
import { DEFAULT_RATE_LIMITS } from '../entrance/limits.ts';
import { answerTo, openDoorForTest as open, rawExchange, token, type Fixture } from './door.fixture.ts';
import { addressKey } from '../entrance/rate-limits.ts';

function ask(at: Fixture['at'], auth = token('ada', ['retrieve'])): Promise<Response> {
  return fetch(`${at.url}/v1/retrieve`, {
    method: 'POST',
    body: '{"query":"a"}',
    headers: { authorization: `Bearer ${auth}`, 'content-type': 'application/json' },
  });
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

describe('stopping', () => {
  it('finishes what is in flight and takes nothing new', async () => {
    const work = gate();
    const opened = await open({
      async retrieve(_caller, asked) {
        await work.opened;
        return answerTo(asked);
      },
    });
    const running = ask(opened.at);
    await waitFor(() => opened.seen.retrieved.length === 1);
    const closing = opened.door.close(10_000);
    await expect(fetch(`${opened.at.url}/healthz`)).rejects.toThrow('fetch failed');
    work.open();
    const answer = await running;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    await closing;
  });

  it('answers on connections that were open already', async () => {
    const work = gate();
    const opened = await open({
      async retrieve(_caller, asked) {
        await work.opened;
        return answerTo(asked);
      },
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const health = () =>
      new Promise<string>((resolve, reject) => {
        const sent = request(`${opened.at.url}/healthz`, { agent }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.on('end', () => resolve(`${response.statusCode} ${response.headers.connection} ${text}`));
        });
        sent.on('error', reject).end();
      });
    expect(await health()).toMatch(/^200 keep-alive/);
    const running = ask(opened.at);
    await waitFor(() => opened.seen.retrieved.length === 1);
    const closing = opened.door.close(10_000);
    expect(await health()).toMatch(/^503 close .*"code":"shutting_down"/);
    work.open();
    expect((await running).status).toBe(200);
    await closing;
    agent.destroy();
  });

  it('cuts what does not end within its grace', async () => {
    const opened = await open({ retrieve: () => new Promise(() => undefined) });
    const running = ask(opened.at);
    await waitFor(() => opened.seen.retrieved.length === 1);
    const cut = running.catch((error: unknown) => error);
    await opened.door.close(20);
    expect(await cut).toBeInstanceOf(TypeError);
    expect(opened.seen.retrieved[0]?.signal.aborted).toBe(true);
  });
});

describe('deadlines', () => {
  it('a service that does not answer is not waited for', async () => {
    const opened = await open({
      config: { limits: { ...DEFAULT_HTTP_LIMITS, deadlineMs: 1_000 } },
      retrieve: () => new Promise(() => undefined),
    });
    const answer = await ask(opened.at);
    expect(await answer.json()).toMatchObject({ status: 503, code: 'deadline_exceeded' });
    expect(opened.seen.retrieved[0]?.signal.aborted).toBe(true);
  });

  it('a service that fails after the deadline disturbs nobody', async () => {
    const late = gate();
    const { at } = await open({
      config: { limits: { ...DEFAULT_HTTP_LIMITS, deadlineMs: 1_000 } },
      async retrieve() {
        await late.opened;
        throw new Error('late');
      },
    });
    expect((await ask(at)).status).toBe(503);
    late.open();
    expect((await fetch(`${at.url}/healthz`)).status).toBe(200);
  });

  it('a body that does not arrive', async () => {
    const { at } = await open({ config: { limits: { ...DEFAULT_HTTP_LIMITS, deadlineMs: 1_000 } } });
    const socket = connect(at.port, '127.0.0.1');
    socket.write(
      `POST /v1/retrieve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token('ada', ['retrieve'])}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"query"`,
    );
    let text = '';
    socket.on('data', (part) => (text += part.toString()));
    await expect.poll(() => text).toContain('"code"');
    socket.destroy();
    expect(text).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request_timeout"/);
  });

  it('a client that goes away aborts the work', async () => {
    const opened = await open({ retrieve: () => new Promise(() => undefined) });
    const controller = new AbortController();
    const gone = fetch(`${opened.at.url}/v1/retrieve`, {
      method: 'POST',
      body: '{"query":"a"}',
      headers: { authorization: `Bearer ${token('ada', ['retrieve'])}`, 'content-type': 'application/json' },
      signal: controller.signal,
    });
    await waitFor(() => opened.seen.retrieved.length === 1);
    expect(opened.seen.retrieved[0]?.signal.aborted).toBe(false);
    controller.abort();
    await expect(gone).rejects.toThrow('aborted');
    await waitFor(() => opened.seen.retrieved[0]?.signal.aborted === true);
    await waitFor(() => opened.log().some((line) => line['status'] === 499));
  });
});

describe('rates', () => {
  it('bounds a user, without bounding others', async () => {
    const opened = await open({ config: { rates: { ...DEFAULT_RATE_LIMITS, userPerMinute: 2 } } });
    const first = await ask(opened.at);
    expect(first.headers.get('ratelimit')).toMatch(/^"client";r=\d+;t=60, "user";r=1;t=60$/);
    expect((await ask(opened.at)).status).toBe(200);
    const third = await ask(opened.at);
    expect(await third.json()).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask(opened.at, token('bob', ['retrieve']))).status).toBe(200);
    expect(opened.seen.retrieved).toHaveLength(3);
  });

  it('bounds a client over all its users', async () => {
    const { at } = await open({ config: { rates: { ...DEFAULT_RATE_LIMITS, clientPerMinute: 2 } } });
    expect((await ask(at, token('ada', ['retrieve']))).status).toBe(200);
    expect((await ask(at, token('-', ['retrieve']))).status).toBe(200);
    expect((await ask(at, token('bob', ['retrieve']))).status).toBe(429);
    expect((await ask(at, token('bob', ['retrieve'], 'other'))).status).toBe(200);
  });

  it('bounds refused tokens from one address, and no token that holds', async () => {
    const { at } = await open({
      config: { rates: { ...DEFAULT_RATE_LIMITS, failuresPerMinute: 3 }, trustedProxies: ['loopback'] },
    });
    const from = async (address: string, bearer = 'bad.a.b') =>
      (await fetch(`${at.url}/v1/sources`, { headers: { authorization: `Bearer ${bearer}`, 'x-forwarded-for': address } })).status;
    expect([await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.1')]).toEqual([401, 401, 401]);
    expect(await from('192.0.2.1')).toBe(429);
    expect(await from('192.0.2.2')).toBe(401);
    expect(await from('192.0.2.1', token('ada', ['sources']))).toBe(200);
  });

  it('does not believe a forwarded address without a trusted proxy', async () => {
    const { at } = await open({ config: { rates: { ...DEFAULT_RATE_LIMITS, failuresPerMinute: 1 } } });
    const from = async (address: string) =>
      (await fetch(`${at.url}/v1/sources`, { headers: { authorization: 'Bearer bad.a.b', 'x-forwarded-for': address } })).status;
    expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([401, 429]);
  });

  it('takes an IPv6 network for one address', () => {
    expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe(addressKey('2001:db8:1:2::9'));
    expect(addressKey('2001:db8:1:2::9')).not.toBe(addressKey('2001:db8:1:3::9'));
    expect(addressKey('2001:db8::1')).toBe('2001:db8:0:0');
    expect(addressKey('::1')).toBe('0:0:0:0');
    expect(addressKey('::ffff:192.0.2.1')).toBe('192.0.2.1');
  });
});

it('nothing of an answer leaves before the service has resolved', async () => {
  const work = gate();
  const opened = await open({
    async retrieve(_caller, asked) {
      await work.opened;
      return answerTo(asked);
    },
  });
  let bytes = 0;
  const body = '{"query":"a"}';
  const socket = connect(opened.at.port, '127.0.0.1');
  socket.on('data', (part) => (bytes += part.length));
  socket.write(
    `POST /v1/retrieve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token('ada', ['retrieve'])}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await waitFor(() => opened.seen.retrieved.length === 1);
  await sleep(20);
  expect(bytes).toBe(0);
  work.open();
  await waitFor(() => bytes > 0);
  socket.destroy();
});

it('an early answer to an endless body is followed by a cut', async () => {
  const { at } = await open();
  const head = 'POST /v1/retrieve HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{';
  expect(await rawExchange(at.port, head)).toMatch(/^HTTP\/1\.1 401 /);
});
