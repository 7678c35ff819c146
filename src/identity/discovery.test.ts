import type { ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outcomeOf } from '../../test/support/identity-fixture.ts';
import { type Handler, json, startTestIssuer, type TestIssuer } from '../../test/support/test-issuer.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { createIdentity, type Identity } from './identity.ts';

const signal = new AbortController().signal;
let issuer: TestIssuer;
let identity: Identity;

beforeEach(async () => {
  issuer = await startTestIssuer();
  identity = createIdentity({
    issuers: [issuer.config],
    clock: { now: Date.now },
    telemetry: silentTelemetry,
    limits: { fetchDeadlineMs: 250, retryInitialMs: 20, retryMaxMs: 50, breakerFailures: 1_000, emptyCoolDownMs: 0 },
  });
});
afterEach(async () => {
  await identity.close();
  await issuer.stop();
});

const text = (status: number, type: string, body: string | Buffer): Handler => {
  return (_request, response) => void response.writeHead(status, { 'content-type': type }).end(body);
};
const metadata = (body: () => unknown): Handler => {
  return (_request, response) => json(response, body());
};
const endless: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  write(response);
};
function write(response: ServerResponse): void {
  if (response.destroyed) return;
  response.write(' '.repeat(64 * 1024), () => setImmediate(write, response));
}

/** Each is not ready and refuses with 503; the same provider answering properly is ready without a restart. */
const REFUSED_THEN_HEALED = [['test'], 'issuer_unavailable', 'ok'];

async function beforeAndAfterHealing(): Promise<unknown> {
  await identity.start(signal);
  const notReady = identity.notReady();
  const before = await outcomeOf(identity, await issuer.sign());
  issuer.answer('metadata', undefined);
  issuer.answer('keys', undefined);
  issuer.resume();
  await expect.poll(() => identity.notReady()).toEqual([]);
  return [notReady, before, await outcomeOf(identity, await issuer.sign())];
}

describe.each(['metadata', 'keys'] as const)('%s', (document) => {
  it.each<[string, Handler]>([
    ['an HTML page', text(200, 'text/html', '<!doctype html><title>Sign in</title>')],
    ['an HTML page that says it is JSON', text(200, 'application/json', '<!doctype html><title>Sign in</title>')],
    ['an error', text(500, 'application/json', '{"keys":[],"issuer":"x"}')],
    ['nothing at all', text(204, 'application/json', '')],
    ['an empty body', text(200, 'application/json', '')],
    ['another JSON value', text(200, 'application/json', '[1,2,3]')],
    ['the wrong members', text(200, 'application/json', '{"keys":"none","issuer":7}')],
    ['a huge answer', text(200, 'application/json', Buffer.alloc(2_000_000, ' '))],
    ['an answer without end', endless],
    ['a redirect', (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['a connection that breaks', (request) => void request.socket.destroy()],
    ['an answer that never comes', () => undefined],
    [
      'an answer that stops in the middle',
      (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    ],
  ])('%s', async (_name, handler) => {
    issuer.answer(document, handler);
    expect(await beforeAndAfterHealing()).toEqual(REFUSED_THEN_HEALED);
  });
});

describe('metadata', () => {
  it.each<[string, (url: string) => unknown]>([
    ['of another issuer', (url) => ({ issuer: 'https://elsewhere.example', jwks_uri: `${url}/keys` })],
    ['of the same issuer spelt otherwise', (url) => ({ issuer: `${url}/`, jwks_uri: `${url}/keys` })],
    ['without keys', (url) => ({ issuer: url })],
    ['with keys over plain http off this machine', (url) => ({ issuer: url, jwks_uri: 'http://192.0.2.1/keys' })],
    ['with keys in a file', (url) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' })],
    ['with keys in the address', (url) => ({ issuer: url, jwks_uri: 'data:application/json,{"keys":[]}' })],
    ['with a name and password for the keys', (url) => ({ issuer: url, jwks_uri: url.replace('http://', 'http://a:b@') })],
    ['with keys of the wrong type', (url) => ({ issuer: url, jwks_uri: [`${url}/keys`] })],
  ])('%s', async (_name, body) => {
    issuer.answer(
      'metadata',
      metadata(() => body(issuer.url)),
    );
    expect(await beforeAndAfterHealing()).toEqual(REFUSED_THEN_HEALED);
  });
});

describe('a provider that is down at start', () => {
  it('is not ready and not fatal, and is found when it comes', async () => {
    await issuer.stop();
    await identity.start(signal);
    expect(identity.notReady()).toEqual(['test']);
    expect(await outcomeOf(identity, await issuer.sign())).toBe('issuer_unavailable');
    await issuer.restart();
    await expect.poll(() => identity.notReady()).toEqual([]);
    expect(await outcomeOf(identity, await issuer.sign())).toBe('ok');
  });

  it('does not keep another from serving', async () => {
    const other = await startTestIssuer({ name: 'other' });
    const both = createIdentity({ issuers: [issuer.config, other.config], clock: { now: Date.now }, telemetry: silentTelemetry });
    await issuer.stop();
    try {
      await both.start(signal);
      expect(both.notReady()).toEqual(['test']);
      expect(await outcomeOf(both, await other.sign())).toBe('ok');
      expect(await outcomeOf(both, await issuer.sign())).toBe('issuer_unavailable');
    } finally {
      await both.close();
      await other.stop();
    }
  });

  it('start ends with its signal, and nothing works after closing', async () => {
    issuer.pause();
    await identity.start(AbortSignal.timeout(30));
    expect(identity.notReady()).toEqual(['test']);
    issuer.resume();
    await expect.poll(() => identity.notReady()).toEqual([]);
    const token = await issuer.sign();
    expect(await outcomeOf(identity, token)).toBe('ok');
    await identity.close();
    expect(await outcomeOf(identity, token)).toBe('issuer_unavailable');
  });
});

describe('keys of the wrong kind', () => {
  it('are left out, and the good one among them is used', async () => {
    const good = issuer.newest();
    const ec = await generateKeyPair('ES256', { extractable: true });
    const rsa = await generateKeyPair('RS256', { extractable: true });
    const { n: _n, ...withoutModulus } = await exportJWK(rsa.publicKey);
    const bad = [
      { ...(await exportJWK(ec.privateKey)), kid: 'private' },
      { kty: 'oct', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA', kid: 'symmetric', alg: 'ES256' },
      { ...(await exportJWK(ec.publicKey)), kid: 'encryption', use: 'enc' },
      { ...(await exportJWK(ec.publicKey)), kid: 'other-operation', key_ops: ['deriveKey'] },
      { ...(await exportJWK(ec.publicKey)), kid: 'other-algorithm', alg: 'ES384' },
      { ...withoutModulus, kid: 'no-modulus' },
      { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'short' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'no-point' },
      { kty: 'unheard-of', kid: 'unknown' },
      { kid: 7 },
      null,
      'key',
    ];
    issuer.answer('keys', (_request, response) => json(response, { keys: [...bad, good.publicJwk] }));
    await identity.start(signal);
    for (const kid of ['private', 'encryption', 'other-operation', 'other-algorithm', 'symmetric', 'no-modulus', 'short', 'no-point']) {
      const token = await issuer.sign({}, { key: { privateKey: ec.privateKey, kid } });
      expect([kid, await outcomeOf(identity, token)]).toEqual([kid, 'invalid_token']);
    }
    expect(await outcomeOf(identity, await issuer.sign())).toBe('ok');
  });

  it('alone do not make an issuer ready', async () => {
    issuer.publish([{ kty: 'oct', k: 'c2VjcmV0' }]);
    await identity.start(signal);
    expect(identity.notReady()).toEqual(['test']);
    issuer.publish([issuer.newest().publicJwk]);
    await expect.poll(() => identity.notReady()).toEqual([]);
  });

  it('a set of too many is refused', async () => {
    const { publicJwk } = issuer.newest();
    issuer.publish(Array.from({ length: 101 }, (_, i) => ({ ...publicJwk, kid: `k${i}` })));
    await identity.start(signal);
    expect(identity.notReady()).toEqual(['test']);
  });
});
