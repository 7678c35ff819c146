import { describe, expect, it } from 'vitest';
import type { SourceId } from '../core/ids.ts';
import { casbinJudge } from './casbin-judge.ts';
import { policyFunctions } from './functions.ts';
import { loadModel } from './model.ts';
import { label, modelText, scheme, tenant } from './world.fixture.ts';

const model = loadModel(modelText);
const functions = policyFunctions(scheme);
const object = { tenant, source: 'hr' as SourceId, label: label() };
const subject = { tenant, held: new Set(['role:a']) };
const row = ['role:a', 'acme', 'hr', 'retrieve', 'upto:internal', '*', '*', 'allow'];
const judge = (...rows: string[][]) => casbinJudge(model, functions, rows)(subject, object, 'retrieve', 'answer');

describe('casbinJudge', () => {
  it('permits by a line that speaks and refuses by one that does not', () => {
    expect(judge(row)).toBe(true);
    expect(judge(row.with(0, 'role:b'))).toBe(false);
    expect(judge(row.with(1, 'other'))).toBe(false);
    expect(judge(row.with(2, 'wiki'))).toBe(false);
    expect(judge(row.with(3, 'audit'))).toBe(false);
    expect(judge(row.with(6, 'audit'))).toBe(false);
  });

  it('lets a deny win wherever it stands', () => {
    const deny = row.with(4, '*').with(7, 'deny');
    expect(judge(row, deny)).toBe(false);
    expect(judge(deny, row)).toBe(false);
    expect(judge(row, deny.with(0, 'role:b'))).toBe(true);
  });

  it('refuses without rows, and does not let Casbin run the matcher over empty columns', () => {
    expect(judge()).toBe(false);
    const nobody = casbinJudge(model, functions, []);
    expect(nobody({ tenant: '' as typeof tenant, held: new Set(['']) }, { ...object, tenant: '' as typeof tenant }, '', '')).toBe(false);
  });

  it.each([
    ['a missing effect', row.slice(0, 7)],
    ['a misspelt effect', row.with(7, 'Allow')],
    ['a ceiling on a deny', row.with(7, 'deny')],
  ])('throws on %s, where Casbin alone would allow or look away', (_name, bad) => {
    expect(() => judge(bad)).toThrow(/neither allow nor deny|outside the policy language/);
  });

  it('keeps its rows to itself', () => {
    const rows = [row];
    const judged = casbinJudge(model, functions, rows);
    rows.push(row.with(4, '*').with(7, 'deny'));
    expect(judged(subject, object, 'retrieve', 'answer')).toBe(true);
    expect(judge(...rows)).toBe(false);
  });

  it('compares strings without turning them into numbers', () => {
    const asked = (written: string) =>
      casbinJudge(model, functions, [row.with(2, written)])(subject, { ...object, source: '10' as SourceId }, 'retrieve', 'answer');
    expect(asked('10')).toBe(true);
    expect(asked('1e1')).toBe(false);
    expect(asked('010')).toBe(false);
  });
});
