import { describe, expect, it } from 'vitest';
import { TRUSTS } from '../core/label.ts';
import { membersOf } from './bitset.ts';
import { policyFunctions } from './functions.ts';
import { ruleOf, type Rule } from './line.ts';
import { label, lines, scheme, view, type Sketch } from './world.fixture.ts';
import { zoneSets, type ZoneSets } from './zone-sets.ts';
import { zoneTable, type ZoneTable } from './zone-table.ts';

const functions = policyFunctions(scheme);
const COMPARTMENTS = [[], ['legal'], ['people'], ['legal', 'people']];

/** More zones than two words hold, over three sources and every kind of label. */
const ZONES: Sketch['zones'] = Object.fromEntries(
  Array.from({ length: 75 }, (_, i) => [
    i * 2 + 1,
    [['hr', 'hr-notes', 'wiki'][i % 3] ?? '', label(scheme.levels[i % 4], COMPARTMENTS[(i % 7) & 3], TRUSTS[i % 5] ?? 'trusted')],
  ]),
);
const tableOf = (zones: Sketch['zones'], before?: ZoneTable): ZoneTable =>
  zoneTable(view({ policy: '', sources: [{ id: 'hr' }, { id: 'hr-notes' }, { id: 'wiki' }], zones }), before);

function rules(...texts: readonly string[]): readonly Rule[] {
  return lines(texts.map((text) => `p, role:x, acme, ${text}`).join('\n')).flatMap((line) => ruleOf(line) ?? []);
}

const FEW = rules('hr, retrieve, upto:internal+legal, *, *, allow', 'wiki, retrieve, any:people, *, *, deny');
const ONE_DENY = rules('*, retrieve, from:restricted, max:internal, *, deny');
const MANY = rules(
  'hr*, retrieve, upto:confidential+legal+people, *, *, allow',
  'hr-*, retrieve, upto:restricted, min:internal, *, allow',
  'wiki, retrieve, upto:public, *, *, allow',
  'wiki, retrieve, from:confidential, *, *, deny',
  'hr, retrieve, any:legal|from:restricted, max:external, *, deny',
);
const MANY_ALLOWS = rules(...['hr', 'hr-notes', 'wiki', 'w*'].map((source) => `${source}, retrieve, upto:internal+people, *, *, allow`));
const MANY_DENIES = rules(...['hr', 'hr-notes', 'none', 'w*'].map((source) => `${source}, retrieve, any:people, *, *, deny`));
const NOWHERE = rules('elsewhere, retrieve, upto:restricted, *, *, allow');
const PARTIES = [[], [FEW], [ONE_DENY], [MANY], [MANY_ALLOWS], [MANY_DENIES], [NOWHERE], [FEW, MANY], [MANY, MANY_DENIES, ONE_DENY, FEW]];

/** Every line asked about every zone, one by one. */
function oneByOne(table: ZoneTable, party: readonly (readonly Rule[])[]) {
  const of = (eft: string) =>
    table.ids.filter((_, position) => {
      const object = table.objects[position];
      if (object === undefined) throw new Error('no object');
      return party
        .flat()
        .some(
          (rule) =>
            rule.eft === eft && functions.covers(rule.source, object.source) && functions.speaks(eft, rule.label, rule.trust, object),
        );
    });
  return { allow: of('allow'), deny: of('deny') };
}

function sums(sets: ZoneSets, parties: readonly (readonly (readonly Rule[])[])[] = PARTIES) {
  return parties.map((party) => {
    const { allow, deny } = sets.sum(party);
    return { allow: membersOf(allow, sets.table.ids), deny: membersOf(deny, sets.table.ids) };
  });
}
const expected = (table: ZoneTable) => PARTIES.map((party) => oneByOne(table, party));

describe('zoneSets', () => {
  it('adds up what the lines allow and what they deny, apart, as line by line and zone by zone', () => {
    const table = tableOf(ZONES);
    expect(table.byLabel.length).toBeLessThan(table.ids.length);
    const all = expected(table);
    expect(all.some(({ allow, deny }) => allow.some((id) => deny.includes(id)))).toBe(true);
    expect(sums(zoneSets(table, functions))).toEqual(all);
  });

  it('says the same however often it was asked, and in any order', () => {
    const table = tableOf(ZONES);
    const sets = zoneSets(table, functions);
    for (let round = 0; round < 4; round += 1) {
      expect(sums(sets, PARTIES.toReversed()).toReversed()).toEqual(expected(table));
      // Other lists of the same lines: found line by line, not by the party.
      expect(
        sums(
          sets,
          PARTIES.map((party) => [...party]),
        ),
      ).toEqual(expected(table));
    }
  });

  it('gives sets as long as the table, even for nobody and for what covers nothing', () => {
    const sets = zoneSets(tableOf(ZONES), functions);
    for (const party of PARTIES) {
      const { allow, deny } = sets.sum(party);
      expect([allow.length, deny.length]).toEqual([3, 3]);
    }
  });

  const relabelled = { ...ZONES, 1: ['hr', label('restricted', ['legal', 'people'])], 5: ['wiki', label('public')] } as const;
  const moved = { ...ZONES, 1: ['wiki', label('public')], 5: ['hr', label('public')] } as const;
  const { 1: _gone, ...fewer } = ZONES;
  const more = { ...ZONES, 2: ['hr', label('public')], 400: ['hr-notes', label('internal', ['legal'])] } as const;
  it.each([
    ['relabelled zones', relabelled],
    ['zones in other sources', moved],
    ['a zone less', fewer],
    ['zones more', more],
    ['no zones', {}],
  ])('over a newer table says what it says made anew: %s', (_name, zones: Sketch['zones']) => {
    const first = tableOf(ZONES);
    const sets = zoneSets(first, functions);
    sums(sets);
    const second = tableOf(zones, first);
    const over = sets.over(second);
    expect(over.table).toBe(second);
    expect(sums(over)).toEqual(expected(second));
    const back = tableOf(ZONES, second);
    expect(sums(over.over(back))).toEqual(expected(back));
    // A request that began before goes on with its own.
    expect(sums(sets)).toEqual(expected(first));
  });

  it('reads a line that is not in the language as an error, never as one that speaks of nothing', () => {
    const bad = FEW.map((rule) => ({ ...rule, label: 'up:to', terms: 'bad' }));
    expect(() => zoneSets(tableOf(ZONES), functions).sum([bad])).toThrow(/outside the policy language/);
  });
});
