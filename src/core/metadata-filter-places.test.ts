import { describe, expect, it } from 'vitest';
import { AppError, errorTable, ERROR_CODES } from './errors.ts';
import { parseMetadataFilter } from './metadata-filter.ts';

const YEAR = { key: 'metadata.year', match: { value: 2024 } };
const PREDICATES = 'match, range, values_count, geo_radius, geo_bounding_box, geo_polygon';
const CLAUSES = 'must, should, must_not, min_should';

const years = (count: number): readonly unknown[] => Array.from({ length: count }, () => YEAR);
const one = (condition: unknown): unknown => ({ must: [condition] });
const field = (predicate: Readonly<Record<string, unknown>>): unknown => one({ key: 'metadata.a', ...predicate });
const corner = (lat: unknown, lon: unknown = 0): unknown => ({ lat, lon });
const ring = (...corners: readonly unknown[]): unknown => ({ points: corners });
const CLOSED = ring(corner(0), corner(0, 1), corner(1, 1), corner(0));
const polygon = (points: unknown): unknown => field({ geo_polygon: { exterior: points } });

function placeOf(filter: unknown): readonly [string, string] {
  try {
    parseMetadataFilter(filter, '/f');
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'unsupported_filter') throw error;
    const [issue] = error.issues;
    return [issue?.pointer ?? '', issue?.message ?? ''];
  }
  return ['', 'accepted'];
}

/** A filter, where it is wrong, and what is said of it. */
const REFUSED: readonly (readonly [string, unknown, string, string])[] = [
  ['no object', 7, '', 'must be an object'],
  ['null', null, '', 'must be an object'],
  ['a list', [], '', 'must be an object'],
  ['nothing', {}, '', `needs one of ${CLAUSES}`],
  ['a stray key', { must: [YEAR], filtr: 1 }, '', `takes only ${CLAUSES}`],
  ['an empty list of conditions', { must: [] }, '/must', 'must not be empty'],
  ['more conditions than a list takes', { must: years(65) }, '/must', 'must not hold more than 64 entries'],
  ['more conditions in all', { must: years(64), should: YEAR }, '/should/0', 'a filter takes at most 64 conditions'],
  [
    'another condition',
    one({ has_id: [1] }),
    '/must/0',
    'must be a condition on a key, is_empty, is_null, nested, or must, should, must_not, min_should',
  ],
  [
    'two conditions in one',
    one({ is_empty: { key: 'metadata.a' }, is_null: { key: 'metadata.a' } }),
    '/must/0',
    'must be a condition on a key, is_empty, is_null, nested, or must, should, must_not, min_should',
  ],
  ['a key of no text', one({ ...YEAR, key: 7 }), '/must/0/key', 'must be a string'],
  ['a key that is not well-formed', one({ ...YEAR, key: 'metadata.\ud800' }), '/must/0/key', 'must be well-formed Unicode'],
  ['a key beyond metadata', one({ ...YEAR, key: 'tenant' }), '/must/0/key', 'must be a path below metadata, such as metadata.year'],
  ['a long key', one({ ...YEAR, key: `metadata.${'a'.repeat(248)}` }), '/must/0/key', 'must not be longer than 256 characters'],
  ['a huge key', one({ ...YEAR, key: 'a'.repeat(1_025) }), '/must/0/key', 'must not be longer than 1024 bytes'],
  ['a key alone', field({}), '/must/0', `a condition on a key takes exactly one of ${PREDICATES}`],
  ['an unknown predicate', field({ matches: 1 }), '/must/0', `a condition on a key takes exactly one of ${PREDICATES}`],
  [
    'two predicates',
    field({ match: { value: 1 }, range: { gt: 1 } }),
    '/must/0',
    `a condition on a key takes exactly one of ${PREDICATES}`,
  ],
  ['is_empty of a stray key', one({ is_empty: { key: 'metadata.a', x: 1 } }), '/must/0/is_empty', 'takes only key'],
  ['is_empty of nothing', one({ is_empty: {} }), '/must/0/is_empty', 'needs key'],
  [
    'is_empty beyond metadata',
    one({ is_empty: { key: 'a' } }),
    '/must/0/is_empty/key',
    'must be a path below metadata, such as metadata.year',
  ],
  [
    'is_null beyond metadata',
    one({ is_null: { key: 'a' } }),
    '/must/0/is_null/key',
    'must be a path below metadata, such as metadata.year',
  ],
  ['nested without a filter', one({ nested: { key: 'metadata.a' } }), '/must/0/nested', 'needs filter'],
  [
    'nested beyond metadata',
    one({ nested: { key: 'a', filter: { must: [{ key: 'n', match: { value: 1 } }] } } }),
    '/must/0/nested/key',
    'must be a path below metadata, such as metadata.year',
  ],
  ['nested with an empty filter', one({ nested: { key: 'metadata.a', filter: {} } }), '/must/0/nested/filter', `needs one of ${CLAUSES}`],
  ['min_should without a count', { min_should: { conditions: [YEAR] } }, '/min_should', 'needs min_count'],
  ['min_should of none', { min_should: { conditions: [], min_count: 1 } }, '/min_should/conditions', 'must not be empty'],
  ['min_should from 0', { min_should: { conditions: [YEAR], min_count: 0 } }, '/min_should/min_count', 'must be an integer from 1'],
  ['min_should of a text', { min_should: { conditions: [YEAR], min_count: '1' } }, '/min_should/min_count', 'must be an integer from 1'],
  [
    'min_should of a fraction',
    { min_should: { conditions: [YEAR], min_count: 1.5 } },
    '/min_should/min_count',
    'must be an integer from 1',
  ],
  [
    'min_should of more than there are',
    { min_should: { conditions: [YEAR], min_count: 2 } },
    '/min_should/min_count',
    'must not exceed the number of conditions',
  ],
  ['match of nothing', field({ match: {} }), '/must/0/match', 'takes exactly one of value, any, except, text'],
  ['match of two', field({ match: { value: 1, any: [1] } }), '/must/0/match', 'takes exactly one of value, any, except, text'],
  ['match of another kind', field({ match: { phrase: 'a' } }), '/must/0/match', 'takes exactly one of value, any, except, text'],
  ['match of no object', field({ match: 'a' }), '/must/0/match', 'must be an object'],
  ['a fraction', field({ match: { value: 1.5 } }), '/must/0/match/value', 'must be a string or an integer within ±(2^53 − 1)'],
  ['a value of no kind', field({ match: { value: null } }), '/must/0/match/value', 'must be a string or an integer within ±(2^53 − 1)'],
  ['any of no list', field({ match: { any: 1 } }), '/must/0/match/any', 'must be a list'],
  ['any of none', field({ match: { any: [] } }), '/must/0/match/any', 'must not be empty'],
  ['any of too many', field({ match: { any: Array(1_001).fill(1) } }), '/must/0/match/any', 'must not hold more than 1000 entries'],
  ['any of a boolean', field({ match: { any: [1, true] } }), '/must/0/match/any/1', 'must be a string or an integer within ±(2^53 − 1)'],
  ['any of both kinds', field({ match: { any: [1, 'a'] } }), '/must/0/match/any', 'must be all strings or all integers'],
  ['except of none', field({ match: { except: [] } }), '/must/0/match/except', 'must not be empty'],
  ['the empty text', field({ match: { text: '' } }), '/must/0/match/text', 'must not be empty'],
  ['a text that is none', field({ match: { text: 1 } }), '/must/0/match/text', 'must be a string'],
  ['a long text', field({ match: { text: 'ä'.repeat(513) } }), '/must/0/match/text', 'must not be longer than 1024 bytes'],
  ['a range without a bound', field({ range: {} }), '/must/0/range', 'needs a bound'],
  ['a range of a stray bound', field({ range: { gt: 1, above: 2 } }), '/must/0/range', 'takes only gt, gte, lt, lte'],
  ['a range of no number', field({ range: { gt: null } }), '/must/0/range/gt', 'must be a finite number'],
  ['a range of infinity', field({ range: { gt: Infinity } }), '/must/0/range/gt', 'must be a finite number'],
  ['a range beyond exact integers', field({ range: { lte: 2 ** 53 } }), '/must/0/range/lte', 'must be within ±(2^53 − 1)'],
  ['a range of both kinds', field({ range: { gt: 1, lt: '2024-01-01' } }), '/must/0/range', 'must hold numbers only or dates only'],
  ['a range of no date', field({ range: { gt: 'soon' } }), '/must/0/range/gt', 'must be a date or an RFC 3339 date-time'],
  ['a range of month 13', field({ range: { gt: '2024-13-01' } }), '/must/0/range/gt', 'must be a date or an RFC 3339 date-time'],
  ['a range of 30 February', field({ range: { gt: '2024-02-30' } }), '/must/0/range/gt', 'must be a date that exists'],
  ['a negative count', field({ values_count: { gte: -1 } }), '/must/0/values_count/gte', 'must be an integer from 0'],
  ['a radius without a centre', field({ geo_radius: { radius: 1 } }), '/must/0/geo_radius', 'needs center'],
  ['a radius of 0', field({ geo_radius: { center: corner(0), radius: 0 } }), '/must/0/geo_radius/radius', 'must be above 0'],
  ['a radius below 0', field({ geo_radius: { center: corner(0), radius: -1 } }), '/must/0/geo_radius/radius', 'must be above 0'],
  [
    'a radius of no number',
    field({ geo_radius: { center: corner(0), radius: '1' } }),
    '/must/0/geo_radius/radius',
    'must be a finite number',
  ],
  [
    'a latitude of no number',
    field({ geo_radius: { center: corner('0'), radius: 1 } }),
    '/must/0/geo_radius/center/lat',
    'must be a finite number',
  ],
  [
    'a longitude of no number',
    field({ geo_radius: { center: corner(0, '0'), radius: 1 } }),
    '/must/0/geo_radius/center/lon',
    'must be a finite number',
  ],
  [
    'a place north of the pole',
    field({ geo_radius: { center: corner(90.1), radius: 1 } }),
    '/must/0/geo_radius/center',
    'must be a place on Earth',
  ],
  [
    'a place past the date line',
    field({ geo_radius: { center: corner(0, -180.1), radius: 1 } }),
    '/must/0/geo_radius/center',
    'must be a place on Earth',
  ],
  [
    'a box with a corner off the Earth',
    field({ geo_bounding_box: { top_left: corner(91), bottom_right: corner(0) } }),
    '/must/0/geo_bounding_box/top_left',
    'must be a place on Earth',
  ],
  [
    'a box with the other corner off the Earth',
    field({ geo_bounding_box: { top_left: corner(1), bottom_right: corner(-91) } }),
    '/must/0/geo_bounding_box/bottom_right',
    'must be a place on Earth',
  ],
  [
    'a ring of three',
    polygon(ring(corner(0), corner(1), corner(0))),
    '/must/0/geo_polygon/exterior',
    'must be a closed ring of at least four points',
  ],
  [
    'a ring that ends east of its start',
    polygon(ring(corner(0), corner(0, 1), corner(1, 1), corner(0, 2))),
    '/must/0/geo_polygon/exterior',
    'must be a closed ring of at least four points',
  ],
  [
    'a ring that ends north of its start',
    polygon(ring(corner(0), corner(0, 1), corner(1, 1), corner(2))),
    '/must/0/geo_polygon/exterior',
    'must be a closed ring of at least four points',
  ],
  ['a ring of no list', polygon({ points: 1 }), '/must/0/geo_polygon/exterior/points', 'must be a list'],
  [
    'a ring with a corner off the Earth',
    polygon(ring(corner(0), corner(99), corner(1), corner(0))),
    '/must/0/geo_polygon/exterior/points/1',
    'must be a place on Earth',
  ],
  [
    'a hole that is no ring',
    field({ geo_polygon: { exterior: CLOSED, interiors: [CLOSED, ring(corner(0))] } }),
    '/must/0/geo_polygon/interiors/1',
    'must be a closed ring of at least four points',
  ],
  ['holes of no list', field({ geo_polygon: { exterior: CLOSED, interiors: 1 } }), '/must/0/geo_polygon/interiors', 'must be a list'],
  [
    'too many holes',
    field({ geo_polygon: { exterior: CLOSED, interiors: Array.from({ length: 17 }, () => CLOSED) } }),
    '/must/0/geo_polygon/interiors',
    'must not hold more than 16 entries',
  ],
];

const nested = (depth: number): unknown =>
  depth === 0
    ? YEAR
    : { nested: { key: depth === 5 ? 'metadata.a' : 'a', filter: { must: [depth === 1 ? { ...YEAR, key: 'a' } : nested(depth - 1)] } } };

describe('a metadata filter that cannot be taken', () => {
  it.each(REFUSED)('%s: says where and why', (_what, filter, pointer, message) => {
    expect(placeOf(filter)).toEqual([`/f${pointer}`, message]);
  });

  it('is refused where nested conditions go deeper than the limit, as clauses are', () => {
    expect(placeOf(one(nested(4)))).toEqual(['/f/must/0/nested/key', 'must be a path below metadata, such as metadata.year']);
    const [pointer, message] = placeOf(one(nested(5)));
    expect([pointer.split('/nested').length, message]).toEqual([6, 'a filter nests at most 5 deep']);
  });
});

describe('a metadata filter at its limits', () => {
  it.each([
    ['64 conditions', { must: years(63), should: YEAR }],
    ['a key of 256 characters', one({ ...YEAR, key: `metadata.${'a'.repeat(247)}` })],
    ['the poles and the date line', field({ geo_bounding_box: { top_left: corner(90, -180), bottom_right: corner(-90, 180) } })],
    ['the largest exact integers', field({ range: { gte: -(2 ** 53 - 1), lte: 2 ** 53 - 1 } })],
    ['a thousand values', field({ match: { any: Array(1_000).fill(1) } })],
    ['a text of 1,024 bytes', field({ match: { text: 'ä'.repeat(512) } })],
    ['sixteen holes', field({ geo_polygon: { exterior: CLOSED, interiors: Array.from({ length: 16 }, () => CLOSED) } })],
  ])('is taken: %s', (_what, filter) => {
    expect(placeOf(filter)).toEqual(['', 'accepted']);
  });

  it('stands at the root of the body where nobody says otherwise', () => {
    expect(() => parseMetadataFilter({})).toThrow(
      expect.objectContaining({ issues: [{ pointer: '', message: `needs one of ${CLAUSES}` }] }),
    );
  });
});

describe('the table of errors', () => {
  it('gives each code its status and a public text', () => {
    const table = errorTable();
    expect(table.map(({ code }) => code)).toEqual(ERROR_CODES);
    expect(table.every(({ status, message }) => status >= 400 && status < 600 && message.length > 10)).toBe(true);
    expect(table.find(({ code }) => code === 'not_found')).toEqual({
      code: 'not_found',
      status: 404,
      message: 'There is nothing here that you may see.',
    });
  });
});
