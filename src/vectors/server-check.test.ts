import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { qdrantForTests, type TestQdrant } from '../../test/support/qdrant.ts';
import { silentTelemetry, type Log } from '../core/ports/telemetry.ts';
import { checkServer } from './server-check.ts';
import { remoteEndpoint } from './vector-index.ts';

const signal = AbortSignal.timeout(60_000);
const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Fake {
  readonly root?: string;
  readonly rootStatus?: number;
  readonly key?: string;
}

/** A server that answers as Qdrant does, as far as the check looks. */
async function fake({ root = '{"title":"qdrant","version":"1.16.3"}', rootStatus = 200, key }: Fake): Promise<string> {
  const server = createServer((request, response) => {
    const open = key === undefined || request.headers['api-key'] === key;
    if (request.url === '/') response.writeHead(rootStatus).end(root);
    else response.writeHead(open ? 200 : 401).end('{}');
  }).listen(0, '127.0.0.1');
  cleanups.push(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

const check = (url: string, apiKey: string | undefined, log: Log = silentTelemetry.log) => checkServer({ url, apiKey }, log, signal);

describe('checkServer', () => {
  let qdrant: TestQdrant;
  beforeAll(async () => {
    qdrant = await qdrantForTests();
  });
  afterAll(() => qdrant.stop());

  it('accepts the real one, and refuses it with a wrong key', async () => {
    expect(await check(qdrant.url, qdrant.apiKey)).toMatch(/^\d+\.\d+\.\d+/);
    await expect(check(qdrant.url, `${qdrant.apiKey}x`)).rejects.toThrow(/check QDRANT_API_KEY|without the API key/);
  });

  it.each(['1.15.5', '0.11.0', '1.9.0'])('refuses version %s as too old', async (version) => {
    const url = await fake({ root: `{"title":"qdrant","version":"${version}"}`, key: 'k' });
    await expect(check(url, 'k')).rejects.toThrow(/too old/);
  });

  it.each(['1.16.0', '1.17.2', '2.0.0', '1.100.0-dev'])('accepts version %s', async (version) => {
    expect(await check(await fake({ root: `{"title":"qdrant","version":"${version}"}`, key: 'k' }), 'k')).toBe(version);
  });

  it('refuses one that answers without the key that is configured', async () => {
    await expect(check(await fake({}), 'k')).rejects.toThrow(/answers without the API key/);
  });

  it('warns where no key is configured, and refuses where one is needed', async () => {
    const warnings: string[] = [];
    const log = { ...silentTelemetry.log, warn: (_: unknown, message: string) => void warnings.push(message) };
    await check(await fake({}), undefined, log);
    expect(warnings).toHaveLength(1);
    await expect(check(await fake({ key: 'k' }), undefined)).rejects.toThrow(/check QDRANT_API_KEY/);
  });

  it.each<[string, Fake]>([
    ['something else', { root: '<html>' }],
    ['JSON of another kind', { root: '{"name":"elasticsearch"}' }],
    ['no version', { root: '{"title":"qdrant","version":"?"}' }],
    ['an error', { rootStatus: 500 }],
    ['far too much', { root: `"${'x'.repeat(100_000)}"` }],
  ])('refuses %s', async (_, options) => {
    await expect(check(await fake({ ...options, key: 'k' }), 'k')).rejects.toMatchObject({ code: 'index_unavailable' });
  });

  it('refuses an address where nobody answers', async () => {
    await expect(check('http://127.0.0.1:1', 'k')).rejects.toMatchObject({ code: 'index_unavailable' });
  });
});

describe('remoteEndpoint', () => {
  it('takes http and https, and refuses what is not a plain address', () => {
    expect(remoteEndpoint('https://index.example/qdrant/', 'k')()).toEqual({ url: 'https://index.example/qdrant', apiKey: 'k' });
    for (const url of ['index.example', 'ftp://x', 'http://user:pw@x', '']) expect(() => remoteEndpoint(url, 'k')).toThrow(/QDRANT_URL/);
  });
});
