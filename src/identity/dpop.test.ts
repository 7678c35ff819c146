import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProof, type ProofKey, type ProofOptions, proofKey } from '../../test/support/dpop.ts';
import { type IdentityFixture, startIdentity } from '../../test/support/identity-fixture.ts';
import { signRaw } from '../../test/support/test-issuer.ts';
import type { Possession } from '../core/ports/identity.ts';

const URL_OF_CALL = 'https://sluice.test/v1/retrieve';

let f: IdentityFixture;
let key: ProofKey;
let token: string;
/** On the fixture's clock, which stands still. */
const now = (of = f) => Math.floor(of.now() / 1_000);
beforeAll(async () => {
  f = await startIdentity();
  key = await proofKey();
  token = await f.issuer.sign({ cnf: { jkt: key.thumbprint } });
});
afterAll(() => f.close());

const sent = (proof: string, over: Partial<Possession> = {}): Possession => ({ proof, method: 'POST', url: URL_OF_CALL, ...over });
const prove = (over: Partial<ProofOptions> = {}, by = key) =>
  makeProof(by, { token, method: 'POST', url: URL_OF_CALL, at: now(), ...over });
const outcome = async (over: Partial<ProofOptions> = {}, by = key) => f.outcome(token, sent(await prove(over, by)));

describe('a token bound to a key', () => {
  it('is let in with its proof, and with that alone, however often it was let in before', async () => {
    expect(await outcome()).toBe('ok');
    expect(await f.outcome(token)).toBe('invalid_token');
    expect(await outcome()).toBe('ok');
    expect(await f.outcome(token)).toBe('invalid_token');
    expect(await f.outcome(token, sent(''))).toBe('invalid_dpop_proof');
  });

  it('one that is not bound is no DPoP token', async () => {
    const unbound = await f.issuer.sign();
    expect(await f.outcome(unbound)).toBe('ok');
    const proof = await prove({ token: unbound });
    expect(await f.outcome(unbound, sent(proof))).toBe('invalid_token');
    expect(await f.outcome(unbound)).toBe('ok');
  });

  it.each([
    [{ 'x5t#S256': 'A'.repeat(43) }],
    [{ jkt: 'A'.repeat(43), 'x5t#S256': 'A'.repeat(43) }],
    [{ jwk: {} }],
    [{ kid: 'k' }],
    [{}],
    [[]],
    [null],
    ['jkt'],
    [{ jkt: 'short' }],
    [{ jkt: 7 }],
    [{ JKT: 'A'.repeat(43) }],
  ])('with a confirmation that cannot be checked is refused: %j', async (cnf) => {
    const odd = await f.issuer.sign({ cnf });
    expect(await f.outcome(odd)).toBe('invalid_token');
    const proof = await prove({ token: odd });
    expect(await f.outcome(odd, sent(proof))).toBe('invalid_token');
  });

  it.each(['ES256', 'ES384', 'PS256', 'RS256', 'Ed25519', 'EdDSA'])('may be proved with %s', async (algorithm) => {
    const own = await proofKey(algorithm);
    const bound = await f.issuer.sign({ cnf: { jkt: own.thumbprint } });
    expect(await f.outcome(bound, sent(await prove({ token: bound }, own)))).toBe('ok');
    expect(await f.outcome(bound, sent(await prove({ token: bound })))).toBe('invalid_dpop_proof');
  });
});

describe('what an issuer is configured for', () => {
  it.each([
    ['required', 'invalid_token', 'ok'],
    ['accepted', 'ok', 'ok'],
    ['refused', 'ok', 'invalid_token'],
  ] as const)('%s: unbound %s, bound %s', async (dpop, unbound, bound) => {
    const fixture = await startIdentity({ overrides: { dpop } });
    try {
      expect(fixture.identity.dpop).toBe(dpop);
      expect(await fixture.outcome(await fixture.issuer.sign())).toBe(unbound);
      const own = await fixture.issuer.sign({ cnf: { jkt: key.thumbprint } });
      expect(await fixture.outcome(own, sent(await prove({ token: own, at: now(fixture) })))).toBe(bound);
    } finally {
      await fixture.close();
    }
  });
});

describe('a proof', () => {
  it('is for one method', async () => {
    for (const htm of ['GET', 'post', '', undefined, ['POST']]) expect(await outcome({ claims: { htm } })).toBe('invalid_dpop_proof');
    expect(await f.outcome(token, sent(await prove(), { method: 'GET' }))).toBe('invalid_dpop_proof');
    expect(await outcome({ claims: { htm: 'POST' } })).toBe('ok');
  });

  it.each([
    'https://elsewhere.test/v1/retrieve',
    'http://sluice.test/v1/retrieve',
    'https://sluice.test:8443/v1/retrieve',
    'https://sluice.test/v1/retrieve/',
    'https://sluice.test/v1/Retrieve',
    'https://sluice.test/v1',
    'https://sluice.test.elsewhere.test/v1/retrieve',
    'https://user@sluice.test/v1/retrieve',
    '/v1/retrieve',
    '',
  ])('for another address is refused: %s', async (htu) => {
    expect(await outcome({ claims: { htu } })).toBe('invalid_dpop_proof');
  });

  it.each([
    URL_OF_CALL,
    'HTTPS://SLUICE.TEST/v1/retrieve',
    'https://sluice.test:443/v1/retrieve',
    'https://sluice.test/v1/%72etrieve',
    'https://sluice.test/v1/retrieve?x=1#y',
    'https://sluice.test/v1/x/../retrieve',
  ])('for the same address under another spelling is accepted: %s', async (htu) => {
    expect(await outcome({ claims: { htu } })).toBe('ok');
  });

  it('of a path with escapes is for that path, and none is for a path with dots', async () => {
    const url = 'https://sluice.test/v1/sources/a%2fb/documents/%C3%A9%7e';
    const at = async (htu: string, path = url) => f.outcome(token, sent(await prove({ claims: { htu } }), { url: path }));
    expect(await at('https://sluice.test/v1/sources/a%2Fb/documents/%c3%a9~')).toBe('ok');
    expect(await at('https://sluice.test/v1/sources/a/b/documents/%c3%a9~')).toBe('invalid_dpop_proof');
    for (const dotted of ['https://sluice.test/v1/sources/../retrieve', 'https://sluice.test/v1/sources/%2e%2e/retrieve']) {
      for (const htu of [dotted, URL_OF_CALL]) expect(await at(htu, dotted)).toBe('invalid_dpop_proof');
    }
  });

  it('is for one token', async () => {
    const other = await f.issuer.sign({ cnf: { jkt: key.thumbprint } });
    expect(await outcome({ token: other })).toBe('invalid_dpop_proof');
    for (const ath of [undefined, '', 7]) expect(await outcome({ claims: { ath } })).toBe('invalid_dpop_proof');
    expect(await f.outcome(other, sent(await prove({ token: other })))).toBe('ok');
  });

  it('is by the key of the token', async () => {
    const mallory = await proofKey();
    expect(await outcome({}, mallory)).toBe('invalid_dpop_proof');
    // Her signature under the owner's key, and the owner's signature under hers.
    expect(await outcome({ header: { jwk: key.publicJwk } }, mallory)).toBe('invalid_dpop_proof');
    expect(await outcome({ header: { jwk: mallory.publicJwk } })).toBe('invalid_dpop_proof');
    const theirs = await f.issuer.sign({ sub: 'olga', cnf: { jkt: mallory.thumbprint } });
    expect(await f.outcome(theirs, sent(await prove({ token: theirs }, mallory)))).toBe('ok');
  });

  it('is used once', async () => {
    const proof = await prove();
    expect(await f.outcome(token, sent(proof))).toBe('ok');
    expect(await f.outcome(token, sent(proof))).toBe('invalid_dpop_proof');
    // Signed anew with the same id it is the same proof.
    expect(await outcome({ claims: { jti: 'one' } })).toBe('ok');
    expect(await outcome({ claims: { jti: 'one' } })).toBe('invalid_dpop_proof');
    for (const jti of [undefined, '', 7, null, 'x'.repeat(513)]) expect(await outcome({ claims: { jti } })).toBe('invalid_dpop_proof');
  });

  it('of two at once only one is taken', async () => {
    const proof = await prove();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => f.outcome(token, sent(proof))));
    expect(outcomes.filter((one) => one === 'ok')).toHaveLength(1);
  });

  it('that was refused for another reason was not used', async () => {
    const proof = await prove();
    expect(await f.outcome(token, sent(proof, { method: 'PUT' }))).toBe('invalid_dpop_proof');
    expect(await f.outcome(token, sent(proof))).toBe('ok');
  });

  it('is of now: 65 s back and 5 s ahead with a skew of 5 s', async () => {
    for (const iat of [now() - 70, now() + 10, undefined, 'now', null, -1, now() * 1_000]) {
      expect(await outcome({ claims: { iat } })).toBe('invalid_dpop_proof');
    }
    for (const iat of [now() - 60, now() + 3, now() + 0.5]) expect(await outcome({ claims: { iat } })).toBe('ok');
    expect(await outcome({ claims: { exp: now() - 60 } })).toBe('invalid_dpop_proof');
    expect(await outcome({ claims: { nbf: now() + 60 } })).toBe('invalid_dpop_proof');
  });

  it('a used one stays used for as long as it would be taken', async () => {
    const fixture = await startIdentity();
    try {
      const own = await fixture.issuer.sign({ cnf: { jkt: key.thumbprint } });
      const proof = await prove({ token: own, at: now(fixture) + 4 });
      expect(await fixture.outcome(own, sent(proof))).toBe('ok');
      for (let second = 0; second < 90; second += 10) {
        expect(await fixture.outcome(own, sent(proof))).toBe('invalid_dpop_proof');
        fixture.pass(10_000);
      }
    } finally {
      await fixture.close();
    }
  });

  it('names one public key and nothing that leads to another', async () => {
    for (const jwk of [
      key.privateJwk,
      undefined,
      null,
      'key',
      {},
      { kty: 'oct', k: 'AA' },
      { ...key.publicJwk, k: 'AA' },
      { ...key.publicJwk, crv: 'P-384' },
    ]) {
      expect(await outcome({ header: { jwk } })).toBe('invalid_dpop_proof');
    }
    for (const header of [{ jku: f.issuer.url }, { x5u: f.issuer.url }, { x5c: ['AA=='] }, { zip: 'DEF' }]) {
      expect(await outcome({ header })).toBe('invalid_dpop_proof');
    }
    expect(await outcome({ header: { kid: 'any' } })).toBe('ok');
  });

  it('by an RSA key that is short, huge or of a large exponent is refused before its signature is looked at', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const n = Buffer.from(jwk.n ?? '', 'base64url');
    for (const bent of [
      { n: n.subarray(0, 128).toString('base64url') },
      { n: Buffer.alloc(1_025, 255).toString('base64url') },
      { e: n.toString('base64url') },
    ]) {
      const header = JSON.stringify({ typ: 'dpop+jwt', alg: 'RS256', jwk: { ...jwk, ...bent } });
      const proof = `${Buffer.from(header).toString('base64url')}.e30.AAAA`;
      expect(await f.outcome(token, sent(proof))).toBe('invalid_dpop_proof');
    }
  });

  it('by no algorithm, by a symmetric one, or of another type is refused', async () => {
    const [, payload = ''] = (await prove()).split('.');
    for (const alg of ['none', 'HS256', 'RS1', '']) {
      const header = Buffer.from(JSON.stringify({ typ: 'dpop+jwt', alg, jwk: key.publicJwk })).toString('base64url');
      expect(await f.outcome(token, sent(`${header}.${payload}.`))).toBe('invalid_dpop_proof');
      expect(await f.outcome(token, sent(`${header}.${payload}.AAAA`))).toBe('invalid_dpop_proof');
    }
    const secret = Buffer.from(JSON.stringify(key.publicJwk));
    const hmac = new SignJWT({ jti: 'h', htm: 'POST', htu: URL_OF_CALL, iat: now() });
    expect(
      await f.outcome(token, sent(await hmac.setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: key.publicJwk }).sign(secret))),
    ).toBe('invalid_dpop_proof');
    for (const typ of ['JWT', 'at+jwt', 'logout+jwt', '', undefined]) expect(await outcome({ header: { typ } })).toBe('invalid_dpop_proof');
    expect(await outcome({ header: { typ: 'DPoP+JWT' } })).toBe('ok');
  });

  it('with a name twice, two proofs in one field, or too long is refused', async () => {
    const claims = { jti: 'twice', htm: 'POST', htu: URL_OF_CALL, iat: now() };
    const header = JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.publicJwk });
    const twice = `${JSON.stringify(claims).slice(0, -1)},"htu":"${URL_OF_CALL}"}`;
    expect(await f.outcome(token, sent(await signRaw(header, twice, key.privateKey)))).toBe('invalid_dpop_proof');
    expect(await f.outcome(token, sent(`${await prove()}, ${await prove()}`))).toBe('invalid_dpop_proof');
    expect(await outcome({ claims: { padding: 'x'.repeat(9_000) } })).toBe('invalid_dpop_proof');
    expect(await outcome({ claims: { padding: 'x'.repeat(1_000) } })).toBe('ok');
  });

  it('is no access token, and an access token is no proof', async () => {
    expect(await f.outcome(await prove())).toBe('invalid_token');
    expect(await f.outcome(token, sent(token))).toBe('invalid_dpop_proof');
  });
});
