import { randomUUID } from 'node:crypto';
import { AppError } from '../../src/core/errors.ts';
import type { FilterSpec } from '../../src/core/filter.ts';
import type { ChunkId, DocumentKey, PrincipalNumber, TenantId, ZoneId } from '../../src/core/ids.ts';
import { systemClock } from '../../src/core/ports/clock.ts';
import type { EmbeddingIdentity } from '../../src/core/ports/embedding.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { AccessPayload, Leg, Point } from '../../src/core/ports/vectors.ts';
import { createVectorIndex, type StartableVectorIndex } from '../../src/vectors/vector-index.ts';
import { mintFilterForTests } from './authorized-filter.ts';
import { qdrantForTests, type TestQdrant } from './qdrant.ts';

export const NOW = 1_700_000_000;
export const TEST_IDENTITY: EmbeddingIdentity = { sparse: 'bm25@1', dense: { kind: 'caller', model: 'test', dimension: 3 } };
export const BM25_LEG = { name: 'bm25', kind: 'sparse', vector: { indices: [7], values: [1] } } as const satisfies Leg;
export const DENSE_LEG = { name: 'dense', kind: 'dense', vector: [1, 0, 0] } as const satisfies Leg;

export const zone = (id: number) => id as ZoneId;
export const numbers = (...ids: number[]) => ids as PrincipalNumber[];
export const newChunkId = () => randomUUID() as string as ChunkId;
export const newDocumentKey = () => randomUUID() as string as DocumentKey;

/** Readable in zone 1 by principal 5 unless said otherwise; both legs above find it. */
export function testPoint(tenant: TenantId, access: Partial<AccessPayload> = {}, weight = 1): Point {
  return {
    chunk: newChunkId(),
    access: {
      tenant,
      document: newDocumentKey(),
      zone: zone(1),
      revision: 1,
      acl: { gates: [numbers(5)], deny: [] },
      validFrom: 'always',
      validUntil: 'forever',
      metadata: {},
      ...access,
    },
    sparse: { indices: [7], values: [weight] },
    dense: { kind: 'vector', vector: [1, weight / 10, 0] },
  };
}

export interface VectorFixture {
  readonly qdrant: TestQdrant;
  /** Making a collection takes a second, so most tests share this one and have a tenant each. */
  readonly collection: string;
  readonly index: StartableVectorIndex;
  /** Never given out before. */
  newTenant(): TenantId;
  open(collection: string, identity?: EmbeddingIdentity): StartableVectorIndex;
  found(spec: Partial<FilterSpec> & { readonly tenant: TenantId }, leg?: Leg): Promise<ReadonlySet<string>>;
  /** A call round the index, for what no code of ours would do. */
  raw(method: string, path: string, body?: unknown): Promise<void>;
  close(): Promise<void>;
}

export async function vectorFixture(): Promise<VectorFixture> {
  const { signal } = new AbortController();
  const qdrant = await qdrantForTests();
  const opened: StartableVectorIndex[] = [];
  const open = (collection: string, identity = TEST_IDENTITY) => {
    const index = createVectorIndex({ endpoint: qdrant.endpoint, collection, identity, telemetry: silentTelemetry, clock: systemClock });
    opened.push(index);
    return index;
  };
  const collection = qdrant.freshCollection();
  const index = open(collection);
  await index.start(signal);
  let tenants = 0;
  return {
    qdrant,
    collection,
    index,
    open,
    newTenant: () => `t${(tenants += 1)}` as TenantId,
    async found(spec, leg = BM25_LEG) {
      return new Set((await index.search(mintFilterForTests({ now: NOW, ...spec }), leg, 50, signal)).map((hit) => hit.chunk));
    },
    async raw(method, path, body) {
      const key = qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey };
      const init = { method, headers: { 'content-type': 'application/json', ...key }, body: JSON.stringify(body) ?? null };
      const answer = await fetch(`${qdrant.url}${path}`, init);
      if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    },
    async close() {
      await Promise.all(opened.map((one) => one.close()));
      await qdrant.stop();
    },
  };
}

/** The code of the AppError that `work` fails with, or `no failure`. */
export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no failure',
    (error: unknown) => (error instanceof AppError ? error.code : `not an AppError: ${String(error)}`),
  );
}
