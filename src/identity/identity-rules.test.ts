import { afterEach, describe, expect, it } from 'vitest';
import { athOf, makeProof, proofKey } from '../../test/support/dpop.ts';
import { startIdentity, type IdentityFixture } from '../../test/support/identity-fixture.ts';
import { issuerOf, laterReasonOf } from '../../test/support/identity-parts.ts';
import { logoutToken, TAKES_LOGOUTS } from '../../test/support/logout.ts';
import { newKey, startTestIssuer } from '../../test/support/test-issuer.ts';
import type { DpopRule, IssuerConfig } from '../core/ports/identity.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { createIdentity, type Identity } from './identity.ts';
import { MAX_TOKEN_LENGTH } from './limits.ts';

const { signal } = new AbortController();
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});
async function start(overrides: Partial<IssuerConfig> = {}): Promise<IdentityFixture> {
  const fixture = await startIdentity({ overrides });
  open.push(fixture);
  return fixture;
}
const parts = { clock: { now: Date.now }, telemetry: silentTelemetry };
function unstarted(...issuers: readonly IssuerConfig[]): Identity {
  const identity = createIdentity({ ...parts, issuers });
  open.push(identity);
  return identity;
}
const reason = (identity: Identity, token: string) => laterReasonOf(identity.authenticate(token, signal));

describe('identity', () => {
  it('says all that is wrong with its issuers at once', () => {
    const bad = [issuerOf({ types: [], algorithms: [] }), issuerOf()];
    expect(() => createIdentity({ ...parts, issuers: bad })).toThrow(
      'issuers: test: algorithms: asymmetric JWS algorithms, at least one; test: types: at least one; two issuers have the same name',
    );
  });

  it.each<[readonly (DpopRule | undefined)[], DpopRule]>([
    [[undefined], 'accepted'],
    [['refused'], 'refused'],
    [['required'], 'required'],
    [['refused', 'required'], 'accepted'],
    [['refused', undefined], 'accepted'],
    [['required', undefined], 'accepted'],
    [['required', 'required'], 'required'],
  ])('of issuers that say %j offers bound tokens as %s', (rules, expected) => {
    const issuers = rules.map((dpop, i) => issuerOf({ name: `i${i}`, url: `https://i${i}.test`, ...(dpop === undefined ? {} : { dpop }) }));
    expect(unstarted(...issuers).dpop).toBe(expected);
  });

  it('tells which issuers it has and which of them are not ready', async () => {
    const identity = unstarted(issuerOf());
    expect(identity.issuers).toEqual([{ name: 'test', url: 'https://issuer.test', groups: 'claim', tenants: ['acme', 'other'] }]);
    expect(identity.notReady()).toEqual(['test']);
    expect((await start()).identity.notReady()).toEqual([]);
  });

  it('refuses a token that is too long before anything else, and one of nobody it knows', async () => {
    const { identity, issuer } = await start();
    expect(await reason(identity, 'x'.repeat(MAX_TOKEN_LENGTH + 1))).toBe('invalid_token: longer than the limit');
    expect(await reason(identity, 'x'.repeat(MAX_TOKEN_LENGTH))).toBe('invalid_token: not a compact JWS');
    for (const iss of ['https://else.test', undefined, [issuer.url]]) {
      expect(await reason(identity, await issuer.sign({ iss }))).toBe('invalid_token: an issuer that is not configured');
    }
    expect(await reason(identity, await issuer.sign({}, { header: { typ: 'jwt' } }))).toBe('invalid_token: a type that is not allowed');
  });

  it('verifies a token once, and again when a key was taken out', async () => {
    const f = await start();
    const token = await f.issuer.sign();
    const verified = () => f.logged.filter((line) => line.includes('identity.verify')).length;
    for (let n = 0; n < 3; n++) await f.identity.authenticate(token, signal);
    expect(verified()).toBe(1);
    await f.issuer.rotate({ retire: true });
    f.pass(31_000);
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
    expect(await f.outcome(token)).toBe('invalid_token');
    expect(verified()).toBe(3);
  });

  it('judges a proof by the skew of the issuer, each time, also for a token that it knows', async () => {
    const f = await start({ clockSkewSeconds: 100 });
    const key = await proofKey();
    const token = await f.issuer.sign({ cnf: { jkt: key.thumbprint } });
    const url = 'https://sluice.test/v1/retrieve';
    const now = Math.floor(f.now() / 1_000);
    const send = async (at: number) =>
      f.outcome(token, { proof: await makeProof(key, { token, method: 'POST', url, at }), method: 'POST', url });
    expect(athOf(token)).toHaveLength(43);
    expect([await send(now - 150), await send(now), await send(now - 170)]).toEqual(['ok', 'ok', 'invalid_dpop_proof']);
    expect(await f.outcome(token)).toBe('invalid_token');
  });

  it('takes logout tokens as well, and nothing any more once it is closed', async () => {
    const f = await start(TAKES_LOGOUTS);
    const [token, logout] = [await f.issuer.sign(), await logoutToken(f.issuer, { sub: 'alice' })];
    expect(await f.identity.verifyLogout(logout, signal)).toMatchObject({ issuer: 'test', ends: { subject: 'alice' } });
    expect(await f.outcome(token)).toBe('ok');
    await f.identity.close();
    const CLOSED = 'issuer_unavailable: identity: closed';
    expect(await reason(f.identity, token)).toBe(CLOSED);
    expect(await laterReasonOf(f.identity.verifyLogout(logout, signal))).toBe(CLOSED);
  });
});

describe('a start', () => {
  it('goes on behind until the provider answers, and ends for its caller with the signal', async () => {
    const issuer = await startTestIssuer();
    open.push({ close: () => issuer.stop() });
    issuer.publish([]);
    const limits = { retryInitialMs: 5, retryMaxMs: 10, fetchDeadlineMs: 1_000, breakerFailures: 1_000 };
    const identity = createIdentity({ ...parts, issuers: [issuer.config], limits });
    open.push(identity);
    await identity.start(signal);
    expect(identity.notReady()).toEqual(['test']);
    const before = issuer.keyReads();
    await expect.poll(() => issuer.keyReads(), { interval: 5 }).toBeGreaterThan(before + 1);
    issuer.publish([(await newKey(2)).publicJwk]);
    await expect.poll(() => identity.notReady(), { interval: 5 }).toEqual([]);
    issuer.pause();
    await createAndStop(issuer.config);
  });
});

async function createAndStop(config: IssuerConfig): Promise<void> {
  const identity = unstarted(config);
  await identity.start(AbortSignal.timeout(20));
  expect(identity.notReady()).toEqual(['test']);
}
