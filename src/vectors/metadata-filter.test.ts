import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { qdrantForTests, type TestQdrant } from '../../test/support/qdrant.ts';
import type { ChunkId, DocumentKey, PrincipalNumber, TenantId, ZoneId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import { parseMetadataFilter } from '../core/metadata-filter.ts';
import { systemClock } from '../core/ports/clock.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Leg } from '../core/ports/vectors.ts';
import { createVectorIndex, type StartableVectorIndex } from './vector-index.ts';

const { signal } = new AbortController();
const leg: Leg = { name: 'bm25', kind: 'sparse', vector: { indices: [1], values: [1] } };
const at = (lat: number, lon: number) => ({ lat, lon });
const square = (low: number, high: number) => ({ points: [at(low, low), at(low, high), at(high, high), at(high, low), at(low, low)] });
const is = (key: string, value: string | number | boolean) => ({ key, match: { value } });

/** Each condition with metadata it matches and metadata it excludes. */
const cases: Record<string, { condition: unknown; yes: JsonObject; no: JsonObject }> = {
  'match value, string': { condition: is('metadata.a', 'x'), yes: { a: 'x' }, no: { a: 'X' } },
  'match value, in a list': { condition: is('metadata.a', 'x'), yes: { a: ['w', 'x'] }, no: { a: ['w'] } },
  'match value, integer': { condition: is('metadata.a', 7), yes: { a: 7 }, no: { a: '7' } },
  'match value, largest integer': {
    condition: is('metadata.a', Number.MAX_SAFE_INTEGER),
    yes: { a: Number.MAX_SAFE_INTEGER },
    no: { a: Number.MAX_SAFE_INTEGER - 1 },
  },
  'match value, boolean': { condition: is('metadata.a', false), yes: { a: false }, no: { a: true } },
  'match value, NUL inside': { condition: is('metadata.a', 'x\0y'), yes: { a: 'x\0y' }, no: { a: 'x' } },
  'match any': { condition: { key: 'metadata.a', match: { any: ['x', 'y'] } }, yes: { a: 'y' }, no: { a: 'z' } },
  'match any, integers': { condition: { key: 'metadata.a', match: { any: [1, 2] } }, yes: { a: 2 }, no: { a: 3 } },
  'match except': { condition: { key: 'metadata.a', match: { except: ['x'] } }, yes: { a: 'y' }, no: { a: 'x' } },
  'match except, on a missing key': { condition: { key: 'metadata.a', match: { except: ['x'] } }, yes: { a: 'y' }, no: {} },
  'match text, a substring': {
    condition: { key: 'metadata.a', match: { text: 'red fox' } },
    yes: { a: 'a red fox!' },
    no: { a: 'fox red' },
  },
  'range gt': { condition: { key: 'metadata.a', range: { gt: 1.5 } }, yes: { a: 1.6 }, no: { a: 1.5 } },
  'range gte and lt': { condition: { key: 'metadata.a', range: { gte: 1, lt: 2 } }, yes: { a: 1 }, no: { a: 2 } },
  'range lte': { condition: { key: 'metadata.a', range: { lte: -1 } }, yes: { a: -1 }, no: { a: 0 } },
  'range over days': {
    condition: { key: 'metadata.a', range: { gte: '2024-02-29', lt: '2024-03-01' } },
    yes: { a: '2024-02-29T23:59:59Z' },
    no: { a: '2024-03-01' },
  },
  'range over instants': {
    condition: { key: 'metadata.a', range: { gt: '2024-01-01T10:00:00.5+02:00', lte: '2024-01-01T08:00:01Z' } },
    yes: { a: '2024-01-01T08:00:01Z' },
    no: { a: '2024-01-01T08:00:00Z' },
  },
  values_count: { condition: { key: 'metadata.a', values_count: { gte: 2, lt: 3 } }, yes: { a: [1, 2] }, no: { a: [1, 2, 3] } },
  is_empty: { condition: { is_empty: { key: 'metadata.a' } }, yes: { a: [] }, no: { a: [1] } },
  'is_empty, on a missing key': { condition: { is_empty: { key: 'metadata.a' } }, yes: {}, no: { a: 0 } },
  is_null: { condition: { is_null: { key: 'metadata.a' } }, yes: { a: null }, no: {} },
  geo_radius: {
    condition: { key: 'metadata.a', geo_radius: { center: at(10, 10), radius: 1_000 } },
    yes: { a: at(10, 10.001) },
    no: { a: at(10, 11) },
  },
  geo_bounding_box: {
    condition: { key: 'metadata.a', geo_bounding_box: { top_left: at(11, 9), bottom_right: at(9, 11) } },
    yes: { a: at(10, 10) },
    no: { a: at(12, 10) },
  },
  geo_polygon: { condition: { key: 'metadata.a', geo_polygon: { exterior: square(0, 10) } }, yes: { a: at(5, 5) }, no: { a: at(11, 5) } },
  'geo_polygon with a hole': {
    condition: { key: 'metadata.a', geo_polygon: { exterior: square(0, 10), interiors: [square(4, 6)] } },
    yes: { a: at(2, 2) },
    no: { a: at(5, 5) },
  },
  nested: {
    condition: { nested: { key: 'metadata.a', filter: { must: [is('x', 1), is('y', 1)] } } },
    yes: { a: [{ x: 1, y: 1 }] },
    no: {
      a: [
        { x: 1, y: 2 },
        { x: 2, y: 1 },
      ],
    },
  },
  'nested in nested': {
    condition: {
      nested: { key: 'metadata.a[]', filter: { must: [{ nested: { key: 'b', filter: { must: [is('x', 1), is('y', 1)] } } }] } },
    },
    yes: { a: [{ b: [{ x: 1, y: 1 }] }] },
    no: { a: [{ b: [{ x: 1 }, { y: 1 }] }] },
  },
  'nested with is_empty and must_not': {
    condition: { nested: { key: 'metadata.a', filter: { must: [{ is_empty: { key: 'z' } }], must_not: [is('x', 2)] } } },
    yes: { a: [{ x: 1 }] },
    no: { a: [{ x: 2 }, { x: 1, z: 1 }] },
  },
  should: { condition: { should: [is('metadata.a', 1), is('metadata.b', 1)] }, yes: { b: 1 }, no: { a: 2 } },
  must_not: { condition: { must_not: [is('metadata.a', 1)] }, yes: {}, no: { a: 1 } },
  min_should: {
    condition: { min_should: { conditions: [is('metadata.a', 1), is('metadata.b', 1), is('metadata.c', 1)], min_count: 2 } },
    yes: { a: 1, c: 1 },
    no: { a: 1 },
  },
  'a path through objects and lists': {
    condition: is('metadata.a.b[].c', 1),
    yes: { a: { b: [{ c: 2 }, { c: 1 }] } },
    no: { a: { b: { c: 2 } } },
  },
  'a path by position': { condition: is('metadata.a[0]', 1), yes: { a: [1, 2] }, no: { a: [2, 1] } },
  'a quoted path': { condition: is('metadata."odd. key!"', 1), yes: { 'odd. key!': 1 }, no: { odd: { ' key!': 1 } } },
  'a path beyond ASCII': { condition: is('metadata.straße-Ⅷ_日本', 1), yes: { 'straße-Ⅷ_日本': 1 }, no: { strasse: 1 } },
  'a key that looks reserved, below metadata': { condition: is('metadata.tenant', 'x'), yes: { tenant: 'x' }, no: { tenant: 'y' } },
};

let qdrant: TestQdrant;
let index: StartableVectorIndex;
let next = 0;

async function put(tenant: TenantId, metadata: JsonObject): Promise<string> {
  const chunk = randomUUID() as string as ChunkId;
  const access = {
    tenant,
    document: chunk as string as DocumentKey,
    zone: 1 as ZoneId,
    revision: 1,
    acl: { gates: [[5 as PrincipalNumber]], deny: [] },
    validFrom: 'always' as const,
    validUntil: 'forever' as const,
    metadata,
  };
  await index.upsert([{ chunk, access, sparse: { indices: [1], values: [1] }, dense: { kind: 'none' } }], signal);
  return chunk;
}

async function matching(tenant: TenantId, filter: unknown): Promise<readonly string[]> {
  const metadata = { kind: 'filter', filter: parseMetadataFilter(filter) } as const;
  return (await index.search(mintFilterForTests({ tenant, gate: [5], metadata }), leg, 10, signal)).map((hit) => hit.chunk);
}

beforeAll(async () => {
  qdrant = await qdrantForTests();
  const collection = qdrant.freshCollection();
  const identity = { sparse: 'bm25@1', dense: { kind: 'none' } } as const;
  index = createVectorIndex({ endpoint: qdrant.endpoint, collection, identity, telemetry: silentTelemetry, clock: systemClock });
  await index.start(signal);
});
afterAll(async () => {
  await index.close();
  await qdrant.stop();
});

describe('each allowed condition, on the real server', () => {
  for (const [name, { condition, yes, no }] of Object.entries(cases)) {
    it(`${name}: matches one document and excludes another, together or alone`, async () => {
      const tenant = `m${(next += 1)}` as TenantId;
      const [matched, excluded] = [await put(tenant, yes), await put(tenant, no)];
      expect(await matching(tenant, { must: [condition] })).toEqual([matched]);
      // Inverted by the server it must be the other one: so nothing here is dropped in silence.
      expect(await matching(tenant, { must_not: [condition] })).toEqual([excluded]);
      const alone = `m${(next += 1)}` as TenantId;
      const only = await put(alone, yes);
      expect(await matching(alone, { must: [condition] })).toEqual([only]);
      expect(await matching(alone, { must_not: [condition] })).toEqual([]);
    });
  }
});
