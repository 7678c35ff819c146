import type { Request, Response } from 'express';
import type { Caller, Scope } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { ServiceTelemetry } from '../../telemetry/telemetry.ts';
import { authenticate, requireScope, schemeOf } from '../entrance/authenticate.ts';
import { parseLossless } from '../../core/points/lossless.ts';
import { readBody, requireMediaType } from '../entrance/body.ts';
import { challengeFor } from '../entrance/challenge.ts';
import { queryOf } from './input.ts';
import { parseInput } from '../entrance/parse-input.ts';
import { parseJson } from '../entrance/json-input.ts';
import { asProblemError, problemOf } from './problem.ts';
import type { RateLimiter } from '../entrance/rate-limits.ts';
import { stateOf, type RequestState } from '../entrance/request-state.ts';
import type { Call, CallRoute, Dialect, DownloadRoute, StreamRoute } from './route.ts';
import { sendParts } from './send-parts.ts';
import { JSON_TYPE, PROBLEM_TYPE, send } from '../entrance/send.ts';
import type { HttpServices } from './services.ts';

export interface Pipeline {
  readonly services: HttpServices;
  readonly limiter: RateLimiter;
  readonly telemetry: ServiceTelemetry;
  /** Address of the RFC 9728 metadata of what answers at a path, known once the door listens. */
  metadataUrl(path: string): string;
  /** Paths at which other protocols speak, and the scope that each takes. */
  readonly mounted: ReadonlyMap<string, Scope>;
  /** Where callers reach this service, known as soon. */
  publicUrl(): string;
  /** Aborted once the service has begun to stop. */
  readonly stop: AbortSignal;
  readonly clock: Clock;
  /** Milliseconds for which a client may leave a download unread. */
  readonly idleMs: number;
}

/** Answers with a problem and logs what the caller is not told. */
export function refuse(pipeline: Pipeline, req: Request, res: Response, failure: unknown, scope?: Scope, dialect?: Dialect): void {
  const state = stateOf(req);
  const error = asProblemError(failure);
  state.code = error.code;
  if (error.status >= 500) pipeline.telemetry.log.error({ code: error.code, route: state.route }, 'request failed', error);
  else pipeline.telemetry.log.debug({ code: error.code, route: state.route, detail: error.message }, 'request refused');
  if (res.headersSent) {
    // Half an answer must not look like a whole one.
    if (!res.writableEnded) res.destroy();
    return;
  }
  const { dpop } = pipeline.services.identity;
  const sent = schemeOf(req);
  const hint = error.status === 401 ? pipeline.mounted.get(req.path) : undefined;
  const challenge = challengeFor(error.code, { metadataUrl: pipeline.metadataUrl(req.path), scope, dpop, sent, hint });
  const headers = {
    ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
    ...(error.retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(error.retryAfter)) }),
    ...(pipeline.stop.aborted ? { connection: 'close' } : {}),
  };
  const body = dialect === undefined ? problemOf(error, state.requestId) : dialect.problem(error);
  send(res, { status: error.status, body, headers }, dialect?.types[0] ?? PROBLEM_TYPE);
}

/** Who asks, before anything else of the request is looked at. */
export function callerOf(pipeline: Pipeline, req: Request, state: RequestState): Promise<Caller> {
  const address = req.ip ?? 'unknown';
  return state.guard(
    authenticate(req, { address, publicUrl: pipeline.publicUrl() }, pipeline.services.identity, pipeline.limiter, state.signal),
  );
}

async function admit(pipeline: Pipeline, route: CallRoute | StreamRoute | DownloadRoute, req: Request, res: Response): Promise<Caller> {
  const state = stateOf(req);
  const caller = await callerOf(pipeline, req, state);
  requireScope(caller, route.scopes);
  const headers = await pipeline.limiter.consume(caller);
  res.setHeader('RateLimit', headers.ratelimit);
  res.setHeader('RateLimit-Policy', headers['ratelimit-policy']);
  return caller;
}

async function bodyOf(route: CallRoute, req: Request, res: Response, state: RequestState): Promise<unknown> {
  if (route.body === undefined) return undefined;
  requireMediaType(req, ...(route.dialect?.types ?? [JSON_TYPE]));
  const bytes = await state.guard(readBody(req, res, route.body.bytes)).catch((error: unknown) => {
    throw error instanceof AppError && error.code === 'deadline_exceeded' ? new AppError('request_timeout') : error;
  });
  return parseInput(route.body.schema, route.body.lossless === true ? parseLossless(bytes) : parseJson(bytes));
}

function queryFor(route: CallRoute | StreamRoute | DownloadRoute, req: Request): unknown {
  const query = queryOf(req.url);
  if (route.query !== undefined) return parseInput(route.query, query, 'query');
  const [key] = Object.keys(query);
  if (key !== undefined)
    throw new AppError('invalid_request', { issues: [{ pointer: 'query', message: 'this route takes no parameters' }] });
  return undefined;
}

function callOf<B, Q>(caller: Caller, req: Request, state: RequestState, body: B, query: Q): Call<B, Q> {
  return {
    caller,
    context: { caller, requestId: state.requestId, signal: state.signal },
    traceId: state.traceId,
    body,
    query,
    header(name) {
      const value = req.headers[name];
      return typeof value === 'string' ? value : undefined;
    },
    param(name) {
      const found = req.params[name];
      // A parameter that takes the rest of the path comes in its parts.
      const value = Array.isArray(found) ? found.join('/') : found;
      if (typeof value !== 'string') throw new AppError('internal', { detail: `a route without ${name}` });
      return value;
    },
  };
}

/** For the watch alone: a hidden thing and a missing one have the same code, and the answer does not wait. */
function noteNearMiss(pipeline: Pipeline, caller: Caller | undefined, error: unknown): void {
  if (caller !== undefined && error instanceof AppError && error.code === 'not_found') pipeline.services.nearMiss(caller);
}

/** Token, scope, rate limit, query, body, call, answer. Nothing is sent before the call has resolved. */
export async function serveCall(pipeline: Pipeline, route: CallRoute, req: Request, res: Response): Promise<void> {
  const state = stateOf(req);
  state.route = route.path;
  let caller: Caller | undefined;
  try {
    caller = await admit(pipeline, route, req, res);
    const query = queryFor(route, req);
    const body = await bodyOf(route, req, res, state);
    const reply = await state.guard(route.handle(callOf(caller, req, state, body, query)));
    if (pipeline.stop.aborted) res.setHeader('Connection', 'close');
    send(res, reply, route.dialect?.types[0]);
  } catch (error) {
    noteNearMiss(pipeline, caller, error);
    refuse(pipeline, req, res, error, route.scopes[0], route.dialect);
  }
}

export async function serveStream(pipeline: Pipeline, route: StreamRoute, req: Request, res: Response): Promise<void> {
  const state = stateOf(req);
  state.route = route.path;
  let caller: Caller | undefined;
  try {
    caller = await admit(pipeline, route, req, res);
    queryFor(route, req);
    requireMediaType(req, route.mediaType);
    state.withoutDeadline();
    await route.handle(callOf(caller, req, state, undefined, undefined), req, res);
  } catch (error) {
    noteNearMiss(pipeline, caller, error);
    refuse(pipeline, req, res, error, route.scopes[0]);
  }
}

export async function serveDownload(pipeline: Pipeline, route: DownloadRoute, req: Request, res: Response): Promise<void> {
  const state = stateOf(req);
  state.route = route.path;
  let caller: Caller | undefined;
  try {
    caller = await admit(pipeline, route, req, res);
    const call = callOf(caller, req, state, undefined, queryFor(route, req));
    const signal = AbortSignal.any([state.signal, pipeline.stop]);
    const download = await state.guard(route.handle({ ...call, context: { ...call.context, signal } }));
    state.withoutDeadline();
    await sendParts(res, download, { signal, stop: pipeline.stop, clock: pipeline.clock, idleMs: pipeline.idleMs, caller });
  } catch (error) {
    noteNearMiss(pipeline, caller, error);
    refuse(pipeline, req, res, error, route.scopes[0]);
  }
}
