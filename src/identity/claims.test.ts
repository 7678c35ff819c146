import { generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { describe, expect, it } from 'vitest';
import { AT, claimsOf, ISSUER, issuerOf, laterReasonOf, reasonOf } from '../../test/support/identity-parts.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { checkClaims, checkHeader, verifyClaims } from './claims.ts';
import { takeApart } from './token-shape.ts';

const check = (changes: Readonly<Record<string, unknown>> = {}, overrides: Partial<IssuerConfig> = {}, now = AT * 1_000, type = 'at+jwt') =>
  checkClaims(claimsOf(changes), type, issuerOf(overrides), now);
const outcome = (...args: Parameters<typeof check>) => reasonOf(() => check(...args));
const MISSING = 'invalid_token: a claim is missing or of the wrong type';
const DATE = 'invalid_token: a date that is none';

describe('claims', () => {
  it('that hold say whose token it is, until when, and of which login', () => {
    expect(check({ sid: 's' })).toEqual({
      claims: claimsOf({ sid: 's' }),
      subject: 'alice',
      client: 'assistant',
      expiresAt: AT + 600,
      confirmation: { kind: 'none' },
      login: { subject: 'alice', issuedAt: AT, session: { kind: 'session', id: 's' } },
    });
    expect(check().login.session).toEqual({ kind: 'none' });
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['another issuer', { iss: `${ISSUER}/` }, 'invalid_token: another issuer'],
    ['no issuer', { iss: undefined }, 'invalid_token: another issuer'],
    ['no subject', { sub: undefined }, MISSING],
    ['an empty subject', { sub: '' }, MISSING],
    ['a subject that is no text', { sub: ['alice'] }, MISSING],
    ['no client', { client_id: undefined }, MISSING],
    ['an empty session', { sid: '' }, MISSING],
    ['a session that is no text', { sid: null }, MISSING],
    ['no beginning', { iat: undefined }, 'invalid_token: without its dates'],
    ['no end', { exp: undefined }, 'invalid_token: without its dates'],
    ['a beginning in words', { iat: String(AT) }, DATE],
    ['a beginning at 0', { iat: 0 }, DATE],
    ['an end after the year 9999', { exp: 253_402_300_800 }, DATE],
    ['an end that is null', { exp: null }, DATE],
    ['a not-before that is no date', { nbf: -1 }, DATE],
    ['an empty id', { jti: '' }, 'invalid_token: a required claim is empty'],
    ['an id that is null', { jti: null }, 'invalid_token: a required claim is empty'],
    ['no id', { jti: undefined }, 'invalid_token: a required claim is empty'],
    ['an id that is no text', { jti: 7 }, MISSING],
    ['another audience', { aud: 'else' }, 'invalid_token: another audience'],
    ['no audience among several', { aud: ['else', 'sluice/'] }, 'invalid_token: another audience'],
    ['an empty audience', { aud: ['sluice', ''] }, 'invalid_token: an audience of the wrong type'],
    ['an audience that is no text', { aud: ['sluice', 1] }, 'invalid_token: an audience of the wrong type'],
  ])('with %s are refused', (_name, changes, reason) => {
    expect(outcome(changes)).toBe(reason);
  });

  it('may have several audiences, of which one is ours, and the last date there is', () => {
    expect(outcome({ aud: ['else', 'sluice'] })).toBe('ok');
    expect(outcome({ exp: 253_402_300_799 })).toBe('ok');
  });

  it('without an audience are taken by the name of the client, where the issuer is configured so', () => {
    const rule: Partial<IssuerConfig> = { audienceCheck: { kind: 'client-id', allow: ['assistant'] }, requiredClaims: [] };
    expect(outcome({ aud: undefined, jti: undefined }, rule)).toBe('ok');
    expect(outcome({ aud: 'else' }, rule)).toBe('ok');
    expect(outcome({ aud: undefined, client_id: 'other' }, rule)).toBe('invalid_token: a client that is not allowed');
    expect(outcome({ aud: undefined }, { requiredClaims: [] })).toBe('invalid_token: another audience');
  });

  it.each(['client_id', 'azp', 'appid', 'cid'])('name one application: %s may repeat it and say nothing else', (name) => {
    const claims = { ...issuerOf().claims, client: 'azp' } as const;
    const base = { azp: 'assistant', client_id: undefined };
    expect(outcome({ ...base, [name]: 'assistant' }, { claims, requiredClaims: [] })).toBe('ok');
    if (name === 'azp') return;
    expect(outcome({ ...base, [name]: 'other' }, { claims, requiredClaims: [] })).toBe('invalid_token: two applications');
    expect(outcome({ ...base, [name]: null }, { claims, requiredClaims: [] })).toBe('invalid_token: two applications');
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['issued in the future', { iat: AT + 5 }, 'invalid_token: issued in the future'],
    ['not valid yet', { nbf: AT + 5 }, 'invalid_token: not valid yet'],
  ])('%s are taken within the skew and no further', (_name, changes, reason) => {
    expect(outcome(changes)).toBe('ok');
    expect(outcome(changes, {}, (AT - 1) * 1_000)).toBe(reason);
    expect(outcome(changes, { clockSkewSeconds: 6 }, (AT - 1) * 1_000)).toBe('ok');
  });

  it('end with exp and the skew, to the millisecond', () => {
    expect(outcome({}, {}, (AT + 605) * 1_000 - 1)).toBe('ok');
    expect(outcome({}, {}, (AT + 605) * 1_000)).toBe('invalid_token: expired');
  });

  it('are no older than the issuer says, or a day, and end then at the latest', () => {
    const long = { exp: AT + 1_000_000 };
    expect(check(long).expiresAt).toBe(AT + 86_400);
    expect(check(long, { maxTokenAgeSeconds: 100 }).expiresAt).toBe(AT + 100);
    expect(outcome(long, { maxTokenAgeSeconds: 100 }, (AT + 105) * 1_000 - 1)).toBe('ok');
    expect(outcome(long, { maxTokenAgeSeconds: 100 }, (AT + 105) * 1_000)).toBe('invalid_token: older than tokens of this issuer may be');
  });

  it('that must be there must say something', () => {
    for (const acr of [undefined, null, '']) {
      expect(outcome({ acr }, { requiredClaims: ['acr'] })).toBe('invalid_token: a required claim is empty');
    }
    for (const acr of ['x', 0, false, []]) expect(outcome({ acr }, { requiredClaims: ['acr'] })).toBe('ok');
    expect(reasonOf(() => checkClaims(claimsOf({ jti: undefined }), '', issuerOf(), AT * 1_000, []))).toBe('ok');
  });

  it('bound to a key keep it, by the rule of the issuer', () => {
    const bound = { cnf: { jkt: 'k'.repeat(43) } };
    expect(check(bound).confirmation).toEqual({ kind: 'key', thumbprint: 'k'.repeat(43) });
    expect(outcome(bound, { dpop: 'refused' })).toBe('invalid_token: a bound token, which this issuer may not issue');
    expect(outcome({}, { dpop: 'required' })).toBe('invalid_token: a token that is bound to no key');
  });

  it('are judged as the type that the header named: at+jwt may be for its own client, others are ID tokens then', () => {
    const own = { aud: 'sluice', client_id: 'sluice' };
    expect(outcome(own)).toBe('ok');
    expect(outcome(own, {}, AT * 1_000, 'jwt')).toBe('invalid_token: an ID token');
  });
});

describe('the header', () => {
  const token = { algorithm: 'ES256', keyId: undefined, type: 'at+jwt', claims: claimsOf(), embeddedKey: undefined };
  const types = new Set(['at+jwt', 'dpop+jwt']);
  const header = (changes: Partial<typeof token>) => reasonOf(() => checkHeader({ ...token, ...changes }, issuerOf(), types));

  it('names an algorithm and a type that the issuer may use, and never a type of something else', () => {
    expect(header({})).toBe('ok');
    expect(header({ algorithm: 'ES384' })).toBe('invalid_token: an algorithm that is not allowed');
    expect(header({ type: 'jwt' })).toBe('invalid_token: a type that is not allowed');
    expect(header({ type: 'dpop+jwt' })).toBe('invalid_token: a type that is not allowed');
  });
});

describe('a signed token', () => {
  const pair = generateKeyPair('ES256');
  async function outcomeOf(changes: Readonly<Record<string, unknown>>, overrides: Partial<IssuerConfig> = {}, now = AT): Promise<string> {
    const { privateKey, publicKey } = await pair;
    const payload = Object.fromEntries(claimsOf(changes));
    const raw = await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(privateKey);
    return laterReasonOf(verifyClaims(raw, takeApart(raw), publicKey, issuerOf(overrides), now * 1_000));
  }

  it('that holds is taken on the clock that is given', async () => {
    expect(await outcomeOf({})).toBe('ok');
    expect(await outcomeOf({}, {}, AT + 604)).toBe('ok');
    expect(await outcomeOf({}, {}, AT + 606)).toBe('invalid_token: ERR_JWT_EXPIRED');
  });

  it('is refused by jose already where the issuer, the audience or a required claim is another', async () => {
    const failed = 'invalid_token: ERR_JWT_CLAIM_VALIDATION_FAILED';
    expect(await outcomeOf({ iss: 'https://else.test' })).toBe(failed);
    expect(await outcomeOf({ aud: 'else' })).toBe(failed);
    for (const name of ['exp', 'iat', 'sub', 'jti']) expect(await outcomeOf({ [name]: undefined })).toBe(failed);
    expect(await outcomeOf({ jti: undefined }, { requiredClaims: [] })).toBe('ok');
    const byClient: Partial<IssuerConfig> = { audienceCheck: { kind: 'client-id', allow: ['assistant'] }, requiredClaims: [] };
    expect(await outcomeOf({ aud: undefined }, byClient)).toBe('ok');
  });

  it('by another key or another algorithm is refused, with nothing of the token in the reason', async () => {
    const [{ privateKey, publicKey }, other] = [await pair, await generateKeyPair('ES256')];
    const raw = await new SignJWT(Object.fromEntries(claimsOf())).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(privateKey);
    const verify = (key: CryptoKey, overrides: Partial<IssuerConfig> = {}) =>
      laterReasonOf(verifyClaims(raw, takeApart(raw), key, issuerOf(overrides), AT * 1_000));
    expect(await verify(other.publicKey)).toBe('invalid_token: ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
    expect(await verify(publicKey, { algorithms: ['ES384'] })).toBe('invalid_token: ERR_JOSE_ALG_NOT_ALLOWED');
    const unfit = (await generateKeyPair('ES384')).publicKey;
    expect(await verify(unfit)).toBe('invalid_token: the signature could not be checked');
  });
});
