import { CompactEncrypt, exportJWK, generateKeyPair } from 'jose';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  clientCredentialsGrant,
  discovery,
  fetchProtectedResource,
  getDPoPHandle,
  randomDPoPKeyPair,
} from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { athOf, makeProof, type ProofKey, proofKey } from '../support/dpop.ts';
import { logoutToken, TAKES_LOGOUTS } from '../support/logout.ts';
import { INTROSPECTOR, startTestProvider, type TestProvider } from '../support/provider.ts';
import { allow } from '../support/rights.ts';
import { AUDIENCE, startTestService, type Answer, type TestService } from '../support/service.ts';
import { newKey, startTestIssuer, type TestClaims, type TestIssuer } from '../support/test-issuer.ts';

/** Tokens against the whole service over HTTP. What a token may say is tried in src/identity/*.test.ts. */
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const policy = ['everyone', 'client:test|assistant', 'client:idp|assistant'].map((who) => allow(who, 'acme', 'retrieve')).join('\n');
const seconds = () => Math.floor(Date.now() / 1_000);

let issuer: TestIssuer;
let other: TestIssuer;
let provider: TestProvider;
let opaque: TestProvider;
let test: TestService;
let key: ProofKey;

beforeAll(async () => {
  issuer = await startTestIssuer({ name: 'test', audience: AUDIENCE, overrides: TAKES_LOGOUTS });
  other = await startTestIssuer({ name: 'other', audience: AUDIENCE, tenants: ['acme'] });
  provider = await startTestProvider('jwt', { name: 'idp', dpop: 'required' });
  const introspection = { clientId: INTROSPECTOR.id, clientSecret: INTROSPECTOR.secret, cacheSeconds: 10 };
  opaque = await startTestProvider('opaque', { name: 'opaque', introspection });
  const issuers = [issuer.config, other.config, provider.config, opaque.config];
  const limits = { identity: { coolDownMs: 1 } };
  test = await startTestService({
    policy,
    tenants: ['acme'],
    issuer,
    config: { issuers, trustedProxies: ['127.0.0.1'] },
    options: { limits },
  });
  key = await proofKey();
});
afterAll(async () => {
  await test.stop();
  await Promise.all([issuer.stop(), other.stop(), provider.close(), opaque.close()]);
});

/** Each call comes from an address of its own, or after 60 refusals all further ones would be answered alike. */
const call: TestService['call'] = (method, path, token, body, headers = {}) =>
  test.call(method, path, token, body, { 'x-forwarded-for': `10.${(calls += 1) >> 8}.${calls & 255}.1`, ...headers });
let calls = 0;
const BODY = { query: 'ferry' };
const PATH = '/v1/retrieve';
const bearer = (token: string): Promise<Answer> => call('POST', PATH, token, BODY);
const status = async (token: string): Promise<number> => (await bearer(token)).status;
const claimed = async (claims: TestClaims): Promise<number> => status(await issuer.sign(claims));
const bound = (claims: TestClaims = {}): Promise<string> => issuer.sign({ cnf: { jkt: key.thumbprint }, ...claims });
const proofFor = (token: string, url = test.url + PATH): Promise<string> => makeProof(key, { token, method: 'POST', url });
const dpop = (token: string, proof: string | undefined, body: unknown = BODY): Promise<Answer> =>
  call('POST', PATH, undefined, body, { authorization: `DPoP ${token}`, ...(proof === undefined ? {} : { dpop: proof }) });
const codeOf = (answer: Answer): unknown => (answer.status === 200 ? 'ok' : answer.json()['code']);

describe('DPoP', () => {
  it('works with a client and a provider that implement it, and its token works for nobody else', async () => {
    const client = await discovery(new URL(provider.url), provider.client.id, undefined, ClientSecretBasic(provider.client.secret), {
      execute: [allowInsecureRequests],
    });
    const DPoP = getDPoPHandle(client, await randomDPoPKeyPair('ES256'));
    const { access_token: token } = await clientCredentialsGrant(client, { scope: 'retrieve' }, { DPoP });
    const headers = new Headers({ 'content-type': 'application/json' });
    const send = (handle?: typeof DPoP) =>
      fetchProtectedResource(
        client,
        token,
        new URL(test.url + PATH),
        'POST',
        JSON.stringify(BODY),
        headers,
        handle === undefined ? {} : { DPoP: handle },
      );
    for (let i = 0; i < 3; i++) expect((await send(DPoP)).status).toBe(200);
    const thief = getDPoPHandle(client, await randomDPoPKeyPair('ES256'));
    await expect(send(thief)).rejects.toMatchObject({ status: 401 });
    await expect(send()).rejects.toMatchObject({ status: 401 });
    const { access_token: unbound } = await clientCredentialsGrant(client, { scope: 'retrieve' });
    expect(await status(unbound)).toBe(401);
    expect((await send(DPoP)).status).toBe(200);
  });

  it('refuses a downgrade, and says how it wants the token', async () => {
    const token = await bound();
    const proof = await proofFor(token);
    const asBearer = await call('POST', PATH, token, BODY, { dpop: proof });
    expect(codeOf(asBearer)).toBe('invalid_token');
    expect(asBearer.headers['www-authenticate']).toMatch(
      /^Bearer resource_metadata="[^"]+", error="invalid_token", DPoP algs="[^"]*ES256[^"]*"$/,
    );
    expect(codeOf(await dpop(token, proof))).toBe('ok');
    const again = await dpop(token, proof);
    expect(codeOf(again)).toBe('invalid_dpop_proof');
    expect(again.headers['www-authenticate']).toMatch(/^DPoP resource_metadata="[^"]+", algs="[^"]+", error="invalid_dpop_proof"$/);
    expect(codeOf(await dpop(token, undefined))).toBe('invalid_dpop_proof');
    const unbound = await issuer.sign();
    const odd = await dpop(unbound, await proofFor(unbound));
    expect(codeOf(odd)).toBe('invalid_token');
    expect(odd.headers['www-authenticate']).toMatch(/^DPoP .*error="invalid_token"$/);
    expect(await status(unbound)).toBe(200);
  });

  it('is offered by the metadata and where no token came', async () => {
    const metadata = (await call('GET', '/.well-known/oauth-protected-resource', undefined)).json();
    expect(metadata).toMatchObject({ dpop_bound_access_tokens_required: false });
    expect(metadata['dpop_signing_alg_values_supported']).toContain('ES256');
    for (const algorithm of metadata['dpop_signing_alg_values_supported'] as string[]) expect(algorithm).not.toMatch(/^(HS|none)/);
    const none = await call('POST', PATH, undefined, BODY);
    expect([codeOf(none), none.headers['www-authenticate']]).toEqual([
      'missing_token',
      expect.stringMatching(/^Bearer [^,]+, DPoP algs="/),
    ]);
  });

  it('takes one proof in one field', async () => {
    const token = await bound();
    const [one, two] = [await proofFor(token), await proofFor(token)];
    const request = (fields: readonly [string, string][]) =>
      fetch(test.url + PATH, {
        method: 'POST',
        headers: [['authorization', `DPoP ${token}`], ['content-type', 'application/json'], ...fields],
        body: '{}',
      });
    const twice = await raw(token, [one, two]);
    expect(twice).toContain('invalid_dpop_proof');
    expect((await request([['dpop', `${one}, ${two}`]])).status).toBe(401);
    expect((await request([['dpop', '']])).status).toBe(401);
    expect(codeOf(await dpop(token, one))).toBe('ok');
  });

  it('believes no header about its own address', async () => {
    const token = await bound();
    const spoofed = { host: 'evil.test', 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https', forwarded: 'host=evil.test' };
    const send = async (url: string) => {
      const proof = await proofFor(token, url);
      return call('POST', PATH, undefined, BODY, { ...spoofed, authorization: `DPoP ${token}`, dpop: proof });
    };
    expect(codeOf(await send(`https://evil.test${PATH}`))).toBe('invalid_dpop_proof');
    expect(codeOf(await send(`http://evil.test${PATH}`))).toBe('invalid_dpop_proof');
    expect(codeOf(await send(test.url + PATH))).toBe('ok');
  });

  it('a proof for one route is none for another', async () => {
    const token = await bound();
    const proof = await makeProof(key, { token, method: 'GET', url: `${test.url}/v1/sources` });
    const get = (path: string) => call('GET', path, undefined, undefined, { authorization: `DPoP ${token}`, dpop: proof });
    expect(codeOf(await dpop(token, proof))).toBe('invalid_dpop_proof');
    expect((await get('/v1/sources/x')).status).toBe(401);
    expect((await get('/v1//sources')).status).toBe(401);
    expect((await get('/v1/sources')).status).toBe(200);
  });
});

/** One request with two `DPoP` fields, which `fetch` would join. */
async function raw(token: string, proofs: readonly string[]): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const headers = { authorization: `DPoP ${token}`, 'content-type': 'application/json', dpop: [...proofs] };
    const sent = request(test.url + PATH, { method: 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end('{}');
  });
}

describe('each kind of token in the place of each other', () => {
  const event = { events: { 'https://schemas.openid.net/secevent/risc/event-type/account-disabled': {} } };
  const KINDS: Readonly<Record<string, () => Promise<string>>> = {
    'access token': () => issuer.sign(),
    'bound access token': () => bound(),
    'opaque token': () => opaqueToken(),
    'ID token': () => issuer.sign({ aud: 'assistant', nonce: 'n', tenant: 'acme' }, { header: { typ: 'JWT' } }),
    'logout token': () => logoutToken(issuer, { sub: 'nobody-real' }),
    'logout token with claims of an access token': () =>
      logoutToken(issuer, {
        sub: 'nobody-real',
        aud: ['sluice-login', AUDIENCE],
        client_id: 'assistant',
        tenant: 'acme',
        groups: [],
        scope: 'retrieve',
      }),
    'DPoP proof': async () => proofFor(await bound()),
    'security event': () => issuer.sign({ ...event }, { header: { typ: 'secevent+jwt' } }),
    'answer of introspection': () => issuer.sign({ token_introspection: { active: true } }, { header: { typ: 'token-introspection+jwt' } }),
  };
  const PLACES: Readonly<Record<string, readonly [takes: readonly string[], send: (token: string) => Promise<number>]>> = {
    'Authorization: Bearer': [['access token', 'opaque token'], status],
    'Authorization: DPoP': [['bound access token'], async (token) => (await dpop(token, await proofFor(token))).status],
    'the DPoP field': [
      [],
      async (token) => {
        const access = await bound();
        expect(codeOf(await dpop(access, await proofFor(access)))).toBe('ok');
        return (await dpop(access, token)).status;
      },
    ],
    logout_token: [
      ['logout token', 'logout token with claims of an access token'],
      async (token) => (await call('POST', '/v1/backchannel-logout', undefined, `logout_token=${token}`, FORM)).status,
    ],
  };

  it.each(Object.keys(PLACES))('%s', async (place) => {
    const [takes, send] = PLACES[place] ?? [[], () => Promise.resolve(0)];
    const taken: string[] = [];
    const failed: number[] = [];
    for (const [kind, make] of Object.entries(KINDS)) {
      const answered = await send(await make());
      if (answered === 200) taken.push(kind);
      else if (answered !== 400 && answered !== 401) failed.push(answered);
    }
    expect(failed).toEqual([]);
    expect(taken).toEqual(takes);
  });

  it('a token of SCIM or of metrics is none, wherever an access token goes', async () => {
    for (const secret of ['a-metrics-token-of-16', 'Basic YTpi', 'x']) expect(await status(secret)).toBe(401);
  });

  async function opaqueToken(): Promise<string> {
    const client = await discovery(new URL(opaque.url), opaque.client.id, undefined, ClientSecretBasic(opaque.client.secret), {
      execute: [allowInsecureRequests],
    });
    return (await clientCredentialsGrant(client, { scope: 'retrieve' })).access_token;
  }
});

describe('one token under two spellings', () => {
  // The order of P-256: (r, n - s) verifies wherever (r, s) does, so one token has two spellings that are both signed.
  const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

  it('of its signature ends by one logout, cached or not', async () => {
    const token = await issuer.sign({ sub: 'twin', iat: seconds() - 60 });
    const at = token.lastIndexOf('.') + 1;
    const signature = Buffer.from(token.slice(at), 'base64url');
    const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
    const flipped = Buffer.from((N - s).toString(16).padStart(64, '0'), 'hex');
    const twin = token.slice(0, at) + Buffer.concat([signature.subarray(0, 32), flipped]).toString('base64url');
    expect(twin).not.toBe(token);
    for (const one of [token, twin]) expect(await status(one)).toBe(200);
    const logout = await logoutToken(issuer, { sub: 'twin' });
    expect((await call('POST', '/v1/backchannel-logout', undefined, `logout_token=${logout}`, FORM)).status).toBe(200);
    for (const one of [token, twin]) expect(await status(one)).toBe(401);
  });

  it('of base64, padding or space is refused in one of them', async () => {
    const token = await issuer.sign();
    expect(await status(token)).toBe(200);
    const [head = '', payload = '', signature = ''] = token.split('.');
    const standard = `${head}.${payload.replaceAll('-', '+').replaceAll('_', '/')}.${signature}`;
    for (const bent of [
      `${token}=`,
      `${token}==`,
      `${head}=.${payload}.${signature}`,
      `${token}.`,
      ...(standard === token ? [] : [standard]),
    ]) {
      expect(await status(bent)).toBe(401);
    }
    for (const value of [`Bearer  ${token}`, `bearer ${token}`]) {
      expect((await call('POST', PATH, undefined, BODY, { authorization: value })).status).toBe(200);
    }
    for (const value of [`Bearer ${token} x`, `Bearer\t${token}`, `Bearer ${token},${token}`, `Bearer "${token}"`]) {
      expect((await call('POST', PATH, undefined, BODY, { authorization: value })).status).toBe(401);
    }
  });
});

describe('tokens within tokens', () => {
  it('encrypted and nested ones are refused, and sent nowhere', async () => {
    const { publicKey } = await generateKeyPair('ECDH-ES', { extractable: true });
    const inner = await issuer.sign();
    const jwe = await new CompactEncrypt(Buffer.from(inner))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', cty: 'JWT' })
      .encrypt(publicKey);
    expect(await status(jwe)).toBe(401);
    const payload = Buffer.from(inner).toString('base64url');
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', cty: 'JWT', kid: 'key-1' })).toString('base64url');
    expect(await status(`${header}.${payload}.${inner.split('.')[2]}`)).toBe(401);
    expect(await status(inner)).toBe(200);
  });

  it('deep ones are read without falling over', async () => {
    const deep = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(await claimed({ x: deep(3_000) })).toBe(200);
    expect(await claimed({ cnf: deep(3_000) })).toBe(401);
    expect(await claimed({ act: deep(3_000) })).toBe(401);
    let act: object = { sub: 'agent' };
    for (let i = 0; i < 40; i++) act = { sub: 'agent', act };
    expect(await claimed({ act })).toBe(401);
    expect(await claimed({ act: { sub: 'agent', act: { sub: 'inner' } } })).toBe(200);
  });
});

describe('clocks', () => {
  it.each<[string, (at: number) => TestClaims, number]>([
    ['at this second', (at) => ({ iat: at, nbf: at }), 200],
    ['at a fraction of it', (at) => ({ iat: at - 0.5, nbf: at - 0.5, exp: at + 600.5 }), 200],
    ['a date as a text', (at) => ({ iat: String(at) }), 401],
    ['a start as a text', (at) => ({ nbf: String(at) }), 401],
    ['an end as a list', (at) => ({ exp: [at + 600] }), 401],
    ['a negative start', () => ({ nbf: -1 }), 401],
    ['a beginning of zero', () => ({ iat: 0 }), 401],
    ['milliseconds', (at) => ({ iat: at * 1_000, exp: (at + 600) * 1_000 }), 401],
    ['an end in milliseconds', (at) => ({ exp: (at + 600) * 1_000 }), 401],
    ['an end beyond the year 9999', () => ({ exp: 253_402_300_800 }), 401],
    ['an end in the year 9999', () => ({ exp: 253_402_300_799 }), 200],
    ['an end before the beginning', (at) => ({ iat: at, exp: at - 60 }), 401],
    ['issued a day ago', (at) => ({ iat: at - 86_300 }), 200],
    ['issued longer ago than logouts are remembered', (at) => ({ iat: at - 86_500 }), 401],
  ])('%s', async (_name, claims, expected) => {
    expect(await claimed(claims(seconds()))).toBe(expected);
  });
});

describe('a token of another place', () => {
  it('of another issuer does not pass as this one, whoever signed it', async () => {
    const foreign = { privateKey: other.newest().privateKey, kid: 'key-1' };
    expect(await status(await issuer.sign({}, { key: foreign }))).toBe(401);
    expect(await status(await issuer.sign({ iss: other.url }))).toBe(401);
    expect(await status(await other.sign({ aud: 'https://another.test' }))).toBe(401);
    expect(await status(await other.sign({ iss: issuer.url }))).toBe(401);
    expect(await status(await other.sign())).toBe(200);
    expect(await status(await issuer.sign())).toBe(200);
  });

  it('may_act names who could act, not who does: it changes nothing', async () => {
    expect(await claimed({ may_act: { sub: 'agent' } })).toBe(200);
    expect(await claimed({ may_act: 7 })).toBe(200);
    expect(await claimed({ act: 7 })).toBe(401);
  });

  it('that names two applications is refused', async () => {
    expect(await claimed({ azp: 'assistant' })).toBe(200);
    for (const azp of ['another', '', 7, null]) expect(await claimed({ azp })).toBe(401);
  });
});

describe('keys of a provider', () => {
  const token = (over: { readonly kid?: string; readonly by?: Awaited<ReturnType<typeof newKey>> } = {}) => {
    const by = over.by ?? other.newest();
    return other.sign({}, { key: { privateKey: by.privateKey, kid: over.kid ?? by.kid } });
  };

  it('that are private, symmetric, or two under one name vouch for nobody', async () => {
    const [first, second, third] = [await newKey(101), await newKey(102), await newKey(103)];
    const known = other.newest().publicJwk;
    const leaked = { ...(await exportJWK(second.privateKey)), kid: 'key-102', alg: 'ES256', use: 'sig' };
    const symmetric = { kty: 'oct', k: 'c2VjcmV0', kid: 'oct', alg: 'HS256' };
    other.publish([known, first.publicJwk, leaked, third.publicJwk, { ...second.publicJwk, kid: 'key-103' }, symmetric]);
    expect(await status(await token({ by: first }))).toBe(200);
    expect(await status(await token({ by: second }))).toBe(401);
    expect(await status(await token({ by: third }))).toBe(401);
    expect(await status(await token())).toBe(200);
  });

  it('that rotate while many ask: no request with a good token is refused', async () => {
    const failed: number[] = [];
    let asked = 0;
    let rotating = true;
    const asking = Array.from({ length: 4 }, async () => {
      while (rotating || asked < 60) {
        const answered = await status(await token());
        asked += 1;
        if (answered !== 200) failed.push(answered);
      }
    });
    for (let i = 0; i < 6; i++) {
      await other.rotate();
      for (let n = 0; n < 3; n++) expect(await status(await token())).toBe(200);
    }
    rotating = false;
    await Promise.all(asking);
    expect([asked >= 60, failed]).toEqual([true, []]);
  });

  it('that were swapped for others: tokens of the former ones are refused once the keys are read again', async () => {
    const old = await token();
    expect(await status(old)).toBe(200);
    const stranger = await newKey(200);
    other.publish([{ ...stranger.publicJwk, kid: other.newest().kid }]);
    const forged = await token({ by: stranger, kid: other.newest().kid });
    // The same name for another key: what is known goes on until the set is read again, and then only the new one does.
    expect(await status(forged)).toBe(401);
    expect(await status(await token({ by: await newKey(201) }))).toBe(401);
    expect([await status(old), await status(forged)]).toEqual([401, 200]);
  });
});

it('an ath is of the token as it was sent', async () => {
  const token = await bound();
  expect(
    codeOf(await dpop(token, await makeProof(key, { token, method: 'POST', url: test.url + PATH, claims: { ath: athOf(`${token} `) } }))),
  ).toBe('invalid_dpop_proof');
});
