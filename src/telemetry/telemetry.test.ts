import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Attributes } from '../core/ports/telemetry.ts';
import { createTelemetry, type ServiceTelemetry } from './telemetry.ts';
import { startTracing } from './tracing.ts';

const NO_TRACE = { traceparent: undefined, tracestate: undefined };

function open(level: 'debug' | 'info' | 'silent' = 'debug'): { telemetry: ServiceTelemetry; lines: () => Record<string, unknown>[] } {
  const written: string[] = [];
  const telemetry = createTelemetry({ level, destination: { write: (line: string) => void written.push(line) } });
  return { telemetry, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('log lines', () => {
  it('carry the request id through awaits, and none outside', async () => {
    const { telemetry, lines } = open();
    const work = (id: string) =>
      telemetry.startRequest(id, 'GET', NO_TRACE).run(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        telemetry.log.info({ step: id }, 'inside');
      });
    await Promise.all([work('one'), work('two')]);
    telemetry.log.warn({}, 'outside');
    expect(lines().map(({ requestId, step, msg, level }) => ({ requestId, step, msg, level }))).toEqual([
      { requestId: 'one', step: 'one', msg: 'inside', level: 'info' },
      { requestId: 'two', step: 'two', msg: 'inside', level: 'info' },
      { requestId: undefined, step: undefined, msg: 'outside', level: 'warn' },
    ]);
  });

  it('hold primitives only, whatever came past the types', () => {
    const { telemetry, lines } = open();
    const smuggled = {
      count: 2,
      ok: true,
      token: { value: 'secret' },
      list: ['secret'],
      text: 'x'.repeat(2_000),
      level: 'forged',
      time: 1,
      nan: NaN,
    };
    telemetry.log.info(smuggled as unknown as Attributes, 'line');
    const [line] = lines();
    expect(line).toMatchObject({ count: 2, ok: true, level: 'info', msg: 'line' });
    expect(Object.keys(line ?? {}).toSorted()).toEqual(['count', 'level', 'msg', 'ok', 'text', 'time']);
    expect(String(line?.['text'])).toHaveLength(513);
    expect(JSON.stringify(line)).not.toContain('secret');
  });

  it('cannot be split by what is logged', () => {
    const { telemetry, lines } = open();
    telemetry.log.info({ name: 'a\n{"level":"error","msg":"forged"}' }, 'line');
    expect(lines()).toHaveLength(1);
  });

  it('report an error with its causes and nothing libraries hang on it', () => {
    const { telemetry, lines } = open();
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', headers: { authorization: 'secret' } });
    telemetry.log.error(
      {},
      'failed',
      new AppError('index_unavailable', { detail: 'no answer', cause: new AggregateError([cause], 'all') }),
    );
    const [line] = lines();
    expect(line?.['error']).toMatchObject({
      name: 'AppError',
      code: 'index_unavailable',
      message: 'no answer',
      causes: [{ name: 'AggregateError', causes: [{ code: 'ECONNREFUSED', message: 'refused' }] }],
    });
    expect(JSON.stringify(line)).toContain('telemetry.test.ts');
    expect(JSON.stringify(line)).not.toContain('secret');
    telemetry.log.error({}, 'failed', 'a secret that was thrown');
    expect(JSON.stringify(lines()[1])).not.toContain('secret');
  });

  it('keep to their level, and to an end of causes that go in a circle', () => {
    const { telemetry, lines } = open('info');
    telemetry.log.debug({}, 'no');
    const circle = new Error('circle');
    circle.cause = circle;
    telemetry.log.error({}, 'yes', circle);
    expect(lines().map(({ msg }) => msg)).toEqual(['yes']);
  });
});

describe('metrics', () => {
  it('count under their names with declared labels only', async () => {
    const { telemetry } = open('silent');
    telemetry.count('hits_refused', { reason: 'refused-by-deny', user: 'ada' }, 3);
    telemetry.count('documents_ingested');
    telemetry.count('keys_disagree');
    telemetry.observeStep('judge', 0.003);
    const text = await telemetry.registry.metrics();
    expect(text).toContain('sluice_hits_refused_total{reason="refused-by-deny"} 3');
    expect(text).toContain('sluice_documents_ingested_total{outcome="unknown"} 1');
    expect(text).toContain('sluice_keys_disagree_total 1');
    expect(text).toContain('sluice_step_duration_seconds_bucket{le="0.005",step="judge"} 1');
    expect(text).not.toContain('ada');
  });

  it('are of one service each', async () => {
    const [a, b] = [open('silent').telemetry, open('silent').telemetry];
    a.count('index_repairs');
    expect(await b.registry.metrics()).toContain('sluice_index_repairs_total 0');
    expect(await a.registry.metrics()).toContain('sluice_index_repairs_total 1');
  });
});

describe('spans', () => {
  const theirs = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: undefined };

  it('without a collector: results and failures pass through, the incoming trace id is known', async () => {
    const { telemetry } = open('silent');
    expect(await telemetry.span('step', {}, () => Promise.resolve(7))).toBe(7);
    await expect(telemetry.span('step', {}, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(telemetry.startRequest('r', 'GET', theirs).traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    for (const traceparent of [
      '',
      '00-0-0-01',
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `ff${theirs.traceparent.slice(2)}`,
      `${theirs.traceparent}-x`,
    ]) {
      expect(telemetry.startRequest('r', 'GET', { traceparent, tracestate: undefined }).traceId).toBeUndefined();
    }
  });

  it('with one: steps hang below the request, the request below the caller, and failures name a code only', async () => {
    const bodies: string[] = [];
    const collector = createServer((req, res) => {
      const parts: Buffer[] = [];
      req.on('data', (part: Buffer) => parts.push(part));
      req.on('end', () => {
        bodies.push(`${req.url} ${Buffer.concat(parts).toString('utf8')}`);
        res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const tracing = await startTracing({
      endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`,
      serviceName: 'sluice',
      version: '1.2.3',
    });
    try {
      const { telemetry } = open('silent');
      const request = telemetry.startRequest('r', 'POST', theirs);
      await request.run(() => telemetry.span('judge', { hits: 3 }, () => Promise.reject(new Error('secret')))).catch(() => undefined);
      expect(request.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
      request.end({ route: '/v1/retrieve', method: 'POST', status: 503, seconds: 0.1 });
    } finally {
      await tracing.stop();
      await new Promise((resolve) => collector.close(resolve));
    }
    const [path, body = '{}'] = bodies[0]?.split(/ (.*)/s) ?? [];
    expect(path).toBe('/v1/traces');
    const text = JSON.stringify(JSON.parse(body));
    expect(text).toContain('"POST /v1/retrieve"');
    expect(text).toContain('"parentSpanId":"00f067aa0ba902b7"');
    expect(text).toContain('1.2.3');
    const spans = (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[] }).resourceSpans
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap((scope) => scope.spans);
    const server = spans.find(({ name }) => name === 'POST /v1/retrieve');
    const step = spans.find(({ name }) => name === 'judge');
    expect(step?.['parentSpanId']).toBe(server?.['spanId']);
    expect(step?.['status']).toMatchObject({ message: 'internal' });
    expect(text).not.toContain('secret');
    expect(trace.getTracer('x').startSpan('after').isRecording()).toBe(false);
  });
});
