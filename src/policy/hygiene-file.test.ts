import { describe, expect, it } from 'vitest';
import { DEFAULT_HYGIENE, judgeHygiene } from '../core/hygiene.ts';
import type { TenantId } from '../core/ids.ts';
import { parseHygiene } from './hygiene-file.ts';

const FILE = `
rules:
  - { kind: tag, over: 3, action: lowerTrust }
  - { kind: any, over: 5, share: 0.5, action: quarantine }
  - { kind: zeroWidth, action: note }
tenants:
  lax: { rules: [] }
`;
const policy = parseHygiene(FILE);
const judge = (tag: number, bidi: number, zeroWidth: number, characters: number | undefined, tenant = 'acme') =>
  judgeHygiene(policy, tenant as TenantId, { removed: { tag, bidi, zeroWidth }, characters });

describe('hygiene.yaml', () => {
  it('has defaults, which hinder hidden ASCII alone', () => {
    expect(parseHygiene(undefined)).toBe(DEFAULT_HYGIENE);
    const of = (tag: number, bidi: number, zeroWidth: number) =>
      judgeHygiene(DEFAULT_HYGIENE, 'acme' as TenantId, { removed: { tag, bidi, zeroWidth }, characters: 1_000 });
    // Twelve flags of the three that are written with tags are no message.
    expect([of(60, 0, 0), of(65, 0, 0), of(0, 51, 0), of(0, 50, 0), of(0, 0, 201)]).toEqual(['none', 'lowerTrust', 'note', 'none', 'note']);
  });

  it('is over, not at, both thresholds; the strictest action wins', () => {
    expect(judge(3, 0, 0, 100)).toBe('none');
    expect(judge(4, 0, 0, 100)).toBe('lowerTrust');
    expect(judge(0, 0, 1, 100)).toBe('note');
    expect(judge(4, 1, 1, 12)).toBe('lowerTrust');
    expect(judge(4, 1, 1, 11)).toBe('quarantine');
    expect(judge(4, 1, 0, 1)).toBe('lowerTrust');
  });

  it('takes a share that nobody counted for passed', () => {
    expect(judge(0, 6, 0, undefined)).toBe('quarantine');
    expect(judge(0, 5, 0, undefined)).toBe('none');
  });

  it('knows a tenant with rules of its own', () => {
    expect(judge(1_000, 0, 0, 1_000, 'lax')).toBe('none');
  });

  it.each([
    ['rules: []\nextra: 1', 'extra'],
    ['rules: [{ kind: tags, action: note }]', 'rules[0].kind'],
    ['rules: [{ kind: tag, action: drop }]', 'rules[0].action'],
    ['rules: [{ kind: tag, action: note, share: 2 }]', 'rules[0].share'],
    ['rules: [{ kind: tag, action: note, over: -1 }]', 'rules[0].over'],
    ['{}', 'rules'],
    ['tenants: { "*": { rules: [] } }\nrules: []', 'tenants'],
    ['[', 'YAML'],
  ])('refuses %s, naming the place', (text, place) => {
    expect(() => parseHygiene(text)).toThrow(place);
  });
});
