import { describe, expect, it } from 'vitest';
import {
  atLeastAsSensitive,
  joinLabels,
  jointLabel,
  labelScheme,
  lowerTrust,
  neutralLabel,
  sortedUnique,
  trustRank,
  type Label,
  type Level,
  type Trust,
} from './label.ts';

const scheme = labelScheme(['public', 'internal', 'restricted']);
const label = (level: string, compartments: readonly string[] = [], trust: Trust = 'internal'): Label => ({
  level: level as Level,
  compartments,
  trust,
});

describe('labelScheme', () => {
  it('ranks from the least sensitive, and knows only its own levels', () => {
    expect(scheme.levels).toEqual(['public', 'internal', 'restricted']);
    expect(scheme.levels.map((level) => scheme.rank(level))).toEqual([0, 1, 2]);
    expect(scheme.parse('internal')).toBe('internal');
    expect(scheme.parse('Internal')).toBeUndefined();
    expect(() => scheme.rank('secret' as Level)).toThrow('outside the scheme');
  });

  it('takes one level or many, named with letters, digits and hyphens', () => {
    for (const names of [['a'], ['0-a', 'b', 'x'.repeat(63)]]) expect(labelScheme(names).levels).toEqual(names);
  });

  it.each([[[]], [['a', 'a']]])('needs at least one level, each named once: %j', (names) => {
    expect(() => labelScheme(names)).toThrow('at least one level');
  });

  it.each([[['a', 'B']], [['']], [['a', 'b c']], [['-a']]])('names levels with lower-case letters, digits and hyphens: %j', (names) => {
    expect(() => labelScheme(names)).toThrow('lower-case letters');
  });
});

describe('trust', () => {
  it('goes from external over internal to trusted', () => {
    expect((['external', 'internal', 'trusted'] as const).map(trustRank)).toEqual([0, 1, 2]);
    expect(lowerTrust('trusted', 'external')).toBe('external');
    expect(lowerTrust('external', 'trusted')).toBe('external');
    expect(lowerTrust('internal', 'internal')).toBe('internal');
  });
});

describe('joining labels', () => {
  it('takes the highest level, all compartments once and sorted, the lowest trust', () => {
    const joined = label('restricted', ['a', 'b', 'c'], 'external');
    expect(joinLabels(scheme, label('internal', ['c', 'a'], 'trusted'), label('restricted', ['b', 'a'], 'external'))).toEqual(joined);
    expect(joinLabels(scheme, label('restricted', ['b', 'a'], 'external'), label('internal', ['c', 'a'], 'trusted'))).toEqual(joined);
  });

  it('gives nothing no label, and one label itself', () => {
    expect(jointLabel(scheme, [])).toBeUndefined();
    expect(jointLabel(scheme, [label('internal', ['a'])])).toEqual(label('internal', ['a']));
    expect(jointLabel(scheme, [label('public'), label('internal', ['a']), label('public', [], 'external')])).toEqual(
      label('internal', ['a'], 'external'),
    );
  });

  it('leaves any label as it is when the neutral one is joined', () => {
    const own = label('internal', ['a'], 'external');
    expect(joinLabels(scheme, neutralLabel(scheme), own)).toEqual(own);
    expect(neutralLabel(scheme)).toEqual(label('public', [], 'trusted'));
  });

  it('sorts and takes doubles out', () => {
    expect(sortedUnique(['b', 'a', 'b'])).toEqual(['a', 'b']);
  });
});

describe('atLeastAsSensitive', () => {
  const base = label('internal', ['a'], 'internal');

  it.each([
    ['itself', base],
    ['a higher level', label('restricted', ['a'])],
    ['more compartments', label('internal', ['a', 'b'])],
    ['less trust', label('internal', ['a'], 'external')],
  ])('holds for %s', (_what, other) => {
    expect(atLeastAsSensitive(scheme, other, base)).toBe(true);
  });

  it.each([
    ['a lower level', label('public', ['a'])],
    ['a missing compartment', label('restricted', ['b'])],
    ['more trust', label('internal', ['a'], 'trusted')],
  ])('does not hold for %s', (_what, other) => {
    expect(atLeastAsSensitive(scheme, other, base)).toBe(false);
  });

  it('needs every compartment of several, and none of none', () => {
    const several = label('internal', ['a', 'b']);
    expect(['a', 'b', 'c'].map((one) => atLeastAsSensitive(scheme, label('internal', [one]), several))).toEqual([false, false, false]);
    expect(atLeastAsSensitive(scheme, label('internal', ['a', 'b', 'c']), several)).toBe(true);
    expect(atLeastAsSensitive(scheme, label('internal'), label('internal'))).toBe(true);
  });
});
