import { describe, expect, it } from 'vitest';
import { MAX_COMPARTMENTS } from '../core/label.ts';
import { labelMatches, parseEffect, parseLabelTerm, parseTrust, parseTrustTerm, trustMatches } from './terms.ts';
import { label, scheme } from './world.fixture.ts';

const named = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `c${i}`);
const NONE = new Set<string>();

describe('a label column', () => {
  it.each([
    ['allow', '*', { kind: 'any' }],
    ['deny', '*', { kind: 'any' }],
    ['allow', 'upto:public', { kind: 'upto', rank: 0, compartments: NONE }],
    ['allow', 'upto:restricted+legal+people', { kind: 'upto', rank: 3, compartments: new Set(['legal', 'people']) }],
    ['deny', 'from:confidential', { kind: 'floor', rank: 2, compartments: NONE }],
    ['deny', 'any:legal+people', { kind: 'floor', rank: Number.POSITIVE_INFINITY, compartments: new Set(['legal', 'people']) }],
    ['deny', 'any:legal|from:public', { kind: 'floor', rank: 0, compartments: new Set(['legal']) }],
  ] as const)('of an %s line reads %j', (eft, text, expected) => {
    expect(parseLabelTerm(scheme, eft, text)).toEqual(expected);
  });

  it.each([
    ['allow', ''],
    ['allow', 'upto:'],
    ['allow', 'upto'],
    ['allow', 'public'],
    ['allow', 'xupto:public'],
    ['allow', 'upto:secret'],
    ['allow', 'upto:public+'],
    ['allow', 'upto:public+Legal'],
    ['allow', 'upto:public+legal+People'],
    ['allow', 'upto:public+legal+legal'],
    ['allow', 'from:public'],
    ['allow', 'any:legal'],
    ['deny', ''],
    ['deny', 'upto:public'],
    ['deny', 'public'],
    ['deny', 'legal'],
    ['deny', 'from:'],
    ['deny', 'from:secret'],
    ['deny', 'from:public|from:internal'],
    ['deny', 'any:'],
    ['deny', 'any:legal+legal'],
    ['deny', 'any:legal|any:people'],
    ['deny', 'any:legal|'],
    ['deny', 'some:legal'],
    ['deny', '*|from:public'],
  ] as const)('of an %s line is not %j', (eft, text) => {
    expect(parseLabelTerm(scheme, eft, text)).toBeUndefined();
  });

  it('names as many compartments as a label has, and no more', () => {
    expect(parseLabelTerm(scheme, 'allow', ['upto:public', ...named(MAX_COMPARTMENTS)].join('+'))).toMatchObject({ rank: 0 });
    expect(parseLabelTerm(scheme, 'allow', ['upto:public', ...named(MAX_COMPARTMENTS + 1)].join('+'))).toBeUndefined();
    expect(parseLabelTerm(scheme, 'deny', `any:${named(MAX_COMPARTMENTS).join('+')}`)).toMatchObject({ kind: 'floor' });
    expect(parseLabelTerm(scheme, 'deny', `any:${named(MAX_COMPARTMENTS + 1).join('+')}`)).toBeUndefined();
  });

  it('speaks of a label as a ceiling or as a floor, the level itself included', () => {
    const speaks = (eft: 'allow' | 'deny', text: string, level: string, ...compartments: readonly string[]): boolean => {
      const term = parseLabelTerm(scheme, eft, text);
      if (term === undefined) throw new Error('not a term');
      return labelMatches(scheme, term, label(level, compartments));
    };
    expect(speaks('allow', '*', 'restricted', 'legal')).toBe(true);
    expect(speaks('allow', 'upto:internal+legal', 'internal', 'legal')).toBe(true);
    expect(speaks('allow', 'upto:internal+legal', 'public')).toBe(true);
    expect(speaks('allow', 'upto:internal+legal', 'confidential')).toBe(false);
    expect(speaks('allow', 'upto:internal+legal', 'internal', 'legal', 'people')).toBe(false);
    expect(speaks('deny', 'from:internal', 'internal')).toBe(true);
    expect(speaks('deny', 'from:internal', 'public', 'legal')).toBe(false);
    expect(speaks('deny', 'any:legal', 'public', 'legal', 'people')).toBe(true);
    expect(speaks('deny', 'any:legal', 'restricted', 'people')).toBe(false);
    expect(speaks('deny', 'any:legal|from:internal', 'restricted')).toBe(true);
    expect(speaks('deny', 'any:legal|from:internal', 'public', 'legal')).toBe(true);
  });
});

describe('a trust column', () => {
  const trusts = ['external', 'internal', 'trusted'] as const;

  it.each([
    ['allow', '*', 'any', [true, true, true]],
    ['deny', '*', 'any', [true, true, true]],
    ['allow', 'min:external', 'min', [true, true, true]],
    ['allow', 'min:trusted', 'min', [false, false, true]],
    ['allow', 'as:external', 'as', [true, false, false]],
    ['allow', 'as:internal', 'as', [true, true, false]],
    ['deny', 'max:internal', 'max', [true, true, false]],
    ['deny', 'max:external', 'max', [true, false, false]],
  ] as const)('of an %s line reads %j', (eft, text, kind, matches) => {
    const term = parseTrustTerm(eft, text);
    if (term === undefined) throw new Error('not a term');
    expect(term.kind).toBe(kind);
    expect(trusts.map((trust) => trustMatches(term, trust))).toEqual(matches);
  });

  it.each([
    ['allow', ''],
    ['allow', 'internal'],
    ['allow', ':internal'],
    ['allow', 'min:'],
    ['allow', 'min:high'],
    ['allow', 'min'],
    ['allow', 'max:internal'],
    ['allow', 'at:internal'],
    ['deny', 'min:internal'],
    ['deny', 'as:internal'],
    ['deny', 'max:'],
    ['deny', 'internal'],
  ] as const)('of an %s line is not %j', (eft, text) => {
    expect(parseTrustTerm(eft, text)).toBeUndefined();
  });
});

describe('the words themselves', () => {
  it('are exact', () => {
    expect(['allow', 'deny', 'Allow', 'denied', ''].map(parseEffect)).toEqual(['allow', 'deny', undefined, undefined, undefined]);
    expect(['external', 'internal', 'trusted', 'Trusted', ''].map(parseTrust)).toEqual([
      'external',
      'internal',
      'trusted',
      undefined,
      undefined,
    ]);
  });
});
