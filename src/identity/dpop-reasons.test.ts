import { beforeAll, describe, expect, it } from 'vitest';
import { athOf, makeProof, proofKey, type ProofKey, type ProofOptions } from '../../test/support/dpop.ts';
import { AT, laterReasonOf } from '../../test/support/identity-parts.ts';
import { signRaw } from '../../test/support/test-issuer.ts';
import { sha256Hex } from '../core/digest.ts';
import type { Possession } from '../core/ports/identity.ts';
import { checkPossession, type ProofContext } from './dpop.ts';

const URL_OF_CALL = 'https://sluice.test/v1/retrieve';
const TOKEN = 'the.access.token';
let key: ProofKey;
let other: ProofKey;
beforeAll(async () => {
  [key, other] = await Promise.all([proofKey(), proofKey()]);
});

/** What was noted as used, and until when. */
interface Noted {
  readonly key: string;
  readonly until: number;
}

function contextOf(noted: Noted[] = [], changes: Partial<ProofContext> = {}): ProofContext {
  const useOnce = async (one: string, until: number): Promise<boolean> => {
    const fresh = noted.every((known) => known.key !== one);
    noted.push({ key: one, until });
    return fresh;
  };
  return { token: TOKEN, once: { useOnce }, skewSeconds: 5, now: AT * 1_000, ...changes };
}

const prove = (changes: Partial<ProofOptions> = {}, by = key) =>
  makeProof(by, { token: TOKEN, method: 'POST', url: URL_OF_CALL, at: AT, ...changes });
const sent = (proof: string, changes: Partial<Possession> = {}): Possession => ({ proof, method: 'POST', url: URL_OF_CALL, ...changes });
const judge = (possession: Possession | undefined, context = contextOf(), thumbprint = key.thumbprint) =>
  laterReasonOf(checkPossession({ kind: 'key', thumbprint }, possession, context));
const reason = async (changes: Partial<ProofOptions> = {}, context = contextOf()) => judge(sent(await prove(changes)), context);
const proofOf = (header: unknown, payload = '{}', signature = 'AAAA') =>
  `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from(payload).toString('base64url')}.${signature}`;

describe('how a token was sent', () => {
  it('fits whether it is bound', async () => {
    const unbound = (possession: Possession | undefined) => laterReasonOf(checkPossession({ kind: 'none' }, possession, contextOf()));
    expect(await unbound(undefined)).toBe('ok');
    expect(await unbound(sent(await prove()))).toBe('invalid_token: a token without a key, sent as if it had one');
    expect(await judge(undefined)).toBe('invalid_token: a bound token, sent without its proof');
    expect(await reason()).toBe('ok');
  });
});

describe('a proof is refused', () => {
  it('by what it is', async () => {
    const typed = (changes: object) => judge(sent(proofOf({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.publicJwk, ...changes })));
    expect(await judge(sent('x'))).toBe('invalid_dpop_proof: not a compact JWS');
    expect(await typed({ typ: 'jwt' })).toBe('invalid_dpop_proof: another type');
    for (const alg of ['HS256', 'none', 'RS1']) expect(await typed({ alg })).toBe('invalid_dpop_proof: an algorithm that is not allowed');
    for (const jwk of [null, 'x', key.privateJwk, { kty: 'oct', k: 'AA' }]) {
      expect(await typed({ jwk })).toBe('invalid_dpop_proof: no public key that can be used');
    }
    expect(await typed({})).toBe('invalid_dpop_proof: ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
    expect(await typed({ jwk: other.publicJwk })).toBe('invalid_dpop_proof: another key than the token is bound to');
  });

  it('by its signature, and where it is over or not begun', async () => {
    expect(await judge(sent(await prove({ header: { jwk: key.publicJwk } }, other)))).toBe(
      'invalid_dpop_proof: ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    );
    expect(await reason({ claims: { exp: AT - 4 } })).toBe('ok');
    expect(await reason({ claims: { exp: AT - 5 } })).toBe('invalid_dpop_proof: ERR_JWT_EXPIRED');
    expect(await reason({ claims: { nbf: AT + 5 } })).toBe('ok');
    expect(await reason({ claims: { nbf: AT + 6 } })).toBe('invalid_dpop_proof: ERR_JWT_CLAIM_VALIDATION_FAILED');
  });

  it.each(['jti', 'htm', 'htu', 'iat', 'ath'])('where it lacks %s', async (name) => {
    expect(await reason({ claims: { [name]: undefined } })).toBe('invalid_dpop_proof: ERR_JWT_CLAIM_VALIDATION_FAILED');
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['method', { htm: 'GET' }, 'made for another method'],
    ['address', { htu: 'https://sluice.test/v1/retrieve2' }, 'made for another address'],
    ['address that is none', { htu: '/v1/retrieve' }, 'made for another address'],
    ['address that is no text', { htu: [URL_OF_CALL] }, 'made for another address'],
    ['user in the address', { htu: 'https://u@sluice.test/v1/retrieve' }, 'made for another address'],
    ['password in the address', { htu: 'https://:p@sluice.test/v1/retrieve' }, 'made for another address'],
    ['token', { ath: athOf('else') }, 'made for another token'],
    ['id', { jti: '' }, 'a jti that is none'],
    ['id that is no text', { jti: 7 }, 'a jti that is none'],
    ['id of 513', { jti: 'x'.repeat(513) }, 'a jti that is none'],
    ['time behind', { iat: AT - 65.001 }, 'too old, or of the future'],
    ['time ahead', { iat: AT + 5.001 }, 'too old, or of the future'],
  ])('for another %s', async (_name, claims, why) => {
    expect(await reason({ claims })).toBe(`invalid_dpop_proof: ${why}`);
  });

  it('for a time that is no number of JSON that can be counted with', async () => {
    const header = JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.publicJwk });
    const claims = JSON.stringify({ jti: 'j', htm: 'POST', htu: URL_OF_CALL, ath: athOf(TOKEN) });
    const raw = await signRaw(header, `${claims.slice(0, -1)},"iat":1e999}`, key.privateKey);
    expect(await judge(sent(raw))).toBe('invalid_dpop_proof: an iat that is none');
  });
});

describe('a proof is taken', () => {
  it('up to the very ends of what is allowed', async () => {
    for (const iat of [AT - 65, AT + 5]) expect(await reason({ claims: { iat } })).toBe('ok');
    expect(await reason({ claims: { jti: 'x'.repeat(512) } })).toBe('ok');
  });

  it('once, and is remembered until it would be too old in any case', async () => {
    const noted: Noted[] = [];
    const proof = sent(await prove({ claims: { jti: 'one', iat: AT + 0.5 } }));
    expect(await judge(proof, contextOf(noted))).toBe('ok');
    expect(await judge(proof, contextOf(noted))).toBe('invalid_dpop_proof: used before');
    const used = { key: sha256Hex(`dpop\n${key.thumbprint}\none`), until: AT + 1 + 60 + 10 + 1 };
    expect(noted).toEqual([used, used]);
  });

  it('by its key alone: the same id under another key is another proof', async () => {
    const noted: Noted[] = [];
    for (const by of [key, other]) {
      expect(await judge(sent(await prove({ claims: { jti: 'one' } }, by)), contextOf(noted), by.thumbprint)).toBe('ok');
    }
    expect(new Set(noted.map((one) => one.key)).size).toBe(2);
  });

  it('notes nothing where it was refused', async () => {
    const noted: Noted[] = [];
    for (const claims of [{ htm: 'GET' }, { iat: AT - 100 }, { ath: '' }])
      expect(await reason({ claims }, contextOf(noted))).not.toBe('ok');
    expect(noted).toEqual([]);
  });
});

describe('the address of a proof', () => {
  const at = async (htu: string, url: string) => (await judge(sent(await prove({ claims: { htu } }), { url }))) === 'ok';

  it.each([
    ['https://sluice.test', 'https://sluice.test'],
    ['https://sluice.test/', 'https://sluice.test'],
    ['https://sluice.test', 'https://sluice.test/'],
    ['https://sluice.test/%c3%a9%7Ea', 'https://sluice.test/%C3%A9~%61'],
    ['https://sluice.test/a%2Fb', 'https://sluice.test/a%2fb'],
    ['HTTPS://SLUICE.TEST:443/x', 'https://sluice.test/x'],
    ['https://sluice.test/x', 'HTTPS://SLUICE.TEST:443/x'],
    ['https://sluice.test/x?a#b', 'https://sluice.test/x?c#d'],
  ])('%s is that of %s', async (htu, url) => {
    expect(await at(htu, url)).toBe(true);
  });

  it.each([
    ['https://sluice.test/a/b', 'https://sluice.test/a%2Fb'],
    ['https://else.test/x', 'https://sluice.test/x'],
    ['http://sluice.test/x', 'https://sluice.test/x'],
    ['https://sluice.test:8443/x', 'https://sluice.test/x'],
    ['https://sluice.test.else.test/x', 'https://sluice.test/x'],
    ['https://sluice.test/%41', 'https://sluice.test/%61'],
    ['https://sluice.test/x', 'https://sluice.test'],
    ['https://sluice.test/x', 'x https://sluice.test/x'],
    ['https://sluice.test/x', ''],
    ['https://sluice.test/', ''],
    ['https://sluice.test/x', '/x'],
    ['https://sluice.test/b', 'https://sluice.test/a/../b'],
  ])('%s is not that of %s', async (htu, url) => {
    expect(await at(htu, url)).toBe(false);
  });
});
