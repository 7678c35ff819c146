import type { Config } from '../config.ts';
import { DEFAULT_HTTP_LIMITS, type HttpDoorConfig } from '../doors/http/config.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../doors/entrance/limits.ts';
import { DEFAULT_QDRANT_LIMITS, type QdrantDoorConfig } from '../doors/qdrant/config.ts';
import type { ServiceLimits } from './limits.ts';

export function doorConfig(
  config: Config,
  version: string,
  labels: HttpDoorConfig['labels'],
  own: ServiceLimits['http'] = {},
): HttpDoorConfig {
  const { host, port, publicUrl, metrics, limits, mode, trustedProxies } = config;
  return {
    host,
    port,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
    labels,
    limits: { ...DEFAULT_HTTP_LIMITS, documentBytes: limits.bodyBytes, ...own },
    rates: rateLimits(config),
    metrics: metrics.kind === 'none' ? { kind: 'off' } : metrics.kind === 'port' ? { ...metrics, host } : metrics,
    ...(mode === 'development' ? { allowedHosts: LOOPBACK } : {}),
    version,
  };
}

/** Undefined where the door stays shut. */
export function qdrantDoorConfig(config: Config, own: ServiceLimits['qdrantDoor'] = {}): QdrantDoorConfig | undefined {
  const { host, qdrantDoor: door, limits, mode, trustedProxies } = config;
  if (door.kind === 'off') return undefined;
  return {
    host,
    port: door.port,
    ...(door.publicUrl === undefined ? {} : { publicUrl: door.publicUrl }),
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
    limits: { ...DEFAULT_QDRANT_LIMITS, bodyBytes: limits.bodyBytes, ...own },
    rates: rateLimits(config),
    ...(mode === 'development' ? { allowedHosts: LOOPBACK } : {}),
  };
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** The same at every door: nobody gets their limit once a door. */
export function rateLimits({ limits: { clientPerMinute, userPerMinute } }: Pick<Config, 'limits'>): RateLimits {
  return { ...DEFAULT_RATE_LIMITS, clientPerMinute, userPerMinute };
}
