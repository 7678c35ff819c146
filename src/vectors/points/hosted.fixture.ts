import { randomUUID } from 'node:crypto';
import { mintFilterForTests } from '../../../test/support/authorized-filter.ts';
import { newChunkId, newDocumentKey, NOW, numbers, vectorFixture, zone, type VectorFixture } from '../../../test/support/vector-fixture.ts';
import type { FilterSpec } from '../../core/filter.ts';
import type { ChunkId, CollectionKey, TenantId } from '../../core/ids.ts';
import type { PointSearch } from '../../core/points/question.ts';
import type { LosslessObject, RawJson } from '../../core/points/raw-json.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import type { HostedPoint, PointScope } from '../../core/ports/points.ts';
import type { AccessPayload } from '../../core/ports/vectors.ts';
import { physicalName } from './place.ts';

export const ACME = 'acme' as TenantId;
export const PARAMS: LosslessObject = { vectors: { size: 2, distance: 'Dot' }, sparse_vectors: { words: {} } };
export const NO_VECTORS = { kind: 'none' } as const;
export const SELECT_NONE = { payload: { kind: 'none' }, vectors: NO_VECTORS } as const;

export const newCollectionKey = () => randomUUID() as string as CollectionKey;
export const json = (value: unknown): RawJson => JSON.stringify(value) as RawJson;

/** Readable in zone 1 by principal 5 unless said otherwise. */
export function hostedPoint(access: Partial<AccessPayload> = {}, payload: RawJson = json({}), vector: RawJson = json([1, 1])): HostedPoint {
  const base: AccessPayload = {
    tenant: ACME,
    document: newDocumentKey(),
    zone: zone(1),
    revision: 1,
    acl: { gates: [numbers(5)], deny: [] },
    validFrom: 'always',
    validUntil: 'forever',
    metadata: {},
  };
  return { chunk: newChunkId(), access: { ...base, ...access }, vector, payload };
}

export function scopeOf(place: PointPlace, spec: Partial<FilterSpec> = {}, never: readonly ChunkId[] = []): PointScope {
  return { place, filter: mintFilterForTests({ tenant: ACME, gate: [5], now: NOW, ...spec }), never };
}

export function nearest(vector: readonly number[], more: Partial<PointSearch<ChunkId>> = {}): PointSearch<ChunkId> {
  const query = { kind: 'nearest', input: { kind: 'vector', vector } } as const;
  return { query, limit: 10, offset: 0, prefetch: [], select: SELECT_NONE, ...more };
}

export interface HostedFixture extends VectorFixture {
  /** Makes one, which `close` drops. */
  newCollection(params?: LosslessObject): Promise<CollectionKey>;
  /** What Qdrant answers, for what no code of ours would ask. */
  ask(method: string, path: string, body?: unknown): Promise<unknown>;
}

export async function hostedFixture(): Promise<HostedFixture> {
  const fixture = await vectorFixture();
  const { signal } = new AbortController();
  const made: CollectionKey[] = [];
  const { qdrant, index } = fixture;
  const headers = { 'content-type': 'application/json', ...(qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey }) };
  return {
    ...fixture,
    async newCollection(params = PARAMS) {
      const key = newCollectionKey();
      made.push(key);
      await index.hosted.create(key, params, signal);
      return key;
    },
    async ask(method, path, body) {
      const answer = await fetch(`${qdrant.url}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return answer.json();
    },
    async close() {
      for (const key of made) await fixture.raw('DELETE', `/collections/${physicalName(key)}`);
      await fixture.close();
    },
  };
}
