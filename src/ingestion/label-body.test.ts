import { describe, expect, it } from 'vitest';
import { labelScheme, MAX_COMPARTMENTS, type Label, type Level } from '../core/label.ts';
import { readLabel, readTime, readValidity } from './label-body.ts';

const SCHEME = labelScheme(['public', 'internal', 'restricted']);
const BASE: Label = { level: 'internal' as Level, compartments: ['hr'], trust: 'internal' };

const failing = (code: string, ...pointers: readonly string[]): unknown =>
  expect.objectContaining({ code, issues: pointers.map((pointer) => expect.objectContaining({ pointer }) as unknown) });

describe('readLabel', () => {
  it('adds nothing to the source where nothing is said', () => {
    expect(readLabel(SCHEME, {})).toEqual({ level: 'public', compartments: [], trust: 'trusted' });
  });

  it('keeps what is absent and takes what is there, sorted and once', () => {
    expect(readLabel(SCHEME, {}, BASE)).toEqual(BASE);
    expect(readLabel(SCHEME, { level: 'public' }, BASE)).toEqual({ ...BASE, level: 'public' });
    expect(readLabel(SCHEME, { compartments: [] }, BASE)).toEqual({ ...BASE, compartments: [] });
    expect(readLabel(SCHEME, { compartments: ['z', 'a', 'z'] }, BASE)).toEqual({ ...BASE, compartments: ['a', 'z'] });
    expect(readLabel(SCHEME, { trust: 'external' }, BASE)).toEqual({ ...BASE, trust: 'external' });
  });

  it.each(['secret', 'Internal', '', 'constructor', '__proto__', 'internal '])('refuses the level %j', (level) => {
    expect(() => readLabel(SCHEME, { level })).toThrow(failing('unknown_level', '/level'));
  });

  it.each(['', 'HR', '-hr', 'a b', 'a+b', 'a|b', 'ä', 'x'.repeat(64)])('refuses the compartment %j, naming each place', (name) => {
    expect(() => readLabel(SCHEME, { compartments: ['hr', name, name] })).toThrow(
      failing('invalid_request', '/compartments/1', '/compartments/2'),
    );
  });

  it('takes as many compartments as there may be and not one more', () => {
    const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `c${n}`);
    expect(readLabel(SCHEME, { compartments: names(MAX_COMPARTMENTS) }).compartments).toHaveLength(MAX_COMPARTMENTS);
    expect(readLabel(SCHEME, { compartments: [...names(MAX_COMPARTMENTS), 'c0'] }).compartments).toHaveLength(MAX_COMPARTMENTS);
    expect(() => readLabel(SCHEME, { compartments: names(MAX_COMPARTMENTS + 1) })).toThrow(failing('limit_exceeded', '/compartments'));
  });
});

describe('readValidity', () => {
  const base = { validFrom: 100, validUntil: 200 } as const;

  it('is for ever unless it says otherwise', () => {
    expect(readValidity({})).toEqual({ validFrom: 'always', validUntil: 'forever' });
    expect(readValidity({ validFrom: '1970-01-01T00:01:40Z', validUntil: '1970-01-01T01:03:20+01:00' })).toEqual(base);
  });

  it('keeps what is absent and clears what is null', () => {
    expect(readValidity({}, base)).toEqual(base);
    expect(readValidity({ validFrom: null }, base)).toEqual({ ...base, validFrom: 'always' });
    expect(readValidity({ validUntil: null }, base)).toEqual({ ...base, validUntil: 'forever' });
  });

  it('refuses a body that leaves nothing between its own bounds, and says nothing of bounds it does not name', () => {
    const both = { validFrom: '1970-01-01T00:05:00Z', validUntil: '1970-01-01T00:05:00Z' };
    expect(() => readValidity(both, base)).toThrow(failing('invalid_request', '/validUntil'));
    expect(readValidity({ validUntil: '1970-01-01T00:01:40Z' }, base)).toEqual({ validFrom: 100, validUntil: 100 });
    expect(readValidity({ validUntil: '1970-01-01T00:01:41Z' }, base)).toEqual({ validFrom: 100, validUntil: 101 });
  });

  it('refuses what is no time', () => {
    for (const text of ['', 'soon', '2026-13-01T00:00:00Z', '2026-01-01T25:00:00Z']) {
      expect(() => readTime('/validFrom', text)).toThrow(failing('invalid_request', '/validFrom'));
    }
  });
});
