import { afterEach, describe, expect, it } from 'vitest';
import { type IdentityFixture, startIdentity } from '../../test/support/identity-fixture.ts';
import { newKey } from '../../test/support/test-issuer.ts';

const MINUTE = 60_000;
let open: IdentityFixture[] = [];
afterEach(async () => {
  await Promise.all(open.map((fixture) => fixture.close()));
  open = [];
});

async function begin(...args: Parameters<typeof startIdentity>): Promise<IdentityFixture> {
  const fixture = await startIdentity(...args);
  open.push(fixture);
  return fixture;
}

describe('rotation', () => {
  it('a new key is picked up by its first token, once the cool-down is over', async () => {
    const f = await begin();
    await f.issuer.rotate();
    expect(await f.outcome(await f.issuer.sign())).toBe('invalid_token');
    f.pass(31_000);
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
  });

  it('a key taken out stops working, and with it the tokens already verified', async () => {
    const f = await begin();
    const old = await f.issuer.sign();
    expect(await f.outcome(old)).toBe('ok');
    await f.issuer.rotate({ retire: true });
    f.pass(31_000);
    // Still in the cache: nothing was read since.
    expect(await f.outcome(old)).toBe('ok');
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
    expect(await f.outcome(old)).toBe('invalid_token');
  });

  it('a key taken out stops working within the age of a key set, without any new kid', async () => {
    const f = await begin();
    const old = await f.issuer.sign();
    expect(await f.outcome(old)).toBe('ok');
    f.issuer.publish([(await newKey(2)).publicJwk]);
    f.pass(10 * MINUTE);
    expect(await f.outcome(old)).toBe('invalid_token');
  });

  it('a key whose bytes changed under the same kid is another key', async () => {
    const f = await begin();
    const old = await f.issuer.sign();
    expect(await f.outcome(old)).toBe('ok');
    const impostor = await newKey(1);
    f.issuer.publish([impostor.publicJwk]);
    f.pass(10 * MINUTE);
    expect(await f.outcome(old)).toBe('invalid_token');
    expect(await f.outcome(await f.issuer.sign({}, { key: impostor }))).toBe('ok');
  });

  it('an answer without any key left is an answer: nothing is accepted any more', async () => {
    const f = await begin();
    const token = await f.issuer.sign();
    expect(await f.outcome(token)).toBe('ok');
    f.issuer.publish([]);
    f.pass(10 * MINUTE);
    expect(await f.outcome(token)).toBe('invalid_token');
  });

  it('two keys under one kid are ambiguous, and neither is tried', async () => {
    const f = await begin();
    const twin = await newKey(1);
    f.issuer.publish([f.issuer.newest().publicJwk, twin.publicJwk]);
    f.pass(10 * MINUTE);
    expect(await f.outcome(await f.issuer.sign())).toBe('invalid_token');
    f.issuer.publish([f.issuer.newest().publicJwk]);
    f.pass(10 * MINUTE);
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
  });
});

describe('an unknown kid', () => {
  it('causes one read at most within the cool-down, however many tokens name one', async () => {
    const f = await begin();
    f.pass(31_000);
    const before = f.issuer.keyReads();
    const bogus = (kid: string) => f.issuer.sign({}, { header: { kid } });
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, i) => bogus(`x${i}`)));
    expect(new Set(await Promise.all(tokens.map((token) => f.outcome(token))))).toEqual(new Set(['invalid_token']));
    expect(await f.outcome(await bogus('later'))).toBe('invalid_token');
    expect(f.issuer.keyReads()).toBe(before + 1);
    f.pass(31_000);
    await f.outcome(await bogus('after'));
    expect(f.issuer.keyReads()).toBe(before + 2);
  });

  it('does not keep those with a known one from being served', async () => {
    const f = await begin({}, { fetchDeadlineMs: 1_500 });
    f.pass(31_000);
    f.issuer.pause();
    const waiting = f.outcome(await f.issuer.sign({}, { header: { kid: 'unknown' } }));
    let waited = false;
    void waiting.then(() => (waited = true));
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
    expect(waited).toBe(false);
    expect(await waiting).toBe('issuer_unavailable');
  });
});

describe('an outage', () => {
  it('known keys go on working for a day, an unknown kid fails closed, and it heals', async () => {
    const f = await begin({}, { breakerFailures: 1_000 });
    const signAnew = () => f.issuer.sign();
    await f.issuer.stop();
    f.pass(11 * MINUTE);
    expect(await f.outcome(await signAnew())).toBe('ok');
    f.pass(11 * MINUTE);
    expect(await f.outcome(await signAnew())).toBe('ok');
    const added = await f.issuer.rotate();
    f.pass(11 * MINUTE);
    expect(await f.outcome(await f.issuer.sign({}, { key: added }))).toBe('issuer_unavailable');
    f.pass(24 * 60 * MINUTE);
    expect(await f.outcome(await signAnew())).toBe('issuer_unavailable');
    await f.issuer.restart();
    f.pass(2_000);
    expect(await f.outcome(await f.issuer.sign({}, { key: added }))).toBe('ok');
    expect(f.identity.notReady()).toEqual([]);
  });

  it('a slow provider costs the one who waits the deadline, not forever', async () => {
    const f = await begin({}, { fetchDeadlineMs: 1_000 });
    f.issuer.pause();
    const added = await f.issuer.rotate();
    f.pass(31_000);
    expect(await f.outcome(await f.issuer.sign({}, { key: added }))).toBe('issuer_unavailable');
    f.issuer.resume();
    f.pass(31_000);
    expect(await f.outcome(await f.issuer.sign({}, { key: added }))).toBe('ok');
  });

  it('the circuit opens after failures in a row: nothing is sent while it is open', async () => {
    const f = await begin({}, { breakerFailures: 2, breakerOpenMs: 60_000 });
    f.issuer.answer('keys', (_request, response) => void response.writeHead(500).end());
    const before = f.issuer.keyReads();
    for (let i = 0; i < 6; i += 1) {
      f.pass(31_000);
      expect(await f.outcome(await f.issuer.sign({}, { header: { kid: `x${i}` } }))).toBe('issuer_unavailable');
    }
    expect(f.issuer.keyReads()).toBe(before + 2);
    expect(await f.outcome(await f.issuer.sign())).toBe('ok');
  });

  it('whoever gives up stops waiting, and the read goes on for the others', async () => {
    const f = await begin({}, { fetchDeadlineMs: 2_000 });
    const added = await f.issuer.rotate();
    f.pass(31_000);
    f.issuer.pause();
    const token = await f.issuer.sign({}, { key: added });
    const gone = new AbortController();
    const first = f.identity.authenticate(token, gone.signal);
    gone.abort();
    await expect(first).rejects.toMatchObject({ code: 'issuer_unavailable' });
    await expect(f.identity.authenticate(token, AbortSignal.abort())).rejects.toMatchObject({ code: 'issuer_unavailable' });
  });
});

describe('verified tokens', () => {
  it('are remembered, until they expire', async () => {
    const f = await begin({ overrides: { clockSkewSeconds: 0 } });
    const signal = new AbortController().signal;
    const seconds = Math.floor(f.now() / 1_000);
    const token = await f.issuer.sign({ exp: seconds + 120 });
    const caller = await f.identity.authenticate(token, signal);
    expect(await f.identity.authenticate(token, signal)).toBe(caller);
    f.pass(121_000);
    expect(await f.outcome(token)).toBe('invalid_token');
  });

  it('are verified again after five minutes', async () => {
    const f = await begin();
    const signal = new AbortController().signal;
    const token = await f.issuer.sign();
    const caller = await f.identity.authenticate(token, signal);
    f.pass(4 * MINUTE);
    expect(await f.identity.authenticate(token, signal)).toBe(caller);
    f.pass(2 * MINUTE);
    const again = await f.identity.authenticate(token, signal);
    expect(again).not.toBe(caller);
    expect(again).toEqual(caller);
  });

  it('are remembered up to a bound, in tokens and in principals', async () => {
    const f = await begin({}, { cacheMaxTokens: 2, cacheMaxPrincipals: 20 });
    const signal = new AbortController().signal;
    const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => f.issuer.sign({ sub })));
    const callers = [];
    for (const token of tokens) callers.push(await f.identity.authenticate(token, signal));
    expect(await f.identity.authenticate(tokens[2] ?? '', signal)).toBe(callers[2]);
    expect(await f.identity.authenticate(tokens[0] ?? '', signal)).not.toBe(callers[0]);
    const wide = await f.issuer.sign({ groups: Array.from({ length: 30 }, (_, i) => `g${i}`) });
    expect(await f.identity.authenticate(wide, signal)).not.toBe(await f.identity.authenticate(wide, signal));
  });
});
