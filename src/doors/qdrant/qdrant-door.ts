import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../core/errors.ts';
import type { ServiceTelemetry } from '../../telemetry/telemetry.ts';
import { askedUnder } from '../entrance/host-names.ts';
import { createInFlight } from '../entrance/in-flight.ts';
import { createRateLimiter, type RateLimiter } from '../entrance/rate-limits.ts';
import { beginRequest } from '../entrance/request-state.ts';
import { JSON_TYPE } from '../entrance/send.ts';
import { closeGently, createHttpServer, listenOn, urlOf, type RenderError } from '../entrance/server.ts';
import { addressFinder } from './address.ts';
import type { QdrantDoorConfig } from './config.ts';
import { wordsOf } from './envelope.ts';
import { answer, refuse, serve, type Exchange, type Pipeline } from './pipeline.ts';
import { createRouter } from './router.ts';
import type { QdrantServices } from './services.ts';

export interface QdrantDoorOptions {
  readonly services: QdrantServices;
  readonly config: QdrantDoorConfig;
  readonly telemetry: ServiceTelemetry;
  /** One for all doors, so that nobody gets their limit once a door; one of its own where absent. */
  readonly limiter?: RateLimiter;
  /** Address of the RFC 9728 metadata, known once the HTTP API listens. */
  metadataUrl(): string;
}

export interface QdrantDoor {
  /** Resolves with its address, such as `http://127.0.0.1:6363`. Fails with Node's error where the port cannot be had. */
  listen(): Promise<string>;
  /** Takes nothing new, waits at most `graceMs` for what is in flight, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** What is not HTTP is answered in the envelope too. */
const renderError: RenderError = (error) => ({
  status: error.status,
  body: { status: { error: wordsOf(error) }, time: 0 },
  type: JSON_TYPE,
});

/** The Qdrant-compatible door on a port of its own. */
export function createQdrantDoor(options: QdrantDoorOptions): QdrantDoor {
  const { services, config, telemetry } = options;
  const stopping = new AbortController();
  const inFlight = createInFlight();
  let url = urlOf(config.host, config.port);
  const pipeline: Pipeline = {
    services,
    telemetry,
    limits: config.limits,
    limiter: options.limiter ?? createRateLimiter(config.rates),
    stop: stopping.signal,
    metadataUrl: options.metadataUrl,
    publicUrl: () => config.publicUrl ?? url,
    addressOf: addressFinder(config.trustedProxies),
  };
  const find = createRouter();
  const isNamed = askedUnder(config.allowedHosts);
  const stateOptions = { telemetry, deadlineMs: config.limits.deadlineMs, onEnd: () => inFlight.end() };

  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    const startedAt = performance.now();
    inFlight.begin();
    const state = beginRequest(req, res, stateOptions);
    const found = find(req.method ?? '', req.url ?? '');
    if (found !== undefined) state.route = found.route.path;
    const exchange: Exchange = { req, res, state, startedAt, found, reading: false, rates: undefined, caller: undefined };
    state.telemetry.run(() => {
      if (stopping.signal.aborted) refuse(pipeline, exchange, new AppError('shutting_down', { retryAfter: 1 }));
      else if (!isNamed(req)) refuse(pipeline, exchange, new AppError('misdirected'));
      else void take(pipeline, exchange);
    });
  };
  const server = createHttpServer(listener, config.limits, renderError);
  return {
    async listen() {
      url = urlOf(config.host, await listenOn(server, config.host, config.port));
      return url;
    },
    async close(graceMs) {
      stopping.abort();
      await closeGently(server, inFlight, graceMs);
    },
  };
}

/** Nothing is sent before the whole answer is there. Never rejects. */
async function take(pipeline: Pipeline, exchange: Exchange): Promise<void> {
  try {
    answer(pipeline, exchange, await exchange.state.guard(serve(pipeline, exchange)));
  } catch (error) {
    refuse(pipeline, exchange, error);
  }
}
