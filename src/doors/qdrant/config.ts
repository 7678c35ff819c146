import type { RateLimits } from '../entrance/limits.ts';

export interface QdrantLimits {
  /** Bytes of a body. */
  readonly bodyBytes: number;
  /** Milliseconds for a whole request. */
  readonly deadlineMs: number;
  /** Milliseconds for the request head to arrive. */
  readonly headersMs: number;
}

export interface QdrantDoorConfig {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Origin under which clients reach this door, for proofs of possession. The listening address where absent. */
  readonly publicUrl?: string;
  readonly limits: QdrantLimits;
  readonly rates: RateLimits;
  /** Host names answered to, without port; any where absent. Stops DNS rebinding against a service on loopback. */
  readonly allowedHosts?: readonly string[];
  /** Addresses and networks of reverse proxies whose `X-Forwarded-For` counts; none where absent. */
  readonly trustedProxies?: readonly string[];
}

export const DEFAULT_QDRANT_LIMITS: QdrantLimits = { bodyBytes: 16_777_216, deadlineMs: 30_000, headersMs: 10_000 };
