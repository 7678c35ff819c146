import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trials } from '../../../test/support/scale.ts';
import { isReservedName, isReservedPath, parsePath, payloadHasReserved } from './payload-path.ts';

const spellings = fc
  .tuple(
    fc.constantFrom('_sluice', '_SLUICE', '_ſluice', '_s\u200dluice', '＿sluice', '_sl\u00aduice', '_ſLuIcE'),
    fc.constantFrom('', '[]', '[0]', '[][]', '[18446744073709551615]'),
    fc.constantFrom('', '.zone', '."zone"', '.a[].b', '.""'),
    fc.boolean(),
  )
  .map(([name, suffix, rest, quoted]) => `${quoted ? `"${name}"` : name}${suffix}${rest}`);

describe('a path of a payload', () => {
  it('is never one below the reserved key, however it is spelt', () => {
    fc.assert(
      fc.property(spellings, (path) => {
        expect(isReservedPath(path)).toBe(true);
      }),
      { numRuns: trials(200, 5_000) },
    );
    expect(['_sluices', 'a._sluice', '"a._sluice"', 'sluice', '_sluice_', '"_sluice.zone"'].filter(isReservedPath)).toEqual([]);
  });

  it('is reserved to be safe where it is no path at all', () => {
    for (const path of ['', '.', 'a..b', 'a.', '[0]', 'a[', 'a[-1]', 'a b', '"a', '"a"b', 'a[18446744073709551616]', 'a.[]']) {
      expect(parsePath(path), path).toBeUndefined();
      expect(isReservedPath(path), path).toBe(true);
    }
  });

  it('is read step by step', () => {
    expect(parsePath('a."b c"[][2].é')).toEqual([
      { kind: 'key', key: 'a' },
      { kind: 'key', key: 'b c' },
      { kind: 'all' },
      { kind: 'index', index: 2 },
      { kind: 'key', key: 'é' },
    ]);
    expect(parsePath('""')).toEqual([{ kind: 'key', key: '' }]);
  });

  it('is not needed to see the reserved key in a payload', () => {
    expect(payloadHasReserved({ a: 1, _sluice: {} })).toBe(true);
    expect(payloadHasReserved({ '_Sluice\u200b': 1 })).toBe(true);
    expect(payloadHasReserved({ a: { _sluice: 1 }, '"_sluice"': 1, '_sluice.zone': 2 })).toBe(false);
    expect(isReservedName('_sluice')).toBe(true);
  });
});
