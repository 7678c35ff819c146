import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { qdrantForTests, type TestQdrant } from '../../test/support/qdrant.ts';
import { AppError } from '../core/errors.ts';
import type { FilterSpec } from '../core/filter.ts';
import type { ChunkId, DocumentKey, PrincipalNumber, TenantId, ZoneId } from '../core/ids.ts';
import { parseMetadataFilter } from '../core/metadata-filter.ts';
import { systemClock } from '../core/ports/clock.ts';
import type { EmbeddingIdentity } from '../core/ports/embedding.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { AccessPayload, Leg, Point } from '../core/ports/vectors.ts';
import { createVectorIndex, type StartableVectorIndex } from './vector-index.ts';
import { encodePayload } from './payload.ts';
import { toQdrantFilter } from './filter.ts';

const NOW = 1_700_000_000;
const identity: EmbeddingIdentity = { sparse: 'bm25@1', dense: { kind: 'caller', model: 'test', dimension: 3 } };
const bm25: Leg = { name: 'bm25', kind: 'sparse', vector: { indices: [7], values: [1] } };
const dense: Leg = { name: 'dense', kind: 'dense', vector: [1, 0, 0] };
const signal = AbortSignal.timeout(120_000);

const zone = (id: number) => id as ZoneId;
const numbers = (...ids: number[]) => ids as PrincipalNumber[];
const chunkId = () => randomUUID() as string as ChunkId;

function mint(spec: Partial<FilterSpec>) {
  return mintFilterForTests({ tenant: tenant(), now: NOW, ...spec });
}

function point(access: Partial<AccessPayload> = {}, weight = 1, chunk = chunkId()): Point {
  return {
    chunk,
    access: {
      tenant: tenant(),
      document: chunk as string as DocumentKey,
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

let qdrant: TestQdrant;
const open: StartableVectorIndex[] = [];
/** Making a collection takes a second, so most tests share one and have a tenant each. */
let shared: { readonly collection: string; readonly index: StartableVectorIndex };
let count = 0;
const tenant = () => `t${count}` as TenantId;
const other = () => `t${count}-other` as TenantId;

async function freshIndex(collection = qdrant.freshCollection()): Promise<StartableVectorIndex> {
  const index = createVectorIndex({ endpoint: qdrant.endpoint, collection, identity, telemetry: silentTelemetry, clock: systemClock });
  open.push(index);
  await index.start(signal);
  return index;
}

/** A call round the index, for what no code of ours would write. */
async function raw(method: string, path: string, body: unknown): Promise<{ status: number; json: { result: { count: number } } }> {
  const headers = { 'content-type': 'application/json', ...(qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey }) };
  const answer = await fetch(`${qdrant.url}${path}`, { method, headers, body: JSON.stringify(body) });
  return { status: answer.status, json: (await answer.json()) as { result: { count: number } } };
}

async function found(index: StartableVectorIndex, spec: Partial<FilterSpec>, leg: Leg = bm25): Promise<ReadonlySet<string>> {
  return new Set((await index.search(mint(spec), leg, 50, signal)).map((hit) => hit.chunk));
}

async function code(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  return error instanceof AppError ? error.code : `not an AppError: ${String(error)}`;
}

beforeAll(async () => {
  qdrant = await qdrantForTests();
  const collection = qdrant.freshCollection();
  shared = { collection, index: await freshIndex(collection) };
}, 60_000);
beforeEach(() => {
  count += 1;
});
afterAll(async () => {
  await Promise.all(open.map((index) => index.close()));
  await qdrant.stop();
}, 60_000);

describe('the filter on real points, each leg', () => {
  const reader = { gate: [5] };
  const cases: Record<string, { readable: Partial<AccessPayload>; hidden: Partial<AccessPayload>; as?: Partial<FilterSpec> }> = {
    tenant: { readable: {}, hidden: { tenant: 'somebody-else' as TenantId } },
    zone: { readable: { zone: zone(1) }, hidden: { zone: zone(2) } },
    'the first gate': { readable: { acl: { gates: [numbers(4, 5)], deny: [] } }, hidden: { acl: { gates: [numbers(4)], deny: [] } } },
    'the eighth gate': {
      readable: { acl: { gates: Array.from({ length: 8 }, () => numbers(5)), deny: [] } },
      hidden: { acl: { gates: [...Array.from({ length: 7 }, () => numbers(5)), numbers(4)], deny: [] } },
    },
    'no gates, which means nobody': { readable: {}, hidden: { acl: { gates: [], deny: [] } } },
    'an empty gate, which means nobody': { readable: {}, hidden: { acl: { gates: [numbers(5), []], deny: [] } } },
    'a deny beside a grant': {
      readable: { acl: { gates: [numbers(5)], deny: numbers(9) } },
      hidden: { acl: { gates: [numbers(5)], deny: numbers(9, 6) } },
      as: { gate: [5], deny: [5, 6] },
    },
    'start of validity': { readable: { validFrom: NOW }, hidden: { validFrom: NOW + 1 } },
    'end of validity': { readable: { validUntil: NOW + 1 }, hidden: { validUntil: NOW } },
    'a past before 1970': { readable: { validFrom: -5 }, hidden: { validUntil: -5 } },
    'a fraction of a second before the start': { readable: { validFrom: NOW }, hidden: { validFrom: NOW + 1 }, as: { now: NOW + 0.9 } },
    metadata: {
      readable: { metadata: { year: 2024 } },
      hidden: { metadata: { year: 2023 } },
      as: { metadata: { kind: 'filter', filter: parseMetadataFilter({ must: [{ key: 'metadata.year', match: { value: 2024 } }] }) } },
    },
  };
  for (const [name, { readable, hidden, as }] of Object.entries(cases)) {
    it(`matches and excludes by ${name}`, async () => {
      const { index } = shared;
      const [yes, no] = [point(readable), point(hidden, 2)];
      await index.upsert([yes, no], signal);
      const spec = { ...reader, ...as };
      expect(await found(index, spec)).toEqual(new Set([yes.chunk]));
      expect(await found(index, spec, dense)).toEqual(new Set([yes.chunk]));
    });
  }

  it('shows a caller who is in no ACL only what has no reader but is not closed: nothing', async () => {
    const { index } = shared;
    await index.upsert([point(), point({ acl: { gates: [], deny: [] } })], signal);
    expect((await found(index, { gate: [] })).size).toBe(0);
    expect((await found(index, { gate: [5] })).size).toBe(1);
  });
});

describe('random points and callers', () => {
  const some = (maximum: number) => fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: maximum }).map((ids) => numbers(...ids));
  const access = fc.record({
    tenant: fc.constantFrom('a', 'b'),
    zone: fc.integer({ min: 1, max: 12 }),
    gates: fc.array(some(3), { maxLength: 3 }),
    deny: some(2),
    from: fc.constantFrom('always' as const, NOW - 1, NOW, NOW + 1),
    until: fc.constantFrom('forever' as const, NOW - 1, NOW, NOW + 1),
  });
  const caller = fc.record({
    tenant: fc.constantFrom('a', 'b'),
    zones: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1 }),
    runs: fc.boolean(),
    gate: fc.uniqueArray(fc.integer({ min: 1, max: 6 })),
    deny: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 2 }),
  });

  /** From the first to the last with holes between: one run that means the same as the list. */
  function asRun(zones: readonly number[]): FilterSpec['zones'] {
    const [first, last] = [Math.min(...zones), Math.max(...zones)];
    const holes = Array.from({ length: last - first }, (_, i) => first + i).filter((id) => !zones.includes(id));
    return { kind: 'runs', runs: [{ first: zone(first), last: zone(last), holes: holes.map(zone) }] };
  }

  it('meet exactly as the rules of access say', async () => {
    const { index } = shared;
    const drawn = fc.sample(access, { numRuns: 400, seed: 7 });
    const name = (letter: string) => `${tenant()}-${letter}` as TenantId;
    const points = drawn.map((a) => {
      const acl = { gates: a.gates, deny: a.deny };
      return point({ tenant: name(a.tenant), zone: zone(a.zone), acl, validFrom: a.from, validUntil: a.until });
    });
    await index.upsert(points, signal);
    let [matched, excluded] = [0, 0];
    for (const c of fc.sample(caller, { numRuns: 150, seed: 8 })) {
      const expected = points.filter((_, i) => {
        const a = drawn[i];
        if (a === undefined || a.tenant !== c.tenant || !c.zones.includes(a.zone)) return false;
        if (a.gates.length === 0 || !a.gates.every((gate) => gate.some((p) => c.gate.includes(p)))) return false;
        if (a.deny.some((p) => c.deny.includes(p))) return false;
        return (a.from === 'always' || a.from <= NOW) && (a.until === 'forever' || a.until > NOW);
      });
      const zones: FilterSpec['zones'] = c.runs ? asRun(c.zones) : { kind: 'flat', ids: c.zones.map(zone) };
      const filter = mint({ tenant: name(c.tenant), zones, gate: c.gate, deny: c.deny });
      const hits = await index.search(filter, bm25, 400, signal);
      expect(hits.map((hit) => hit.chunk)).toEqual(expected.map((p) => p.chunk).sort());
      matched += expected.length;
      excluded += points.length - expected.length;
    }
    expect(Math.min(matched, excluded)).toBeGreaterThan(500);
  });
});

describe('points that lost payload', () => {
  it('are invisible, whichever key is gone, until it is restored', async () => {
    const { collection, index } = shared;
    const whole = point();
    const keys = Object.keys(encodePayload(whole.access)).filter((key) => key !== 'metadata' && key !== 'document');
    expect(keys).toHaveLength(14);
    await index.upsert([whole], signal);
    for (const key of keys) {
      expect(await found(index, { gate: [5] })).toEqual(new Set([whole.chunk]));
      await raw('POST', `/collections/${collection}/points/payload/delete?wait=true`, { keys: [key], points: [whole.chunk] });
      expect((await found(index, { gate: [5] })).size, key).toBe(0);
      expect((await found(index, { gate: [5] }, dense)).size, key).toBe(0);
      const value = encodePayload(whole.access)[key];
      for (const damaged of [[], null, 'x', {}]) {
        await raw('POST', `/collections/${collection}/points/payload?wait=true`, { payload: { [key]: damaged }, points: [whole.chunk] });
        expect((await found(index, { gate: [5] })).size, `${key}: ${JSON.stringify(damaged)}`).toBe(0);
      }
      await raw('POST', `/collections/${collection}/points/payload?wait=true`, { payload: { [key]: value }, points: [whole.chunk] });
    }
  });
});

describe("a caller's own filter", () => {
  it('cannot widen: a should of theirs stands beside nothing of ours', async () => {
    const { index } = shared;
    const [mine, theirs] = [point({ metadata: { x: 1 } }), point({ metadata: { x: 1 }, tenant: other() })];
    const plain = point();
    await index.upsert([mine, theirs, plain], signal);
    const should = parseMetadataFilter({ should: [{ key: 'metadata.x', match: { value: 1 } }] });
    expect(await found(index, { gate: [5], metadata: { kind: 'filter', filter: should } })).toEqual(new Set([mine.chunk]));
  });

  it('reaches the store as one condition inside must, with no should at the root', () => {
    const filter = parseMetadataFilter({ should: [{ is_empty: { key: 'metadata.x' } }], must_not: [{ is_null: { key: 'metadata.y' } }] });
    const root = toQdrantFilter(mintFilterForTests({ deny: [3], metadata: { kind: 'filter', filter } }));
    expect(Object.keys(root)).toEqual(['must', 'must_not']);
    expect(root.must.at(-1)).toEqual(filter);
  });
});

describe('zones', () => {
  it('match the same as runs with holes and as a flat list, and no zone made later', async () => {
    const { index } = shared;
    const points = Array.from({ length: 30 }, (_, i) => point({ zone: zone(i + 1) }));
    await index.upsert(points, signal);
    const runs = [
      { first: zone(2), last: zone(9), holes: [zone(4), zone(5)] },
      { first: zone(15), last: zone(15), holes: [] },
      { first: zone(20), last: zone(25), holes: [zone(20)] },
    ];
    const ids = [2, 3, 6, 7, 8, 9, 15, 21, 22, 23, 24, 25].map(zone);
    const flat = await found(index, { gate: [5], zones: { kind: 'flat', ids } });
    expect(flat.size).toBe(12);
    expect(await found(index, { gate: [5], zones: { kind: 'runs', runs } })).toEqual(flat);
    expect(await found(index, { gate: [5], zones: { kind: 'runs', runs: runs.slice(1, 2) } })).toEqual(new Set([points[14]?.chunk]));
  });

  it('never reach the store as an empty set, a fraction or an id below 1', async () => {
    const { index } = shared;
    for (const ids of [[], [0], [1.5], [Number.NaN]]) {
      expect(await code(found(index, { zones: { kind: 'flat', ids: ids.map(zone) } }))).toBe('internal');
    }
    expect(await code(found(index, { zones: { kind: 'runs', runs: [] } }))).toBe('internal');
    expect(await code(found(index, { gate: [0] }))).toBe('internal');
    expect(await code(found(index, { deny: [-1] }))).toBe('internal');
    expect(await code(found(index, { now: Number.NaN }))).toBe('internal');
  });
});

describe('rewriteAccess', () => {
  it('narrows and widens every chunk of its document and of no other', async () => {
    const { index } = shared;
    const document = randomUUID() as string as DocumentKey;
    const [a, b, bystander] = [point({ document }), point({ document }), point()];
    const elsewhere = point({ document, tenant: other() });
    await index.upsert([a, b, bystander, elsewhere], signal);
    await index.rewriteAccess({ ...a.access, revision: 2, acl: { gates: [numbers(6)], deny: [] } }, signal);
    expect(await found(index, { gate: [5] })).toEqual(new Set([bystander.chunk]));
    expect(await found(index, { gate: [6] })).toEqual(new Set([a.chunk, b.chunk]));
    expect(await found(index, { gate: [5], tenant: other() })).toEqual(new Set([elsewhere.chunk]));
  });

  it('changes nothing when it is late: neither an older revision nor the same again', async () => {
    const { index } = shared;
    const one = point();
    await index.upsert([one], signal);
    await index.rewriteAccess({ ...one.access, revision: 5, acl: { gates: [numbers(6)], deny: [] } }, signal);
    await index.rewriteAccess({ ...one.access, revision: 4 }, signal);
    await index.rewriteAccess({ ...one.access, revision: 5 }, signal);
    expect((await found(index, { gate: [5] })).size).toBe(0);
    expect((await found(index, { gate: [6] })).size).toBe(1);
  });

  it('is not undone by an upsert of the older revision that arrives after it', async () => {
    const { index } = shared;
    const one = point();
    await index.upsert([one], signal);
    await index.rewriteAccess({ ...one.access, revision: 2, acl: { gates: [numbers(6)], deny: [] } }, signal);
    await index.upsert([one], signal);
    expect((await found(index, { gate: [5] })).size).toBe(0);
    await index.upsert([{ ...one, access: { ...one.access, revision: 3 } }], signal);
    expect((await found(index, { gate: [5] })).size).toBe(1);
  });

  it('replaces the metadata as a whole', async () => {
    const { index } = shared;
    const one = point({ metadata: { old: 1, deep: { old: 1 } } });
    await index.upsert([one], signal);
    await index.rewriteAccess({ ...one.access, revision: 2, metadata: { deep: { fresh: 1 } } }, signal);
    const having = (key: string) => parseMetadataFilter({ must: [{ key, match: { value: 1 } }] });
    const by = (key: string) => found(index, { gate: [5], metadata: { kind: 'filter', filter: having(key) } });
    expect((await by('metadata.deep.fresh')).size).toBe(1);
    expect((await by('metadata.deep.old')).size).toBe(0);
    expect((await by('metadata.old')).size).toBe(0);
  });
});

describe('deleteChunks', () => {
  it("deletes those named, in the tenant named, and nothing for another tenant's ids or an empty list", async () => {
    const { index } = shared;
    const [a, b] = [point(), point()];
    await index.upsert([a, b], signal);
    await index.deleteChunks(other(), [a.chunk], signal);
    await index.deleteChunks(tenant(), [], signal);
    expect((await found(index, { gate: [5] })).size).toBe(2);
    await index.deleteChunks(tenant(), [a.chunk, chunkId()], signal);
    expect(await found(index, { gate: [5] })).toEqual(new Set([b.chunk]));
  });
});

describe('ranking', () => {
  it('gives the best first, ties by chunk id, and the same ids at every limit', async () => {
    const { index } = shared;
    const tied = Array.from({ length: 40 }, () => point({}, 1));
    const best = point({}, 3);
    await index.upsert([...tied, best], signal);
    const filter = mint({ gate: [5] });
    const expected = [best.chunk, ...tied.map((p) => p.chunk).sort()];
    for (const limit of [1, 2, 7, 30, 41, 50]) {
      const hits = await index.search(filter, bm25, limit, signal);
      expect(hits.map((hit) => hit.chunk)).toEqual(expected.slice(0, limit));
    }
  });

  it('does not depend on documents the caller may not read', async () => {
    const { index } = shared;
    const [a, b] = [point({}, 1), point({}, 2)];
    await index.upsert([a, b], signal);
    const before = await index.search(mint({ gate: [5] }), bm25, 10, signal);
    await index.upsert(
      Array.from({ length: 300 }, (_, i) => point({ tenant: other() }, i)),
      signal,
    );
    expect(await index.search(mint({ gate: [5] }), bm25, 10, signal)).toEqual(before);
  });

  it('leaves out what shares no term with the query, and answers a query without terms with nothing', async () => {
    const { index } = shared;
    await index.upsert([point(), { ...point(), sparse: { indices: [], values: [] } }], signal);
    const filter = mint({ gate: [5] });
    const stranger: Leg = { ...bm25, vector: { indices: [8], values: [1] } };
    expect(await index.search(filter, stranger, 10, signal)).toEqual([]);
    expect(await index.search(filter, bm25, 10, signal)).toHaveLength(1);
    expect(await index.search(filter, { ...bm25, vector: { indices: [], values: [] } }, 10, signal)).toEqual([]);
  });

  it('refuses vectors that do not fit', async () => {
    const { index } = shared;
    const filter = mint({ gate: [5] });
    for (const vector of [[1, 0], [1, 0, Number.NaN], []]) {
      expect(await code(index.search(filter, { ...dense, vector }, 5, signal))).toBe('vector_mismatch');
    }
    expect(await code(index.search(filter, { ...bm25, vector: { indices: [1, 2], values: [1] } }, 5, signal))).toBe('vector_mismatch');
  });
});

describe('what a point carries', () => {
  it('refuses an ACL that does not fit rather than cutting it', async () => {
    const { index } = shared;
    const nine = { gates: Array.from({ length: 9 }, () => numbers(5)), deny: [] };
    expect(await code(index.upsert([point({ acl: nine })], signal))).toBe('internal');
    expect(await code(index.upsert([point({ acl: { gates: [numbers(0)], deny: [] } })], signal))).toBe('internal');
    expect(await code(index.upsert([point({ acl: { gates: [numbers(5)], deny: numbers(-1) } })], signal))).toBe('internal');
    expect(await code(index.upsert([point({ validFrom: 1.5 })], signal))).toBe('internal');
    expect((await found(index, { gate: [5] })).size).toBe(0);
  });

  it('is not more than the documented keys', () => {
    const gates = Array.from({ length: 8 }, (_, i) => `g${i}`);
    const keys = ['tenant', 'document', 'zone', 'acl_v', ...gates, 'deny', 'valid_from', 'valid_until', 'metadata'];
    expect(Object.keys(encodePayload(point().access)).sort()).toEqual(keys.sort());
  });
});

describe('the collection', () => {
  it('is opened again as it was, and probed', async () => {
    const collection = qdrant.freshCollection();
    const first = await freshIndex(collection);
    await first.upsert([point()], signal);
    const second = await freshIndex(collection);
    await second.probe(signal);
    expect((await found(second, { gate: [5] })).size).toBe(1);
  });

  it.each<[string, EmbeddingIdentity, RegExp]>([
    ['another sparse version', { ...identity, sparse: 'bm25@2' }, /bm25@1.*bm25@2.*SLUICE_COLLECTION/],
    ['another model', { sparse: 'bm25@1', dense: { kind: 'caller', model: 'other', dimension: 3 } }, /test with 3.*other with 3/],
    ['another dimension', { sparse: 'bm25@1', dense: { kind: 'caller', model: 'test', dimension: 4 } }, /test with 3.*test with 4/],
    ['no dense vectors', { sparse: 'bm25@1', dense: { kind: 'none' } }, /test with 3.*none/],
  ])('is refused under %s, with what differs', async (_, different, message) => {
    const collection = qdrant.freshCollection();
    await freshIndex(collection);
    const index = createVectorIndex({
      endpoint: qdrant.endpoint,
      collection,
      identity: different,
      telemetry: silentTelemetry,
      clock: systemClock,
    });
    await expect(index.start(signal)).rejects.toThrow(message);
    await expect(index.probe(signal)).rejects.toThrow(message);
    await index.close();
  });

  it('is refused where another program made it, or with a server-side IDF', async () => {
    const foreign = qdrant.freshCollection();
    await raw('PUT', `/collections/${foreign}`, { vectors: { size: 3, distance: 'Cosine' } });
    await expect(freshIndex(foreign)).rejects.toThrow(/not understood|not made by Sluice/);
    const idf = qdrant.freshCollection();
    await raw('PUT', `/collections/${idf}`, {
      vectors: { dense: { size: 3, distance: 'Cosine' } },
      sparse_vectors: { bm25: { modifier: 'idf' } },
      metadata: { sluice: { layout: 1, ...identity } },
    });
    await expect(freshIndex(idf)).rejects.toThrow(/modifier idf/);
  });

  it('heals an index that a crash left out, and says so until then', async () => {
    const collection = qdrant.freshCollection();
    const index = await freshIndex(collection);
    await raw('DELETE', `/collections/${collection}/index/deny?wait=true`, undefined);
    await expect(index.probe(signal)).rejects.toThrow(/no index on deny/);
    await index.start(signal);
    await index.probe(signal);
  });

  it('is not there: the probe says so', async () => {
    const index = createVectorIndex({
      endpoint: qdrant.endpoint,
      collection: qdrant.freshCollection(),
      identity,
      telemetry: silentTelemetry,
      clock: systemClock,
    });
    await expect(index.probe(signal)).rejects.toThrow(/not there/);
    await index.close();
  });

  it('may be made by two replicas at once', async () => {
    const collection = qdrant.freshCollection();
    const both = await Promise.all([freshIndex(collection), freshIndex(collection)]);
    await Promise.all(both.map((index) => index.probe(signal)));
  });
});
