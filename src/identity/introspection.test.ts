import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  clientCredentialsGrant,
  discovery,
  getDPoPHandle,
  randomDPoPKeyPair,
  tokenRevocation,
} from 'openid-client';
import { afterEach, describe, expect, it } from 'vitest';
import { makeProof, proofKey } from '../../test/support/dpop.ts';
import { type IdentityFixture, outcomeOf, startIdentity } from '../../test/support/identity-fixture.ts';
import { INTROSPECTOR, startTestProvider } from '../../test/support/provider.ts';
import { startTestIssuer } from '../../test/support/test-issuer.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { createIdentity } from './identity.ts';
import type { IdentityLimits } from './limits.ts';

const SECRET = 'hidden-secret';
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});
/** On the fixture's clock, which stands still: seconds. */
const now = (f: IdentityFixture) => Math.floor(f.now() / 1_000);

interface Asked {
  readonly token: string | null;
  readonly authorization: string | undefined;
}
type Answer = { readonly status?: number; readonly type?: string; readonly body?: string | object; readonly silent?: boolean };

/** An issuer whose introspection endpoint answers as it is told. */
async function hostile(cacheSeconds = 0, limits: Partial<IdentityLimits> = {}) {
  const asked: Asked[] = [];
  let next: (claims: Readonly<Record<string, unknown>>) => Answer = (body) => ({ body });
  let url = '';
  const server = createServer((request, response) => {
    let form = '';
    request.on('data', (part: Buffer) => (form += part.toString()));
    request.on('end', () => {
      const body = { active: true, iss: f.issuer.url, ...CLAIMS, iat: now(f) - 30, exp: now(f) + 600 };
      const { status = 200, type = 'application/json', body: text = '', silent = false } = next(body);
      asked.push({ token: new URLSearchParams(form).get('token'), authorization: request.headers.authorization });
      if (silent) return;
      response.writeHead(status, { 'content-type': type }).end(typeof text === 'string' ? text : JSON.stringify(text));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`;
  const introspection = { url, clientId: 'sluice', clientSecret: SECRET, cacheSeconds };
  const f: IdentityFixture = await startIdentity({ overrides: { introspection } }, { breakerFailures: 1_000, ...limits });
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  open.push(f, { close });
  return { ...f, asked, answer: (how: typeof next) => void (next = how) };
}

const CLAIMS = {
  sub: 'alice',
  client_id: 'assistant',
  aud: 'https://sluice.test',
  tenant: 'acme',
  groups: ['hr'],
  scope: 'retrieve',
  token_type: 'Bearer',
};

describe('an opaque token', () => {
  it('is asked about with the secret, and becomes a caller', async () => {
    const f = await hostile();
    const caller = await f.identity.authenticate('opaque-1', new AbortController().signal);
    expect(caller).toMatchObject({
      tenant: 'acme',
      user: { principal: 'user:test|alice', groups: ['group:test|hr'] },
      client: 'client:test|assistant',
    });
    expect(f.asked).toEqual([{ token: 'opaque-1', authorization: `Basic ${Buffer.from(`sluice:${SECRET}`).toString('base64')}` }]);
  });

  it('what can be read here is shown to nobody', async () => {
    const f = await hostile();
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
    expect(await f.outcome(await f.issuer.sign({ iss: 'https://elsewhere.example' }))).toBe('invalid_token');
    for (const token of ['a.b.c', 'a.b.c.d.e', '..', 'x'.repeat(20_000)]) expect(await f.outcome(token)).toBe('invalid_token');
    expect(f.asked).toEqual([]);
    expect(await f.outcome('one.dot')).toBe('ok');
    expect(f.asked).toHaveLength(1);
  });

  it('without an issuer that is asked is refused', async () => {
    const f = await startIdentity();
    open.push(f);
    expect(await f.outcome('opaque-1')).toBe('invalid_token');
  });

  it('of two issuers only one may be asked', async () => {
    const issuer = await startTestIssuer();
    open.push({ close: () => issuer.stop() });
    const introspection = { clientId: 'a', clientSecret: 'b', cacheSeconds: 0 };
    const configs = ['a', 'b'].map((name) => ({ ...issuer.config, name, url: `https://${name}.test`, introspection }));
    const parts = { clock: { now: Date.now }, telemetry: silentTelemetry };
    expect(() => createIdentity({ ...parts, issuers: configs })).toThrow('more than one issuer with introspection');
    await createIdentity({ ...parts, issuers: configs.slice(0, 1) }).close();
  });
});

describe('the answer', () => {
  it.each([
    ['is active', {}, 'ok'],
    ['is not active', { active: false }, 'invalid_token'],
    ['is active as a text', { active: 'true' }, 'invalid_token'],
    ['is active as a number', { active: 1 }, 'invalid_token'],
    ['says nothing of it', { active: undefined }, 'invalid_token'],
    ['names another issuer', { iss: 'https://elsewhere.example' }, 'invalid_token'],
    ['names no issuer', { iss: undefined }, 'invalid_token'],
    ['names another audience', { aud: 'https://elsewhere.example' }, 'invalid_token'],
    ['names several audiences', { aud: ['https://elsewhere.example', 'https://sluice.test'] }, 'ok'],
    ['names no audience', { aud: undefined }, 'invalid_token'],
    ['names the client as audience', { aud: 'assistant' }, 'invalid_token'],
    ['has expired', { exp: 1_000 }, 'invalid_token'],
    ['has no end', { exp: undefined }, 'invalid_token'],
    ['ends in a text', { exp: '9999999999' }, 'invalid_token'],
    ['has no beginning', { iat: undefined }, 'invalid_token'],
    ['is of the future', { nbf: 9_999_999_999 }, 'invalid_token'],
    ['has no sub', { sub: undefined }, 'invalid_token'],
    ['has no client', { client_id: undefined }, 'invalid_token'],
    ['names two clients', { azp: 'other' }, 'invalid_token'],
    ['is of another tenant', { tenant: 'globex' }, 'invalid_token'],
    ['leaves groups out', { groups: undefined }, 'groups_incomplete'],
    ['is of a refresh token', { token_type: 'refresh_token' }, 'invalid_token'],
    ['is of no type', { token_type: undefined }, 'invalid_token'],
    ['is of a DPoP token without a key', { token_type: 'DPoP' }, 'invalid_token'],
    ['is of an ID token', { nonce: 'n' }, 'invalid_token'],
    ['is bound by a certificate', { cnf: { 'x5t#S256': 'A'.repeat(43) } }, 'invalid_token'],
  ])('%s', async (_name, over, expected) => {
    const f = await hostile();
    f.answer((claims) => ({ body: { ...claims, ...over } }));
    expect(await f.outcome('opaque-1')).toBe(expected);
  });

  it.each<[string, Answer]>([
    ['a failure', { status: 500 }],
    ['no right to ask', { status: 401, body: { error: 'invalid_client' } }],
    ['elsewhere', { status: 302 }],
    ['no JSON', { body: 'true' }],
    ['broken JSON', { body: '{"active":true' }],
    ['a list', { body: '[]' }],
    ['a name twice', { body: '{"active":false,"active":true}' }],
    ['a JWT', { type: 'application/token-introspection+jwt', body: 'a.b.c' }],
    ['far too much', { body: `{"active":true,"x":"${'x'.repeat(300_000)}"}` }],
    ['nothing', { silent: true }],
  ])('that is none opens nothing: %s', async (_name, answer) => {
    const f = await hostile(0, { fetchDeadlineMs: 1_500 });
    f.answer(() => answer);
    expect(await f.outcome('opaque-1')).toBe('issuer_unavailable');
    f.answer((body) => ({ body }));
    expect(await f.outcome('opaque-1')).toBe('ok');
    expect(f.logged.join('\n')).not.toContain(SECRET);
    expect(f.logged.join('\n')).not.toContain('opaque-1');
  });

  it('that fails again and again is no longer waited for', async () => {
    const f = await hostile(0, { breakerFailures: 3, breakerOpenMs: 60_000 });
    f.answer(() => ({ status: 500 }));
    for (let i = 0; i < 5; i++) expect(await f.outcome('opaque-1')).toBe('issuer_unavailable');
    expect(f.asked).toHaveLength(3);
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
  });

  it('that nobody waited for any more says nothing of the provider: strangers who hang up cannot lock others out', async () => {
    const f = await hostile(0, { breakerFailures: 3, breakerOpenMs: 60_000 });
    f.answer(() => ({ silent: true }));
    for (let i = 0; i < 6; i++) {
      const stranger = new AbortController();
      const asked = f.identity.authenticate(`guess-${i}`, stranger.signal);
      await expect.poll(() => f.asked.length).toBeGreaterThan(i);
      stranger.abort();
      await expect(asked).rejects.toMatchObject({ code: 'issuer_unavailable' });
    }
    f.answer((body) => ({ body }));
    expect(await f.outcome('opaque-1')).toBe('ok');
    // Those who stay and get no answer still open the circuit.
    f.answer(() => ({ status: 500 }));
    for (let i = 0; i < 3; i++) expect(await f.outcome('opaque-1')).toBe('issuer_unavailable');
    const before = f.asked.length;
    expect(await f.outcome('opaque-1')).toBe('issuer_unavailable');
    expect(f.asked).toHaveLength(before);
  });

  it('holds for as long as configured, and 0 asks every time', async () => {
    const f = await hostile(10);
    expect(await f.outcome('opaque-1')).toBe('ok');
    f.answer((claims) => ({ body: { ...claims, active: false } }));
    f.pass(5_000);
    expect(await f.outcome('opaque-1')).toBe('ok');
    expect(await f.outcome('opaque-2')).toBe('invalid_token');
    f.pass(5_000);
    expect(await f.outcome('opaque-1')).toBe('invalid_token');
    const always = await hostile(0);
    expect(await always.outcome('opaque-1')).toBe('ok');
    always.answer((claims) => ({ body: { ...claims, active: false } }));
    expect(await always.outcome('opaque-1')).toBe('invalid_token');
  });

  it('never holds beyond the end of the token', async () => {
    const f = await hostile(300);
    const end = now(f) + 3;
    f.answer((claims) => ({ body: { ...claims, exp: end } }));
    expect(await f.outcome('opaque-1')).toBe('ok');
    f.pass(60_000);
    expect(await f.outcome('opaque-1')).toBe('invalid_token');
  });

  it('of a bound token asks for its proof, from the cache too', async () => {
    const f = await hostile(60);
    const key = await proofKey();
    f.answer((claims) => ({ body: { ...claims, token_type: 'DPoP', cnf: { jkt: key.thumbprint } } }));
    const call = { method: 'POST', url: 'https://sluice.test/v1/retrieve' };
    const proof = async () => ({ ...call, proof: await makeProof(key, { ...call, token: 'opaque-1', at: now(f) }) });
    expect(await f.outcome('opaque-1', await proof())).toBe('ok');
    expect(await f.outcome('opaque-1')).toBe('invalid_token');
    expect(await f.outcome('opaque-1', await proof())).toBe('ok');
    expect(f.asked).toHaveLength(1);
    f.answer((claims) => ({ body: { ...claims, token_type: 'Bearer', cnf: { jkt: key.thumbprint } } }));
    expect(await f.outcome('opaque-2', { ...call, proof: await makeProof(key, { ...call, token: 'opaque-2', at: now(f) }) })).toBe(
      'invalid_token',
    );
  });
});

describe('oidc-provider', () => {
  it('answers for its tokens, and no longer once it revoked them', async () => {
    const introspection = { clientId: INTROSPECTOR.id, clientSecret: INTROSPECTOR.secret, cacheSeconds: 0 };
    const provider = await startTestProvider('opaque', { introspection });
    const identity = createIdentity({ issuers: [provider.config], clock: { now: Date.now }, telemetry: silentTelemetry });
    open.push(identity, provider);
    await identity.start(new AbortController().signal);
    const client = await discovery(new URL(provider.url), provider.client.id, undefined, ClientSecretBasic(provider.client.secret), {
      execute: [allowInsecureRequests],
    });
    const plain = await clientCredentialsGrant(client, { scope: 'retrieve' });
    expect(plain.access_token).not.toContain('.');
    const caller = await identity.authenticate(plain.access_token, new AbortController().signal);
    expect(caller).toMatchObject({ tenant: 'acme', user: { kind: 'none' }, client: 'client:test|assistant' });
    const bound = await clientCredentialsGrant(
      client,
      { scope: 'retrieve' },
      { DPoP: getDPoPHandle(client, await randomDPoPKeyPair('ES256')) },
    );
    expect(bound.token_type).toBe('dpop');
    expect(await outcomeOf(identity, bound.access_token)).toBe('invalid_token');
    await tokenRevocation(client, plain.access_token);
    expect(await outcomeOf(identity, plain.access_token)).toBe('invalid_token');
    expect(await outcomeOf(identity, 'never-issued')).toBe('invalid_token');
  });

  it('refuses to tell a client that may not ask', async () => {
    const introspection = { clientId: INTROSPECTOR.id, clientSecret: 'wrong', cacheSeconds: 0 };
    const provider = await startTestProvider('opaque', { introspection });
    const identity = createIdentity({ issuers: [provider.config], clock: { now: Date.now }, telemetry: silentTelemetry });
    open.push(identity, provider);
    expect(await outcomeOf(identity, 'any-token')).toBe('issuer_unavailable');
  });
});
