import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEST_IDENTITY, testPoint, vectorFixture, type VectorFixture } from '../../test/support/vector-fixture.ts';
import type { TenantId } from '../core/ids.ts';
import type { EmbeddingIdentity } from '../core/ports/embedding.ts';

const { signal } = new AbortController();
let fixture: VectorFixture;

beforeAll(async () => {
  fixture = await vectorFixture();
});
afterAll(() => fixture.close());

describe('the collection', () => {
  it('is opened again as it was, by a second replica, and probed', async () => {
    const tenant = fixture.newTenant();
    await fixture.index.upsert([testPoint(tenant)], signal);
    const second = fixture.open(fixture.collection);
    await second.start(signal);
    await second.probe(signal);
    expect((await fixture.found({ tenant, gate: [5] })).size).toBe(1);
  });

  it.each<[string, EmbeddingIdentity, RegExp]>([
    ['another sparse version', { ...TEST_IDENTITY, sparse: 'bm25@2' }, /bm25@1.*bm25@2.*SLUICE_COLLECTION/],
    ['another model', { sparse: 'bm25@1', dense: { kind: 'caller', model: 'other', dimension: 3 } }, /test with 3.*other with 3/],
    ['another dimension', { sparse: 'bm25@1', dense: { kind: 'caller', model: 'test', dimension: 4 } }, /test with 3.*test with 4/],
    ['no dense vectors', { sparse: 'bm25@1', dense: { kind: 'none' } }, /test with 3.*none/],
  ])('is refused under %s, with what differs', async (_, different, message) => {
    const index = fixture.open(fixture.collection, different);
    await expect(index.start(signal)).rejects.toThrow(message);
    await expect(index.probe(signal)).rejects.toThrow(message);
  });

  it('takes the same model from another place: who computes vectors may change', async () => {
    const moved = fixture.open(fixture.collection, { sparse: 'bm25@1', dense: { kind: 'remote', model: 'test', dimension: 3 } });
    await expect(moved.start(signal)).resolves.toBeUndefined();
  });

  it('is refused where another program made it, or with a server-side IDF', async () => {
    const foreign = fixture.qdrant.freshCollection();
    await fixture.raw('PUT', `/collections/${foreign}`, { vectors: { dense: { size: 3, distance: 'Cosine' } } });
    await expect(fixture.open(foreign).start(signal)).rejects.toThrow(/not made by Sluice/);
    const unnamed = fixture.qdrant.freshCollection();
    await fixture.raw('PUT', `/collections/${unnamed}`, { vectors: { size: 3, distance: 'Cosine' } });
    await expect(fixture.open(unnamed).start(signal)).rejects.toThrow(/not understood/);
    const idf = fixture.qdrant.freshCollection();
    await fixture.raw('PUT', `/collections/${idf}`, {
      vectors: { dense: { size: 3, distance: 'Cosine' } },
      sparse_vectors: { bm25: { modifier: 'idf' } },
      metadata: { sluice: { layout: 1, ...TEST_IDENTITY } },
    });
    await expect(fixture.open(idf).start(signal)).rejects.toThrow(/modifier idf/);
  });

  it('is refused with vectors that its record does not tell of', async () => {
    const collection = fixture.qdrant.freshCollection();
    await fixture.raw('PUT', `/collections/${collection}`, {
      vectors: { dense: { size: 3, distance: 'Dot' } },
      sparse_vectors: { bm25: {} },
      metadata: { sluice: { layout: 1, ...TEST_IDENTITY } },
    });
    await expect(fixture.open(collection).start(signal)).rejects.toThrow(/not cosine over 3/);
  });

  it('heals an index that a crash left out, and says so until then', async () => {
    const collection = fixture.qdrant.freshCollection();
    const index = fixture.open(collection);
    await index.start(signal);
    await fixture.raw('DELETE', `/collections/${collection}/index/deny?wait=true`);
    await expect(index.probe(signal)).rejects.toThrow(/no index on deny/);
    await index.start(signal);
    await expect(index.probe(signal)).resolves.toBeUndefined();
  });

  it('that is not there is reported by the probe', async () => {
    await expect(fixture.open(fixture.qdrant.freshCollection()).probe(signal)).rejects.toThrow(/not there/);
  });

  it('may be made by two replicas at once', async () => {
    const collection = fixture.qdrant.freshCollection();
    const both = [fixture.open(collection), fixture.open(collection)];
    await Promise.all(both.map((index) => index.start(signal)));
    await expect(Promise.all(both.map((index) => index.probe(signal)))).resolves.toHaveLength(2);
  });

  it('works with sparse vectors alone', async () => {
    const index = fixture.open(fixture.qdrant.freshCollection(), { sparse: 'bm25@1', dense: { kind: 'none' } });
    await index.start(signal);
    await index.upsert([{ ...testPoint('acme' as TenantId), dense: { kind: 'none' } }], signal);
    await expect(index.probe(signal)).resolves.toBeUndefined();
  });
});
