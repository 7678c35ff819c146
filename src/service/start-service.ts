import type { Config } from '../config.ts';
import type { EvidencePort } from '../core/ports/evidence.ts';
import { createHttpDoor } from '../doors/http/http-door.ts';
import { METADATA_PATH } from '../doors/http/routes/operations.ts';
import { mcpMount } from '../doors/mcp/mcp-mount.ts';
import type { Mender } from '../ingestion/mender.ts';
import type { Reconciler } from '../ingestion/reconciler.ts';
import { createRateLimiter } from '../doors/entrance/rate-limits.ts';
import type { QdrantDoorConfig } from '../doors/qdrant/config.ts';
import { createQdrantDoor, type QdrantDoor, type QdrantDoorOptions } from '../doors/qdrant/qdrant-door.ts';
import { createClosers, type Closers } from './closers.ts';
import { doorConfig, qdrantDoorConfig, rateLimits } from './door-config.ts';
import { httpServices } from './http-services.ts';
import type { Stores } from './open-stores.ts';
import { qdrantServices } from './qdrant-services.ts';
import { startParts } from './running-parts.ts';
import type { ServiceOptions } from './service-options.ts';

export interface Service {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Where the Qdrant-compatible door listens; undefined where it is switched off. */
  readonly qdrantUrl: string | undefined;
  readonly stores: Stores;
  readonly mender: Mender;
  readonly reconciler: Reconciler;
  readonly auditor: EvidencePort;
  /** Finishes requests in flight for up to `graceMs`, then stops everything it started. */
  close(graceMs?: number): Promise<void>;
}

const GRACE_MS = 15_000;

/** Builds the house and opens its door. Rejects, with everything closed again, where a part cannot be started. */
export async function startService(config: Config, options: ServiceOptions): Promise<Service> {
  const closers = createClosers();
  try {
    return await build(config, options, closers);
  } catch (error) {
    await closers.closeAll().catch(() => undefined);
    throw error;
  }
}

async function build(config: Config, options: ServiceOptions, closers: Closers): Promise<Service> {
  const parts = await startParts(config, options, closers);
  const { telemetry, clock, limits, files, stores, mender, reconciler, auditor } = parts;
  const services = httpServices(parts);
  const { version } = options;
  const http = doorConfig(config, version, files.vocabulary.scheme, limits.http);
  const mcp = mcpMount({ services, labels: http.labels, telemetry, version, requestBytes: http.limits.requestBytes });
  const limiter = createRateLimiter(rateLimits(config));
  const door = createHttpDoor({ services, config: http, telemetry, clock, limiter, mounts: [mcp] });
  const { url } = await door.listen();
  const metadataUrl = (): string => (config.publicUrl ?? url) + METADATA_PATH;
  const qdrant = await openQdrantDoor(qdrantDoorConfig(config, limits.qdrantDoor), {
    services: qdrantServices(parts, services),
    telemetry,
    limiter,
    metadataUrl,
  }).catch(async (error: unknown) => {
    await door.close(0);
    throw error;
  });
  return {
    url,
    qdrantUrl: qdrant?.url,
    stores,
    mender,
    reconciler,
    auditor,
    async close(graceMs = GRACE_MS) {
      // The doors first: what is in flight still needs everything behind them.
      try {
        await Promise.all([door.close(graceMs), qdrant?.door.close(graceMs)]);
      } finally {
        await closers.closeAll();
      }
    },
  };
}

async function openQdrantDoor(
  config: QdrantDoorConfig | undefined,
  options: Omit<QdrantDoorOptions, 'config'>,
): Promise<{ readonly door: QdrantDoor; readonly url: string } | undefined> {
  if (config === undefined) return undefined;
  const door = createQdrantDoor({ ...options, config });
  return { door, url: await door.listen() };
}
