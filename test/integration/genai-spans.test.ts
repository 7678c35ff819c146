import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { startCollector, type Collector } from '../support/collector.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = ['ingest', 'label', 'retrieve']
  .flatMap((action) => ['user:test|fay', 'client:test|full'].map((who) => allow(who, 'acme', action, '*', 'upto:restricted')))
  .join('\n');
const TEXT = 'The whimbrel whistles seven times.';
const QUERY = 'how often does it whistle';

const value = z.union([
  z.object({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.object({ intValue: z.union([z.number(), z.string()]) }).transform(({ intValue }) => Number(intValue)),
]);
const span = z.object({
  name: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  traceId: z.string(),
  status: z.object({ message: z.string().optional() }),
  attributes: z.array(z.object({ key: z.string(), value })).transform((all) => Object.fromEntries(all.map((one) => [one.key, one.value]))),
});
const exported = z.object({ resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(span) })) })) });

let collector: Collector;
let test: TestService;

beforeAll(async () => {
  collector = await startCollector();
  test = await startTestService({ policy: POLICY, tenants: ['acme'], config: { otlpEndpoint: collector.url } });
});
afterAll(async () => {
  await test.stop();
  await collector.close();
});

it('a retrieval is told to the collector as the GenAI conventions say, without query, text, documents or people', async () => {
  const token = await test.token({ sub: 'fay', client_id: 'full' });
  const source = { title: 'S', owner: 'user:test|fay', level: 'internal', trust: 'trusted' };
  await test.call('PUT', '/v1/sources/shore', token, source);
  const document = { mediaType: 'text/plain', text: TEXT, acl: { allow: ['everyone'] } };
  expect((await test.call('PUT', '/v1/sources/shore/documents/bird', token, document)).status).toBe(200);
  const one = await test.call('POST', '/v1/retrieve', token, { query: QUERY, limit: 3, sources: ['shore'] });
  const all = await test.call('POST', '/v1/retrieve', token, { query: QUERY });
  const none = await test.call('POST', '/v1/retrieve', token, { query: QUERY, purpose: 'no-such-purpose' });
  expect([one.status, all.status, none.status]).toEqual([200, 200, 400]);
  const { dataDir, issuer } = test;
  // Spans are flushed by a stop.
  await test.stop({ keep: true });
  const bodies = collector.received.map(({ path, body }) => ({ path, spans: exported.parse(body) }));
  expect(new Set(bodies.map(({ path }) => path))).toEqual(new Set(['/v1/traces']));
  const spans = bodies.flatMap(({ spans: { resourceSpans } }) => resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans)));
  const told = spans.filter(({ name }) => name === 'retrieval acme');
  const requestOf = (answer: typeof one): unknown => answer.headers['x-request-id'];
  const common = { 'gen_ai.operation.name': 'retrieval', 'gen_ai.provider.name': 'sluice' };
  const released = { 'sluice.chunks.released': 1, 'sluice.label.level': 'internal', 'sluice.label.trust': 'trusted' };
  expect(told.map(({ attributes }) => attributes)).toEqual([
    { ...common, 'gen_ai.data_source.id': 'acme/shore', 'gen_ai.request.top_k': 3, 'sluice.request.id': requestOf(one), ...released },
    { ...common, 'gen_ai.data_source.id': 'acme', 'gen_ai.request.top_k': 8, 'sluice.request.id': requestOf(all), ...released },
    {
      ...common,
      'gen_ai.data_source.id': 'acme',
      'gen_ai.request.top_k': 8,
      'sluice.request.id': requestOf(none),
      'error.type': 'invalid_request',
    },
  ]);
  expect(told.map(({ status }) => status.message)).toEqual([undefined, undefined, 'invalid_request']);
  for (const { spanId, parentSpanId } of told) {
    expect(spans.find((other) => other.spanId === parentSpanId)?.name).toBe('POST /v1/retrieve');
    // The third was refused before its first step.
    const steps = spans.filter((other) => other.parentSpanId === spanId).map(({ name }) => name);
    expect(steps.includes('release')).toBe(spanId !== told[2]?.spanId);
  }
  const sent = JSON.stringify(collector.received);
  for (const secret of ['whimbrel', 'whistle', 'bird', 'fay', 'gen_ai.retrieval']) expect(sent).not.toContain(secret);
  test = await startTestService({ policy: POLICY, tenants: ['acme'], dataDir, issuer });
});
