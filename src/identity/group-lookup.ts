import { circuitBreaker, ConsecutiveBreaker, ExponentialBackoff, handleWhen, retry, wrap } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { Agent } from 'undici';
import type { Caller } from '../core/caller.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { GroupLookupConfig, IssuerConfig } from '../core/ports/identity.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { principal, type Principal } from '../core/principal.ts';
import { callerFromClaims } from './caller-from-claims.ts';
import type { VerifiedClaims } from './claims.ts';
import { groupsIncomplete } from './failures.ts';
import { graphExchange, LookupFailed } from './graph-exchange.ts';
import { graphGroups } from './graph-groups.ts';
import { groupsOf } from './groups.ts';
import type { IdentityLimits } from './limits.ts';

export interface LookedUp {
  readonly groups: readonly Principal[];
  /** Milliseconds since 1970 until which the answer holds. */
  readonly until: number;
}

export interface GroupLookup {
  /** All groups of a person by the provider's id of them. Fails with `groups_incomplete`. */
  groups(person: string, signal: AbortSignal): Promise<LookedUp>;
  close(): Promise<void>;
}

export interface LookupParts {
  readonly limits: IdentityLimits;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly closing: AbortSignal;
}

/** Groups of all people that are remembered together. */
const CACHED_GROUPS = 500_000;

/**
 * Asks the provider, through a circuit breaker, one question a person at a time; a transient failure is tried once more. The work
 * goes on when the one who asked first gives up: others may wait for it, and each exchange has its deadline.
 */
export function createGroupLookup(issuer: string, config: GroupLookupConfig, parts: LookupParts): GroupLookup {
  const { limits, clock, telemetry, closing } = parts;
  const dispatcher = new Agent({ connections: 4, maxHeaderSize: 16 * 1024, connect: { timeout: limits.fetchDeadlineMs } });
  const ask = graphGroups(config, graphExchange(dispatcher, limits.fetchDeadlineMs), clock);
  // What is wrong with one person, or a server that asks to wait, is no outage for the others.
  const breaker = circuitBreaker(handleWhen(isTransient), {
    halfOpenAfter: limits.breakerOpenMs,
    breaker: new ConsecutiveBreaker(limits.breakerFailures),
  });
  const again = retry(handleWhen(isTransient), { maxAttempts: 1, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 200 }) });
  const policy = wrap(breaker, again);
  const cache = new LRUCache<string, LookedUp>({ maxSize: CACHED_GROUPS, sizeCalculation: ({ groups }) => groups.length + 1 });
  const running = new Map<string, Promise<LookedUp>>();

  async function look(person: string): Promise<LookedUp> {
    // From before it was asked: the provider may have made its answer at any time since.
    const until = clock.now() + config.cacheSeconds * 1_000;
    try {
      const ids = await telemetry.span('identity.look_up_groups', { issuer }, () => policy.execute(() => ask(person, closing)));
      const groups = ids.map((id) => principal('group', issuer, id));
      if (!groups.every((group) => group !== undefined)) throw new LookupFailed('a group that can be no principal');
      const answer = { groups, until };
      if (config.cacheSeconds > 0) cache.set(person, answer);
      return answer;
    } catch (error) {
      const reason = error instanceof LookupFailed ? error.message : 'the circuit is open';
      telemetry.count('outbound_failures', { part: 'issuer' });
      telemetry.log.warn({ issuer, reason }, 'the groups of a person could not be looked up');
      throw groupsIncomplete('the provider could not be asked for the groups it left out');
    }
  }

  return {
    async groups(person, signal) {
      const known = cache.get(person);
      const left = known === undefined ? 0 : known.until - clock.now();
      // A clock that was set back makes an entry seem younger than any can be.
      if (known !== undefined && left > 0 && left <= config.cacheSeconds * 1_000) return known;
      let underWay = running.get(person);
      if (underWay === undefined) {
        underWay = look(person).finally(() => running.delete(person));
        running.set(person, underWay);
      }
      return orGivenUp(underWay, signal);
    },
    close: () => dispatcher.destroy(),
  };
}

function isTransient(error: unknown): boolean {
  return error instanceof LookupFailed && /^(?:no answer|answered with 5)/.test(error.message);
}

function orGivenUp<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(groupsIncomplete('the request ended while its groups were looked up'));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

/** A caller, and how long what was looked up for them may be kept; undefined where nothing was. */
export interface FoundCaller {
  readonly caller: Caller;
  readonly maxAgeMs: number | undefined;
}

/** The caller of a verified token, with groups looked up exactly where the token says that it does not hold them all. */
export async function callerWithGroups(
  verified: VerifiedClaims,
  config: IssuerConfig,
  tokenDigest: string,
  lookup: { readonly by: GroupLookup | undefined; readonly clock: Clock },
  signal: AbortSignal,
): Promise<FoundCaller> {
  const asks = config.lookup !== undefined && lookup.by !== undefined && config.directory?.kind !== 'authoritative';
  const draft = callerFromClaims(verified, config, tokenDigest, asks ? [] : undefined);
  if (!asks || draft.user.kind === 'none' || groupsOf(verified.claims, config).kind === 'named')
    return { caller: draft, maxAgeMs: undefined };
  const person = verified.claims.get(config.lookup.claim);
  if (typeof person !== 'string') throw groupsIncomplete('the token does not name the person as the provider does');
  const { groups, until } = await lookup.by.groups(person, signal);
  return { caller: { ...draft, user: { ...draft.user, groups } }, maxAgeMs: Math.max(0, until - lookup.clock.now()) };
}
