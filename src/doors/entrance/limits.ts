export interface RateLimits {
  readonly clientPerMinute: number;
  readonly userPerMinute: number;
  /** Refused tokens from one address, after which further ones are answered with `rate_limited`. */
  readonly failuresPerMinute: number;
}

export const DEFAULT_RATE_LIMITS: RateLimits = { clientPerMinute: 6_000, userPerMinute: 600, failuresPerMinute: 60 };
