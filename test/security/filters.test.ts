import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

/**
 * What our parser takes, the index takes: a filter that only the index refused would be answered as a failure of the service, and
 * anybody could ring its alarms. Each reads one document, or none, or is refused as the caller's mistake.
 */
const policy = ['ingest', 'label', 'retrieve']
  .flatMap((action) => ['user:test|wilma', 'client:test|loader'].map((who) => allow(who, 'acme', action)))
  .join('\n');
const METADATA = {
  n: 7,
  day: '2024-06-30T12:00:00Z',
  tags: ['a', 'b'],
  at: { lat: 1, lon: 2 },
  list: [{ a: 1 }, { a: 3 }],
  'x.y': 'q',
  ü: 'u',
};

let service: TestService;
let writer = '';

beforeAll(async () => {
  service = await startTestService({ policy, tenants: ['acme'] });
  writer = await service.token({ sub: 'wilma', client_id: 'loader' });
  const source = { title: 'Notes', owner: 'user:test|wilma', level: 'public', trust: 'trusted' };
  expect((await service.call('PUT', '/v1/sources/notes', writer, source)).status).toBe(201);
  const body = { mediaType: 'text/plain', text: 'The dunlin probes.', acl: { allow: ['everyone'] }, metadata: METADATA };
  expect((await service.call('PUT', '/v1/sources/notes/documents/a', writer, body)).status).toBe(200);
});
afterAll(() => service.stop());

const quoted = (name: string): Json => ({ key: `metadata."${name}"`, match: { value: 'q' } });
const from = (gte: Json): Json => ({ key: 'metadata.day', range: { gte } });
const point = (lat: number, lon: number): Json => ({ lat, lon });
const ring = (...points: readonly Json[]): Json => ({ key: 'metadata.at', geo_polygon: { exterior: { points } } });

test.each<[string, Json, 'found' | 'nothing' | 'refused']>([
  ['a quoted name', quoted('x.y'), 'found'],
  ['a quoted bracket', quoted(']['), 'nothing'],
  ['a backslash in quotes', quoted('a\\b'), 'refused'],
  ['a backslash alone', quoted('\\'), 'refused'],
  ['a quote in quotes', quoted('a"b'), 'refused'],
  ['letters of other scripts', { key: 'metadata.ü', match: { value: 'u' } }, 'found'],
  ['numerals that are no digits', { key: 'metadata.²ⅷ٣', match: { value: 'u' } }, 'nothing'],
  ['an index far out', { key: 'metadata.list[999999999].a', match: { value: 1 } }, 'nothing'],
  ['a time', from('2024-06-30T11:59:59.999999+00:00'), 'found'],
  ['24 o’clock', from('2024-06-29T24:00:00Z'), 'refused'],
  ['a leap second', from('2024-06-30T23:59:60Z'), 'refused'],
  ['an offset that is none', from('2024-06-30T00:00:00+99:99'), 'refused'],
  ['the year 0', from('0000-01-01'), 'found'],
  ['the end of the year 9999', from('9999-12-31T23:59:59.999999-23:59'), 'nothing'],
  ['the smallest number', { key: 'metadata.n', range: { gt: 5e-324 } }, 'found'],
  ['a count beyond everything', { key: 'metadata.tags', values_count: { gte: Number.MAX_SAFE_INTEGER } }, 'nothing'],
  [
    'a box across the date line',
    { key: 'metadata.at', geo_bounding_box: { top_left: point(9, 170), bottom_right: point(-9, -170) } },
    'nothing',
  ],
  ['a box upside down', { key: 'metadata.at', geo_bounding_box: { top_left: point(-9, 0), bottom_right: point(9, 9) } }, 'nothing'],
  ['a ring of one point', ring(point(0, 0), point(0, 0), point(0, 0), point(0, 0)), 'nothing'],
  ['a ring', ring(point(0, 0), point(0, 9), point(9, 9), point(9, 0), point(0, 0)), 'found'],
  [
    'nested under a reserved key',
    { nested: { key: 'metadata.list', filter: { must: [{ key: 'tenant', match: { value: 'acme' } }] } } },
    'nothing',
  ],
  ['nested', { nested: { key: 'metadata.list', filter: { must: [{ key: 'a', match: { value: 3 } }] } } }, 'found'],
])('%s', async (_name, condition, expected) => {
  const answer = await service.call('POST', '/v1/retrieve', writer, { query: 'dunlin', filter: { must: [condition] } });
  const { code, chunks } = answer.json<{ code?: string; chunks?: readonly object[] }>();
  const outcomes = { found: [200, undefined, 1], nothing: [200, undefined, 0], refused: [400, 'unsupported_filter', undefined] };
  expect([answer.status, code, chunks?.length]).toEqual(outcomes[expected]);
});
