import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, newDocumentKey, numbers, zone } from '../../../test/support/vector-fixture.ts';
import type { FilterSpec } from '../../core/filter.ts';
import type { ChunkId, CollectionKey } from '../../core/ids.ts';
import type { AccessPayload } from '../../core/ports/vectors.ts';
import type { PointFilter } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import { encodeAccess, encodeHosted } from '../payload.ts';
import {
  ACME,
  hostedFixture,
  hostedPoint,
  json,
  nearest,
  newCollectionKey,
  PARAMS,
  scopeOf,
  NO_VECTORS,
  type HostedFixture,
} from './hosted.fixture.ts';
import { physicalName } from './place.ts';

const { signal } = new AbortController();
let fixture: HostedFixture;
let key: CollectionKey;

beforeAll(async () => {
  fixture = await hostedFixture();
  key = await fixture.newCollection();
});
afterAll(() => fixture.close());

const found = async (in_: CollectionKey, spec = {}) => {
  const { points } = fixture.index;
  const [hits = []] = await points.search(scopeOf(in_, spec), [nearest([1, 0])], signal);
  expect(await points.count(scopeOf(in_, spec), undefined, signal)).toBe(hits.length);
  return new Set(hits.map(({ chunk }) => chunk));
};
const stored = async (in_: CollectionKey) =>
  fixture.ask('POST', `/collections/${physicalName(in_)}/points/scroll`, { with_payload: true }) as Promise<{
    result: { points: { id: string; payload: unknown }[] };
  }>;

describe('a hosted collection', () => {
  it('is made once, whoever repeats it, with an index on each reserved key, and dropped once', async () => {
    const { hosted } = fixture.index;
    const own = newCollectionKey();
    await hosted.create(own, PARAMS, signal);
    await hosted.create(own, PARAMS, signal);
    await hosted.check(own, signal);
    const { result } = (await fixture.ask('GET', `/collections/${physicalName(own)}`)) as {
      result: { payload_schema: Record<string, { params: unknown }> };
    };
    const { access } = hostedPoint();
    const keys = new Set([...Object.keys(encodeAccess(access)), ...Object.keys(encodeHosted(access))]);
    expect(Object.keys(result.payload_schema).sort()).toEqual([...keys].map((name) => `_sluice.${name}`).sort());
    expect(result.payload_schema['_sluice.tenant']?.params).toMatchObject({ is_tenant: true });
    await hosted.drop(own, signal);
    await hosted.drop(own, signal);
    expect(await codeOf(hosted.check(own, signal))).toBe('index_unavailable');
    expect(await codeOf(found(own))).toBe('index_unavailable');
    expect(await codeOf(hosted.upsert(own, [hostedPoint()], signal))).toBe('index_unavailable');
  });

  it('says how it was made, without what is ours', async () => {
    const described = await fixture.index.points.describe(key, signal);
    expect(described.config['params']).toMatchObject(PARAMS);
    expect(JSON.stringify(described)).not.toMatch(/_sluice|metadata|strict|points/);
  });

  it('is not made with server-side IDF, nor with members nobody looked at', async () => {
    const { hosted } = fixture.index;
    const idf = { ...PARAMS, sparse_vectors: { words: { modifier: 'idf' } } };
    expect(await codeOf(hosted.create(newCollectionKey(), idf, signal))).toBe('internal');
    expect(await codeOf(hosted.create(newCollectionKey(), { ...PARAMS, metadata: {} }, signal))).toBe('internal');
  });

  it('of another make under that name is not served', async () => {
    const foreign = newCollectionKey();
    await fixture.ask('PUT', `/collections/${physicalName(foreign)}`, PARAMS);
    expect(await codeOf(fixture.index.hosted.create(foreign, PARAMS, signal))).toBe('index_unavailable');
    // Found at the start, it is not asked at all, until it is what it should be.
    expect(await codeOf(fixture.index.points.describe(foreign, signal))).toBe('no failure');
    expect(await codeOf(fixture.index.hosted.check(foreign, signal))).toBe('index_unavailable');
    expect(await codeOf(fixture.index.points.describe(foreign, signal))).toBe('index_unavailable');
    await fixture.ask('DELETE', `/collections/${physicalName(foreign)}`);
    await fixture.index.hosted.create(foreign, PARAMS, signal);
    await fixture.index.hosted.check(foreign, signal);
    expect(await codeOf(fixture.index.points.describe(foreign, signal))).toBe('no failure');
    await fixture.index.hosted.drop(foreign, signal);
  });

  it('refuses an index on what is reserved, in any spelling, and makes and deletes others', async () => {
    const { hosted, points } = fixture.index;
    for (const field of ['_sluice', '_sluice.zone', '"_sluice".zone', '_sluice[].x', '"_sluice"', 'a..b']) {
      expect([field, await codeOf(hosted.createIndex(key, field, 'keyword', signal))]).toEqual([field, 'unsupported_request']);
      expect([field, await codeOf(hosted.deleteIndex(key, field, signal))]).toEqual([field, 'unsupported_request']);
    }
    await hosted.createIndex(key, 'a.b', { type: 'integer', lookup: true, range: true }, signal);
    expect((await points.describe(key, signal)).indexes).toEqual({
      'a.b': { data_type: 'integer', params: { type: 'integer', lookup: true, range: true, is_principal: null } },
    });
    await hosted.deleteIndex(key, 'a.b', signal);
    expect((await points.describe(key, signal)).indexes).toEqual({});
  });
});

describe('points of a hosted collection', () => {
  it('keep every digit of their payload, whatever it looks like, and are seen by those who may', async () => {
    const own = await fixture.newCollection();
    const payloads = ['{"n":12345678901234567890,"f":1.0}', ' { } ', '{"s":"}\\"{","_sluice.tenant":"x"}', '{"a":{"_sluice":{}}}\n'];
    const points = payloads.map((payload) => hostedPoint({}, payload as RawJson));
    const hidden = hostedPoint({ acl: { gates: [numbers(6)], deny: [] } });
    await fixture.index.hosted.upsert(own, [...points, hidden], signal);
    expect(await found(own)).toEqual(new Set(points.map(({ chunk }) => chunk)));
    expect(await found(own, { gate: [6] })).toEqual(new Set([hidden.chunk]));
    const text = await (
      await fetch(`${fixture.qdrant.url}/collections/${physicalName(own)}/points/scroll`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'api-key': fixture.qdrant.apiKey ?? '' },
        body: '{"with_payload":true}',
      })
    ).text();
    expect(text).toContain('"n":12345678901234567890,"f":1.0');
  });

  it('with a reserved key of their own, in any spelling, do not reach the index', async () => {
    for (const payload of ['{"_sluice":{}}', '{"\\u005fsluice":{}}', '[]', '1', '{"_SLUICE":1}']) {
      expect(await codeOf(fixture.index.hosted.upsert(key, [hostedPoint({}, payload as RawJson)], signal))).toBe('internal');
    }
  });

  it('that Qdrant refuses say why', async () => {
    const wrong = hostedPoint({}, json({}), json([1, 2, 3]));
    await expect(fixture.index.hosted.upsert(key, [wrong], signal)).rejects.toMatchObject({
      code: 'unsupported_request',
      issues: [{ message: 'Vector dimension error: expected dim: 2, got 3' }],
    });
  });

  it('take their rights whole, and only from a newer revision', async () => {
    const own = await fixture.newCollection();
    const { index } = fixture;
    const document = newDocumentKey();
    const point = hostedPoint({ document, revision: 2 }, json({ a: 1 }));
    await index.hosted.upsert(own, [point], signal);
    await fixture.ask('POST', `/collections/${physicalName(own)}/points/payload?wait=true`, {
      payload: { old: 1 },
      key: '_sluice',
      points: [point.chunk],
    });
    const access = { ...point.access, collection: own, revision: 3, acl: { gates: [numbers(6)], deny: [] } };
    await index.rewriteAccess(access, signal);
    expect((await stored(own)).result.points).toEqual([{ id: point.chunk, payload: { a: 1, _sluice: encodeHosted(access) } }]);
    // Late and older: neither a rewrite nor a repeated write brings rights back.
    await index.rewriteAccess({ ...point.access, collection: own }, signal);
    await index.hosted.upsert(own, [point], signal);
    expect([await found(own), await found(own, { gate: [6] })]).toEqual([new Set(), new Set([point.chunk])]);
  });

  it('are deleted in their own tenant and collection alone, and in one that is gone there is nothing to delete', async () => {
    const own = await fixture.newCollection();
    const { index } = fixture;
    const points = [hostedPoint(), hostedPoint(), hostedPoint({ tenant: fixture.newTenant() })];
    await index.hosted.upsert(own, points, signal);
    const [first, second, third] = points.map(({ chunk }) => chunk);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were made');
    await index.deleteChunks(ACME, [first, third], signal, own);
    await index.deleteChunks(ACME, [second], signal);
    expect((await stored(own)).result.points.map(({ id }) => id).sort()).toEqual([second, third].sort());
    await index.deleteChunks(ACME, [second], signal, newCollectionKey());
  });

  it('that are left out stay so whatever a caller names, although Qdrant forgets what is excluded and looked up by the same condition', async () => {
    const own = await fixture.newCollection();
    const points = [hostedPoint({}, json({ n: 1 })), hostedPoint({ zone: zone(2) }, json({ n: 2 })), hostedPoint({}, json({ n: 3 }))];
    await fixture.index.hosted.upsert(own, points, signal);
    const [first] = points;
    if (first === undefined) throw new Error('three were made');
    await fixture.index.hosted.createIndex(own, 'n', 'integer', signal);
    const [named, high] = [{ has_id: [first.chunk] }, { key: 'n', range: { gte: 3 } }];
    const bare = { should: [named, high], must_not: [named] };
    // Qdrant's own answer to the plain spelling, of which one would be right. If this fails, it has been mended there.
    expect(await fixture.ask('POST', `/collections/${physicalName(own)}/points/count`, { filter: bare })).toMatchObject({
      result: { count: 2 },
    });

    const either: PointFilter<ChunkId> = {
      should: [
        { kind: 'has-id', ids: [first.chunk] },
        { kind: 'field', condition: high },
      ],
    };
    const count = (spec: Partial<FilterSpec>, never: readonly ChunkId[] = []) =>
      fixture.index.points.count(scopeOf(own, spec, never), spec.grants === undefined ? either : undefined, signal);
    expect(await count({})).toBe(2);
    expect(await count({}, [first.chunk])).toBe(1);

    // A document that a grant opens and whose rights are on their way; zones left out of a run and opened by a grant.
    const document = first.access.document;
    const opened = { kind: 'opened', openings: [{ kind: 'documents', zone: zone(1), documents: [document] }] } as const;
    expect(await count({ gate: [], grants: opened })).toBe(1);
    expect(await count({ gate: [], grants: opened, without: { kind: 'documents', documents: [document] } })).toBe(0);
    const zones = { kind: 'runs', runs: [{ first: zone(1), last: zone(3), holes: [zone(2)] }] } as const;
    const openZone = { kind: 'opened', openings: [{ kind: 'zones', zones: { kind: 'flat', ids: [zone(2)] } }] } as const;
    expect(await count({ gate: [], zones: { kind: 'flat', ids: [zone(2)] }, grants: openZone })).toBe(1);
    expect(await count({ gate: [], zones, grants: openZone })).toBe(0);
  });

  const FORMS: Record<string, Partial<AccessPayload>> = {
    'with one gate alone': {},
    'with two gates': { acl: { gates: [numbers(5), numbers(5)], deny: [] } },
  };

  it.each(Object.keys(FORMS))('that lost any part of what is reserved, or all of it, are invisible (%s)', async (form) => {
    const own = await fixture.newCollection();
    const whole = hostedPoint(FORMS[form], json({ a: 1 }));
    await fixture.index.hosted.upsert(own, [whole], signal);
    const at = `/collections/${physicalName(own)}/points/payload`;
    const seen = async (name: string) => {
      const grants = { kind: 'opened', openings: [{ kind: 'zones', zones: { kind: 'flat', ids: [1] } }] };
      const plain = await found(own);
      expect([name, await found(own, { grants })]).toEqual([name, plain]);
      const without = { kind: 'documents', documents: [newDocumentKey()] };
      const counted = await fixture.index.points.points(scopeOf(own, { without } as never), [whole.chunk], NO_VECTORS, signal);
      return [plain.size, counted.length];
    };
    const access = encodeHosted(whole.access);
    expect(Object.keys(access)).toHaveLength(form === 'with two gates' ? 15 : 5);
    const lose: Record<string, () => Promise<unknown>> = {
      all: () => fixture.ask('PUT', `${at}?wait=true`, { payload: { a: 1 }, points: [whole.chunk] }),
      cleared: () => fixture.ask('POST', `${at}/clear?wait=true`, { points: [whole.chunk] }),
    };
    for (const name of Object.keys(access)) {
      const rest = Object.fromEntries(Object.entries(access).filter(([other]) => other !== name));
      lose[name] = () => fixture.ask('POST', `${at}/delete?wait=true`, { keys: [`_sluice.${name}`], points: [whole.chunk] });
      lose[`${name}, left out`] = () => fixture.ask('POST', `${at}?wait=true`, { payload: { _sluice: rest }, points: [whole.chunk] });
      // Any text is a document.
      for (const damaged of name === 'document' ? [[]] : [[], null, 'x', {}]) {
        lose[`${name}, now ${JSON.stringify(damaged)}`] = () =>
          fixture.ask('POST', `${at}?wait=true`, { payload: { [name]: damaged }, key: '_sluice', points: [whole.chunk] });
      }
    }
    for (const [name, losing] of Object.entries(lose)) {
      expect([name, await seen(name)]).toEqual([name, [1, 1]]);
      await losing();
      // A search needs no document: key two finds that one by the chunk.
      expect([name, await seen(name)]).toEqual([name, name.startsWith('document') ? [1, 0] : [0, 0]]);
      await fixture.ask('POST', `${at}?wait=true`, { payload: { _sluice: access }, points: [whole.chunk] });
    }
  });
});
