import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller, Scope } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import { parseLossless } from '../../core/points/lossless.ts';
import type { LosslessJson } from '../../core/points/raw-json.ts';
import type { PointsContext } from '../../retrieval/points/types.ts';
import type { ServiceTelemetry } from '../../telemetry/telemetry.ts';
import { schemeOf } from '../entrance/authenticate.ts';
import { cutOffUnread, readBody } from '../entrance/body.ts';
import { challengeFor } from '../entrance/challenge.ts';
import type { RateHeaders } from '../entrance/rate-limits.ts';
import type { RequestState } from '../entrance/request-state.ts';
import { JSON_TYPE } from '../entrance/send.ts';
import type { QdrantLimits } from './config.ts';
import { refusal, type QdrantReply } from './envelope.ts';
import { callerOf, type IdentityParts } from './identity.ts';
import { checkParameters } from './parameters.ts';
import type { Call, Route } from './route.ts';
import type { QdrantServices } from './services.ts';

export interface Pipeline extends IdentityParts {
  readonly services: QdrantServices;
  readonly telemetry: ServiceTelemetry;
  readonly limits: QdrantLimits;
  /** Address of the RFC 9728 metadata of this service. */
  metadataUrl(): string;
  /** Aborted once the service has begun to stop. */
  readonly stop: AbortSignal;
}

/** A route that was found, with what of it stood in the path; undefined where there is none. */
export interface Found {
  readonly route: Route;
  readonly params: Call['params'];
}

/** One request on its way through. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly state: RequestState;
  readonly startedAt: number;
  readonly found: Found | undefined;
  /** While the body comes in: then a deadline is the client's. */
  reading: boolean;
  rates: RateHeaders | undefined;
  caller: Caller | undefined;
}

function scopeOf(found: Found | undefined): Scope {
  return found?.route.kind === 'call' ? found.route.scope : 'retrieve';
}

/** Caller, scope, rate limit, body, call. Whoever has no token learns nothing of which paths there are. */
export async function serve(pipeline: Pipeline, exchange: Exchange): Promise<QdrantReply> {
  const { req, state, startedAt, found } = exchange;
  if (found?.route.kind === 'public') return found.route.handle(pipeline.services, startedAt);
  const caller = await callerOf(pipeline, req, state.signal);
  exchange.caller = caller;
  if (found?.route.kind === 'call') demandScope(caller, found.route.scope);
  exchange.rates = await pipeline.limiter.consume(caller);
  if (found === undefined) throw noSuchPath();
  if (found.route.kind === 'refused') throw refusedRoute(found.route.why);
  checkParameters(req.url ?? '');
  const body = found.route.body ? await bodyOf(pipeline, exchange) : null;
  return found.route.handle({ services: pipeline.services, context: contextOf(caller, exchange), startedAt, params: found.params, body });
}

function demandScope({ scopes }: Caller, scope: Scope): void {
  if (scopes.has(scope)) return;
  throw new AppError('insufficient_scope', { issues: [{ pointer: '', message: `the key or token lacks the scope ${scope}` }] });
}

function noSuchPath(): AppError {
  return new AppError('not_found', { issues: [{ pointer: '', message: 'Not found: there is no such path and method' }] });
}

function refusedRoute(why: string): AppError {
  return new AppError('forbidden', { issues: [{ pointer: '', message: why }] });
}

function contextOf(caller: Caller, { req, state }: Exchange): PointsContext {
  const { requestId, traceId, signal } = state;
  const purpose = req.headers['sluice-purpose'];
  return {
    caller,
    requestId,
    signal,
    ...(traceId === undefined ? {} : { traceId }),
    ...(typeof purpose === 'string' ? { purpose } : {}),
  };
}

/**
 * A body is read as JSON whatever its media type says, as Qdrant reads it: credentials stand in fields that no page of another origin can
 * set. A compressed one is refused, since a small one can unpack to any size.
 */
async function bodyOf({ limits }: Pipeline, exchange: Exchange): Promise<LosslessJson> {
  const { req, res } = exchange;
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw new AppError('unsupported_media_type');
  exchange.reading = true;
  const bytes = await readBody(req, res, limits.bodyBytes);
  exchange.reading = false;
  return parseLossless(bytes);
}

function errorOf(failure: unknown, { reading, found }: Exchange): AppError {
  if (!(failure instanceof AppError)) return new AppError('internal', { cause: failure });
  if (reading && failure.code === 'deadline_exceeded') return new AppError('request_timeout');
  const collection = found?.params['collection'];
  if (collection === undefined || failure.code !== 'not_found' || failure.issues.length > 0) return failure;
  // Missing, or hidden from the caller: the same words, with the name as it was asked.
  const message = `Not found: Collection \`${collection}\` doesn't exist!`;
  return new AppError('not_found', { cause: failure, issues: [{ pointer: '', message }] });
}

/** Answers in Qdrant's envelope, and logs what the caller is not told. */
export function refuse(pipeline: Pipeline, exchange: Exchange, failure: unknown): void {
  const { req, state, startedAt, found, caller } = exchange;
  const error = errorOf(failure, exchange);
  state.code = error.code;
  const { log } = pipeline.telemetry;
  if (error.status >= 500) log.error({ code: error.code, route: state.route }, 'request failed', error);
  else log.debug({ code: error.code, route: state.route, detail: error.message }, 'request refused');
  // For the watch alone: a hidden thing and a missing one have the same code, and the answer does not wait.
  if (caller !== undefined && found !== undefined && error.code === 'not_found') pipeline.services.nearMiss(caller);
  const { dpop } = pipeline.services.identity;
  const challenge = challengeFor(error.code, { metadataUrl: pipeline.metadataUrl(), scope: scopeOf(found), dpop, sent: schemeOf(req) });
  const extra: string[] = [];
  if (challenge !== undefined) extra.push('www-authenticate', challenge);
  if (error.retryAfter !== undefined) extra.push('retry-after', String(Math.ceil(error.retryAfter)));
  answer(pipeline, exchange, refusal(error, startedAt), extra);
}

/** One write, head and body; nothing where the client has gone. */
export function answer(pipeline: Pipeline, exchange: Exchange, { status, text, type }: QdrantReply, extra: readonly string[] = []): void {
  const { req, res, state, rates } = exchange;
  if (res.headersSent || res.destroyed) return;
  const headers = [
    'content-type',
    type ?? JSON_TYPE,
    'content-length',
    String(Buffer.byteLength(text)),
    'x-request-id',
    state.requestId,
    'sluice-request-id',
    state.requestId,
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
  ];
  if (rates !== undefined) headers.push('ratelimit', rates.ratelimit, 'ratelimit-policy', rates['ratelimit-policy']);
  if (pipeline.stop.aborted) headers.push('connection', 'close');
  headers.push(...extra);
  if (!req.complete) cutOffUnread(req, res);
  res.writeHead(status, headers).end(text);
}
