import { ExponentialBackoff, handleAll, retry } from 'cockatiel';
import { sha256Hex } from '../core/digest.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { DpopRule, IdentityPort, IssuerConfig, LogoutVerifier, OnceGuard } from '../core/ports/identity.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { abortable } from './abortable.ts';
import { checkHeader, verifyClaims } from './claims.ts';
import { checkPossession } from './dpop.ts';
import { callerWithGroups, createGroupLookup, type GroupLookup, type LookupParts } from './group-lookup.ts';
import { invalidToken, issuerUnavailable } from './failures.ts';
import { issuerProblems, summaryOf } from './issuer-config.ts';
import { createIntrospector, type Introspector, isOpaque } from './introspection.ts';
import { createIssuer, type Issuer } from './issuer.ts';
import { DEFAULT_LIMITS, type IdentityLimits, MAX_TOKEN_LENGTH } from './limits.ts';
import { verifyLogoutToken } from './logout-token.ts';
import { onceInMemory } from './once.ts';
import { providerFetch } from './provider-fetch.ts';
import { createTokenCache, type Known, type TokenCache } from './token-cache.ts';
import { takeApart } from './token-shape.ts';

export interface IdentityOptions {
  readonly issuers: readonly IssuerConfig[];
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly limits?: Partial<IdentityLimits>;
  /** Where used proofs are remembered; in this process alone where absent. */
  readonly once?: OnceGuard;
}

export interface Identity extends IdentityPort, LogoutVerifier {
  /**
   * Reads the keys of every issuer once, each within two deadlines, and goes on behind for those that did not answer:
   * a provider that is down at start is not ready, and not fatal. `signal` ends the waiting only. Never rejects.
   */
  start(signal: AbortSignal): Promise<void>;
  /** Ends what is in flight. Tokens are refused with `issuer_unavailable` afterwards. */
  close(): Promise<void>;
}

/** Throws, with all problems in one message, where an issuer is configured wrongly. */
export function createIdentity(options: IdentityOptions): Identity {
  const { issuers: configs, clock, telemetry, limits: given, once = onceInMemory(options.clock) } = options;
  const problems = issuerProblems(configs);
  if (problems.length > 0) throw new Error(`issuers: ${problems.join('; ')}`);
  const limits = { ...DEFAULT_LIMITS, ...given };
  const closing = new AbortController();
  const fetcher = providerFetch(limits);
  const parts = { fetcher, limits, clock, telemetry, closing: closing.signal };
  const issuers = configs.map((config) => createIssuer(config, parts));
  const byUrl = new Map(issuers.map((issuer) => [issuer.config.url, issuer]));
  const byName = new Map(issuers.map((issuer) => [issuer.config.name, issuer]));
  const introspectors = configs.flatMap((config) =>
    config.introspection === undefined ? [] : [createIntrospector(config, config.introspection, parts)],
  );
  const lookups = lookupsOf(configs, parts);
  const cache = createTokenCache(limits, clock, (name) => byName.get(name)?.keys.generation ?? -1);

  return {
    issuers: configs.map(summaryOf),
    notReady: () => issuers.filter((issuer) => !issuer.keys.ready).map((issuer) => issuer.config.name),
    dpop: strictest(configs.map((config) => config.dpop ?? 'accepted')),
    async authenticate(token, signal, possession) {
      if (closing.signal.aborted) throw issuerUnavailable('identity', 'closed');
      // Before hashing, too: the length is the only thing an attacker can make expensive.
      if (token.length > MAX_TOKEN_LENGTH) throw invalidToken('longer than the limit');
      const digest = sha256Hex(token);
      const work = { token, digest, byUrl, lookups, introspector: introspectors[0], cache, clock, signal };
      const { caller, confirmation } = cache.get(digest) ?? (await telemetry.span('identity.verify', {}, () => verify(work)));
      // After the cache, each time: what is known of a token says nothing of who sends it.
      const skewSeconds = byName.get(caller.issuer)?.config.clockSkewSeconds ?? 0;
      const admit = async (): Promise<void> => possession?.admit?.(caller);
      await checkPossession(confirmation, possession, { token, once, admit, skewSeconds, now: clock.now() });
      return caller;
    },
    async verifyLogout(token, signal) {
      if (closing.signal.aborted) throw issuerUnavailable('identity', 'closed');
      return verifyLogoutToken(token, { byUrl, now: clock.now(), signal });
    },
    async start(signal) {
      const reads = issuers.map((issuer) => abortable(readUntilReady(issuer, closing.signal, limits), signal, issuer.config.name));
      await Promise.allSettled(reads);
    },
    async close() {
      closing.abort();
      await Promise.all([fetcher.close(), ...[...lookups.values()].map((lookup) => lookup.close())]);
    },
  };
}

/** By the issuer's short name. */
function lookupsOf(configs: readonly IssuerConfig[], parts: LookupParts): ReadonlyMap<string, GroupLookup> {
  return new Map(
    configs.flatMap(({ name, lookup }) => (lookup === undefined ? [] : [[name, createGroupLookup(name, lookup, parts)] as const])),
  );
}

interface Verification {
  readonly token: string;
  readonly digest: string;
  readonly byUrl: ReadonlyMap<string, Issuer>;
  /** By the issuer's short name. */
  readonly lookups: ReadonlyMap<string, GroupLookup>;
  /** The one issuer whose tokens are opaque. */
  readonly introspector: Introspector | undefined;
  readonly cache: TokenCache;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

function verify(work: Verification): Promise<Known> {
  const { introspector } = work;
  return introspector !== undefined && isOpaque(work.token) ? introspect(work, introspector) : verifySigned(work);
}

async function introspect(
  { token, digest, byUrl, lookups, cache, clock, signal }: Verification,
  introspector: Introspector,
): Promise<Known> {
  const { generation = 0 } = byUrl.get(introspector.config.url)?.keys ?? {};
  const asked = clock.now();
  const verified = await introspector.ask(token, signal);
  const lookup = { by: lookups.get(introspector.config.name), clock };
  const { caller, maxAgeMs = Infinity } = await callerWithGroups(verified, introspector.config, digest, lookup, signal);
  const known = { caller, confirmation: verified.confirmation };
  // From when it was asked: the provider may have made its answer at any time since.
  cache.set(known, generation, Math.min(maxAgeMs, introspector.cacheMs - (clock.now() - asked)));
  return known;
}

async function verifySigned({ token, digest, byUrl, lookups, cache, clock, signal }: Verification): Promise<Known> {
  const unverified = takeApart(token);
  // Unverified: it only selects, by exact match, whose keys and rules must hold; jose compares it again afterwards.
  const named = unverified.claims.get('iss');
  const issuer = typeof named === 'string' ? byUrl.get(named) : undefined;
  if (issuer === undefined) throw invalidToken('an issuer that is not configured');
  checkHeader(unverified, issuer.config, issuer.types);
  const { key, generation } = await issuer.keys.find(unverified.keyId, unverified.algorithm, signal);
  const verified = await verifyClaims(token, unverified, key, issuer.config, clock.now());
  const { caller, maxAgeMs } = await callerWithGroups(
    verified,
    issuer.config,
    digest,
    { by: lookups.get(issuer.config.name), clock },
    signal,
  );
  const known = { caller, confirmation: verified.confirmation };
  cache.set(known, generation, maxAgeMs);
  return known;
}

/** One issuer that takes bound tokens is enough to offer them; only where all demand them is it the rule. */
function strictest(rules: readonly DpopRule[]): DpopRule {
  if (rules.every((rule) => rule === 'refused')) return 'refused';
  return rules.every((rule) => rule === 'required') ? 'required' : 'accepted';
}

/** The first attempt is awaited; where it fails, the rest goes on in the background until the service closes. */
async function readUntilReady(issuer: Issuer, closing: AbortSignal, limits: IdentityLimits): Promise<void> {
  if (await issuer.keys.read()) return;
  const backoff = new ExponentialBackoff({ initialDelay: limits.retryInitialMs, maxDelay: limits.retryMaxMs });
  const again = retry(handleAll, { maxAttempts: Number.MAX_SAFE_INTEGER, backoff }).dangerouslyUnref();
  const background = again.execute(async () => {
    if (!issuer.keys.ready && !(await issuer.keys.read())) throw new Error('not ready');
  }, closing);
  // It only ends ready or by closing; each failure was logged where it happened.
  background.catch(() => undefined);
}
