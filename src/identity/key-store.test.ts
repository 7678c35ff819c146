import { generateKeyPair, type CryptoKey } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { laterReasonOf } from '../../test/support/identity-parts.ts';
import { silentTelemetry, type Telemetry } from '../core/ports/telemetry.ts';
import { createKeyStore, type KeyStore } from './key-store.ts';
import type { VerificationKey } from './key-set.ts';
import { DEFAULT_LIMITS, type IdentityLimits } from './limits.ts';

const NOW = 1_700_000_000_000;
const { signal } = new AbortController();
let imported: CryptoKey;
beforeAll(async () => {
  imported = (await generateKeyPair('ES256')).publicKey;
});

const key = (id: string | undefined, fingerprint = id ?? 'none', works = true): VerificationKey => ({
  id,
  fingerprint,
  fits: (algorithm) => algorithm === 'ES256',
  forAlgorithm: () => (works ? Promise.resolve(imported) : Promise.reject(new Error('no such key'))),
});

interface World {
  readonly store: KeyStore;
  readonly events: string[];
  keys: readonly VerificationKey[] | 'down' | Promise<readonly VerificationKey[]>;
  reads: number;
  pass(milliseconds: number): void;
  find(id: string | undefined, algorithm?: string): Promise<string>;
}

/** Limits in round numbers: old after 100, lost after 1000, cooled after 30 (without a key after 10). */
function worldOf(keys: World['keys'], limits: Partial<IdentityLimits> = {}): World {
  let now = NOW;
  const events: string[] = [];
  const telemetry: Telemetry = {
    ...silentTelemetry,
    log: { ...silentTelemetry.log, warn: (fields, message) => void events.push(`${message} ${JSON.stringify(fields)}`) },
    count: (counter, labels) => void events.push(`${counter} ${JSON.stringify(labels)}`),
    span: (name, attributes, run) => (events.push(`${name} ${JSON.stringify(attributes)}`), run()),
  };
  const round = { keysMaxAgeMs: 100, keysOutageMs: 1_000, coolDownMs: 30, emptyCoolDownMs: 10, breakerFailures: 1_000 };
  const world: World = {
    store: createKeyStore({
      issuer: 'test',
      readKeys: async () => {
        world.reads += 1;
        if (world.keys === 'down') throw new Error('why');
        return world.keys;
      },
      limits: { ...DEFAULT_LIMITS, ...round, ...limits },
      clock: { now: () => now },
      telemetry,
    }),
    events,
    keys,
    reads: 0,
    pass: (milliseconds) => void (now += milliseconds),
    find: (id, algorithm = 'ES256') => laterReasonOf(world.store.find(id, algorithm, signal)),
  };
  return world;
}

const UNKNOWN = 'invalid_token: an unknown key';
const NOT_READ = 'issuer_unavailable: test: its keys could not be read';

describe('the keys of a provider', () => {
  it('are found by id and algorithm, with the generation of their set', async () => {
    const w = worldOf([key('a'), key('b')]);
    expect([w.store.ready, w.store.generation]).toEqual([false, 0]);
    expect(await w.store.find('a', 'ES256', signal)).toEqual({ key: imported, generation: 0 });
    expect([await w.find('b'), await w.find('a', 'RS256'), await w.find('c')]).toEqual(['ok', UNKNOWN, UNKNOWN]);
    expect([w.store.ready, w.reads]).toEqual([true, 1]);
    expect(w.events).toEqual(['identity.read_keys {"issuer":"test"}']);
  });

  it('must be unambiguous: two of one id, or several without an id asked for', async () => {
    const AMBIGUOUS = 'invalid_token: an ambiguous key';
    expect(await worldOf([key('a', 'x'), key('a', 'y')]).find('a')).toBe(AMBIGUOUS);
    expect(await worldOf([key('a'), key('b')]).find(undefined)).toBe(AMBIGUOUS);
    expect(await worldOf([key('a')]).find(undefined)).toBe('ok');
    expect(await worldOf([key(undefined)]).find('a')).toBe(UNKNOWN);
    expect(await worldOf([key('a', 'a', false)]).find('a')).toBe('invalid_token: a published key that cannot be used');
  });

  it('are read again when they are old, and not before', async () => {
    const w = worldOf([key('a')]);
    await w.find('a');
    w.pass(99);
    await w.find('a');
    expect(w.reads).toBe(1);
    w.pass(1);
    w.keys = [key('b')];
    expect([await w.find('a'), w.reads, w.store.generation]).toEqual([UNKNOWN, 2, 1]);
  });

  it('are read again for a clock that was set back', async () => {
    const w = worldOf([key('a')]);
    await w.find('a');
    w.pass(-1);
    await w.find('a');
    expect(w.reads).toBe(2);
  });

  it('are read for an unknown id once within the cool-down', async () => {
    const w = worldOf([key('a')]);
    await w.find('a');
    w.keys = [key('a'), key('b')];
    w.pass(29);
    expect([await w.find('b'), w.reads]).toEqual([UNKNOWN, 1]);
    w.pass(1);
    expect([await w.find('b'), w.reads, w.store.generation]).toEqual(['ok', 2, 0]);
  });

  it('move the generation when one is taken out, not when one comes in', async () => {
    const w = worldOf([key('a')]);
    const after = async (...keys: readonly VerificationKey[]) => {
      w.keys = keys;
      await w.store.read();
      return w.store.generation;
    };
    expect([await after(key('a')), await after(key('a'), key('b')), await after(key('b'), key('a')), await after(key('b'))]).toEqual([
      0, 0, 0, 1,
    ]);
    expect([await after(key('b', 'other')), await after(), await after()]).toEqual([2, 3, 3]);
    expect(w.store.ready).toBe(true);
  });

  it('that are none are an answer: unknown, not unavailable, and asked for again soon', async () => {
    const w = worldOf([]);
    expect([await w.store.read(), w.store.ready]).toEqual([false, false]);
    expect(w.events.at(-1)).toBe('the provider publishes no usable signing key {"issuer":"test"}');
    expect([await w.find('a'), w.reads]).toEqual([UNKNOWN, 1]);
    w.pass(9);
    expect([await w.find('a'), w.reads]).toEqual([UNKNOWN, 1]);
    w.pass(1);
    w.keys = [key('a')];
    expect([await w.find('a'), w.reads, await w.store.read()]).toEqual(['ok', 2, true]);
  });
});

describe('an outage', () => {
  it('leaves known keys in use for a time and fails closed for any other', async () => {
    const w = worldOf([key('a')]);
    await w.find('a');
    w.keys = 'down';
    w.pass(100);
    expect([await w.find('a'), await w.find('b')]).toEqual(['ok', NOT_READ]);
    expect(w.events.slice(-2)).toEqual([
      'outbound_failures {"part":"issuer"}',
      'the keys of the provider could not be read {"issuer":"test","reason":"why"}',
    ]);
    w.pass(899);
    expect(await w.find('a')).toBe('ok');
    w.pass(1);
    expect([await w.find('a'), await w.store.read(), w.store.ready]).toEqual([NOT_READ, false, true]);
    w.keys = [key('a')];
    w.pass(10);
    expect([await w.find('a'), w.store.generation]).toEqual(['ok', 0]);
  });

  it('is tried again after the cool-down, behind those whose keys are known', async () => {
    const w = worldOf([key('a')]);
    await w.find('a');
    w.keys = 'down';
    w.pass(100);
    await w.find('a');
    expect(w.reads).toBe(2);
    w.pass(29);
    await w.find('a');
    expect(w.reads).toBe(2);
    w.pass(1);
    let answer: (keys: readonly VerificationKey[]) => void = () => undefined;
    w.keys = new Promise((resolve) => (answer = resolve));
    expect([await w.find('a'), w.reads]).toEqual(['ok', 3]);
    // Who needs another key waits for the same read.
    const waiting = w.find('b');
    answer([key('a'), key('b')]);
    expect([await waiting, w.reads]).toEqual(['ok', 3]);
  });

  it('from the start is no answer', async () => {
    const w = worldOf('down');
    expect([await w.find('a'), w.reads, w.store.ready]).toEqual([NOT_READ, 1, false]);
    w.pass(10);
    expect([await w.find('a'), w.reads]).toEqual([NOT_READ, 2]);
  });

  it('opens the circuit after so many failures in a row', async () => {
    const w = worldOf('down', { breakerFailures: 2 });
    for (let n = 0; n < 4; n++) expect(await w.store.read()).toBe(false);
    expect(w.reads).toBe(2);
  });

  it('does not hold a caller who gives up, nor end the read for the others', async () => {
    let answer: (keys: readonly VerificationKey[]) => void = () => undefined;
    const w = worldOf(new Promise((resolve) => (answer = resolve)));
    const gone = new AbortController();
    const first = laterReasonOf(w.store.find('a', 'ES256', gone.signal));
    const second = w.find('a');
    gone.abort();
    const GAVE_UP = 'issuer_unavailable: test: the request ended while its keys were being read';
    expect(await first).toBe(GAVE_UP);
    expect(await laterReasonOf(w.store.find('a', 'ES256', gone.signal))).toBe(GAVE_UP);
    answer([key('a')]);
    expect([await second, w.reads]).toEqual(['ok', 1]);
  });
});
