import { context, propagation, trace } from '@opentelemetry/api';

export interface TracingOptions {
  /** Base address of an OTLP/HTTP collector, such as `http://collector:4318`. */
  readonly endpoint: string;
  readonly serviceName: string;
  readonly version: string;
}

/**
 * Registers the OpenTelemetry SDK and exports spans to the collector in batches; `stop` flushes them. The SDK is loaded
 * only here, so a service without a collector pays neither its memory nor its start-up time.
 */
export async function startTracing(options: TracingOptions): Promise<{ stop(): Promise<void> }> {
  const [{ NodeTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${options.endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: 5_000 });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.serviceName, 'service.version': options.version }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  return {
    async stop() {
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}
