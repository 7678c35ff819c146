import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { RequestTelemetry, ServiceTelemetry } from '../../telemetry/telemetry.ts';

/** What the door knows of one request from its first byte to its last. */
export interface RequestState {
  readonly requestId: string;
  readonly traceId: string | undefined;
  readonly telemetry: RequestTelemetry;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** The route's pattern once matched, for metrics. */
  route: string;
  code: ErrorCode | undefined;
  /** Rejects as soon as the signal does, whether or not what is waited for listens to it. */
  guard<T>(work: Promise<T>): Promise<T>;
  /** Takes the deadline off, for an answer that is a stream with deadlines of its own. */
  withoutDeadline(): void;
}

const SANE_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const states = new WeakMap<IncomingMessage, RequestState>();

export function stateOf(req: IncomingMessage): RequestState {
  const state = states.get(req);
  if (state === undefined) throw new AppError('internal', { detail: 'a request without state' });
  return state;
}

function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** One controller and one timer a request: `AbortSignal.any` over `AbortSignal.timeout` costs several times as much. */
function createGuard(deadlineMs: number): Pick<RequestState, 'signal' | 'guard' | 'withoutDeadline'> & { stop(reason?: AppError): void } {
  const controller = new AbortController();
  let rejectGuarded: ((reason: AppError) => void) | undefined;
  const stop = (reason?: AppError): void => {
    clearTimeout(timer);
    if (reason === undefined || controller.signal.aborted) return;
    controller.abort(reason);
    rejectGuarded?.(reason);
  };
  const timer = setTimeout(() => stop(new AppError('deadline_exceeded')), deadlineMs);
  return {
    signal: controller.signal,
    stop,
    withoutDeadline: () => clearTimeout(timer),
    guard: (work) =>
      new Promise((resolve, reject) => {
        rejectGuarded = reject;
        if (controller.signal.aborted) reject(controller.signal.reason as AppError);
        work.then(resolve, reject);
      }),
  };
}

export interface StateOptions {
  readonly telemetry: ServiceTelemetry;
  readonly deadlineMs: number;
  onEnd(): void;
}

/** Gives the request an id of our own. An incoming `X-Request-Id` is only noted in the log, where it is harmless. */
export function beginRequest(req: IncomingMessage, res: ServerResponse, options: StateOptions): RequestState {
  const requestId = randomUUID();
  const startedAt = performance.now();
  const method = req.method ?? 'GET';
  const { stop, ...guard } = createGuard(options.deadlineMs);
  const telemetry = options.telemetry.startRequest(requestId, method, {
    traceparent: header(req, 'traceparent'),
    tracestate: header(req, 'tracestate'),
  });
  const state: RequestState = { requestId, traceId: telemetry.traceId, telemetry, route: 'unmatched', code: undefined, ...guard };
  states.set(req, state);
  res.once('close', () => {
    stop(res.writableFinished ? undefined : new AppError('internal', { detail: 'the client went away' }));
    const seconds = (performance.now() - startedAt) / 1_000;
    telemetry.end({ route: state.route, method, status: res.statusCode, seconds });
    options.onEnd();
    telemetry.run(() => options.telemetry.log.info(accessLine(req, res, state, seconds), 'request'));
  });
  return state;
}

function accessLine(req: IncomingMessage, res: ServerResponse, state: RequestState, seconds: number): Record<string, string | number> {
  const line: Record<string, string | number> = {
    method: req.method ?? '',
    route: state.route,
    status: res.writableFinished ? res.statusCode : 499,
    ms: Math.round(seconds * 10_000) / 10,
  };
  if (state.code !== undefined) line['code'] = state.code;
  const theirs = header(req, 'x-request-id');
  if (theirs !== undefined && SANE_ID.test(theirs)) line['clientRequestId'] = theirs;
  return line;
}
