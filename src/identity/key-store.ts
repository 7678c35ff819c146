import { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel';
import type { CryptoKey } from 'jose';
import type { Clock } from '../core/ports/clock.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { abortable } from './abortable.ts';
import { invalidToken, issuerUnavailable } from './failures.ts';
import type { VerificationKey } from './key-set.ts';
import type { IdentityLimits } from './limits.ts';

export interface FoundKey {
  readonly key: CryptoKey;
  /** Of the set the key was found in. */
  readonly generation: number;
}

export interface KeyStore {
  /** Fails with `invalid_token` where the provider has no such key, `issuer_unavailable` where that could not be asked. */
  find(keyId: string | undefined, algorithm: string, signal: AbortSignal): Promise<FoundKey>;
  /** Reads the keys now; true where a usable key is known afterwards. */
  read(): Promise<boolean>;
  /** True once a usable key has been read. */
  readonly ready: boolean;
  /** Moves when a key was taken out: what was verified under a lower one must be verified again. */
  readonly generation: number;
}

interface KeyStoreParts {
  readonly issuer: string;
  readonly readKeys: () => Promise<readonly VerificationKey[]>;
  readonly limits: IdentityLimits;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

type Reading =
  | { readonly kind: 'never' }
  /** `failed`: whether the last attempt failed; `readAt` is of the last one that did not. */
  | { readonly kind: 'tried'; readonly triedAt: number; readonly failed: boolean; readonly readAt: number | undefined };

/**
 * The keys of one provider, read through a circuit breaker, one read at a time for all callers. Reading fails soft for
 * keys already known, up to `keysOutageMs`, and closed for any other.
 */
export function createKeyStore({ issuer, readKeys, limits, clock, telemetry }: KeyStoreParts): KeyStore {
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: limits.breakerOpenMs,
    breaker: new ConsecutiveBreaker(limits.breakerFailures),
  });
  let keys: readonly VerificationKey[] = [];
  let reading: Reading = { kind: 'never' };
  let inFlight: Promise<void> | undefined;
  let generation = 0;
  let ready = false;

  async function attempt(): Promise<void> {
    const readAt = reading.kind === 'tried' ? reading.readAt : undefined;
    try {
      const next = await telemetry.span('identity.read_keys', { issuer }, () => breaker.execute(readKeys));
      if (keys.some((key) => !next.some((n) => n.fingerprint === key.fingerprint))) generation += 1;
      keys = next;
      ready ||= next.length > 0;
      const now = clock.now();
      reading = { kind: 'tried', triedAt: now, failed: false, readAt: now };
      if (next.length === 0) telemetry.log.warn({ issuer }, 'the provider publishes no usable signing key');
    } catch (error) {
      reading = { kind: 'tried', triedAt: clock.now(), failed: true, readAt };
      telemetry.count('outbound_failures', { part: 'issuer' });
      telemetry.log.warn(
        { issuer, reason: error instanceof Error ? error.message : 'unknown' },
        'the keys of the provider could not be read',
      );
    }
  }

  function refresh(): Promise<void> {
    inFlight ??= attempt().finally(() => {
      inFlight = undefined;
    });
    return inFlight;
  }

  const usable = (): readonly VerificationKey[] =>
    reading.kind === 'tried' && reading.readAt !== undefined && !passed(reading.readAt, limits.keysOutageMs) ? keys : [];
  const stale = (): boolean => reading.kind === 'never' || reading.readAt === undefined || passed(reading.readAt, limits.keysMaxAgeMs);
  const cooled = (): boolean =>
    reading.kind === 'never' || passed(reading.triedAt, usable().length === 0 ? limits.emptyCoolDownMs : limits.coolDownMs);
  const lastFailed = (): boolean => reading.kind === 'never' || reading.failed;

  /** A clock that was set back counts as passed: rather one read too many than keys kept too long. */
  function passed(since: number, duration: number): boolean {
    const elapsed = clock.now() - since;
    return elapsed < 0 || elapsed >= duration;
  }

  function pick(keyId: string | undefined, algorithm: string): readonly VerificationKey[] {
    return usable().filter((key) => key.fits(algorithm) && (keyId === undefined || key.id === keyId));
  }

  return {
    async find(keyId, algorithm, signal) {
      if (stale() && cooled()) {
        const done = refresh();
        // In an outage the keys at hand serve at once; the retry goes on behind.
        if (usable().length === 0 || !lastFailed()) await abortable(done, signal, issuer);
      }
      if (pick(keyId, algorithm).length === 0 && (inFlight !== undefined || cooled())) await abortable(refresh(), signal, issuer);
      const [key, ...others] = pick(keyId, algorithm);
      if (key === undefined) throw lastFailed() ? issuerUnavailable(issuer, 'its keys could not be read') : invalidToken('an unknown key');
      // RFC 7515 §4.1.4: the key must be unambiguous; trying one after another would let any of them vouch for a `kid`.
      if (others.length > 0) throw invalidToken('an ambiguous key');
      // Taken before anything is awaited: a key that is taken out meanwhile must not vouch under the new generation.
      const found = generation;
      return { key: await importedKey(key, algorithm), generation: found };
    },
    async read() {
      await refresh();
      return usable().length > 0;
    },
    get ready() {
      return ready;
    },
    get generation() {
      return generation;
    },
  };
}

async function importedKey(key: VerificationKey, algorithm: string): Promise<CryptoKey> {
  try {
    return await key.forAlgorithm(algorithm);
  } catch {
    throw invalidToken('a published key that cannot be used');
  }
}
