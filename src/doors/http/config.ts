import type { LabelScheme } from '../../core/label.ts';
import type { RateLimits } from '../entrance/limits.ts';

/** Where Prometheus reads. With `token`, on the main port under `/metrics`, for the bearer of that token. */
export type MetricsExposure =
  | { readonly kind: 'off' }
  | { readonly kind: 'port'; readonly host: string; readonly port: number }
  | { readonly kind: 'token'; readonly token: string };

export interface HttpLimits {
  /** Bytes of the body of `POST /v1/retrieve` and of source bodies. */
  readonly requestBytes: number;
  /** Bytes of a document body, and of one line of a batch. */
  readonly documentBytes: number;
  /** Milliseconds for a whole request; in a batch, for each line. */
  readonly deadlineMs: number;
  /** Milliseconds without a byte after which a batch is given up. */
  readonly idleMs: number;
  /** Milliseconds for the request head to arrive. */
  readonly headersMs: number;
}

export interface HttpDoorConfig {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Origin under which clients reach this service. The listening address where absent. */
  readonly publicUrl?: string;
  readonly labels: LabelScheme;
  readonly limits: HttpLimits;
  readonly rates: RateLimits;
  readonly metrics: MetricsExposure;
  /** Host names answered to, without port; any where absent. Stops DNS rebinding against a service on loopback. */
  readonly allowedHosts?: readonly string[];
  /** Addresses of reverse proxies whose `X-Forwarded-For` counts, as Express takes them; none where absent. */
  readonly trustedProxies?: readonly string[];
  readonly version: string;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  requestBytes: 1_048_576,
  documentBytes: 16_777_216,
  deadlineMs: 30_000,
  idleMs: 30_000,
  headersMs: 10_000,
};
