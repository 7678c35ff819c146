import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IdentityFixture, startIdentity } from '../../test/support/identity-fixture.ts';
import { LOGOUT_EVENT, logoutToken, TAKES_LOGOUTS } from '../../test/support/logout.ts';
import { newKey, type SignOptions, type TestClaims } from '../../test/support/test-issuer.ts';
import type { AppError } from '../core/errors.ts';
import type { VerifiedLogout } from '../core/ports/identity.ts';

let f: IdentityFixture;
beforeAll(async () => {
  f = await startIdentity({ overrides: TAKES_LOGOUTS });
});
afterAll(() => f.close());

const BEGAN = Math.floor(Date.now() / 1_000);
const now = () => BEGAN;
const verify = (token: string, at = f): Promise<VerifiedLogout> => at.identity.verifyLogout(token, new AbortController().signal);
async function outcome(claims: TestClaims, options: SignOptions = {}, at = f): Promise<string> {
  const token = await logoutToken(at.issuer, { sub: 'alice', ...claims }, options);
  return verify(token, at).then(
    () => 'ok',
    (error: unknown) => (error as AppError).code,
  );
}

describe('a logout token', () => {
  it('says whose logins end, or which one', async () => {
    const made = await verify(await logoutToken(f.issuer, { sub: 'alice', iat: now() }));
    expect(made).toMatchObject({ issuer: 'test', ends: { kind: 'person', subject: 'alice' }, issuedAt: now(), tenants: ['acme'] });
    expect(made.keepSeconds).toBe(86_400 + 10);
    expect((await verify(await logoutToken(f.issuer, { sid: 's-1' }))).ends).toEqual({ kind: 'session', session: 's-1' });
    const both = { kind: 'session', session: 's-1', subject: 'alice' };
    expect((await verify(await logoutToken(f.issuer, { sid: 's-1', sub: 'alice' }))).ends).toEqual(both);
  });

  it('is known again by its id', async () => {
    const key = async (claims: TestClaims) => (await verify(await logoutToken(f.issuer, { sub: 'alice', ...claims }))).tokenKey;
    expect(await key({ jti: 'a' })).toBe(await key({ jti: 'a', sub: 'bob' }));
    expect(await key({ jti: 'a' })).not.toBe(await key({ jti: 'b' }));
  });

  it.each<[string, TestClaims]>([
    ['of another issuer', { iss: 'https://elsewhere.example' }],
    ['for another audience', { aud: 'https://sluice.test' }],
    ['for no audience', { aud: undefined }],
    ['without an end', { exp: undefined }],
    ['expired', { exp: 1_000 }],
    ['without a beginning', { iat: undefined }],
    ['of long ago', { iat: now() - 400 }],
    ['of the future', { iat: now() + 60 }],
    ['not valid yet', { nbf: now() + 60 }],
    ['without an id', { jti: undefined }],
    ['with an empty id', { jti: '' }],
    ['with an id that is no text', { jti: 7 }],
    ['without events', { events: undefined }],
    ['with another event', { events: { 'http://schemas.openid.net/event/other': {} } }],
    ['with events as a list', { events: [LOGOUT_EVENT] }],
    ['with events as a text', { events: LOGOUT_EVENT }],
    ['with an event that is no object', { events: { [LOGOUT_EVENT]: true } }],
    ['with a nonce', { nonce: 'n' }],
    ['of nobody', { sub: undefined }],
    ['of an empty name', { sub: '' }],
    ['of a name that is no text', { sub: 7 as unknown as string }],
    ['of a session that is no text', { sid: 7 }],
    ['of an empty session', { sid: '' }],
    ['of a huge session', { sid: 's'.repeat(600) }],
  ])('%s is refused', async (_name, claims) => {
    expect(await outcome(claims)).toBe('invalid_logout_token');
    expect(await outcome({})).toBe('ok');
  });

  it('of another type is refused, but where an old provider is configured', async () => {
    for (const typ of ['JWT', 'at+jwt', 'dpop+jwt', 'secevent+jwt', undefined])
      expect(await outcome({}, { header: { typ } })).toBe('invalid_logout_token');
    const old = await startIdentity({ overrides: { logout: { audiences: ['sluice-login'], types: ['logout+jwt', 'jwt'] } } });
    try {
      expect(await outcome({}, { header: { typ: 'JWT' } }, old)).toBe('ok');
      expect(await outcome({ nonce: 'n' }, { header: { typ: 'JWT' } }, old)).toBe('invalid_logout_token');
      expect(await outcome({ events: undefined }, { header: { typ: 'JWT' } }, old)).toBe('invalid_logout_token');
      expect(await outcome({}, { header: { typ: 'at+jwt' } }, old)).toBe('invalid_logout_token');
    } finally {
      await old.close();
    }
  });

  it('by another key, with a key of its own, or bent is refused', async () => {
    const mallory = await newKey(7);
    expect(await outcome({}, { key: { privateKey: mallory.privateKey, kid: 'key-1' } })).toBe('invalid_logout_token');
    for (const header of [{ jwk: mallory.publicJwk }, { jku: f.issuer.url }, { x5u: f.issuer.url }]) {
      expect(await outcome({}, { header })).toBe('invalid_logout_token');
    }
    for (const text of ['', 'a.b.c', 'x'.repeat(20_000)])
      await expect(verify(text)).rejects.toMatchObject({ code: 'invalid_logout_token' });
  });

  it('of an issuer that is not configured to send them is refused', async () => {
    const silent = await startIdentity();
    try {
      expect(await outcome({}, {}, silent)).toBe('invalid_logout_token');
      expect(await silent.outcome(await silent.issuer.sign())).toBe('ok');
    } finally {
      await silent.close();
    }
  });

  it('whose key cannot be read is not answered with yes', async () => {
    const away = await startIdentity({ overrides: TAKES_LOGOUTS });
    try {
      await away.issuer.rotate({ publish: false });
      away.issuer.answer('keys', (_request, response) => void response.writeHead(500).end());
      away.pass(700_000);
      expect(await outcome({ iat: undefined }, {}, away)).toBe('issuer_unavailable');
    } finally {
      await away.close();
    }
  });
});
