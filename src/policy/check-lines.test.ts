import { describe, expect, it } from 'vitest';
import { labelScheme } from '../core/label.ts';
import type { PolicyLine } from '../core/policy-lines.ts';
import { checkLines } from './check-lines.ts';
import { parsePolicyCsv } from './parse-csv.ts';
import type { Vocabulary } from './vocabulary.ts';

const vocabulary: Vocabulary = {
  scheme: labelScheme(['public', 'internal', 'confidential', 'restricted']),
  purposes: ['answer', 'audit'],
};

function check(text: string, tenant = 'acme') {
  const parsed = parsePolicyCsv(text);
  expect(parsed.problems).toEqual([]);
  return checkLines(vocabulary, tenant, parsed.lines);
}

type Columns = Partial<Record<'who' | 'tenant' | 'source' | 'act' | 'label' | 'trust' | 'purpose' | 'eft', string>>;

function rule(columns: Columns): string {
  const deny = columns.eft === 'deny';
  const all = { who: 'role:a', tenant: 'acme', source: 'hr', act: 'retrieve', label: deny ? '*' : 'upto:internal', trust: '*' };
  const { who, tenant, source, act, label, trust } = { ...all, ...columns };
  return `p, ${who}, ${tenant}, ${source}, ${act}, ${label}, ${trust}, ${columns.purpose ?? '*'}, ${columns.eft ?? 'allow'}`;
}

const deny = { eft: 'deny' } as const;
const whole = { act: 'administer', source: '*', label: '*' } as const;

describe('checkLines', () => {
  const good: readonly Columns[] = [
    {},
    deny,
    { who: 'everyone' },
    { who: 'everyone-except-guests' },
    { who: 'group:idp|hr' },
    { who: 'user:idp|a|b=c' },
    { who: 'client:idp|app' },
    { who: 'role:A.b_c-1' },
    { source: '*' },
    { source: 'hr-*' },
    { source: 'Hr_2.x' },
    { label: 'upto:confidential+people+legal' },
    { trust: 'min:internal' },
    { purpose: 'audit' },
    { ...deny, label: 'from:confidential' },
    { ...deny, label: 'any:legal' },
    { ...deny, label: 'any:legal+people' },
    { ...deny, label: 'from:confidential|any:legal' },
    { ...deny, label: 'any:legal|from:confidential' },
    { ...deny, trust: 'max:external' },
    { act: 'ingest', trust: 'as:internal' },
    { act: 'ingest' },
    { ...deny, act: 'ingest', trust: 'max:external' },
    { act: 'request', label: '*' },
    { act: 'request', label: 'upto:internal' },
    whole,
    { ...whole, ...deny },
    { ...whole, act: 'operate' },
    ...(['ingest', 'label', 'approve', 'audit', 'replay'] as const).map((act) => ({ act })),
  ];
  it.each(good)('accepts %j', (columns) => {
    expect(check(rule(columns))).toEqual([]);
  });

  const bad: readonly (readonly [Columns, RegExp])[] = [
    [{ who: 'role:' }, /"who"/],
    [{ who: 'role:x y' }, /"who"/],
    [{ who: 'Role:x' }, /"who"/],
    [{ who: '*' }, /"who"/],
    [{ who: 'hr' }, /"who"/],
    [{ who: 'group:hr' }, /"who"/],
    [{ who: 'group:|hr' }, /"who"/],
    [{ who: 'group:idp|' }, /"who"/],
    [{ who: 'Everyone' }, /"who"/],
    [{ who: 'client:IdP|app' }, /"who"/],
    [{ tenant: '*' }, /wildcard/],
    [{ tenant: 'ac*' }, /wildcard/],
    [{ tenant: 'Acme' }, /wildcard/],
    [{ tenant: 'other' }, /another tenant/],
    [{ source: '**' }, /source/],
    [{ source: 'h*r' }, /source/],
    [{ source: '*hr' }, /source/],
    [{ source: 'hr*x' }, /source/],
    [{ source: 'h?' }, /source/],
    [{ source: 'hr/x' }, /source/],
    [{ act: 'read' }, /action/],
    [{ act: 'Retrieve' }, /action/],
    [{ act: '*' }, /action/],
    [{ label: 'upto:secret' }, /label/],
    [{ label: 'upto:' }, /label/],
    [{ label: 'internal' }, /label/],
    [{ label: 'UPTO:internal' }, /label/],
    [{ label: 'upto:internal+' }, /label/],
    [{ label: 'upto:internal+People' }, /label/],
    [{ label: 'upto:internal+a+a' }, /label/],
    [{ label: 'upto:internal|upto:public' }, /label/],
    [{ label: 'from:internal' }, /label of an allow line/],
    [{ label: 'any:legal' }, /label of an allow line/],
    [{ label: '*' }, /needs a ceiling/],
    ...(['ingest', 'label', 'approve', 'audit', 'replay'] as const).map((act) => [{ act, label: '*' }, /needs a ceiling/] as const),
    [{ ...deny, label: 'upto:internal' }, /label of a deny line/],
    [{ ...deny, label: 'from:secret' }, /label of a deny line/],
    [{ ...deny, label: 'any:' }, /label of a deny line/],
    [{ ...deny, label: 'any:a|any:b' }, /label of a deny line/],
    [{ ...deny, label: 'from:public|' }, /label of a deny line/],
    [{ ...deny, label: 'from:internal+legal' }, /label of a deny line/],
    [{ trust: 'max:internal' }, /trust of an allow line/],
    [{ trust: 'internal' }, /trust/],
    [{ trust: 'min:high' }, /trust/],
    [{ trust: 'as:internal' }, /trust of an allow line/],
    [{ act: 'label', trust: 'as:internal' }, /trust of an allow line/],
    [{ act: 'ingest', trust: 'min:internal' }, /trust of an ingest line/],
    [{ ...deny, trust: 'min:internal' }, /trust of a deny line/],
    [{ ...deny, act: 'ingest', trust: 'as:internal' }, /trust of a deny line/],
    [{ purpose: 'sales' }, /purpose/],
    [{ purpose: 'Audit' }, /purpose/],
    [{ ...deny, purpose: 'audit' }, /purpose of a deny line must be \*/],
    [{ eft: 'Allow' }, /allow or deny/],
    [{ eft: 'denny' }, /allow or deny/],
    [{ eft: '*' }, /allow or deny/],
    [{ ...whole, source: 'hr' }, /as a whole/],
    [{ ...whole, label: 'upto:internal' }, /reads no label/],
    [{ ...whole, trust: 'min:internal' }, /reads no trust/],
  ];
  it.each(bad)('refuses %j', (columns, message) => {
    const problems = check(`${rule({})}\n${rule(columns)}`);
    expect(problems).toEqual([{ line: 2, message: expect.stringMatching(message) as string }]);
  });

  it('refuses lines whose shape was never checked, such as ones read from a database', () => {
    const short: PolicyLine = { type: 'p', line: 7, columns: ['role:a', 'acme', 'hr', 'retrieve', '*', '*', '*'] };
    const group: PolicyLine = { type: 'g', line: 8, columns: ['group:idp|hr', 'role:a'] };
    expect(checkLines(vocabulary, 'acme', [short, group]).map((one) => one.line)).toEqual([7, 8]);
  });

  it('checks who may be given a role, and that it is one', () => {
    expect(check('g, group:idp|hr, role:a, acme\ng, role:a, role:b, acme')).toEqual([]);
    expect(check('g, hr, role:a, acme')[0]?.message).toMatch(/"who"/);
    expect(check('g, group:idp|hr, group:idp|x, acme')[0]?.message).toMatch(/role:<name>/);
    expect(check('g, group:idp|hr, role:a, *')[0]?.message).toMatch(/wildcard/);
    expect(check('g, group:idp|hr, role:a, other')[0]?.message).toMatch(/another tenant/);
  });

  it('accepts a role that nobody is given, and one that is reached twice', () => {
    expect(check(rule({ who: 'role:nobody' }))).toEqual([]);
    expect(check('g, role:a, role:b, acme\ng, role:a, role:c, acme\ng, role:b, role:d, acme\ng, role:c, role:d, acme')).toEqual([]);
  });

  it.each([
    ['g, role:a, role:a, acme', 1],
    ['g, role:a, role:b, acme\ng, role:b, role:a, acme', 2],
    ['g, user:idp|x, role:a, acme\ng, role:a, role:b, acme\ng, role:b, role:c, acme\ng, role:c, role:a, acme', 4],
  ])('refuses a circle of roles: %s', (text, line) => {
    expect(check(text)).toEqual([{ line, message: expect.stringMatching(/circle/) as string }]);
  });

  it.each([1, 2, 3])('finds a circle through any of the roles that somebody has: the one given as number %d', (place) => {
    const given = ['role:x', 'role:y', 'role:z'].toSpliced(place - 1, 1, 'role:b');
    const text = given.map((role) => `g, role:a, ${role}, acme`).join('\n');
    expect(check(text)).toEqual([]);
    expect(check(`${text}\ng, role:b, role:a, acme`)).toEqual([{ line: 4, message: expect.stringMatching(/circle/) as string }]);
    expect(check(`g, role:b, role:a, acme\n${text}`)).toEqual([{ line: place + 1, message: expect.stringMatching(/circle/) as string }]);
  });

  it('names the line that closes each circle, where there are several', () => {
    const text =
      'g, role:a, role:b, acme\ng, role:b, role:a, acme\ng, role:b, role:c, acme\ng, role:c, role:d, acme\ng, role:d, role:c, acme';
    expect(check(text).map(({ line }) => line)).toEqual([2, 5]);
  });

  it('walks a chain of twenty thousand roles, open or closed', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => `g, role:r${i}, role:r${i + 1}, acme`).join('\n');
    expect(check(chain)).toEqual([]);
    expect(check(`${chain}\ng, role:r20000, role:r0, acme`)).toHaveLength(1);
  });
});
