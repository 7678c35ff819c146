import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TenantId } from '../core/ids.ts';
import { labelScheme, TRUSTS, type Label, type Level } from '../core/label.ts';
import {
  DEFAULT_OUTPUT_POLICY,
  judgeOutput,
  OUTPUT_DECISIONS,
  OUTPUT_FINDINGS,
  outputRulesFor,
  type FoundInOutput,
} from '../core/output-policy.ts';
import { parseOutputPolicy } from './output-file.ts';

const scheme = labelScheme(['public', 'internal', 'confidential', 'restricted']);
const parse = (text: string) => parseOutputPolicy(text, scheme);
const label = (level: string, compartments: readonly string[] = [], trust: Label['trust'] = 'trusted'): Label => ({
  level: level as Level,
  compartments,
  trust,
});

describe('output.yaml', () => {
  it('has defaults, the same with no file, an empty list of tenants and the text in docs/policy-language.md', () => {
    expect(parseOutputPolicy(undefined, scheme)).toEqual(DEFAULT_OUTPUT_POLICY);
    expect(parse('{}')).toEqual(DEFAULT_OUTPUT_POLICY);
    const written = `
      marker: block
      quoteLength: 40
      rules:
        - { finding: unknown-citation, action: flag }
        - { finding: uncited-quote, action: flag }
        - { finding: unreadable-text, action: flag }
      tenants: {}`;
    expect(parse(written)).toEqual(DEFAULT_OUTPUT_POLICY);
    expect(parse('rules: []').rules).toEqual([]);
  });

  it('gives a tenant rules in place of the others, with the defaults for what it does not say', () => {
    const policy = parse('marker: flag\nrules: []\ntenants: { acme: { quoteLength: 64 } }');
    expect(outputRulesFor(policy, 'acme' as TenantId)).toEqual({ marker: 'block', quoteLength: 64, rules: DEFAULT_OUTPUT_POLICY.rules });
    expect(outputRulesFor(policy, 'globex' as TenantId)).toMatchObject({ marker: 'flag', rules: [] });
  });

  it.each([
    ['not YAML', '{', 'not YAML'],
    ['nothing', '', 'expected object'],
    ['an unknown key', 'markers: block', 'markers'],
    ['a key twice', 'marker: block\nmarker: allow', 'not YAML'],
    ['an alias', 'rules: &a []\ntenants: { acme: { rules: *a } }', 'not YAML'],
    ['an unknown decision', 'marker: ignore', 'marker'],
    ['a rule that allows', 'rules: [{ finding: quote, action: allow }]', 'action'],
    ['an unknown finding', 'rules: [{ finding: marker, action: block }]', 'finding'],
    ['an unknown level', 'rules: [{ finding: quote, action: block, level: secret }]', 'not a level of labels.json'],
    ['no compartment', 'rules: [{ finding: quote, action: block, compartments: [] }]', 'compartments'],
    ['an unknown trust', 'rules: [{ finding: quote, action: block, trust: low }]', 'trust'],
    ['a condition on what has no label', 'rules: [{ finding: unknown-citation, action: block, level: public }]', 'are for: quote'],
    ['a length of nearly nothing', 'quoteLength: 8', 'quoteLength'],
    ['a name that no tenant has', 'tenants: { ACME: { rules: [] } }', 'tenant'],
  ])('is refused with its place: %s', (_name, text, what) => {
    expect(() => parse(text)).toThrow(/^output\.yaml/);
    expect(() => parse(text)).toThrow(what);
  });
});

describe('the decision on an output', () => {
  const judge = (rules: string, ...found: readonly FoundInOutput[]) => judgeOutput(scheme, parse(`rules: [${rules}]`), found);

  it('is the strictest of the rules that are about something found', () => {
    const rules = '{ finding: quote, action: flag }, { finding: no-citation, action: block }';
    expect(judge(rules)).toEqual({ decision: 'allow', reasons: [] });
    expect(judge(rules, { finding: 'unknown-citation' })).toEqual({ decision: 'allow', reasons: [] });
    expect(judge(rules, { finding: 'quote' })).toEqual({ decision: 'flag', reasons: ['quote'] });
    expect(judge(rules, { finding: 'no-citation' }, { finding: 'quote' })).toEqual({
      decision: 'block',
      reasons: ['quote', 'no-citation'],
    });
  });

  it('reads a level as this or above, compartments as any of these, a trust as this or less, all of them together', () => {
    const rule = '{ finding: quote, action: block, level: confidential, compartments: [people, board], trust: internal }';
    const of = (one: Label) => judge(rule, { finding: 'quote', label: one }).decision;
    expect(of(label('confidential', ['people'], 'internal'))).toBe('block');
    expect(of(label('restricted', ['board', 'x'], 'external'))).toBe('block');
    expect(of(label('internal', ['people'], 'internal'))).toBe('allow');
    expect(of(label('restricted', ['x'], 'internal'))).toBe('allow');
    expect(of(label('restricted', ['people'], 'trusted'))).toBe('allow');
    expect(judge(rule, { finding: 'quote' }).decision).toBe('allow');
  });

  it('never gets milder with another rule or another finding', () => {
    const rule = fc.record(
      {
        finding: fc.constantFrom('quote', 'uncited-quote', 'unreadable-text'),
        action: fc.constantFrom('flag', 'block'),
        level: fc.constantFrom(...scheme.levels),
        compartments: fc.subarray(['a', 'b'], { minLength: 1 }),
        trust: fc.constantFrom(...TRUSTS),
      },
      { requiredKeys: ['finding', 'action'] },
    );
    const found = fc.record({
      finding: fc.constantFrom(...OUTPUT_FINDINGS),
      label: fc.record({
        level: fc.constantFrom(...scheme.levels),
        compartments: fc.subarray(['a', 'b']),
        trust: fc.constantFrom(...TRUSTS),
      }),
    });
    const strictness = (rules: readonly unknown[], all: readonly FoundInOutput[]): number =>
      OUTPUT_DECISIONS.indexOf(judgeOutput(scheme, parse(JSON.stringify({ rules })), all).decision);
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), rule, fc.array(found, { maxLength: 5 }), found, (rules, more, all, one) => {
        const before = strictness(rules, all);
        expect(strictness([...rules, more], all)).toBeGreaterThanOrEqual(before);
        expect(strictness(rules, [...all, one])).toBeGreaterThanOrEqual(before);
      }),
    );
  });
});
