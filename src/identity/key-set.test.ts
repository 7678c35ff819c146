import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseKeySet, publicKeyOf } from './key-set.ts';

let ec: JWK;
let ed: JWK;
let rsa: JWK;
beforeAll(async () => {
  const made = ['ES256', 'EdDSA', 'RS256'].map((name) => generateKeyPair(name, { extractable: true }));
  const jwks = await Promise.all(made.map(async (pair) => exportJWK((await pair).publicKey)));
  [ec, ed, rsa] = jwks as [JWK, JWK, JWK];
});

const parse = (...keys: readonly unknown[]) => parseKeySet(JSON.stringify({ keys }));
const usable = (key: unknown): boolean => parse(key).length === 1;
/** A modulus or an exponent of so many bytes. */
const bytes = (length: number): string => Buffer.alloc(length, 0xc1).toString('base64url');

describe('a key set', () => {
  it('is JSON with a list of at most 100 keys', () => {
    expect(() => parseKeySet('{')).toThrow('the key set is not JSON');
    for (const body of ['{}', '[]', 'null', '{"keys":{}}']) expect(() => parseKeySet(body)).toThrow('the key set is not a JWK set');
    expect(parse(...Array<JWK>(100).fill(ec))).toHaveLength(100);
    expect(() => parse(...Array<JWK>(101).fill(ec))).toThrow('the key set is not a JWK set');
    expect(parse()).toEqual([]);
  });

  it('leaves out what is no public key for signatures, and keeps the others', () => {
    expect(parse({ kty: 'oct', k: 'AA' }, null, 'x', ec, { kty: 'X' }, ed, rsa).map((key) => key.id)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    for (const secret of ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth']) expect(usable({ ...ec, [secret]: 'AA' }), secret).toBe(false);
    for (const member of ['use', 'alg', 'n', 'e', 'crv', 'x', 'y', 'kid']) {
      expect(usable({ ...ec, [member]: 1 }), member).toBe(false);
      expect(usable({ ...ec, [member]: 'x'.repeat(2_001) }), member).toBe(false);
    }
    expect([usable({ ...ec, kid: 'k'.repeat(256) }), usable({ ...ec, kid: 'k'.repeat(257) })]).toEqual([true, false]);
    expect([usable({ ...ec, alg: 'a'.repeat(2_000) }), usable({ ...ec, key_ops: 'verify' }), usable({ ...ec, key_ops: [1] })]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('is for verifying: by use and by key_ops, where they say so', () => {
    expect(['sig', 'enc', ''].map((use) => usable({ ...ec, use }))).toEqual([true, false, false]);
    expect([['verify'], ['sign', 'verify'], [], ['sign']].map((key_ops) => usable({ ...ec, key_ops }))).toEqual([true, true, false, false]);
  });

  it('has RSA keys of 2048 bits or more', () => {
    expect([255, 256, 512].map((length) => usable({ ...rsa, n: bytes(length) }))).toEqual([false, true, true]);
    expect(usable({ kty: 'RSA', e: 'AQAB' })).toBe(false);
    expect(usable({ ...ec, n: 'AA' })).toBe(true);
  });

  it('has a fingerprint of all that makes a key this key for its uses', () => {
    const base = { kty: 'EC', kid: 'a', crv: 'P-256', n: 'n', e: 'e', x: 'x', y: 'y', alg: 'ES256' };
    const print = (key: object) => parse(key)[0]?.fingerprint;
    expect(print({ ...base, use: 'sig' })).toBe(print(base));
    for (const name of Object.keys(base)) expect(print({ ...base, [name]: name === 'kty' ? 'OKP' : 'other' }), name).not.toBe(print(base));
  });

  it('has keys that fit their own algorithm, and any of their kind where they name none', () => {
    const fits = (key: object, names: readonly string[]) => names.filter((name) => parse(key)[0]?.fits(name));
    expect(fits(ec, ['ES256', 'ES384', 'RS256', 'HS256'])).toEqual(['ES256']);
    expect(fits({ ...rsa, alg: 'PS256' }, ['RS256', 'PS256'])).toEqual(['PS256']);
    expect(fits(rsa, ['RS256', 'PS256', 'ES256'])).toEqual(['RS256', 'PS256']);
    expect(fits({ ...ec, alg: 'RS256' }, ['RS256', 'ES256'])).toEqual([]);
  });

  it('imports each key once for an algorithm, from its public members alone', async () => {
    const [key] = parse({ ...rsa, kid: 'r', use: 'sig', x5u: 'https://else.test' });
    const first = await key?.forAlgorithm('RS256');
    expect(first).toMatchObject({ type: 'public', algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: { name: 'SHA-256' } } });
    expect(await key?.forAlgorithm('RS256')).toBe(first);
    expect(await key?.forAlgorithm('PS256')).toMatchObject({ algorithm: { name: 'RSA-PSS' } });
    const [bad] = parse({ ...ec, x: 'AA' });
    await expect(bad?.forAlgorithm('ES256')).rejects.toThrow(expect.anything() as Error);
  });
});

describe('the public key of a proof', () => {
  it('comes with its thumbprint, whatever else stands beside it', async () => {
    for (const [jwk, algorithm] of [
      [ec, 'ES256'],
      [ed, 'EdDSA'],
      [rsa, 'RS256'],
    ] as const) {
      const found = await publicKeyOf({ ...jwk, kid: 'k', x5c: ['AA=='], use: 'sig' }, algorithm);
      expect(found).toMatchObject({ thumbprint: await calculateJwkThumbprint(jwk, 'sha256'), key: { type: 'public' } });
    }
  });

  it('is none that is private, for something else, of another kind or no key', async () => {
    for (const jwk of [undefined, null, 'x', {}, { ...ec, d: 'AA' }, { ...ec, use: 'enc' }, { ...ec, crv: 'P-384' }, { ...ec, x: 'AA' }]) {
      expect(await publicKeyOf(jwk, 'ES256')).toBeUndefined();
    }
    for (const algorithm of ['RS256', 'ES384', 'HS256', 'none', '']) expect(await publicKeyOf(ec, algorithm)).toBeUndefined();
    expect(await publicKeyOf({ ...ec, alg: 'ES384' }, 'ES256')).toBeUndefined();
  });

  it('is an RSA key of 2048 to 4096 bits with an exponent of at most six characters', async () => {
    const taken = async (changes: object) => (await publicKeyOf({ ...rsa, ...changes }, 'RS256')) !== undefined;
    expect(await Promise.all([255, 256, 512, 513].map((length) => taken({ n: bytes(length) })))).toEqual([false, true, true, false]);
    expect(await Promise.all([3, 4, 5].map((length) => taken({ e: bytes(length) })))).toEqual([true, true, false]);
  });
});
