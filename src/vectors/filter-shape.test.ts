import { describe, expect, it } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { AppError } from '../core/errors.ts';
import type { FilterSpec, Opening, ZoneRun } from '../core/filter.ts';
import type { DocumentKey, TenantId, ZoneId } from '../core/ids.ts';
import { parseMetadataFilter } from '../core/metadata-filter.ts';
import { toQdrantFilter, type RootFilter } from './filter.ts';

const NOW = 1_700_000_000;
const zone = (id: number): ZoneId => id as ZoneId;
const run = (first: number, last: number, ...holes: readonly number[]): ZoneRun => ({
  first: zone(first),
  last: zone(last),
  holes: holes.map(zone),
});
const flat = (...ids: readonly number[]) => ({ kind: 'flat', ids: ids.map(zone) }) as const;
const runs = (...list: readonly ZoneRun[]) => ({ kind: 'runs', runs: list }) as const;
const documents = (...names: readonly string[]) => ({ kind: 'documents', documents: names as readonly DocumentKey[] }) as const;
const opened = (first: Opening, ...more: readonly Opening[]) => ({ kind: 'opened', openings: [first, ...more] }) as const;
const filterOf = (spec: Partial<FilterSpec> = {}): RootFilter => toQdrantFilter(mintFilterForTests({ now: NOW, ...spec }));

const gates = (...numbers: readonly number[]) => Array.from({ length: 8 }, (_, i) => ({ key: `g${i}`, match: { any: [0, ...numbers] } }));
const VALID = [
  { key: 'valid_from', range: { lte: NOW } },
  { key: 'valid_until', range: { gt: NOW } },
];
// The index of a gate finds values alone, so a range would read the payload of every point.
const WHOLE = [
  ...['g0', 'g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'g7'].map((key) => ({ key, match: { except: [-2] } })),
  ...['valid_from', 'valid_until'].map((key) => ({ key, range: { gte: -1 } })),
];
const inZones = (...any: readonly number[]) => ({ key: 'zone', match: { any } });
const ACL_THERE = { key: 'acl_v', range: { gte: 1 } };
const DENY_THERE = { key: 'deny', range: { gte: -1 } };
const head = (zones: object = inZones(1), tenant = 'acme') => [{ key: 'tenant', match: { value: tenant } }, zones, ACL_THERE];

describe('the filter, condition by condition', () => {
  it('demands tenant, zone, ACL, every gate, validity and the deny field', () => {
    expect(filterOf()).toEqual({ must: [...head(), ...gates(), ...VALID, DENY_THERE] });
    expect(filterOf({ tenant: 'other' as TenantId, zones: flat(3, 9), gate: [5, 7] })).toEqual({
      must: [...head(inZones(3, 9), 'other'), ...gates(5, 7), ...VALID, DENY_THERE],
    });
  });

  it('leaves out whoever denies one of the reader', () => {
    expect(filterOf({ gate: [5], deny: [5, 6] })).toEqual({
      must: [...head(), ...gates(5), ...VALID, DENY_THERE],
      must_not: [{ key: 'deny', match: { any: [5, 6] } }],
    });
  });

  it("holds the caller's own filter as the last condition, whole", () => {
    const filter = parseMetadataFilter({ should: [{ is_empty: { key: 'metadata.x' } }] });
    expect(filterOf({ metadata: { kind: 'filter', filter } })).toEqual({ must: [...head(), ...gates(), ...VALID, DENY_THERE, filter] });
  });

  it('counts time in whole seconds, from 0 on', () => {
    expect(filterOf({ now: NOW + 0.999 })).toEqual(filterOf());
    expect(filterOf({ now: 0 }).must).toContainEqual({ key: 'valid_from', range: { lte: 0 } });
    expect(filterOf({ now: 0 }).must).toContainEqual({ key: 'valid_until', range: { gt: 0 } });
  });

  it('binds both ends of a run of zones, with its holes where it has some', () => {
    expect(filterOf({ zones: runs(run(2, 9, 4, 5), run(15, 15)) }).must[1]).toEqual({
      should: [
        { must: [{ key: 'zone', range: { gte: 2, lte: 9 } }], must_not: [inZones(4, 5, 0)] },
        { must: [{ key: 'zone', range: { gte: 15, lte: 15 } }] },
      ],
    });
  });

  it('leaves out named documents, and points that lost their document with them', () => {
    const without = [{ is_empty: { key: 'document' } }, { key: 'document', match: { any: ['a', 'b', ''] } }];
    expect(filterOf({ without: documents('a', 'b') })).toEqual({
      must: [...head(), ...gates(), ...VALID, DENY_THERE],
      must_not: without,
    });
    expect(filterOf({ deny: [6], without: documents('a', 'b') })).toMatchObject({
      must_not: [{ key: 'deny', match: { any: [6] } }, ...without],
    });
    expect(filterOf({ without: documents() })).toEqual(filterOf());
  });

  const granted = opened(
    { kind: 'zones', zones: flat(1, 2) },
    { kind: 'zones', zones: runs(run(3, 4)) },
    { kind: 'documents', zone: zone(7), documents: ['a' as DocumentKey, 'b' as DocumentKey] },
  );
  const openings = [
    inZones(1, 2),
    { should: [{ must: [{ key: 'zone', range: { gte: 3, lte: 4 } }] }] },
    { must: [inZones(7), { key: 'document', match: { any: ['a', 'b'] } }] },
  ];

  it('of a search with grants: gates and validity, or what is opened; every field has to be there', () => {
    expect(filterOf({ gate: [5], deny: [6], grants: granted })).toEqual({
      must: [...head(), ...WHOLE, DENY_THERE, { should: [{ must: [...gates(5), ...VALID] }, ...openings] }],
      must_not: [{ key: 'deny', match: { any: [6] } }],
    });
  });

  it('of an aggregate with grants: validity stands beside them, since no second key looks at a count', () => {
    expect(filterOf({ gate: [5], grants: granted, without: documents() })).toEqual({
      must: [...head(), ...WHOLE, ...VALID, DENY_THERE, { should: [{ must: gates(5) }, ...openings] }],
    });
  });
});

describe('the filter refuses', () => {
  const ZONE = 'a filter names a zone that cannot exist';
  const PRINCIPAL = 'a filter names a principal that cannot exist';
  const TIME = 'a filter names a time that cannot exist';
  const nowhere = (what: string) => `a filter with no ${what} must not reach the index`;
  const nothing = { kind: 'documents', zone: zone(1), documents: [] } as unknown as Opening;
  const cases: readonly (readonly [string, Partial<FilterSpec>, string])[] = [
    ['no zones', { zones: flat() }, nowhere('zone')],
    ['no runs', { zones: runs() }, nowhere('zone')],
    ...[0, -1, 1.5, Number.NaN, Infinity, 2 ** 53].flatMap((bad) => [
      [`zone ${bad}`, { zones: flat(1, bad) }, ZONE] as const,
      [`a run from ${bad}`, { zones: runs(run(bad, 3)) }, ZONE] as const,
      [`a run to ${bad}`, { zones: runs(run(1, bad)) }, ZONE] as const,
      [`a hole at ${bad}`, { zones: runs(run(1, 3, bad)) }, ZONE] as const,
      [`an opening of zone ${bad}`, { grants: opened({ kind: 'zones', zones: flat(bad) }) }, ZONE] as const,
      [
        `a document opened in zone ${bad}`,
        { grants: opened({ kind: 'documents', zone: zone(bad), documents: ['a' as DocumentKey] }) },
        ZONE,
      ] as const,
      [`gate number ${bad}`, { gate: [5, bad] }, PRINCIPAL] as const,
      [`deny number ${bad}`, { deny: [5, bad] }, PRINCIPAL] as const,
    ]),
    ...[-1, Number.NaN, Infinity, 2 ** 53].map((now) => [`time ${now}`, { now }, TIME] as const),
    ['grants that open nothing', { grants: { kind: 'opened', openings: [] as unknown as [Opening] } }, nowhere('opening')],
    ['an opening of no zones', { grants: opened({ kind: 'zones', zones: flat() }) }, nowhere('zone')],
    ['an opening of no documents', { grants: opened(nothing) }, nowhere('document')],
  ];

  it.each(cases)('%s', (_name, spec, reason) => {
    const refused = (): RootFilter => filterOf(spec);
    expect(refused).toThrow(AppError);
    expect(refused).toThrow(expect.objectContaining({ code: 'internal', message: reason }) as Error);
  });
});
