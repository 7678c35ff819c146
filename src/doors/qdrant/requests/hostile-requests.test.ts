import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trials } from '../../../../test/support/scale.ts';
import { AppError } from '../../../core/errors.ts';
import { parseLossless } from '../../../core/points/lossless.ts';
import { isReservedPath } from '../../../core/points/payload-path.ts';
import type { LosslessJson } from '../../../core/points/raw-json.ts';
import { idsIn, keysIn, mapIds } from '../../../core/points/walk-question.ts';
import * as changes from './changes.ts';
import { parseCreateCollection } from './collections.ts';
import { parseCreateIndex } from './index-schema.ts';
import * as legacy from './legacy.ts';
import * as reads from './reads.ts';
import * as search from './search.ts';
import { parseUpsert } from './writes.ts';

const QUESTIONS = {
  query: search.parseQuery,
  queryBatch: search.parseQueryBatch,
  queryGroups: search.parseQueryGroups,
  search: legacy.parseSearch,
  searchBatch: legacy.parseSearchBatch,
  searchGroups: legacy.parseSearchGroups,
  recommend: legacy.parseRecommend,
  recommendBatch: legacy.parseRecommendBatch,
  recommendGroups: legacy.parseRecommendGroups,
  discover: legacy.parseDiscover,
  discoverBatch: legacy.parseDiscoverBatch,
  scroll: reads.parseScroll,
  count: reads.parseCount,
  points: reads.parsePoints,
  facet: reads.parseFacet,
} as const;
const WRITES = {
  upsert: parseUpsert,
  delete: changes.parseDelete,
  updateVectors: changes.parseUpdateVectors,
  deleteVectors: changes.parseDeleteVectors,
  setPayload: changes.parseSetPayload,
  overwritePayload: changes.parseOverwritePayload,
  deletePayload: changes.parseDeletePayload,
  clearPayload: changes.parseClearPayload,
  batch: changes.parsePointsBatch,
  create: parseCreateCollection,
  index: parseCreateIndex,
} as const;
const PARSERS: readonly ((body: LosslessJson) => unknown)[] = [...Object.values(QUESTIONS), ...Object.values(WRITES)];

const WORDS = (
  'query filter must should must_not min_should conditions min_count key match value any except text phrase range gt lt has_id has_vector nested is_empty ' +
  'is_null limit offset with_payload with_vector include exclude prefetch using params hnsw_ef exact acorn quantization nearest mmr recommend positive negative ' +
  'strategy discover target context order_by direction start_from fusion rrf k formula sum mult neg div left right geo_distance origin to lat lon datetime_key ' +
  'defaults sample points ids id vector vectors payload payloads batch operations upsert delete set_payload delete_payload keys group_by group_size searches ' +
  'lookup_from with_lookup shard_key indices values model image object name size distance sparse_vectors modifier field_name field_schema type rawJSON constructor'
).split(' ');
const RESERVED = [
  '_sluice',
  '_sluice.zone',
  '"_sluice".zone',
  '_sluice[].zone',
  '_sluice[0]',
  '"_sluice"[]."zone"',
  '_SLUICE.zone',
  '＿sluice',
];

const leaves = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    1,
    -1,
    1.5,
    1e21,
    '',
    'a',
    'a.b[]',
    'rrf',
    'random',
    '$score',
    'idf',
    'Dot',
    'keyword',
    'm',
    '2020-01-01',
  ),
  fc.constantFrom<unknown>('936da01f-9abd-4d9d-80c7-02af85c822a8', ...RESERVED),
  fc.constantFrom<unknown>([1, 0], [[1, 0]], { indices: [1], values: [1] }, [], {}),
);
const bodies = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaves,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...WORDS) }, { weight: 1, arbitrary: fc.constantFrom('_sluice', 'a') }),
      tie('value'),
      {
        maxKeys: 5,
        noNullPrototype: true,
      },
    ),
  ),
})).value;

/** Whether it was taken; anything but an AppError goes through and fails the test. */
function taken(parse: (body: LosslessJson) => unknown, body: unknown): boolean {
  try {
    parse(parseLossless(JSON.stringify(body)));
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** Every string under the name of a key, wherever it stands. */
function keysSpelt(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === 'string' && ['key', 'groupBy', 'to', 'datetime_key'].includes(name) ? [inner] : keysSpelt(inner),
  );
}

/** Each place of a request where a payload key stands. */
const PLACES: Readonly<Record<string, readonly [(body: LosslessJson) => unknown, (key: string) => unknown]>> = {
  'a filter': [search.parseQuery, (key) => ({ filter: { must: { key, match: { value: 1 } } } })],
  min_should: [search.parseQuery, (key) => ({ filter: { min_should: { conditions: [{ key, match: { value: 1 } }], min_count: 1 } } })],
  'a filter deep down': [reads.parseCount, (key) => ({ filter: { must_not: [{ should: [{ must: [{ is_null: { key } }] }] }] } })],
  is_empty: [reads.parseCount, (key) => ({ filter: { should: [{ is_empty: { key } }] } })],
  nested: [reads.parseCount, (key) => ({ filter: { must: { nested: { key, filter: {} } } } })],
  'within nested': [
    reads.parseCount,
    (key) => ({ filter: { must: { nested: { key: 'a', filter: { must: { key, match: { value: 1 } } } } } } }),
  ],
  'a prefetch': [
    search.parseQuery,
    (key) => ({ query: { fusion: 'rrf' }, prefetch: { prefetch: [{ filter: { must: { key, range: { gt: 1 } } } }], query: [1] } }),
  ],
  'an order': [reads.parseScroll, (key) => ({ order_by: key })],
  'an order with direction': [search.parseQuery, (key) => ({ query: { order_by: { key, direction: 'desc' } } })],
  groups: [search.parseQueryGroups, (key) => ({ query: [1], group_by: key })],
  'older groups': [legacy.parseSearchGroups, (key) => ({ vector: [1], group_by: key, limit: 1, group_size: 1 })],
  'a facet': [reads.parseFacet, (key) => ({ key })],
  'a formula': [search.parseQuery, (key) => ({ query: { formula: { sum: ['$score', { mult: [2, key] }] } }, prefetch: {} })],
  'a condition of a formula': [search.parseQuery, (key) => ({ query: { formula: { neg: { key, match: { value: 1 } } } }, prefetch: {} })],
  'a decay': [search.parseQuery, (key) => ({ query: { formula: { exp_decay: { x: { datetime_key: key } } } }, prefetch: {} })],
  'a distance': [
    search.parseQuery,
    (key) => ({ query: { formula: { geo_distance: { origin: { lat: 1, lon: 1 }, to: key } } }, prefetch: {} }),
  ],
  defaults: [search.parseQuery, (key) => ({ query: { formula: '$score', defaults: { [key]: 1 } }, prefetch: {} })],
  'a selection': [reads.parsePoints, (key) => ({ ids: [1], with_payload: [key] })],
  'an exclusion': [reads.parseScroll, (key) => ({ with_payload: { exclude: [key] } })],
  'a merge': [changes.parseSetPayload, (key) => ({ payload: { a: 1 }, key, points: [1] })],
  'keys to delete': [changes.parseDeletePayload, (key) => ({ keys: ['a', key], points: [1] })],
  'a selector of writes': [changes.parseDelete, (key) => ({ filter: { must: { key, match: { value: 1 } } } })],
  'a batch of writes': [
    changes.parsePointsBatch,
    (key) => ({ operations: [{ clear_payload: { filter: { must: { is_null: { key } } } } }] }),
  ],
  'an index': [parseCreateIndex, (key) => ({ field_name: key, field_schema: 'keyword' })],
};

describe('a hostile body', () => {
  it('is refused or parsed, and never passes a key that is reserved', () => {
    let parsed = 0;
    fc.assert(
      fc.property(bodies, fc.nat(PARSERS.length - 1), (body, at) => {
        if (taken(PARSERS[at] ?? search.parseQuery, body)) parsed += 1;
        for (const parse of Object.values(QUESTIONS)) {
          if (!taken(parse, body)) continue;
          const question = parse(parseLossless(JSON.stringify(body)));
          expect(keysIn(question).filter(isReservedPath)).toEqual([]);
          expect(keysSpelt(question).filter(isReservedPath)).toEqual([]);
        }
      }),
      { numRuns: trials(1_000, 50_000) },
    );
    expect(parsed).toBeGreaterThan(0);
  });

  it.each(Object.entries(PLACES))('names no reserved key in %s, and may name another', (_place, [parse, body]) => {
    for (const key of RESERVED) expect(taken(parse, body(key)), key).toBe(false);
    for (const key of ['a', '"_sluice.zone"', 'a._sluice', '_sluices']) expect(taken(parse, body(key)), key).toBe(true);
  });

  it.each<[string, (body: LosslessJson) => unknown, LosslessJson, string]>([
    ['another collection', search.parseQuery, { query: 1, lookup_from: { collection: 'b' } }, 'lookup_from: read the vector there'],
    [
      'another collection, deep down',
      search.parseQuery,
      { query: { fusion: 'rrf' }, prefetch: [{ prefetch: [{ query: 1, lookup_from: { collection: 'b' } }] }] },
      'lookup_from: read the vector there',
    ],
    [
      'another collection, by the older searches',
      legacy.parseRecommend,
      { positive: [1], limit: 1, lookup_from: { collection: 'b' } },
      'lookup_from: read the vector there',
    ],
    [
      'another collection, beside groups',
      legacy.parseSearchGroups,
      { vector: [1], group_by: 'a', limit: 1, group_size: 1, with_lookup: 'b' },
      'with_lookup: read its points by their ids',
    ],
    ['another collection, to be filled from', parseCreateCollection, { init_from: { collection: 'b' } }, 'init_from: write its points'],
    ['shards', search.parseQuery, { query: [1], shard_key: 'a' }, 'shard_key: use a filter'],
    ['models for images', search.parseQuery, { query: { image: 'a', model: 'b' } }, 'query: send the vector'],
    ['weights that hidden points shape', parseCreateCollection, { sparse_vectors: { a: { modifier: 'idf' } } }, 'modifier: weigh terms in'],
  ])('reaches no %s, and is told what to do instead', (_what, parse, body, instead) => {
    let told: unknown;
    try {
      parse(body);
    } catch (error) {
      told = error;
    }
    expect(told).toMatchObject({ code: 'unsupported_request' });
    const [place = '', advice = ''] = instead.split(': ');
    const [{ message } = { message: '' }] = (told as AppError).issues;
    expect(message).toContain(`${place}: `);
    expect(message).toContain(advice);
  });

  it('is bounded in whatever it can be large in', () => {
    const deep = (depth: number): unknown => (depth === 0 ? { must: [] } : { must: [deep(depth - 1)] });
    const prefetched = (depth: number): unknown => (depth === 0 ? { query: [1] } : { query: [1], prefetch: [prefetched(depth - 1)] });
    const many = <T>(count: number, one: T): readonly T[] => Array.from({ length: count }, () => one);
    expect(taken(search.parseQuery, { filter: deep(7) })).toBe(true);
    expect(taken(search.parseQuery, { filter: deep(8) })).toBe(false);
    expect(taken(search.parseQuery, prefetched(4))).toBe(true);
    expect(taken(search.parseQuery, prefetched(5))).toBe(false);
    expect(taken(search.parseQuery, { prefetch: many(32, {}) })).toBe(true);
    expect(taken(search.parseQuery, { prefetch: many(33, {}) })).toBe(false);
    expect(taken(search.parseQueryBatch, { searches: many(64, {}) })).toBe(true);
    expect(taken(search.parseQueryBatch, { searches: many(65, {}) })).toBe(false);
    // A batch is one request, and its lists of ids are one filter.
    const searches = (count: number, one: object): LosslessJson => ({ searches: many(count, one) }) as unknown as LosslessJson;
    expect(taken(search.parseQueryBatch, searches(4, { prefetch: many(32, {}) }))).toBe(true);
    expect(taken(search.parseQueryBatch, searches(43, { prefetch: [{ prefetch: many(2, {}) }] }))).toBe(false);
    expect(taken(search.parseQueryBatch, searches(10, { offset: 1_000 }))).toBe(true);
    expect(taken(search.parseQueryBatch, searches(2, { offset: 5_001 }))).toBe(false);
    expect(taken(legacy.parseSearchBatch, searches(2, { vector: [1], limit: 1, offset: 5_001 }))).toBe(false);
    const listed = (lists: number): unknown => ({ must: many(lists, { should: { has_id: many(5_000, 1) } }) });
    expect(taken(reads.parseCount, { filter: listed(2) })).toBe(true);
    expect(taken(reads.parseCount, { filter: listed(3) })).toBe(false);
    expect(taken(changes.parseDelete, { filter: listed(3) })).toBe(false);
    expect(taken(reads.parsePoints, { ids: many(10_000, 1) })).toBe(true);
    expect(taken(reads.parsePoints, { ids: many(10_001, 1) })).toBe(false);
    expect(taken(reads.parseCount, { filter: { must: many(1_001, {}) } })).toBe(false);
    expect(taken(search.parseQuery, { query: { formula: { sum: many(256, 1) } } })).toBe(false);
  });

  it('gets no more than the bounds of results', () => {
    const wanted = search.parseQuery({ limit: 1e9, offset: 1e9, prefetch: { limit: 1e9 }, query: { fusion: 'rrf' } });
    expect(wanted).toMatchObject({ searches: [{ limit: 1_000, offset: 10_000, prefetch: [{ limit: 10_000 }] }] });
    expect(search.parseQueryGroups({ group_by: 'a', limit: 1e9, group_size: 1e9 })).toMatchObject({
      search: { limit: 1_000, groupSize: 100 },
    });
  });
});

describe('the ids of a question', () => {
  const question = search.parseQueryBatch({
    searches: [
      { query: { recommend: { positive: [1, [1, 0]], negative: [2] } }, filter: { must_not: { has_id: [3, 4] } } },
      { query: { fusion: 'rrf' }, prefetch: [{ query: 5 }, { query: { discover: { target: 6, context: { positive: 7, negative: 8 } } } }] },
      {
        query: { formula: { sum: [{ has_id: [9] }] } },
        prefetch: { filter: { must: { nested: { key: 'a', filter: { must: { has_id: [10] } } } } } },
      },
    ],
  });
  const digits = (ids: readonly { readonly kind: string; readonly digits?: string }[]) => ids.map((id) => id.digits);

  it('are those that a query needs, and those that may be missing', () => {
    const { needed, optional } = idsIn(question);
    expect(digits(needed as never)).toEqual(['1', '2', '5', '6', '7', '8']);
    expect(new Set(digits(optional as never))).toEqual(new Set(['10', '3', '4', '9']));
  });

  it('are all replaced, in lists by as many as there are', () => {
    const mapped = mapIds(question, { one: (id) => `one ${id.kind}`, some: (ids) => ids.flatMap(() => ['x', 'y']) });
    expect(idsIn(mapped)).toEqual({
      needed: Array.from({ length: 6 }, () => 'one number'),
      optional: expect.arrayContaining(['x', 'y']) as never,
    });
    expect(JSON.stringify(mapped)).not.toContain('digits');
    expect(idsIn(mapIds(question, { one: () => 'a', some: () => [] })).optional).toEqual([]);
  });
});
