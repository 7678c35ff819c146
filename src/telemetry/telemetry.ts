import { pino, type DestinationStream } from 'pino';
import type { Registry } from 'prom-client';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { createLog, type LogLevel } from './logs.ts';
import { createMetrics, type HttpObservation } from './metrics.ts';
import { createRequestIds } from './request-scope.ts';
import { inSpan, startServerSpan, type TraceHeaders } from './spans.ts';

/** One HTTP request being handled: its log lines carry the id, its steps hang below its span. */
export interface RequestTelemetry {
  readonly traceId: string | undefined;
  run<T>(work: () => T): T;
  /** Once, when the answer has left or the client has gone. */
  end(observation: HttpObservation): void;
}

export interface ServiceTelemetry extends Telemetry {
  readonly registry: Registry;
  startRequest(requestId: string, method: string, headers: TraceHeaders): RequestTelemetry;
  /** Writes out log lines still in memory. Call it last, before the process ends. */
  flush(): void;
}

export interface TelemetryOptions {
  readonly level: LogLevel;
  /** Standard output, written asynchronously, where absent. */
  readonly destination?: DestinationStream;
}

function standardOutput(): { readonly stream: DestinationStream; flush(): void } {
  const stream = pino.destination({ dest: 1, sync: false });
  return { stream, flush: () => stream.flushSync() };
}

/** Logs, metrics and spans of one service. Spans go nowhere until `startTracing` has been called. */
export function createTelemetry(options: TelemetryOptions): ServiceTelemetry {
  const ids = createRequestIds();
  const output = options.destination === undefined ? standardOutput() : { stream: options.destination, flush: () => undefined };
  const metrics = createMetrics();
  return {
    log: createLog(options.level, ids, output.stream),
    registry: metrics.registry,
    span: inSpan,
    count: (counter, labels = {}, by = 1) => metrics.count(counter, labels, by),
    gauge: metrics.gauge,
    observeStep: (step, seconds) => metrics.observeStep(step, seconds),
    flush: output.flush,
    startRequest(requestId, method, headers) {
      const span = startServerSpan(method, headers);
      return {
        traceId: span.traceId,
        run: (work) => ids.run(requestId, () => span.run(work)),
        end(observation) {
          span.end(observation);
          metrics.observeHttp(observation);
        },
      };
    },
  };
}
