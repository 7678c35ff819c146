import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from './errors.ts';
import { parseMetadataFilter } from './metadata-filter.ts';

const year = { key: 'metadata.year', match: { value: 2024 } };

function refusal(input: unknown): AppError {
  try {
    parseMetadataFilter(input, '/filter');
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

function attempt(input: unknown): unknown {
  try {
    return parseMetadataFilter(input);
  } catch (error) {
    return error instanceof AppError && error.code === 'unsupported_filter' ? 'refused' : 'another error';
  }
}

function nest(depth: number): unknown {
  return depth === 1 ? { must: [year] } : { must: [nest(depth - 1)] };
}

describe('parseMetadataFilter', () => {
  it('rebuilds every documented shape unchanged', () => {
    const ring = {
      points: [
        { lat: 0, lon: 0 },
        { lat: 0, lon: 1 },
        { lat: 1, lon: 1 },
        { lat: 0, lon: 0 },
      ],
    };
    const filter = {
      must: [
        year,
        { key: 'metadata.tag', match: { any: ['a', 'b'] } },
        { key: 'metadata.n', match: { except: [1, 2] } },
        { key: 'metadata.title', match: { text: 'fox' } },
        { key: 'metadata.flag', match: { value: false } },
        { key: 'metadata."odd key".straße[0].x[]', range: { gt: 1.5, lte: 3 } },
        { key: 'metadata.day', range: { gte: '2024-02-29', lt: '2024-05-01T10:00:00.5+02:00' } },
        { key: 'metadata.tags', values_count: { gte: 1 } },
        { is_empty: { key: 'metadata.a' } },
        { is_null: { key: 'metadata.a' } },
        { nested: { key: 'metadata.items', filter: { must: [{ key: 'n', match: { value: 'x' } }] } } },
        { key: 'metadata.at', geo_radius: { center: { lat: 1, lon: 2 }, radius: 5 } },
        { key: 'metadata.at', geo_bounding_box: { top_left: { lat: 2, lon: 0 }, bottom_right: { lat: 0, lon: 2 } } },
        { key: 'metadata.at', geo_polygon: { exterior: ring, interiors: [ring] } },
      ],
      should: [year],
      must_not: [year],
      min_should: { conditions: [year], min_count: 1 },
    };
    expect(parseMetadataFilter(filter)).toEqual(filter);
  });

  it('reads a single condition as a list of one', () => {
    expect(parseMetadataFilter({ must: year })).toEqual({ must: [year] });
  });

  const refused: Record<string, unknown> = {
    null: null,
    'a list': [year],
    'no clause, which matches everything': {},
    'an empty must, which matches everything': { must: [] },
    'an empty should': { should: [] },
    'an empty must_not': { must_not: [] },
    'an empty filter inside must': { must: [{}] },
    'an empty should inside must': { must: [{ should: [] }] },
    'min_should without conditions': { min_should: { conditions: [], min_count: 1 } },
    'min_should with a count of 0': { min_should: { conditions: [year], min_count: 0 } },
    'min_should with a count that nothing reaches': { min_should: { conditions: [year], min_count: 2 } },
    'an empty any': { must: [{ key: 'metadata.a', match: { any: [] } }] },
    'an empty except': { must: [{ key: 'metadata.a', match: { except: [] } }] },
    'an empty range': { must: [{ key: 'metadata.a', range: {} }] },
    'an empty text': { must: [{ key: 'metadata.a', match: { text: '' } }] },
    'an empty values_count': { must: [{ key: 'metadata.a', values_count: {} }] },
    'a reserved key': { must: [{ key: 'tenant', match: { value: 'other' } }] },
    'a reserved key by is_empty': { must: [{ is_empty: { key: 'deny' } }] },
    'a reserved key by nested': { must: [{ nested: { key: 'g0', filter: { must: [year] } } }] },
    'metadata itself': { must: [{ is_empty: { key: 'metadata' } }] },
    'a key that only starts alike': { must: [{ key: 'metadatax.a', match: { value: 1 } }] },
    'a path with an empty step': { must: [{ key: 'metadata..a', match: { value: 1 } }] },
    'a path with an open quote': { must: [{ key: 'metadata."a', match: { value: 1 } }] },
    'a path with a line break': { must: [{ key: 'metadata.a\n', match: { value: 1 } }] },
    'a key that is no string': { must: [{ key: 1, match: { value: 1 } }] },
    'a key of 10 kB': { must: [{ key: `metadata.${'a'.repeat(10_000)}`, match: { value: 1 } }] },
    has_id: { must: [{ has_id: ['x'] }] },
    has_vector: { must: [{ has_vector: 'dense' }] },
    'an unknown clause': { must: [year], musst: [] },
    'an unknown condition': { must: [{ key: 'metadata.a', matches: { value: 1 } }] },
    'two predicates at once': { must: [{ key: 'metadata.a', match: { value: 1 }, range: { gt: 1 } }] },
    'no predicate': { must: [{ key: 'metadata.a' }] },
    'a stray key beside nested': { must: [{ nested: { key: 'metadata.a', filter: { must: [year] } }, x: 1 }] },
    'an unknown match': { must: [{ key: 'metadata.a', match: { phrase: 'x' } }] },
    'a fraction to match': { must: [{ key: 'metadata.a', match: { value: 1.5 } }] },
    'null to match': { must: [{ key: 'metadata.a', match: { value: null } }] },
    'strings and integers in one list': { must: [{ key: 'metadata.a', match: { any: ['a', 1] } }] },
    'booleans in a list': { must: [{ key: 'metadata.a', match: { any: [true] } }] },
    'an integer beyond 2^53': { must: [{ key: 'metadata.a', match: { value: 2 ** 53 } }] },
    'a bound beyond 2^53': { must: [{ key: 'metadata.a', range: { gt: 2 ** 60 } }] },
    NaN: { must: [{ key: 'metadata.a', range: { gt: Number.NaN } }] },
    Infinity: { must: [{ key: 'metadata.a', range: { lt: Infinity } }] },
    'a null bound': { must: [{ key: 'metadata.a', range: { lt: null } }] },
    'numbers and dates in one range': { must: [{ key: 'metadata.a', range: { gt: 1, lt: '2024-01-01' } }] },
    'a day that does not exist': { must: [{ key: 'metadata.a', range: { gt: '2023-02-29' } }] },
    'a month that does not exist': { must: [{ key: 'metadata.a', range: { gt: '2023-13-01' } }] },
    'an hour that does not exist': { must: [{ key: 'metadata.a', range: { gt: '2023-01-01T25:00:00Z' } }] },
    'a time without a zone': { must: [{ key: 'metadata.a', range: { gt: '2023-01-01T10:00:00' } }] },
    'a place off the map': { must: [{ key: 'metadata.a', geo_radius: { center: { lat: 91, lon: 0 }, radius: 1 } }] },
    'a ring that is open': {
      must: [{ key: 'metadata.a', geo_polygon: { exterior: { points: [1, 2, 3, 4].map((lat) => ({ lat, lon: lat })) } } }],
    },
    'a negative count': { must: [{ key: 'metadata.a', values_count: { gt: -1 } }] },
    'an unpaired surrogate': { must: [{ key: 'metadata.a', match: { value: '\ud800' } }] },
    'a string above 1 kB': { must: [{ key: 'metadata.a', match: { value: 'é'.repeat(513) } }] },
    'a list above 1,000': { must: [{ key: 'metadata.a', match: { any: Array.from({ length: 1_001 }, (_, i) => i) } }] },
    'more than 64 conditions': { must: Array.from({ length: 8 }, () => ({ should: Array.from({ length: 8 }, () => year) })) },
    'six levels': nest(6),
    'a very deep one': nest(5_000),
    'an own __proto__': JSON.parse('{"must":[{"key":"metadata.a","match":{"value":1},"__proto__":{"x":1}}]}') as unknown,
  };
  for (const [name, input] of Object.entries(refused)) {
    it(`refuses ${name}`, () => {
      const error = refusal(input);
      expect(error.code).toBe('unsupported_filter');
      expect(error.issues[0]?.pointer).toMatch(/^\/filter/);
    });
  }

  it('takes what stands just inside each limit', () => {
    expect(() => parseMetadataFilter(nest(5))).not.toThrow();
    expect(() => parseMetadataFilter({ must: Array.from({ length: 64 }, () => year) })).not.toThrow();
    const any = Array.from({ length: 1_000 }, (_, i) => i);
    expect(() => parseMetadataFilter({ must: [{ key: 'metadata.a', match: { any } }] })).not.toThrow();
    expect(() => parseMetadataFilter({ must: [{ key: 'metadata.a', match: { value: 'é'.repeat(512) } }] })).not.toThrow();
  });

  it('names the place and never quotes the value', () => {
    const error = refusal({ must: [year, { key: 'metadata.a', match: { any: ['x', { secret: 'hunter2' }] } }] });
    expect(error.issues[0]?.pointer).toBe('/filter/must/1/match/any/1');
    expect(JSON.stringify(error.issues)).not.toContain('hunter2');
  });

  it('answers anything with a filter it would accept again, or with unsupported_filter', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        const once = attempt(input);
        expect(once).not.toBe('another error');
        expect(attempt(once === 'refused' ? { must: [year] } : once)).toEqual(once === 'refused' ? { must: [year] } : once);
      }),
    );
  });
});
