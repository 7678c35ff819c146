import { exportJWK, generateKeyPair } from 'jose';
import { describe, expect, it } from 'vitest';
import { ISSUER, issuerOf } from '../../test/support/identity-parts.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { codeOf, discoverEndpoint } from './discovery.ts';
import { createIssuer } from './issuer.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { Fetched, ProviderFetch } from './provider-fetch.ts';

const { signal } = new AbortController();
type Pages = Record<string, (Partial<Fetched> & { readonly json?: unknown }) | Error>;

/** A provider that has these pages, by path. */
function fetcherOf(pages: Pages, asked: string[] = []): ProviderFetch {
  return {
    get: async (url) => {
      asked.push(url.href);
      const page = pages[url.pathname] ?? { status: 404 };
      if (page instanceof Error) throw page;
      return { status: 200, contentType: 'application/json', body: page.json === undefined ? '' : JSON.stringify(page.json), ...page };
    },
    post: () => Promise.reject(new Error('never')),
    close: () => Promise.resolve(),
  };
}

const METADATA = '/.well-known/openid-configuration';
async function found(
  metadata: Pages[string],
  config: Partial<IssuerConfig> = {},
  member: 'jwks_uri' | 'introspection_endpoint' = 'jwks_uri',
) {
  const asked: string[] = [];
  const work = discoverEndpoint({ url: ISSUER, ...config }, member, fetcherOf({ [METADATA]: metadata }, asked), signal);
  return work.then(
    (url) => url.href,
    (error: unknown) => (error as Error).message,
  );
}
const saying = (jwks_uri: unknown, issuer = ISSUER) => ({ json: { issuer, jwks_uri } });

describe('the metadata of a provider', () => {
  it('names the address of its keys, or of another endpoint', async () => {
    expect(await found(saying(`${ISSUER}/keys`))).toBe(`${ISSUER}/keys`);
    expect(await found(saying('https://else.test/keys'))).toBe('https://else.test/keys');
    const both = { json: { issuer: ISSUER, jwks_uri: `${ISSUER}/k`, introspection_endpoint: `${ISSUER}/i` } };
    expect(await found(both, {}, 'introspection_endpoint')).toBe(`${ISSUER}/i`);
  });

  it('names exactly the issuer that was asked', async () => {
    expect(await found(saying(`${ISSUER}/keys`, `${ISSUER}/`))).toBe('the metadata names another issuer');
    expect(await found(saying(`${ISSUER}/keys`), { url: `${ISSUER}/` })).toMatch(
      /^the metadata (?:names another issuer|could not be read)/,
    );
    expect(await found(saying(`${ISSUER}/keys`, 'https://else.test'))).toBe(
      'the metadata could not be read (OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED)',
    );
  });

  it.each([
    undefined,
    null,
    7,
    '',
    'keys',
    'ftp://issuer.test/k',
    'http://issuer.test/k',
    'https://u@issuer.test/k',
    ['https://issuer.test'],
  ])('with %j for an address has none', async (address) => {
    expect(await found(saying(address))).toBe('the metadata has no usable jwks_uri');
    const other = { json: { issuer: ISSUER, introspection_endpoint: address } };
    expect(await found(other, {}, 'introspection_endpoint')).toBe('the metadata has no usable introspection_endpoint');
  });

  it('of a provider on the network leads to no plain-text service, but its own where that was allowed', async () => {
    const NONE = 'the metadata has no usable jwks_uri';
    expect(await found(saying('http://localhost:1/k'))).toBe(NONE);
    const local = 'http://127.0.0.1:9';
    expect(await found(saying('http://localhost:1/k', local), { url: local })).toBe('http://localhost:1/k');
    expect(await found(saying('https://else.test/k', local), { url: local })).toBe('https://else.test/k');
    const plain = { url: 'http://issuer.test', plainHttp: true } as const;
    expect(await found(saying('http://issuer.test/k', plain.url), plain)).toBe('http://issuer.test/k');
    for (const address of ['http://issuer.test:8080/k', 'http://localhost/k', 'http://else.test/k']) {
      expect(await found(saying(address, plain.url), plain)).toBe(NONE);
    }
    expect(await found(saying('http://issuer.test/k', plain.url), { url: plain.url })).toMatch(/^the metadata could not be read \(/);
  });

  it.each<[string, Pages[string], string]>([
    ['is not there', { status: 404 }, 'OAUTH_RESPONSE_IS_NOT_CONFORM'],
    ['is a redirect', { status: 302, json: { issuer: ISSUER, jwks_uri: ISSUER } }, 'OAUTH_RESPONSE_IS_NOT_CONFORM'],
    ['is empty', {}, 'OAUTH_PARSE_ERROR'],
    ['is no JSON', { body: '{' }, 'OAUTH_PARSE_ERROR'],
    ['is a page', { contentType: 'text/html', body: '<p>' }, 'OAUTH_RESPONSE_IS_NOT_JSON'],
    ['does not come', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'no code'],
  ])('that %s cannot be read', async (_name, page, code) => {
    expect(await found(page)).toBe(`the metadata could not be read (${code})`);
  });
});

describe('the code of a failure', () => {
  it('is one that could have been written here, and nothing else', () => {
    const withCode = (code: unknown) => codeOf(Object.assign(new Error(), { code }));
    expect(['E', 'ECONNREFUSED', 'A_1', 'X'.repeat(60)].map(withCode)).toEqual(['E', 'ECONNREFUSED', 'A_1', 'X'.repeat(60)]);
    for (const code of ['', 'x', 'A B', 'A\n', 'X'.repeat(61), 7, undefined]) expect(withCode(code)).toBe('no code');
    for (const error of [new Error(), { code: 'E' }, null, 'E']) expect(codeOf(error)).toBe('no code');
  });
});

describe('an issuer', () => {
  async function worldOf(overrides: Partial<IssuerConfig> = {}) {
    let now = 0;
    const asked: string[] = [];
    const warned: unknown[] = [];
    const jwk = { ...(await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey)), kid: 'a' };
    const pages: Pages = { [METADATA]: saying(`${ISSUER}/keys`), '/keys': { json: { keys: [jwk] } } };
    const telemetry = { ...silentTelemetry, log: { ...silentTelemetry.log, warn: (fields: object) => void warned.push(fields) } };
    const parts = { fetcher: fetcherOf(pages, asked), limits: DEFAULT_LIMITS, clock: { now: () => now }, telemetry, closing: signal };
    const issuer = createIssuer(issuerOf(overrides), parts);
    const paths = () => asked.splice(0).map((url) => new URL(url).pathname);
    return { issuer, pages, warned, paths, pass: (milliseconds: number) => void (now += milliseconds) };
  }

  it('takes types in any spelling and reads keys where its metadata says', async () => {
    const w = await worldOf({ types: ['application/AT+JWT', ''] });
    expect([...w.issuer.types]).toEqual(['at+jwt', '']);
    expect(await w.issuer.keys.read()).toBe(true);
    expect(w.paths()).toEqual([METADATA, '/keys']);
    expect(await w.issuer.keys.find('a', 'ES256', signal)).toMatchObject({ generation: 0 });
  });

  it('reads its metadata again when it is old, or after its keys could not be read', async () => {
    const w = await worldOf();
    await w.issuer.keys.read();
    w.pass(3_599_999);
    await w.issuer.keys.read();
    expect(w.paths()).toEqual([METADATA, '/keys', '/keys']);
    w.pass(1);
    await w.issuer.keys.read();
    expect(w.paths()).toEqual([METADATA, '/keys']);
    w.pass(-3_600_000);
    await w.issuer.keys.read();
    expect(w.paths()).toEqual([METADATA, '/keys']);
    w.pages['/keys'] = { status: 503 };
    await w.issuer.keys.read();
    w.pages['/keys'] = Object.assign(new Error('x'), { code: 'ECONNRESET' });
    await w.issuer.keys.read();
    w.pages['/keys'] = { body: 'x' };
    await w.issuer.keys.read();
    expect(w.paths()).toEqual(['/keys', METADATA, '/keys', METADATA, '/keys']);
    expect(w.warned).toEqual(
      ['the key set was answered with 503', 'the key set could not be fetched (ECONNRESET)', 'the key set is not JSON'].map((reason) => ({
        issuer: 'test',
        reason,
      })),
    );
  });
});
