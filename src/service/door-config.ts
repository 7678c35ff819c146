import type { Config } from '../config.ts';
import { DEFAULT_HTTP_LIMITS, type HttpDoorConfig } from '../doors/http/config.ts';
import { DEFAULT_RATE_LIMITS } from '../doors/entrance/limits.ts';
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
    rates: { ...DEFAULT_RATE_LIMITS, clientPerMinute: limits.clientPerMinute, userPerMinute: limits.userPerMinute },
    metrics: metrics.kind === 'none' ? { kind: 'off' } : metrics.kind === 'port' ? { ...metrics, host } : metrics,
    ...(mode === 'development' ? { allowedHosts: ['127.0.0.1', 'localhost', '[::1]'] } : {}),
    version,
  };
}
