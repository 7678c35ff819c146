import { createServer, type Server } from 'node:http';
import type { Express } from 'express';
import type { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { ServiceTelemetry } from '../../telemetry/telemetry.ts';
import { createApp } from './app.ts';
import type { HttpDoorConfig } from './config.ts';
import { createInFlight } from '../entrance/in-flight.ts';
import type { Mount } from '../entrance/mount.ts';
import type { Pipeline } from './pipeline.ts';
import { createRateLimiter, type RateLimiter } from '../entrance/rate-limits.ts';
import { problemOf } from './problem.ts';
import type { Route } from './route.ts';
import { accessRequestRoutes } from './routes/access-requests.ts';
import { applicationKeyRoutes } from './routes/application-keys.ts';
import { auditRoutes } from './routes/audit.ts';
import { batchRoute } from './routes/batch.ts';
import { keyRoutes } from './routes/keys.ts';
import { logoutRoutes } from './routes/logout.ts';
import { docsRoutes } from './routes/docs.ts';
import { collectionRoutes } from './routes/collections.ts';
import { documentRoutes } from './routes/documents.ts';
import { replayRoutes } from './routes/replay.ts';
import { reportRoutes } from './routes/reports.ts';
import { mountRoutes } from './routes/mounts.ts';
import { openApiRoute } from './routes/openapi.ts';
import { METADATA_PATH, operationRoutes, sendMetrics } from './routes/operations.ts';
import { erasureRoutes } from './routes/erasure.ts';
import { groupRoutes } from './routes/groups.ts';
import { scimRoutes } from './scim/routes.ts';
import { policyRoutes } from './routes/policy.ts';
import { reconciliationRoutes } from './routes/reconciliations.ts';
import { requestRoutes } from './routes/requests.ts';
import { retrieveRoutes } from './routes/retrieve.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { sourceRoutes } from './routes/sources.ts';
import { watchingRoutes } from './routes/watching.ts';
import { stageRoutes } from './routes/stages.ts';
import { switchRoutes } from './routes/switches.ts';
import { closeGently, createHttpServer, destroyServer, listenOn, urlOf } from '../entrance/server.ts';
import { PROBLEM_TYPE } from '../entrance/send.ts';
import type { HttpServices } from './services.ts';

export interface HttpDoorOptions {
  readonly services: HttpServices;
  readonly config: HttpDoorConfig;
  readonly telemetry: ServiceTelemetry;
  readonly clock: Clock;
  /** One for all doors, so that nobody gets their limit once a door; one of its own where absent. */
  readonly limiter?: RateLimiter;
  /** Other protocols that speak through this port. */
  readonly mounts?: readonly Mount[];
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Where `metrics.kind` is `port`. */
  readonly metricsUrl?: string;
}

export interface HttpDoor {
  readonly app: Express;
  listen(): Promise<Listening>;
  /** Takes nothing new, waits at most `graceMs` for what is in flight, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

interface Parts {
  readonly options: HttpDoorOptions;
  readonly limiter: RateLimiter;
  readonly stop: AbortSignal;
  publicUrl(): string;
}

function routesOf({ options, limiter, stop, publicUrl }: Parts): readonly Route[] {
  const { services, config, telemetry, clock, mounts = [] } = options;
  const routes: readonly Route[] = [
    ...retrieveRoutes(services, config),
    ...sessionRoutes(services, config),
    ...sourceRoutes(services, config),
    ...collectionRoutes(services, config),
    ...documentRoutes(services, config),
    batchRoute({ services, config, telemetry, clock, stop }),
    ...requestRoutes(services),
    ...stageRoutes(services, config),
    ...replayRoutes(services, config),
    ...erasureRoutes(services, config),
    ...auditRoutes(services.auditDesk),
    ...reconciliationRoutes(services, config),
    ...policyRoutes(services, config),
    ...groupRoutes(services, config),
    ...scimRoutes(services, config, publicUrl),
    ...switchRoutes(services, config),
    ...watchingRoutes(services),
    ...applicationKeyRoutes(services, config),
    ...accessRequestRoutes(services, config),
    ...reportRoutes(services, config),
    ...logoutRoutes(services, limiter),
    ...keyRoutes(services),
    ...operationRoutes(services, config.metrics, telemetry.registry, publicUrl),
    ...mountRoutes(mounts, services, publicUrl),
    ...docsRoutes(),
  ];
  return [...routes, openApiRoute(routes, config.version)];
}

function metricsServer({ telemetry }: HttpDoorOptions): Server {
  return createServer((req, res) => {
    if (req.url !== '/metrics' || req.method !== 'GET') {
      res.writeHead(404).end();
      return;
    }
    sendMetrics(res, telemetry.registry).catch((error: unknown) => {
      telemetry.log.error({}, 'metrics could not be written', error);
      res.destroy();
    });
  });
}

function renderProblem(error: AppError, requestId: string) {
  const body = problemOf(error, requestId);
  return { status: body.status, body, type: PROBLEM_TYPE };
}

/** The HTTP API on a port of its own. `listen` fails with Node's error where the port cannot be had. */
export function createHttpDoor(options: HttpDoorOptions): HttpDoor {
  const { services, config, telemetry, mounts = [] } = options;
  const mounted = new Map(mounts.map(({ path, scope }) => [path, scope]));
  const stopping = new AbortController();
  const inFlight = createInFlight();
  let listening: Listening = { url: urlOf(config.host, config.port), port: config.port };
  const publicUrl = (): string => (config.publicUrl ?? listening.url).replace(/\/+$/, '');
  const limiter = options.limiter ?? createRateLimiter(config.rates);
  const pipeline: Pipeline = {
    services,
    telemetry,
    limiter,
    stop: stopping.signal,
    clock: options.clock,
    idleMs: config.limits.idleMs,
    metadataUrl: (path) => publicUrl() + METADATA_PATH + (mounted.has(path) ? path : ''),
    mounted,
    publicUrl,
  };
  const app = createApp(pipeline, config, routesOf({ options, limiter, stop: stopping.signal, publicUrl }), inFlight);
  const server = createHttpServer(app, config.limits, renderProblem);
  const metrics = config.metrics.kind === 'port' ? { server: metricsServer(options), ...config.metrics } : undefined;
  return {
    app,
    async listen() {
      const port = await listenOn(server, config.host, config.port);
      listening = { url: urlOf(config.host, port), port };
      if (metrics === undefined) return listening;
      const metricsPort = await listenOn(metrics.server, metrics.host, metrics.port);
      return { ...listening, metricsUrl: `${urlOf(metrics.host, metricsPort)}/metrics` };
    },
    async close(graceMs) {
      stopping.abort();
      await closeGently(server, inFlight, graceMs);
      if (metrics !== undefined) destroyServer(metrics.server);
    },
  };
}
