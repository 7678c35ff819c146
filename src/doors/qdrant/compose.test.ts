import { describe, expect, test } from 'vitest';
import type { PointId } from '../../core/points/point-id.ts';
import type { AnswerPiece, Found, FoundPoint } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import {
  countAnswer,
  facetAnswer,
  groupsAnswer,
  infoAnswer,
  queryAnswer,
  queryBatchAnswer,
  recordAnswer,
  recordsAnswer,
  scrollAnswer,
  searchAnswer,
  searchBatchAnswer,
  type Compose,
} from './compose.ts';

const raw = (json: string): RawJson => json as RawJson;
const ONE: PointId = { kind: 'number', digits: '1' };
const FOUR: PointId = { kind: 'number', digits: '4' };
const LONG: PointId = { kind: 'uuid', uuid: '5c56c793-69f3-4fbf-87e6-c4bf54c28c26' };
const P = '{"k":"p","n":1.0,"b":18446744073709551615}';
const Q = '{"k":"q","n":2}';
const PAYLOADS = [P, '{}', Q];

const scored = (id: PointId, score: string, of?: number, vector?: string): FoundPoint => ({
  id,
  score: raw(score),
  payload: of === undefined ? { kind: 'none' } : { kind: 'whole', of },
  ...(vector === undefined ? {} : { vector: raw(vector) }),
});
const record = (id: PointId, of: number, vector?: string): FoundPoint => {
  const { score: _score, ...rest } = scored(id, '0', of, vector);
  return rest;
};

function text(pieces: readonly AnswerPiece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : PAYLOADS[piece.payloadOf])).join('');
}

/** Answers of a Qdrant 1.16.3, written down as they came, but for `version`, which is 0 here, and `time`. */
const ANSWERS: readonly (readonly [name: string, Compose, Found, result: string])[] = [
  [
    'points/query with payload and vector',
    queryAnswer,
    {
      kind: 'lists',
      lists: [
        [
          scored(ONE, '1.0', 0, '{"x":[0.70710677,0.70710677],"":[1.0,0.0],"s":{"indices":[1],"values":[0.5]}}'),
          scored(FOUR, '1.0', 1, '[1.0,2.0]'),
          scored(LONG, '0.0', 2, '[0.0,1.0]'),
        ],
      ],
    },
    `{"points":[{"id":1,"version":0,"score":1.0,"payload":${P},"vector":{"x":[0.70710677,0.70710677],"":[1.0,0.0],"s":{"indices":[1],"values":[0.5]}}},{"id":4,"version":0,"score":1.0,"payload":{},"vector":[1.0,2.0]},{"id":"5c56c793-69f3-4fbf-87e6-c4bf54c28c26","version":0,"score":0.0,"payload":${Q},"vector":[0.0,1.0]}]}`,
  ],
  [
    'points/query in the order of a key',
    queryAnswer,
    { kind: 'lists', lists: [[{ ...scored(LONG, '1.0'), orderValue: raw('2') }]] },
    '{"points":[{"id":"5c56c793-69f3-4fbf-87e6-c4bf54c28c26","version":0,"score":1.0,"order_value":2}]}',
  ],
  [
    'points/query without a query, where nothing is scored',
    queryAnswer,
    { kind: 'lists', lists: [[{ id: ONE, payload: { kind: 'none' } }]] },
    '{"points":[{"id":1,"version":0,"score":1.0}]}',
  ],
  ['points/query that finds nothing', queryAnswer, { kind: 'lists', lists: [[]] }, '{"points":[]}'],
  [
    'points/query/batch',
    queryBatchAnswer,
    { kind: 'lists', lists: [[scored(ONE, '1.0')], []] },
    '[{"points":[{"id":1,"version":0,"score":1.0}]},{"points":[]}]',
  ],
  [
    'points/query/groups',
    groupsAnswer,
    {
      kind: 'groups',
      groups: [
        { id: raw('"p"'), points: [scored(ONE, '1.0', 0)] },
        { id: raw('7'), points: [scored(LONG, '0.0', 2)] },
      ],
    },
    `{"groups":[{"hits":[{"id":1,"version":0,"score":1.0,"payload":${P}}],"id":"p"},{"hits":[{"id":"5c56c793-69f3-4fbf-87e6-c4bf54c28c26","version":0,"score":0.0,"payload":${Q}}],"id":7}]}`,
  ],
  ['no groups', groupsAnswer, { kind: 'groups', groups: [] }, '{"groups":[]}'],
  ['points/search', searchAnswer, { kind: 'lists', lists: [[scored(ONE, '1.0', 0)]] }, `[{"id":1,"version":0,"score":1.0,"payload":${P}}]`],
  [
    'points/search/batch',
    searchBatchAnswer,
    { kind: 'lists', lists: [[scored(ONE, '1.0', 0)], []] },
    `[[{"id":1,"version":0,"score":1.0,"payload":${P}}],[]]`,
  ],
  [
    'points/scroll with another page',
    scrollAnswer,
    { kind: 'page', points: [record(ONE, 0, '[1.0,0.0]')], next: 'opaque' },
    `{"points":[{"id":1,"payload":${P},"vector":[1.0,0.0]}],"next_page_offset":"opaque"}`,
  ],
  [
    'points/scroll to its end, in the order of a key',
    scrollAnswer,
    { kind: 'page', points: [{ id: LONG, payload: { kind: 'none' }, orderValue: raw('2') }], next: undefined },
    '{"points":[{"id":"5c56c793-69f3-4fbf-87e6-c4bf54c28c26","order_value":2}],"next_page_offset":null}',
  ],
  [
    'points',
    recordsAnswer,
    { kind: 'lists', lists: [[{ id: ONE, payload: { kind: 'json', json: raw('{"k":"p"}') } }, record(FOUR, 1, '{}')]] },
    '[{"id":1,"payload":{"k":"p"}},{"id":4,"payload":{},"vector":{}}]',
  ],
  ['points/count', countAnswer, { kind: 'count', count: 4 }, '{"count":4}'],
  [
    'facet',
    facetAnswer,
    {
      kind: 'facet',
      values: [
        { value: raw('"p"'), count: 1 },
        { value: raw('1.0'), count: 2 },
      ],
    },
    '{"hits":[{"value":"p","count":1},{"value":1.0,"count":2}]}',
  ],
  [
    'a collection',
    infoAnswer,
    {
      kind: 'info',
      info: {
        points: 3,
        config: { params: { vectors: { size: 2, distance: 'Dot' } } },
        payloadSchema: { k: { data_type: 'keyword', points: 2 } },
      },
    },
    '{"status":"green","optimizer_status":"ok","indexed_vectors_count":3,"points_count":3,"segments_count":1,"config":{"params":{"vectors":{"size":2,"distance":"Dot"}}},"payload_schema":{"k":{"data_type":"keyword","points":2}}}',
  ],
];

describe('an answer has the members of a Qdrant’s, in their order', () => {
  test.each(ANSWERS)('%s', (_name, compose, found, result) => {
    const body = text(compose(found, performance.now()));
    expect(body).toMatch(/,"status":"ok","time":\d+\.\d{9}\}$/);
    expect(body.replace(/"time":[^}]+\}$/, '')).toBe(`{"result":${result},"status":"ok",`);
    expect(() => JSON.parse(body) as unknown).not.toThrow();
  });
});

test('a whole payload stays a reference, so that the record of the release holds it once', () => {
  const pieces = queryAnswer({ kind: 'lists', lists: [[scored(ONE, '1.0', 0), scored(FOUR, '1.0'), scored(LONG, '0.5', 2)]] }, 0);
  expect(pieces.filter((piece) => typeof piece !== 'string')).toEqual([{ payloadOf: 0 }, { payloadOf: 2 }]);
});

test('one point, or the words of Qdrant for none', () => {
  expect(text(recordAnswer({ kind: 'lists', lists: [[record(ONE, 0)]] }, 0, ONE))).toContain(
    `{"result":{"id":1,"payload":${P}},"status":"ok"`,
  );
  const missing = text(recordAnswer({ kind: 'lists', lists: [[]] }, 0, { kind: 'number', digits: '18446744073709551615' }));
  expect(missing).toMatch(/^\{"status":\{"error":"Not found: Point with id 18446744073709551615 does not exists!"\},"time":/);
});

test('an answer of another kind than was asked for is not written at all', () => {
  const count: Found = { kind: 'count', count: 1 };
  for (const compose of [queryAnswer, queryBatchAnswer, searchAnswer, groupsAnswer, scrollAnswer, recordsAnswer, facetAnswer, infoAnswer]) {
    expect(() => compose(count, 0)).toThrow('an answer of another kind');
  }
  expect(() => countAnswer({ kind: 'groups', groups: [] }, 0)).toThrow('an answer of another kind');
  expect(() => searchAnswer({ kind: 'lists', lists: [[], []] }, 0)).toThrow('an answer of another kind');
});
