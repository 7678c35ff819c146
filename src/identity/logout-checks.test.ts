import { generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { AT, ISSUER, issuerOf, laterReasonOf } from '../../test/support/identity-parts.ts';
import { LOGOUT_EVENT } from '../../test/support/logout.ts';
import { sha256Hex } from '../core/digest.ts';
import type { IssuerConfig, VerifiedLogout } from '../core/ports/identity.ts';
import { issuerUnavailable } from './failures.ts';
import type { Issuer } from './issuer.ts';
import { verifyLogoutToken } from './logout-token.ts';

const TAKES: Partial<IssuerConfig> = { logout: { audiences: ['login', 'login-2'], types: ['logout+jwt'] } };
const { signal } = new AbortController();
let own: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey };
beforeAll(async () => {
  own = await generateKeyPair('ES256');
});

interface Bent {
  readonly overrides?: Partial<IssuerConfig>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: CryptoKey;
  readonly find?: Issuer['keys']['find'];
  readonly now?: number;
}

async function verify(changes: Readonly<Record<string, unknown>> = {}, bent: Bent = {}): Promise<VerifiedLogout> {
  const config = issuerOf({ ...TAKES, ...bent.overrides });
  const find = bent.find ?? (async () => ({ key: own.publicKey, generation: 0 }));
  const issuer: Issuer = { config, types: new Set(), keys: { find, read: async () => true, ready: true, generation: 0 } };
  const good = { iss: ISSUER, aud: 'login', sub: 'alice', iat: AT, exp: AT + 120, jti: 'j', events: { [LOGOUT_EVENT]: {} } };
  const payload = Object.fromEntries(Object.entries({ ...good, ...changes }).filter(([, value]) => value !== undefined));
  const signed = new SignJWT(payload).setProtectedHeader({ typ: 'logout+jwt', ...bent.header, alg: 'ES256' });
  const token = await signed.sign(bent.key ?? own.privateKey);
  return verifyLogoutToken(token, { byUrl: new Map([[ISSUER, issuer]]), now: bent.now ?? AT * 1_000, signal });
}
const reason = (changes: Readonly<Record<string, unknown>> = {}, bent: Bent = {}) => laterReasonOf(verify(changes, bent));

describe('a logout token', () => {
  it('says who ends, since when, how long to remember it and under which key', async () => {
    const made = {
      issuer: 'test',
      ends: { kind: 'person', subject: 'alice' },
      issuedAt: AT,
      tokenKey: sha256Hex(`logout\n${ISSUER}\nj`),
      keepSeconds: 86_400 + 10,
      tenants: ['acme', 'other'],
    };
    expect(await verify()).toEqual(made);
    expect(await verify({ sid: 's' })).toEqual({ ...made, ends: { kind: 'session', session: 's', subject: 'alice' } });
    expect(await verify({ sid: 's', sub: undefined, aud: ['x', 'login-2'] })).toEqual({ ...made, ends: { kind: 'session', session: 's' } });
    const fixed: Partial<IssuerConfig> = { tenants: { kind: 'fixed', tenant: 'one' }, maxTokenAgeSeconds: 100, clockSkewSeconds: 7 };
    expect(await verify({}, { overrides: fixed })).toEqual({ ...made, tenants: ['one'], keepSeconds: 114 });
    const odd: Partial<IssuerConfig> = { tenants: { kind: 'claim', claim: 'tenant', allow: ['*', 'acme'] } };
    expect(await verify({}, { overrides: odd })).toEqual({ ...made, tenants: ['acme'] });
  });

  const MISSING = 'a claim is missing or of the wrong type';
  const FAILED = 'ERR_JWT_CLAIM_VALIDATION_FAILED';
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['an issuer that is not known', { iss: 'https://else.test' }, 'an issuer that sends no logouts here'],
    ['an issuer that is no text', { iss: [ISSUER] }, 'an issuer that sends no logouts here'],
    ['no audience', { aud: undefined }, FAILED],
    ['another audience', { aud: 'sluice' }, 'another audience'],
    ['no beginning', { iat: undefined }, FAILED],
    ['no end', { exp: undefined }, FAILED],
    ['no id', { jti: undefined }, FAILED],
    ['no events', { events: undefined }, FAILED],
    ['an end in the past', { exp: AT - 5 }, 'ERR_JWT_EXPIRED'],
    ['a nonce', { nonce: null }, 'a nonce'],
    ['another event', { events: { x: {} } }, 'no logout event'],
    ['events that are a list', { events: [LOGOUT_EVENT] }, 'no logout event'],
    ['an event that is no object', { events: { [LOGOUT_EVENT]: true } }, 'no logout event'],
    ['an empty id', { jti: '' }, MISSING],
    ['a time that is none', { iat: -1 }, 'a date that is none'],
    ['nobody', { sub: undefined }, 'nobody who is logged out'],
    ['an empty subject', { sub: '' }, MISSING],
    ['an empty session', { sid: '' }, MISSING],
    ['a session of 513', { sid: 's'.repeat(513) }, 'a session longer than the limit'],
    ['a time of long ago', { iat: AT - 305.5 }, 'too old, or of the future'],
    ['a time ahead', { iat: AT + 5.5 }, 'too old, or of the future'],
  ])('with %s is refused', async (_name, changes, why) => {
    expect(await reason(changes)).toBe(`invalid_logout_token: ${why}`);
  });

  it('is taken up to the very ends of what is allowed', async () => {
    for (const changes of [{ iat: AT - 305 }, { iat: AT + 5 }, { sid: 's'.repeat(512) }, { exp: AT - 4 }])
      expect(await reason(changes)).toBe('ok');
  });

  it('is of a type, an algorithm and a key of its issuer', async () => {
    const refused = 'invalid_logout_token: ';
    expect(await reason({}, { overrides: { logout: undefined } as unknown as Partial<IssuerConfig> })).toBe(
      `${refused}an issuer that sends no logouts here`,
    );
    expect(await reason({}, { header: { typ: 'jwt' } })).toBe(`${refused}a type that is not allowed`);
    expect(await reason({}, { overrides: { algorithms: ['ES384'] } })).toBe(`${refused}an algorithm that is not allowed`);
    const other = await generateKeyPair('ES256');
    expect(await reason({}, { key: other.privateKey })).toBe(`${refused}ERR_JWS_SIGNATURE_VERIFICATION_FAILED`);
    const unfit = (await generateKeyPair('ES384')).publicKey;
    expect(await reason({}, { find: async () => ({ key: unfit, generation: 0 }) })).toBe(`${refused}the signature could not be checked`);
  });

  it('that could not be checked is not refused: its sender shall try again', async () => {
    const find = () => Promise.reject(issuerUnavailable('test', 'its keys could not be read'));
    expect(await reason({}, { find })).toBe('issuer_unavailable: test: its keys could not be read');
  });
});
