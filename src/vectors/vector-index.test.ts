import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import {
  BM25_LEG,
  codeOf,
  DENSE_LEG,
  newChunkId,
  newDocumentKey,
  NOW,
  numbers,
  testPoint,
  vectorFixture,
  type VectorFixture,
} from '../../test/support/vector-fixture.ts';
import type { FilterSpec } from '../core/filter.ts';
import type { TenantId } from '../core/ids.ts';
import { parseMetadataFilter } from '../core/metadata-filter.ts';
import type { AccessPayload, Leg } from '../core/ports/vectors.ts';
import { encodePayload } from './payload.ts';

const { signal } = new AbortController();
let fixture: VectorFixture;
let tenant: TenantId;
let other: TenantId;

const point = (access: Partial<AccessPayload> = {}, weight = 1) => testPoint(tenant, access, weight);
const mint = (spec: Partial<FilterSpec>) => mintFilterForTests({ tenant, now: NOW, ...spec });
const found = (spec: Partial<FilterSpec>, leg: Leg = BM25_LEG) => fixture.found({ tenant, ...spec }, leg);

beforeAll(async () => {
  fixture = await vectorFixture();
});
beforeEach(() => {
  [tenant, other] = [fixture.newTenant(), fixture.newTenant()];
});
afterAll(() => fixture.close());

describe('rewriteAccess', () => {
  it('narrows and widens every chunk of its document and of no other', async () => {
    const { index } = fixture;
    const document = newDocumentKey();
    const [a, b, bystander] = [point({ document }), point({ document }), point()];
    const elsewhere = point({ document, tenant: other });
    await index.upsert([a, b, bystander, elsewhere], signal);
    await index.rewriteAccess({ ...a.access, revision: 2, acl: { gates: [numbers(6)], deny: [] } }, signal);
    expect(await found({ gate: [5] })).toEqual(new Set([bystander.chunk]));
    expect(await found({ gate: [6] })).toEqual(new Set([a.chunk, b.chunk]));
    expect(await found({ gate: [5], tenant: other })).toEqual(new Set([elsewhere.chunk]));
  });

  it('changes nothing when it is late: neither an older revision nor the same again', async () => {
    const { index } = fixture;
    const one = point();
    await index.upsert([one], signal);
    await index.rewriteAccess({ ...one.access, revision: 5, acl: { gates: [numbers(6)], deny: [] } }, signal);
    await index.rewriteAccess({ ...one.access, revision: 4 }, signal);
    await index.rewriteAccess({ ...one.access, revision: 5 }, signal);
    expect((await found({ gate: [5] })).size).toBe(0);
    expect((await found({ gate: [6] })).size).toBe(1);
  });

  it('is not undone by an upsert of the older revision that arrives after it', async () => {
    const { index } = fixture;
    const one = point();
    await index.upsert([one], signal);
    await index.rewriteAccess({ ...one.access, revision: 2, acl: { gates: [numbers(6)], deny: [] } }, signal);
    await index.upsert([one], signal);
    expect((await found({ gate: [5] })).size).toBe(0);
    await index.upsert([{ ...one, access: { ...one.access, revision: 3 } }], signal);
    expect((await found({ gate: [5] })).size).toBe(1);
  });

  it('replaces the metadata as a whole', async () => {
    const { index } = fixture;
    const one = point({ metadata: { old: 1, deep: { old: 1 } } });
    await index.upsert([one], signal);
    await index.rewriteAccess({ ...one.access, revision: 2, metadata: { deep: { fresh: 1 } } }, signal);
    const having = (key: string) => parseMetadataFilter({ must: [{ key, match: { value: 1 } }] });
    const by = (key: string) => found({ gate: [5], metadata: { kind: 'filter', filter: having(key) } });
    expect((await by('metadata.deep.fresh')).size).toBe(1);
    expect((await by('metadata.deep.old')).size).toBe(0);
    expect((await by('metadata.old')).size).toBe(0);
  });
});

describe('deleteChunks', () => {
  it("deletes those named, in the tenant named, and nothing for another tenant's ids or an empty list", async () => {
    const { index } = fixture;
    const [a, b] = [point(), point()];
    await index.upsert([a, b], signal);
    await index.deleteChunks(other, [a.chunk], signal);
    await index.deleteChunks(tenant, [], signal);
    expect((await found({ gate: [5] })).size).toBe(2);
    await index.deleteChunks(tenant, [a.chunk, newChunkId()], signal);
    expect(await found({ gate: [5] })).toEqual(new Set([b.chunk]));
  });
});

describe('ranking', () => {
  it('gives the best first, ties by chunk id, and the same ids at every limit', async () => {
    const { index } = fixture;
    const tied = Array.from({ length: 40 }, () => point({}, 1));
    const best = point({}, 3);
    await index.upsert([...tied, best], signal);
    const filter = mint({ gate: [5] });
    const expected = [best.chunk, ...tied.map((p) => p.chunk).sort()];
    for (const limit of [1, 2, 7, 30, 41, 50]) {
      const hits = await index.search(filter, BM25_LEG, limit, signal);
      expect(hits.map((hit) => hit.chunk)).toEqual(expected.slice(0, limit));
    }
  });

  it('does not depend on documents the caller may not read', async () => {
    const { index } = fixture;
    const [a, b] = [point({}, 1), point({}, 2)];
    await index.upsert([a, b], signal);
    const before = await index.search(mint({ gate: [5] }), BM25_LEG, 10, signal);
    await index.upsert(
      Array.from({ length: 300 }, (_, i) => point({ tenant: other }, i)),
      signal,
    );
    expect(await index.search(mint({ gate: [5] }), BM25_LEG, 10, signal)).toEqual(before);
  });

  it('leaves out what shares no term with the query, and answers a query without terms with nothing', async () => {
    const { index } = fixture;
    await index.upsert([point(), { ...point(), sparse: { indices: [], values: [] } }], signal);
    const filter = mint({ gate: [5] });
    const stranger: Leg = { ...BM25_LEG, vector: { indices: [8], values: [1] } };
    expect(await index.search(filter, stranger, 10, signal)).toEqual([]);
    expect(await index.search(filter, BM25_LEG, 10, signal)).toHaveLength(1);
    expect(await index.search(filter, { ...BM25_LEG, vector: { indices: [], values: [] } }, 10, signal)).toEqual([]);
  });

  it('refuses vectors that do not fit', async () => {
    const { index } = fixture;
    const filter = mint({ gate: [5] });
    for (const vector of [[1, 0], [1, 0, Number.NaN], []]) {
      expect(await codeOf(index.search(filter, { ...DENSE_LEG, vector }, 5, signal))).toBe('vector_mismatch');
    }
    expect(await codeOf(index.search(filter, { ...BM25_LEG, vector: { indices: [1, 2], values: [1] } }, 5, signal))).toBe(
      'vector_mismatch',
    );
  });
});

describe('what a point carries', () => {
  it('refuses an ACL that does not fit rather than cutting it', async () => {
    const { index } = fixture;
    const nine = { gates: Array.from({ length: 9 }, () => numbers(5)), deny: [] };
    expect(await codeOf(index.upsert([point({ acl: nine })], signal))).toBe('internal');
    expect(await codeOf(index.upsert([point({ acl: { gates: [numbers(0)], deny: [] } })], signal))).toBe('internal');
    expect(await codeOf(index.upsert([point({ acl: { gates: [numbers(5)], deny: numbers(-1) } })], signal))).toBe('internal');
    expect(await codeOf(index.upsert([point({ validFrom: 1.5 })], signal))).toBe('internal');
    expect((await found({ gate: [5] })).size).toBe(0);
  });

  it('is not more than the documented keys', () => {
    const gates = Array.from({ length: 8 }, (_, i) => `g${i}`);
    const keys = ['tenant', 'document', 'zone', 'acl_v', ...gates, 'deny', 'valid_from', 'valid_until', 'metadata'];
    expect(Object.keys(encodePayload(point().access)).sort()).toEqual(keys.sort());
  });
});
