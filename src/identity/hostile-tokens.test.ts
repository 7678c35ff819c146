import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT, type CryptoKey, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IdentityFixture, startIdentity } from '../../test/support/identity-fixture.ts';
import { newKey, signRaw } from '../../test/support/test-issuer.ts';

let f: IdentityFixture;
beforeAll(async () => {
  f = await startIdentity();
});
afterAll(() => f.close());

const now = () => Math.floor(f.now() / 1_000);
const accepted = async (...args: Parameters<IdentityFixture['issuer']['sign']>) => f.outcome(await f.issuer.sign(...args));

function parts(token: string): [string, string, string] {
  return token.split('.') as [string, string, string];
}
const claimsIn = (token: string) => JSON.parse(Buffer.from(parts(token)[1], 'base64url').toString()) as JWTPayload;
const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

describe('the signature', () => {
  it('is required: unsigned tokens are refused, the same one signed is accepted', async () => {
    const good = await f.issuer.sign({});
    const [, payload] = parts(good);
    expect(await f.outcome(good)).toBe('ok');
    const claims = claimsIn(good);
    expect(await f.outcome(new UnsecuredJWT(claims).encode())).toBe('invalid_token');
    for (const alg of ['none', 'None', 'NONE', '']) {
      expect(await f.outcome(`${encode({ alg, typ: 'at+jwt', kid: 'key-1' })}.${payload}.`)).toBe('invalid_token');
      expect(await f.outcome(`${encode({ alg, typ: 'at+jwt', kid: 'key-1' })}.${payload}.AAAA`)).toBe('invalid_token');
    }
  });

  it('by HMAC with the public key as the secret is refused (algorithm confusion)', async () => {
    const publicKey = (await importJWK(f.issuer.newest().publicJwk, 'ES256')) as CryptoKey;
    const secrets = [await exportSPKI(publicKey), JSON.stringify(f.issuer.newest().publicJwk)];
    for (const secret of secrets) {
      const forged = await new SignJWT(claimsIn(await f.issuer.sign()))
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'key-1' })
        .sign(Buffer.from(secret));
      expect(await f.outcome(forged)).toBe('invalid_token');
    }
  });

  it('by another key under a known kid is refused, as is one that was bent', async () => {
    const other = await newKey(9);
    expect(await accepted({}, { key: { privateKey: other.privateKey, kid: 'key-1' } })).toBe('invalid_token');
    const good = await f.issuer.sign();
    const [header, payload, signature] = parts(good);
    expect(await f.outcome(good)).toBe('ok');
    expect(await f.outcome(`${header}.${payload}.${signature.slice(0, -4)}AAAA`)).toBe('invalid_token');
    expect(await f.outcome(`${header}.${encode({ ...claimsIn(good), sub: 'olga' })}.${signature}`)).toBe('invalid_token');
  });

  it('by an algorithm that the issuer is not allowed is refused, though the key is published', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const fixture = await startIdentity();
    try {
      fixture.issuer.publish([{ ...(await exportJWK(publicKey)), kid: 'rsa' }, fixture.issuer.newest().publicJwk]);
      const claims = claimsIn(await fixture.issuer.sign());
      const rsa = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'rsa' }).sign(privateKey);
      fixture.pass(31_000);
      expect(await fixture.outcome(rsa)).toBe('invalid_token');
      expect(await fixture.outcome(await fixture.issuer.sign())).toBe('ok');
    } finally {
      await fixture.close();
    }
  });
});

describe('headers', () => {
  it('that bring or point to a key are refused', async () => {
    const mallory = await newKey(1);
    const key = { privateKey: mallory.privateKey, kid: 'key-1' };
    for (const header of [{ jwk: mallory.publicJwk }, { jku: f.issuer.url }, { x5u: f.issuer.url }, { x5c: ['AA=='] }]) {
      expect(await accepted({}, { header, key })).toBe('invalid_token');
      // Refused even where the signature is good: nobody honest sends them here.
      expect(await accepted({}, { header })).toBe('invalid_token');
    }
    expect(await accepted({}, { header: { x5t: 'abc' } })).toBe('ok');
  });

  it('with crit, a JWE, or b64 are refused', async () => {
    const { privateKey } = f.issuer.newest();
    const [, payload] = parts(await f.issuer.sign());
    const body = Buffer.from(payload, 'base64url').toString();
    for (const extra of [
      { crit: ['exp'] },
      { crit: [] },
      { b64: false, crit: ['b64'] },
      { b64: true },
      { enc: 'A256GCM' },
      { zip: 'DEF' },
    ]) {
      const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...extra });
      expect(await f.outcome(await signRaw(header, body, privateKey))).toBe('invalid_token');
    }
    expect(await f.outcome(await signRaw(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' }), body, privateKey))).toBe('ok');
  });

  it.each(['../../x', '/etc/passwd', "' OR 1=1", 'key-1\0', 'KEY-1', '', '__proto__', 'constructor', 'a'.repeat(300)])(
    'with the kid %j find no key',
    async (kid) => {
      expect(await accepted({}, { header: { kid } })).toBe('invalid_token');
    },
  );

  it.each([1, null, ['key-1'], { a: 1 }])('with the kid %j of the wrong type are refused', async (kid) => {
    const [, payload] = parts(await f.issuer.sign());
    const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid });
    expect(await f.outcome(await signRaw(header, Buffer.from(payload, 'base64url'), f.issuer.newest().privateKey))).toBe('invalid_token');
  });

  it('without kid are accepted where the issuer has one key of that kind only', async () => {
    const fixture = await startIdentity();
    try {
      const token = () => fixture.issuer.sign({}, { header: { kid: undefined } });
      expect(await fixture.outcome(await token())).toBe('ok');
      await fixture.issuer.rotate();
      fixture.pass(601_000);
      expect(await fixture.outcome(await token())).toBe('invalid_token');
    } finally {
      await fixture.close();
    }
  });

  it('typ: only what is configured', async () => {
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'application/AT+jwt'])
      expect(await accepted({}, { header: { typ } })).toBe('ok');
    for (const typ of ['JWT', 'jwt', 'dpop+jwt', 'logout+jwt', 'at+jwt ', undefined]) {
      expect(await accepted({}, { header: { typ } })).toBe('invalid_token');
    }
  });
});

describe('claims', () => {
  it('expired, not yet valid, from the future: refused; within the skew of 5 s: accepted', async () => {
    expect(await accepted({ exp: now() - 10 })).toBe('invalid_token');
    expect(await accepted({ exp: now() - 2 })).toBe('ok');
    expect(await accepted({ nbf: now() + 30 })).toBe('invalid_token');
    expect(await accepted({ nbf: now() + 2 })).toBe('ok');
    expect(await accepted({ iat: now() + 30 })).toBe('invalid_token');
    expect(await accepted({ iat: now() + 2 })).toBe('ok');
    for (const exp of ['9999999999', null, -1, 0, 1e300, true]) expect(await accepted({ exp })).toBe('invalid_token');
  });

  it('of another issuer or audience are refused', async () => {
    expect(await accepted({ iss: 'https://elsewhere.example' })).toBe('invalid_token');
    for (const iss of [`${f.issuer.url}/`, f.issuer.url.toUpperCase(), `${f.issuer.url}#`, [f.issuer.url], '', null, undefined]) {
      expect(await accepted({ iss })).toBe('invalid_token');
    }
    for (const aud of ['https://elsewhere.example', 'https://sluice.test/', [], '', null, undefined, ['https://sluice.test', 7], {}]) {
      expect(await accepted({ aud })).toBe('invalid_token');
    }
    expect(await accepted({ aud: ['https://elsewhere.example', 'https://sluice.test'] })).toBe('ok');
  });

  it('of a tenant that the issuer may not assert are refused', async () => {
    for (const tenant of ['globex', 'ACME', 'acme ', '', '*', undefined]) expect(await accepted({ tenant })).toBe('invalid_token');
    for (const tenant of [['acme'], null, 1]) expect(await accepted({ tenant: tenant as unknown as string })).toBe('invalid_token');
    expect(await accepted({ tenant: 'acme' })).toBe('ok');
  });

  it.each(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'])('without %s are refused', async (name) => {
    expect(await accepted({ [name]: undefined })).toBe('invalid_token');
    expect(await accepted({ [name]: null })).toBe('invalid_token');
    expect(await accepted({ [name]: '' })).toBe('invalid_token');
    expect(await accepted({})).toBe('ok');
  });

  it('with names no principal can have are refused', async () => {
    for (const sub of ['a\nb', 'a\u0000', '\ud800', 'x'.repeat(601)]) expect(await accepted({ sub })).toBe('invalid_token');
    expect(await accepted({ sub: 'auth0|5f|Zoë 🦊' })).toBe('ok');
  });
});

describe('an ID token is no access token', () => {
  it('by its type and its marks', async () => {
    expect(await accepted({ aud: 'assistant', nonce: 'n' }, { header: { typ: 'JWT' } })).toBe('invalid_token');
    for (const name of ['nonce', 'at_hash', 'c_hash', 's_hash']) expect(await accepted({ [name]: 'x' })).toBe('invalid_token');
  });

  it('also where the issuer is allowed typ JWT', async () => {
    const fixture = await startIdentity({ overrides: { types: ['at+jwt', 'JWT'], audiences: ['https://sluice.test', 'assistant'] } });
    const outcome = async (claims: object) => fixture.outcome(await fixture.issuer.sign({ ...claims }, { header: { typ: 'JWT' } }));
    try {
      expect(await outcome({})).toBe('ok');
      expect(await outcome({ typ: 'Bearer', token_use: 'access' })).toBe('ok');
      for (const marks of [
        { nonce: 'n' },
        { at_hash: 'h' },
        { aud: 'assistant' },
        { aud: ['assistant'] },
        { typ: 'ID' },
        { token_use: 'id' },
      ]) {
        expect(await outcome(marks)).toBe('invalid_token');
      }
    } finally {
      await fixture.close();
    }
  });
});

describe('spelling', () => {
  const header = '{"alg":"ES256","typ":"at+jwt","kid":"key-1"}';
  const raw = async (head: string, payload: string | Uint8Array) => f.outcome(await signRaw(head, payload, f.issuer.newest().privateKey));
  const payload = async () => Buffer.from(parts(await f.issuer.sign())[1], 'base64url').toString();

  it('a claim or header twice is refused, escaped or nested too', async () => {
    const good = await payload();
    expect(await raw(header, good)).toBe('ok');
    for (const extra of ['"sub":"olga"', '"sub":"alice"', '"\\u0073ub":"olga"', '"x":{"a":1,"a":1}', '"x":[{"a":1,"b":[],"a":2}]']) {
      expect(await raw(header, `${good.slice(0, -1)},${extra}}`)).toBe('invalid_token');
    }
    expect(await raw(header, `${good.slice(0, -1)},"x":{"sub":[{"sub":"sub"},{"sub":"\\"sub\\":"}]}}`)).toBe('ok');
    expect(await raw('{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"key-1"}', good)).toBe('invalid_token');
  });

  it('what is no JSON object in UTF-8 is refused', async () => {
    const good = await payload();
    for (const bad of ['', '[]', 'null', '"x"', `${good} x`, `\ufeff${good}`, `${good.slice(0, -1)},}`, '['.repeat(5_000)]) {
      expect(await raw(header, bad)).toBe('invalid_token');
      expect(await raw(bad, good)).toBe('invalid_token');
    }
    expect(
      await raw(
        header,
        Buffer.concat([Buffer.from(good.slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
      ),
    ).toBe('invalid_token');
    expect(await raw(header, `${good.slice(0, -1)},"__proto__":{"admin":true}}`)).toBe('ok');
  });

  it('anything but one compact JWS is refused', async () => {
    const good = await f.issuer.sign();
    const [h, p, s] = parts(good);
    const bent = [
      `${good}.`,
      `.${good}`,
      `${h}.${p}`,
      `${h}.${p}.${s}.x.y`,
      `${h}.${p}.${s}=`,
      `${h}.${p}.${s} `,
      ` ${good}`,
      `${h}..${s}`,
    ];
    for (const token of ['', '.', '..', 'x', ...bent, good.replace('.', '\n.'), `${h}.${p}.%`, '\0', 'é.é.é']) {
      expect(await f.outcome(token)).toBe('invalid_token');
    }
    // The last digit of a 64-byte signature carries four unused bits: only one spelling of them is a token.
    const last = s.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twin = alphabet[alphabet.indexOf(last) + 1] ?? '';
    expect(Buffer.from(s.slice(0, -1) + twin, 'base64url')).toEqual(Buffer.from(s, 'base64url'));
    expect(await f.outcome(`${h}.${p}.${s.slice(0, -1)}${twin}`)).toBe('invalid_token');
    expect(await f.outcome(good)).toBe('ok');
  });

  it('longer than 16 kB is refused before it is parsed, just under is accepted', async () => {
    const padded = (length: number) => f.issuer.sign({ padding: 'x'.repeat(length) });
    expect((await padded(11_600)).length).toBeLessThan(16_384);
    expect(await f.outcome(await padded(11_600))).toBe('ok');
    expect((await padded(12_300)).length).toBeGreaterThan(16_384);
    expect(await f.outcome(await padded(12_300))).toBe('invalid_token');
    expect(await f.outcome('a'.repeat(50_000_000))).toBe('invalid_token');
  });
});

describe('what is written down', () => {
  it('holds nothing of any token or claim, accepted or refused', async () => {
    const fixture = await startIdentity();
    const secret = 'zebra7391';
    const names = [
      { sub: secret },
      { tenant: secret },
      { groups: [secret, 7 as unknown as string] },
      { exp: 1, sub: secret },
      { aud: secret },
      { act: { sub: secret, act: secret } },
      { iss: `https://${secret}.example` },
    ];
    try {
      for (const claims of names) {
        const token = await fixture.issuer.sign(claims);
        await fixture.outcome(token);
        for (const part of parts(token)) expect(fixture.logged.join('\n')).not.toContain(part);
      }
      await fixture.outcome(await fixture.issuer.sign({}, { header: { kid: secret, typ: secret } }));
      await fixture.outcome(await fixture.issuer.sign({}, { header: { kid: secret } }));
      await fixture.outcome(await signRaw(`{"alg":"${secret}"`, `{"${secret}":`, fixture.issuer.newest().privateKey));
      expect(fixture.logged.length).toBeGreaterThan(10);
      expect(fixture.logged.join('\n')).not.toContain(secret);
    } finally {
      await fixture.close();
    }
  });
});
