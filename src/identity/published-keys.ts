import { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel';
import type { Clock } from '../core/ports/clock.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { VerificationKey } from './key-set.ts';
import type { IdentityLimits } from './limits.ts';

export interface KeyStoreParts {
  readonly issuer: string;
  readonly readKeys: () => Promise<readonly VerificationKey[]>;
  readonly limits: IdentityLimits;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Immutable; replaced as a whole after each attempt to read. */
export interface PublishedKeys {
  readonly keys: readonly VerificationKey[];
  /** Moves when a key was taken out. */
  readonly generation: number;
  /** A usable key was read at least once. */
  readonly ready: boolean;
  /** Milliseconds since 1970 of the last attempt, and of the last that did not fail. */
  readonly triedAt: number | 'never';
  readonly readAt: number | 'never';
  readonly failed: boolean;
}

export interface KeyReader {
  readonly state: PublishedKeys;
  readonly reading: boolean;
  /** Joins the read in flight, or begins one. Never rejects: the state says how it went. */
  refresh(): Promise<void>;
}

/** What a provider publishes, read through a circuit breaker and by one read at a time for all callers. */
export function createKeyReader({ issuer, readKeys, limits, clock, telemetry }: KeyStoreParts): KeyReader {
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: limits.breakerOpenMs,
    breaker: new ConsecutiveBreaker(limits.breakerFailures),
  });
  let state: PublishedKeys = { keys: [], generation: 0, ready: false, triedAt: 'never', readAt: 'never', failed: true };
  let inFlight: Promise<void> | undefined;

  async function attempt(): Promise<void> {
    try {
      const keys = await telemetry.span('identity.read_keys', { issuer }, () => breaker.execute(readKeys));
      state = replaced(state, keys, clock.now());
      if (keys.length === 0) telemetry.log.warn({ issuer }, 'the provider publishes no usable signing key');
    } catch (error) {
      state = { ...state, failed: true, triedAt: clock.now() };
      const reason = error instanceof Error ? error.message : 'unknown';
      telemetry.count('outbound_failures', { part: 'issuer' });
      telemetry.log.warn({ issuer, reason }, 'the keys of the provider could not be read');
    }
  }

  return {
    get state() {
      return state;
    },
    get reading() {
      return inFlight !== undefined;
    },
    refresh() {
      inFlight ??= attempt().finally(() => {
        inFlight = undefined;
      });
      return inFlight;
    },
  };
}

/** An answer without keys is an answer: the provider has taken all of them out. */
function replaced(before: PublishedKeys, keys: readonly VerificationKey[], now: number): PublishedKeys {
  const lost = before.keys.some((key) => !keys.some((k) => k.fingerprint === key.fingerprint));
  return {
    keys,
    generation: before.generation + (lost ? 1 : 0),
    ready: before.ready || keys.length > 0,
    triedAt: now,
    readAt: now,
    failed: false,
  };
}
