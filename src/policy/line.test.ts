import { describe, expect, it } from 'vitest';
import type { PolicyLine } from '../core/policy-lines.ts';
import { membershipOf, ruleOf } from './line.ts';

const RULE = ['role:a', 'acme', 'hr', 'retrieve', 'upto:internal', 'min:internal', 'audit', 'allow'];
const MEMBERSHIP = ['group:idp|a', 'role:a', 'acme'];
const line = (type: 'p' | 'g', columns: readonly string[]): PolicyLine => ({ type, columns, line: 4 });

describe('a line of a revision', () => {
  it('is a rule with its columns by name, and as Casbin gets them', () => {
    const rule = ruleOf(line('p', RULE));
    expect(rule).toEqual({
      line: 4,
      who: 'role:a',
      tenant: 'acme',
      source: 'hr',
      act: 'retrieve',
      label: 'upto:internal',
      trust: 'min:internal',
      purpose: 'audit',
      eft: 'allow',
      row: RULE,
      terms: 'allow\nupto:internal\nmin:internal',
    });
    expect(rule?.row).not.toBe(RULE);
  });

  it('is a membership with its columns by name', () => {
    expect(membershipOf(line('g', MEMBERSHIP))).toEqual({ line: 4, member: 'group:idp|a', role: 'role:a', tenant: 'acme' });
  });

  it('is neither where type and columns do not fit: what says p gives nobody a role, and what says g allows nothing', () => {
    for (const wrong of [line('g', RULE), line('p', MEMBERSHIP), line('p', [...RULE, 'x']), line('p', RULE.slice(1)), line('g', [])]) {
      expect([ruleOf(wrong), membershipOf(wrong)]).toEqual([undefined, undefined]);
    }
    expect(membershipOf(line('g', [...MEMBERSHIP, 'x']))).toBeUndefined();
  });
});
