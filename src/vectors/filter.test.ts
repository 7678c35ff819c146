import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import {
  BM25_LEG,
  codeOf,
  DENSE_LEG,
  NOW,
  numbers,
  testPoint,
  vectorFixture,
  zone,
  type VectorFixture,
} from '../../test/support/vector-fixture.ts';
import type { FilterSpec, Opening } from '../core/filter.ts';
import type { TenantId } from '../core/ids.ts';
import { parseMetadataFilter } from '../core/metadata-filter.ts';
import type { AccessPayload, Leg } from '../core/ports/vectors.ts';
import { encodePayload } from './payload.ts';
import { toQdrantFilter } from './filter.ts';

const { signal } = new AbortController();
let fixture: VectorFixture;
let tenant: TenantId;
let other: TenantId;

const point = (access: Partial<AccessPayload> = {}, weight = 1) => testPoint(tenant, access, weight);
const found = (spec: Partial<FilterSpec>, leg: Leg = BM25_LEG) => fixture.found({ tenant, ...spec }, leg);

beforeAll(async () => {
  fixture = await vectorFixture();
});
beforeEach(() => {
  [tenant, other] = [fixture.newTenant(), fixture.newTenant()];
});
afterAll(() => fixture.close());

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
      const { index } = fixture;
      const [yes, no] = [point(readable), point(hidden, 2)];
      await index.upsert([yes, no], signal);
      const spec = { ...reader, ...as };
      expect(await found(spec)).toEqual(new Set([yes.chunk]));
      expect(await found(spec, DENSE_LEG)).toEqual(new Set([yes.chunk]));
    });
  }

  it('shows a caller who is in no ACL only what has no reader but is not closed: nothing', async () => {
    const { index } = fixture;
    await index.upsert([point(), point({ acl: { gates: [], deny: [] } })], signal);
    expect((await found({ gate: [] })).size).toBe(0);
    expect((await found({ gate: [5] })).size).toBe(1);
  });
});

describe('points that lost payload', () => {
  it('are invisible, whichever key is gone, until it is restored', async () => {
    const { collection, index } = fixture;
    const whole = point();
    const keys = Object.keys(encodePayload(whole.access)).filter((key) => key !== 'metadata' && key !== 'document');
    expect(keys).toHaveLength(14);
    await index.upsert([whole], signal);
    for (const key of keys) {
      expect(await found({ gate: [5] })).toEqual(new Set([whole.chunk]));
      await fixture.raw('POST', `/collections/${collection}/points/payload/delete?wait=true`, { keys: [key], points: [whole.chunk] });
      expect([key, (await found({ gate: [5] })).size]).toEqual([key, 0]);
      expect([key, (await found({ gate: [5] }, DENSE_LEG)).size]).toEqual([key, 0]);
      const value = encodePayload(whole.access)[key];
      for (const damaged of [[], null, 'x', {}]) {
        await fixture.raw('POST', `/collections/${collection}/points/payload?wait=true`, {
          payload: { [key]: damaged },
          points: [whole.chunk],
        });
        expect([key, damaged, (await found({ gate: [5] })).size]).toEqual([key, damaged, 0]);
      }
      await fixture.raw('POST', `/collections/${collection}/points/payload?wait=true`, {
        payload: { [key]: value },
        points: [whole.chunk],
      });
    }
  });
});

describe("a caller's own filter", () => {
  it('cannot widen: a should of theirs stands beside nothing of ours', async () => {
    const { index } = fixture;
    const [mine, theirs] = [point({ metadata: { x: 1 } }), point({ metadata: { x: 1 }, tenant: other })];
    const plain = point();
    await index.upsert([mine, theirs, plain], signal);
    const should = parseMetadataFilter({ should: [{ key: 'metadata.x', match: { value: 1 } }] });
    expect(await found({ gate: [5], metadata: { kind: 'filter', filter: should } })).toEqual(new Set([mine.chunk]));
  });

  it('reaches the store as one condition inside must, with no should at the root', () => {
    const filter = parseMetadataFilter({ should: [{ is_empty: { key: 'metadata.x' } }], must_not: [{ is_null: { key: 'metadata.y' } }] });
    const root = toQdrantFilter(mintFilterForTests({ deny: [3], metadata: { kind: 'filter', filter } }));
    expect(Object.keys(root)).toEqual(['must', 'must_not']);
    expect(root.must.at(-1)).toEqual(filter);
  });
});

describe('grants', () => {
  const nobody = { gates: [], deny: [] } as const;
  const opens = (...openings: readonly Opening[]): Partial<FilterSpec> => {
    const [first, ...more] = openings;
    return { grants: first === undefined ? { kind: 'none' } : { kind: 'opened', openings: [first, ...more] } };
  };
  const wholeZone = (id: number): Opening => ({ kind: 'zones', zones: { kind: 'flat', ids: [zone(id)] } });
  const zones = { kind: 'flat', ids: [zone(1), zone(2)] } as const;

  it("a grant opens gates and nothing else: not tenant, zone, deny or the caller's own filter", async () => {
    const { index } = fixture;
    const metadata = { kind: 'filter', filter: parseMetadataFilter({ must: [{ key: 'metadata.year', match: { value: 2024 } }] }) } as const;
    const year = { metadata: { year: 2024 } };
    const [own, opened, closed] = [
      point({ ...year, zone: zone(2) }),
      point({ ...year, acl: nobody }),
      point({ ...year, acl: nobody, zone: zone(2) }),
    ];
    const hidden = [
      point({ ...year, acl: nobody, tenant: other }),
      point({ ...year, acl: nobody, zone: zone(3) }),
      point({ ...year, acl: { gates: [], deny: numbers(6) } }),
      point({ acl: nobody }),
    ];
    await index.upsert([own, opened, closed, ...hidden], signal);
    const spec = { zones, gate: [5], deny: [6], metadata };
    for (const leg of [BM25_LEG, DENSE_LEG]) {
      expect(await found(spec, leg)).toEqual(new Set([own.chunk]));
      // Zone 3 is granted and not admitted by policy.
      expect(await found({ ...spec, ...opens(wholeZone(1), wholeZone(3)) }, leg)).toEqual(new Set([own.chunk, opened.chunk]));
    }
  });

  it('a grant on one document opens that one, in that zone', async () => {
    const { index } = fixture;
    const [one, another] = [point({ acl: nobody }), point({ acl: nobody })];
    await index.upsert([one, another], signal);
    const grant = (id: number): Opening => ({ kind: 'documents', zone: zone(id), documents: [one.access.document] });
    expect(await found({ zones, ...opens(grant(1)) })).toEqual(new Set([one.chunk]));
    expect(await found({ zones, ...opens(grant(2)) })).toEqual(new Set());
  });

  it('leaves the time of what is granted to key two in a search, and keeps it in an aggregate, which has none', async () => {
    const { index } = fixture;
    const [now, past] = [point({ acl: nobody }), point({ acl: nobody, validUntil: NOW })];
    const mine = point({ validUntil: NOW, zone: zone(2) });
    await index.upsert([now, past, mine], signal);
    expect(await found({ zones, gate: [5], ...opens(wholeZone(1)) })).toEqual(new Set([now.chunk, past.chunk]));
    const aggregate = { without: { kind: 'documents', documents: [] } } as const;
    expect(await found({ zones, gate: [5], ...opens(wholeZone(1)), ...aggregate })).toEqual(new Set([now.chunk]));
  });

  it('stand in must as one condition, and a point that lost a gate is invisible to them too', async () => {
    const { index } = fixture;
    const root = toQdrantFilter(mintFilterForTests(opens(wholeZone(1))));
    expect(Object.keys(root)).toEqual(['must']);
    expect(root.must.filter((condition) => 'should' in condition)).toHaveLength(1);
    const whole = point({ acl: nobody });
    await index.upsert([whole], signal);
    const delivered = { points: [whole.chunk] };
    expect(await found({ zones, ...opens(wholeZone(1)) })).toEqual(new Set([whole.chunk]));
    await fixture.raw('POST', `/collections/${fixture.collection}/points/payload/delete?wait=true`, { ...delivered, keys: ['g3'] });
    expect(await found({ zones, ...opens(wholeZone(1)) })).toEqual(new Set());
  });

  it('that open nothing never reach the index', () => {
    const empty = opens({ kind: 'zones', zones: { kind: 'flat', ids: [] } });
    expect(() => toQdrantFilter(mintFilterForTests(empty))).toThrow('must not reach the index');
    const none = { kind: 'documents', zone: zone(1), documents: [] } as unknown as Opening;
    expect(() => toQdrantFilter(mintFilterForTests(opens(none)))).toThrow('must not reach the index');
  });
});

describe('zones', () => {
  it('match the same as runs with holes and as a flat list, and no zone made later', async () => {
    const { index } = fixture;
    const points = Array.from({ length: 30 }, (_, i) => point({ zone: zone(i + 1) }));
    await index.upsert(points, signal);
    const runs = [
      { first: zone(2), last: zone(9), holes: [zone(4), zone(5)] },
      { first: zone(15), last: zone(15), holes: [] },
      { first: zone(20), last: zone(25), holes: [zone(20)] },
    ];
    const ids = [2, 3, 6, 7, 8, 9, 15, 21, 22, 23, 24, 25].map(zone);
    const flat = await found({ gate: [5], zones: { kind: 'flat', ids } });
    expect(flat.size).toBe(12);
    expect(await found({ gate: [5], zones: { kind: 'runs', runs } })).toEqual(flat);
    expect(await found({ gate: [5], zones: { kind: 'runs', runs: runs.slice(1, 2) } })).toEqual(new Set([points[14]?.chunk]));
  });

  it('never reach the store as an empty set, a fraction or an id below 1', async () => {
    for (const ids of [[], [0], [1.5], [Number.NaN]]) {
      expect(await codeOf(found({ zones: { kind: 'flat', ids: ids.map(zone) } }))).toBe('internal');
    }
    expect(await codeOf(found({ zones: { kind: 'runs', runs: [] } }))).toBe('internal');
    expect(await codeOf(found({ gate: [0] }))).toBe('internal');
    expect(await codeOf(found({ deny: [-1] }))).toBe('internal');
    expect(await codeOf(found({ now: Number.NaN }))).toBe('internal');
  });
});
