import { ProxyTracerProvider, ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace, type Tracer } from '@opentelemetry/api';
import { AppError } from '../core/errors.ts';
import type { Attributes } from '../core/ports/telemetry.ts';
import type { HttpObservation } from './metrics.ts';

const TRACER = 'sluice';
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Failures are recorded by code alone: messages of foreign errors may quote what they failed on. */
function failureCode(error: unknown): string {
  return error instanceof AppError ? error.code : 'internal';
}

/** Undefined while no SDK is registered (`startTracing`): then a span costs nothing at all. */
function activeTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider ? provider.getDelegateTracer(TRACER) : provider.getTracer(TRACER);
}

export function inSpan<T>(name: string, attributes: Attributes, run: () => Promise<T>, describe?: (result: T) => Attributes): Promise<T> {
  const tracer = activeTracer();
  if (tracer === undefined) return run();
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      const result = await run();
      if (describe !== undefined) span.setAttributes(describe(result));
      return result;
    } catch (error) {
      const code = failureCode(error);
      span.setAttribute('error.type', code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: code });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The headers of W3C Trace Context, as they came. */
export interface TraceHeaders {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export interface ServerSpan {
  /** 32 hex digits: of our own span, else of a well-formed incoming `traceparent`. */
  readonly traceId: string | undefined;
  run<T>(work: () => T): T;
  end(observation: HttpObservation): void;
}

export function startServerSpan(method: string, headers: TraceHeaders): ServerSpan {
  const wellFormed = headers.traceparent === undefined ? null : TRACEPARENT.exec(headers.traceparent);
  const tracer = activeTracer();
  if (tracer === undefined) return { traceId: wellFormed?.[1], run: (work) => work(), end: () => undefined };
  const carrier = wellFormed === null ? {} : { traceparent: headers.traceparent, tracestate: headers.tracestate };
  const parent = propagation.extract(ROOT_CONTEXT, carrier);
  const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } }, parent);
  const scope = trace.setSpan(parent, span);
  return {
    traceId: span.spanContext().traceId,
    run: (work) => context.with(scope, work),
    end({ route, status }) {
      span.updateName(`${method} ${route}`);
      span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}
