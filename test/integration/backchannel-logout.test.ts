import { setTimeout as sleep } from 'node:timers/promises';
import { allowInsecureRequests, ClientSecretBasic, clientCredentialsGrant, discovery } from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { logoutToken, TAKES_LOGOUTS } from '../support/logout.ts';
import { httpProxy, PASS } from '../support/http-proxy.ts';
import { ownPort } from '../support/own-port.ts';
import { startTestProvider } from '../support/provider.ts';
import { qdrantForTests } from '../support/qdrant.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import { AUDIENCE, startTestService, type Answer } from '../support/service.ts';
import { startTestIssuer, type TestClaims } from '../support/test-issuer.ts';

const PATH = '/v1/backchannel-logout';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const policy = ['everyone', 'client:test|assistant'].map((who) => allow(who, 'acme', 'retrieve')).join('\n');
const ago = (seconds: number) => Math.floor(Date.now() / 1_000) - seconds;

describe.each<Deployment>(['sqlite', 'postgres'])('a logout at the provider, on %s', (deployment) => {
  let replicas: Replicas;
  beforeAll(async () => {
    replicas = await startReplicas(deployment, policy, {}, TAKES_LOGOUTS);
  });
  afterAll(() => replicas.stop());

  const post = (token: string, body = new URLSearchParams({ logout_token: token }).toString()): Promise<Answer> =>
    replicas.a.call('POST', PATH, undefined, body, FORM);
  const logout = async (claims: TestClaims): Promise<Answer> => post(await logoutToken(replicas.issuer, claims));
  const ask = async (token: string, at = replicas.b): Promise<number> =>
    (await at.call('POST', '/v1/retrieve', token, { query: 'x' })).status;
  /** Issued a minute ago, but for what is given. */
  const token = (claims: TestClaims) => replicas.issuer.sign({ iat: ago(60), ...claims });

  it('of a person ends every token issued before it, from the next request, on every replica', async () => {
    const before = [
      await token({ sub: 'ada' }),
      await token({ sub: 'ada', sid: 'one' }),
      await token({ sub: 'ada', client_id: 'assistant' }),
    ];
    const other = await token({ sub: 'bob' });
    for (const one of [...before, other]) expect(await ask(one)).toBe(200);
    const lastSecond = ago(0);
    const answer = await logout({ sub: 'ada' });
    expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([200, '', 'no-store']);
    for (const one of before) for (const at of [replicas.a, replicas.b]) expect(await ask(one, at)).toBe(401);
    expect(await ask(other)).toBe(200);
    // A new login some seconds later, by a clock that the test need not wait for.
    expect(await ask(await token({ sub: 'ada', iat: ago(-3) }))).toBe(200);
    expect(await ask(await token({ sub: 'ada', iat: lastSecond }))).toBe(401);
  });

  it('of a session ends its tokens for good, and those of the person that name no session', async () => {
    const ended = await token({ sub: 'cyd', sid: 'first' });
    const unnamed = await token({ sub: 'cyd' });
    const kept = await token({ sub: 'cyd', sid: 'second' });
    const strangers = await token({ sub: 'dan' });
    for (const one of [ended, unnamed, kept, strangers]) expect(await ask(one)).toBe(200);
    expect((await logout({ sub: 'cyd', sid: 'first' })).status).toBe(200);
    expect([await ask(ended), await ask(unnamed), await ask(kept), await ask(strangers)]).toEqual([401, 401, 200, 200]);
    expect(await ask(await token({ sub: 'cyd', sid: 'first', iat: ago(-3) }))).toBe(401);
    expect(await ask(await token({ sub: 'cyd', iat: ago(-3) }))).toBe(200);
    expect((await logout({ sid: 'second' })).status).toBe(200);
    expect([await ask(kept), await ask(strangers)]).toEqual([401, 200]);
  });

  it('is taken once: told again, it does not end what was issued since', async () => {
    const sent = await logoutToken(replicas.issuer, { sub: 'eve' });
    const old = await token({ sub: 'eve' });
    expect(await ask(old)).toBe(200);
    expect((await post(sent)).status).toBe(200);
    const again = await post(sent);
    expect([again.status, again.json()['code'], again.headers['cache-control']]).toEqual([400, 'invalid_logout_token', 'no-store']);
    const elsewhere = await replicas.b.call('POST', PATH, undefined, new URLSearchParams({ logout_token: sent }).toString(), FORM);
    expect(elsewhere.status).toBe(400);
    expect(await ask(old)).toBe(401);
  });

  it('that does not hold ends nothing, and is the one thing the path answers to', async () => {
    const fay = await token({ sub: 'fay' });
    expect((await logout({ sub: 'fay', aud: 'https://sluice.test' })).status).toBe(400);
    expect((await logout({ sub: 'fay', nonce: 'n' })).status).toBe(400);
    expect((await post(fay)).status).toBe(400);
    expect((await post('')).status).toBe(400);
    const good = await logoutToken(replicas.issuer, { sub: 'fay' });
    expect((await post('', '')).status).toBe(400);
    expect((await post('', `logout_token=${good}&logout_token=${good}`)).status).toBe(400);
    expect((await post('', `logout_token=${good}&x=${'x'.repeat(40_000)}`)).status).toBe(413);
    expect((await replicas.a.call('POST', PATH, undefined, { logout_token: good })).status).toBe(415);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await replicas.a.call(method, `${PATH}?logout_token=${good}`, undefined);
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST']);
    }
    expect(await ask(fay)).toBe(200);
    expect((await post('', `logout_token=${good}&state=x`)).status).toBe(200);
    expect(await ask(fay)).toBe(401);
  });

  it('is written into the log of the tenant, without the session', async () => {
    const answer = await logout({ sub: 'gil', sid: 'secret-session' });
    const requestId = String(answer.headers['x-request-id']);
    const [event] = await replicas.b.service.stores.audit.byRequest('acme' as TenantId, requestId);
    expect(event).toMatchObject({ kind: 'login.ended', body: { issuer: 'test', user: 'user:test|gil' } });
    expect(JSON.stringify(event)).not.toContain('secret-session');
    const refused = await logout({ sub: 'gil', nonce: 'n' });
    expect(await replicas.b.service.stores.audit.byRequest('acme' as TenantId, String(refused.headers['x-request-id']))).toEqual([]);
  });

  it('while many ask: nobody who begins after the answer is let in', async () => {
    for (let trial = 0; trial < 10; trial++) {
      const hal = await token({ sub: `hal-${trial}` });
      let acknowledged = false;
      const late: number[] = [];
      const asking = Array.from({ length: 4 }, async (_, n) => {
        for (let i = 0; i < 8; i++) {
          const after = acknowledged;
          const status = await ask(hal, n % 2 === 0 ? replicas.a : replicas.b);
          if (after) late.push(status);
          await sleep(1);
        }
      });
      expect((await logout({ sub: `hal-${trial}` })).status).toBe(200);
      acknowledged = true;
      await Promise.all(asking);
      late.push(await ask(hal), await ask(hal, replicas.a));
      expect(late.filter((status) => status !== 401)).toEqual([]);
    }
  });
});

describe('a logout while an answer is on its way', () => {
  it('refuses it at the release, and leaves what others asked alone', async () => {
    const qdrant = await qdrantForTests();
    const proxy = await httpProxy(qdrant.url);
    const issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE, overrides: TAKES_LOGOUTS });
    const index = { kind: 'remote' as const, url: proxy.url, apiKey: qdrant.apiKey ?? '' };
    const lines = ['ingest', 'label'].map((action) => allow('client:test|loader', 'acme', action)).join('\n');
    const config = { qdrant: index, collection: qdrant.freshCollection() };
    const test = await startTestService({ policy: `${policy}\n${lines}`, tenants: ['acme'], issuer, config });
    try {
      const loader = await issuer.sign({ sub: 'loader', client_id: 'loader' });
      const source = { title: 'Log', owner: 'client:test|loader', level: 'public', trust: 'trusted' };
      const body = { mediaType: 'text/plain', text: 'The ferry leaves at nine.', acl: { allow: ['everyone'] } };
      expect((await test.call('PUT', '/v1/sources/log', loader, source)).status).toBe(201);
      expect((await test.call('PUT', '/v1/sources/log/documents/a', loader, body)).status).toBe(200);
      const ask = async (sub: string) =>
        test.call('POST', '/v1/retrieve', await issuer.sign({ sub, iat: ago(60) }), { query: 'ferry', limit: 1 });
      const searching = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      let held = 0;
      proxy.react(async ({ path }) => {
        if (!path.includes('/points/query')) return PASS;
        if ((held += 1) === 2) searching.resolve();
        await goOn.promise;
        return PASS;
      });
      const [ada, bob] = [ask('ada'), ask('bob')];
      await searching.promise;
      const form = new URLSearchParams({ logout_token: await logoutToken(issuer, { sub: 'ada' }) }).toString();
      expect((await test.call('POST', PATH, undefined, form, FORM)).status).toBe(200);
      goOn.resolve();
      expect((await ada).status).toBe(401);
      expect((await bob).json<{ chunks: readonly unknown[] }>().chunks).toHaveLength(1);
    } finally {
      await test.stop();
      await proxy.close();
      await issuer.stop();
      await qdrant.stop();
    }
  });
});

describe('refused logout tokens', () => {
  it('from one address are slowed down, and do not shut out one that holds', async () => {
    const issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE, overrides: TAKES_LOGOUTS });
    const test = await startTestService({ policy, tenants: ['acme'], issuer });
    const send = async (claims: TestClaims): Promise<Answer> => {
      const form = new URLSearchParams({ logout_token: await logoutToken(issuer, claims) }).toString();
      return test.call('POST', PATH, undefined, form, FORM);
    };
    try {
      const statuses: number[] = [];
      for (let i = 0; i < 62; i++) statuses.push((await send({ sub: 'ada', nonce: 'n' })).status);
      expect([statuses[0], statuses.at(-1)]).toEqual([400, 429]);
      expect((await send({ sub: 'ada' })).status).toBe(200);
    } finally {
      await test.stop();
      await issuer.stop();
    }
  });
});

describe('oidc-provider', () => {
  it('tells of a logout in a way that is understood, and is answered as it expects', async () => {
    const port = await ownPort();
    const rules = { logout: { audiences: ['assistant'], types: ['logout+jwt'] } };
    const provider = await startTestProvider('jwt', { ...rules, name: 'idp' }, `http://127.0.0.1:${port}${PATH}`);
    const test = await startTestService({ policy, tenants: ['acme'], config: { port, issuers: [provider.config] } });
    try {
      const client = await discovery(new URL(provider.url), provider.client.id, undefined, ClientSecretBasic(provider.client.secret), {
        execute: [allowInsecureRequests],
      });
      const { access_token: token } = await clientCredentialsGrant(client, { scope: 'retrieve' });
      const ask = async () => (await test.call('POST', '/v1/retrieve', token, { query: 'x' })).status;
      expect(await ask()).toBe(200);
      await provider.logout('somebody-else', 'a-session');
      expect(await ask()).toBe(200);
      await provider.logout(provider.client.id, 'a-session');
      expect(await ask()).toBe(401);
    } finally {
      await test.stop();
      await provider.close();
    }
  });
});
