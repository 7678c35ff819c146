import { describe, expect, it } from 'vitest';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { label, view, type Sketch } from './world.fixture.ts';
import { zoneTable, type ZoneTable } from './zone-table.ts';

const START: Omit<Sketch, 'policy'> = {
  sources: [{ id: 'hr' }, { id: 'legal', label: label('internal', ['legal']) }, { id: 'wiki' }],
  zones: {
    2: ['hr', label('internal', ['people', 'team'])],
    4: ['hr', label('internal', ['people', 'team'])],
    6: ['legal', label()],
    8: ['wiki', label('public', [], 'external')],
  },
};
const { zones, sources } = START;
const made = (sketch: Partial<Sketch> = {}): TenantView => view({ ...START, ...sketch, policy: '' });
const zonesWith = (changed: Sketch['zones']): Partial<Sketch> => ({ zones: { ...zones, ...changed } });
const without = (id: number): Partial<Sketch> => ({
  zones: Object.fromEntries(Object.entries(zones).filter(([key]) => key !== String(id))),
});

/** What a table says, without what it may share: each zone's object, and which zones have one label. */
function told(table: ZoneTable) {
  const labels = table.byLabel.map(({ object, positions }) => [JSON.stringify(object.label), positions] as const);
  const merged = Map.groupBy(labels, ([text]) => text);
  return {
    ids: table.ids,
    positions: [...table.positionOf],
    bySource: new Map([...table.bySource].map(([source, positions]) => [source, positions.toSorted((a, b) => a - b)])),
    objects: table.objects,
    labels: new Map([...merged].map(([text, groups]) => [text, groups.flatMap(([, positions]) => positions).toSorted((a, b) => a - b)])),
  };
}

describe('zoneTable', () => {
  it('lists zones by number, with the label that is joined with the source', () => {
    const table = zoneTable(made(zonesWith({ 1: ['wiki', label('restricted')] })));
    expect(table.ids).toEqual([1, 2, 4, 6, 8]);
    expect(table.positionOf.get(6 as ZoneId)).toBe(3);
    expect(table.objects[3]).toMatchObject({ source: 'legal', label: label('internal', ['legal']) });
    expect(new Map(table.bySource)).toEqual(
      new Map([
        ['wiki', [0, 4]],
        ['hr', [1, 2]],
        ['legal', [3]],
      ]),
    );
    // Two of the five have the same label.
    expect(table.byLabel.map(({ positions }) => positions)).toEqual([[0], [1, 2], [3], [4]]);
  });

  it('lists them so in whatever order the view has them', () => {
    const on = made();
    const table = zoneTable({ ...on, zones: new Map([...on.zones].toReversed()) });
    expect(told(table)).toEqual(told(zoneTable(on)));
    expect(table.ids).toEqual([2, 4, 6, 8]);
  });

  it('leaves out a zone whose source the view does not know', () => {
    const table = zoneTable(made(zonesWith({ 3: ['nowhere', label()] })));
    expect(table.ids).toEqual([2, 4, 6, 8]);
    expect(table.positionOf.has(3 as ZoneId)).toBe(false);
  });

  const relabelled = (of: (typeof sources)[number]['label']) => ({
    sources: sources.map((one) => (one.id === 'hr' && of !== undefined ? { ...one, label: of } : one)),
  });
  const steps: readonly (readonly [string, Partial<Sketch>])[] = [
    ['a zone in front', zonesWith({ 1: ['hr', label()] })],
    ['a zone in the middle', zonesWith({ 5: ['wiki', label()] })],
    ['a zone at the end', zonesWith({ 9: ['wiki', label()] })],
    ['the first zone gone', without(2)],
    ['the last zone gone', without(8)],
    ['one zone instead of another', { ...without(8), zones: { ...without(8).zones, 9: ['wiki', label('public', [], 'external')] } }],
    ['one zone in front instead of one at the end', { ...without(8), zones: { ...without(8).zones, 1: ['hr', label()] } }],
    [
      'another zone in the second place',
      { ...without(4), zones: { ...without(4).zones, 5: ['hr', label('internal', ['people', 'team'])] } },
    ],
    [
      'another zone in the first place',
      { ...without(2), zones: { ...without(2).zones, 1: ['hr', label('internal', ['people', 'team'])] } },
    ],
    ['a zone of the second place gone, one like it at the end', { ...without(4), zones: { ...without(4).zones, 9: ['hr', label()] } }],
    ['all zones gone', { zones: {} }],
    ['two other compartments', zonesWith({ 4: ['hr', label('internal', ['legal', 'zulu'])] })],
    ['a zone in another source of the same label', zonesWith({ 2: ['wiki', label('internal', ['people', 'team'])] })],
    ['a zone in another source', zonesWith({ 2: ['legal', label('internal', ['people', 'team'])] })],
    ['another level', zonesWith({ 4: ['hr', label('restricted', ['people', 'team'])] })],
    ['another trust', zonesWith({ 4: ['hr', label('internal', ['people', 'team'], 'external')] })],
    ['one compartment more', zonesWith({ 4: ['hr', label('internal', ['people', 'team', 'zulu'])] })],
    ['one compartment less', zonesWith({ 4: ['hr', label('internal', ['people'])] })],
    ['another first compartment', zonesWith({ 4: ['hr', label('internal', ['legal', 'team'])] })],
    ['another last compartment', zonesWith({ 4: ['hr', label('internal', ['people', 'zulu'])] })],
    ['a source of a higher level', relabelled(label('restricted'))],
    ['a source of less trust', relabelled(label('public', [], 'external'))],
    ['a source with a compartment', relabelled(label('public', ['legal']))],
    ['a source gone', { sources: sources.filter(({ id }) => id !== 'legal') }],
    ['a source that no zone lies in', { sources: [...sources, { id: 'new' }] }],
  ];

  it.each(steps)('over an older table says what it says anew, there and back: %s', (_name, change) => {
    const [before, after] = [made(), made(change)];
    const first = zoneTable(before);
    const second = zoneTable(after, first);
    expect(told(second)).toEqual(told(zoneTable(after)));
    const third = zoneTable(before, second);
    expect(told(third)).toEqual(told(zoneTable(before)));
    expect(told(zoneTable(after, third))).toEqual(told(zoneTable(after)));
  });

  it('never takes what a source of another tenant had', () => {
    const before = zoneTable(made());
    const tenant = 'other' as TenantId;
    const foreign = { ...made(), tenant, sources: new Map([...made().sources].map(([id, one]) => [id, { ...one, tenant }])) };
    expect(zoneTable(foreign, before).objects.map((one) => one.tenant)).toEqual(Array(4).fill('other'));
    // A source that stands under the id of another is not that other one.
    const wrong = new Map(made().sources);
    const legal = wrong.get('legal' as SourceId);
    if (legal === undefined) throw new Error('no source');
    wrong.set('hr' as SourceId, legal);
    const confused = { ...made(), sources: wrong };
    expect(told(zoneTable(confused, before))).toEqual(told(zoneTable(confused)));
  });

  it('is the same object while nothing that it says has changed, and the same layout while only labels have', () => {
    const first = zoneTable(made());
    expect(zoneTable(made(), first)).toBe(first);
    // Read anew from the catalog: equal, and not the same objects.
    expect(zoneTable(made(structuredClone(START)), first)).toBe(first);
    const second = zoneTable(made(zonesWith({ 4: ['hr', label('restricted')] })), first);
    expect(second).not.toBe(first);
    expect(second.layout).toBe(first.layout);
    expect(second.objects[0]).toBe(first.objects[0]);
    expect(zoneTable(made(without(8)), first).layout).not.toBe(first.layout);
    expect(zoneTable(made(zonesWith({ 2: ['wiki', label('internal', ['people', 'team'])] })), first).layout).not.toBe(first.layout);
  });

  it('keeps zones of one label in one group after a change', () => {
    const first = zoneTable(made());
    const second = zoneTable(made(zonesWith({ 8: ['wiki', label('internal', ['people', 'team'])] })), first);
    expect(second.byLabel.map(({ positions }) => positions)).toEqual([[0, 1, 3], [2]]);
  });
});
