import { describe, expect, it } from 'vitest';
import { policyFunctions } from './functions.ts';
import { indexRevision } from './revision-index.ts';
import { lines, scheme } from './world.fixture.ts';

const { serves } = policyFunctions(scheme);
const rule = (who: string, act = 'retrieve', purpose = '*', tenant = 'acme') =>
  `p, ${who}, ${tenant}, hr, ${act}, upto:internal, *, ${purpose}, allow`;
const index = (...texts: readonly string[]) => indexRevision('acme', { id: 'r', lines: lines(texts.join('\n')) }, serves);
const names = (found: readonly { readonly name: string }[]): readonly string[] => found.map(({ name }) => name);

describe('reach', () => {
  const texts = [
    'g, user:idp|u, role:a, acme',
    'g, user:idp|u, role:b, acme',
    'g, role:a, role:c, acme',
    'g, role:b, role:c, acme',
    'g, role:c, role:d, acme',
    'g, user:idp|u, role:foreign, other',
    rule('user:idp|v'),
    rule('role:other', 'retrieve', '*', 'other'),
  ];

  it('finds each name once, the nearest first, and no role of another tenant', () => {
    const roles = index(...texts);
    expect(names(roles.reach(['user:idp|u']))).toEqual(['user:idp|u', 'role:a', 'role:b', 'role:c', 'role:d']);
    expect(names(roles.reach(['role:c', 'user:idp|v']))).toEqual(['role:c', 'user:idp|v', 'role:d']);
    expect(names(roles.reach(['role:other', 'role:foreign', 'user:idp|stranger']))).toEqual([]);
  });

  it('finds the same at every walk', () => {
    const roles = index(...texts);
    for (let walk = 0; walk < 3; walk += 1) expect(roles.reach(['user:idp|u'])).toHaveLength(5);
    expect(roles.reach([])).toEqual([]);
  });
});

describe('the lines of a name', () => {
  const texts = [
    rule('role:x'),
    rule('role:x', 'retrieve', 'audit'),
    rule('role:x', 'retrieve', 'support'),
    rule('role:x', 'ingest'),
    rule('role:x', 'label', 'audit'),
    rule('role:y'),
    rule('role:x', 'retrieve', '*', 'other'),
  ];
  const nodeOf = () => index(...texts).reach(['role:x'])[0];
  const numbers = (found: readonly { readonly line: number }[] | undefined) => found?.map(({ line }) => line);

  it('are those of its tenant, by action', () => {
    const node = nodeOf();
    expect(numbers(node?.rules('retrieve'))).toEqual([1, 2, 3]);
    expect(numbers(node?.rules('ingest'))).toEqual([4]);
    expect(node?.rules('audit')).toEqual([]);
  });

  it('serve the purpose that is asked for, and are undefined where none does', () => {
    const node = nodeOf();
    expect(numbers(node?.serving('retrieve', 'audit'))).toEqual([1, 2]);
    expect(numbers(node?.serving('retrieve', 'support'))).toEqual([1, 3]);
    expect(numbers(node?.serving('retrieve', 'answer'))).toEqual([1]);
    expect(numbers(node?.serving('ingest', 'answer'))).toEqual([4]);
    expect(numbers(node?.serving('label', 'audit'))).toEqual([5]);
    expect(node?.serving('label', 'answer')).toBeUndefined();
    expect(node?.serving('audit', 'answer')).toBeUndefined();
  });

  it('are the same object for the same question, so that what is compiled from them is found by it', () => {
    const node = nodeOf();
    expect(node?.serving('retrieve', 'audit')).toBe(node?.serving('retrieve', 'audit'));
    expect(node?.serving('ingest', 'audit')).toBe(node?.serving('ingest', 'answer'));
  });
});
