/** Longest access token looked at, in characters; checked before anything is parsed. */
export const MAX_TOKEN_LENGTH = 16 * 1024;
/** Most groups a token may name. Beyond it the token is refused, never cut. */
export const MAX_GROUPS = 20_000;
/** Longest `act` chain recorded. */
export const MAX_ACTORS = 16;

/** A token older than this by its `iat` is refused where its issuer is not configured otherwise. */
export const DEFAULT_MAX_TOKEN_AGE_SECONDS = 86_400;
/** Seconds that a DPoP proof may be old, beside the skew of the issuer's clocks. */
export const PROOF_AGE_SECONDS = 60;
/** Seconds that a logout token may be old, beside the skew. */
export const LOGOUT_AGE_SECONDS = 300;
/** Longest DPoP proof looked at, in characters. A proof with an RSA key of 4096 bits is shorter. */
export const MAX_PROOF_LENGTH = 8 * 1024;

/** All in milliseconds of the injected clock, unless said otherwise. */
export interface IdentityLimits {
  /** Real time allowed for one HTTP exchange with a provider, body included. */
  readonly fetchDeadlineMs: number;
  /** Largest metadata document or key set read, in bytes. */
  readonly fetchMaxBytes: number;
  /** Age at which a key set is read again. A key taken out by the provider stops working after at most this. */
  readonly keysMaxAgeMs: number;
  /** How long known keys go on working while the provider cannot be reached. */
  readonly keysOutageMs: number;
  /** An unknown `kid` causes at most one read in this time. A failed read of a stale set is not repeated sooner either. */
  readonly coolDownMs: number;
  /** The same while no key is usable at all, where every request would fail otherwise. */
  readonly emptyCoolDownMs: number;
  /** Age at which the provider's metadata is read again before its keys. */
  readonly metadataMaxAgeMs: number;
  /** Real time that a broken circuit stays open after `breakerFailures` failed reads in a row. */
  readonly breakerOpenMs: number;
  readonly breakerFailures: number;
  /** Real time before the first and the slowest background retry of a provider that was never reached. */
  readonly retryInitialMs: number;
  readonly retryMaxMs: number;
  /** Longest life of a verified token in the cache; it never outlives `exp`. */
  readonly cacheMaxAgeMs: number;
  /** Tokens in the cache, and principals held by all of them together. */
  readonly cacheMaxTokens: number;
  readonly cacheMaxPrincipals: number;
}

export const DEFAULT_LIMITS: IdentityLimits = {
  fetchDeadlineMs: 3_000,
  fetchMaxBytes: 256 * 1024,
  keysMaxAgeMs: 10 * 60_000,
  keysOutageMs: 24 * 3_600_000,
  coolDownMs: 30_000,
  emptyCoolDownMs: 1_000,
  metadataMaxAgeMs: 3_600_000,
  breakerOpenMs: 10_000,
  breakerFailures: 5,
  retryInitialMs: 1_000,
  retryMaxMs: 60_000,
  cacheMaxAgeMs: 5 * 60_000,
  cacheMaxTokens: 10_000,
  cacheMaxPrincipals: 500_000,
};
