import { describe, expect, it } from 'vitest';
import type { SourceId, TenantId } from '../core/ids.ts';
import { labelScheme, type Level, type Trust } from '../core/label.ts';
import { policyFunctions } from './functions.ts';

const functions = policyFunctions(labelScheme(['public', 'internal', 'confidential', 'restricted']));
const tenant = 'acme' as TenantId;

function zone(level: string, compartments: readonly string[] = [], trust: Trust = 'internal') {
  return { tenant, source: 'hr' as SourceId, label: { level: level as Level, compartments, trust } };
}
const allows = (label: string, trust: string, object: ReturnType<typeof zone>) => functions.speaks('allow', label, trust, object);
const denies = (label: string, trust: string, object: ReturnType<typeof zone>) => functions.speaks('deny', label, trust, object);

describe('speaks', () => {
  it('reads an allow line as a ceiling: the level and every compartment must be within it', () => {
    const line = 'upto:confidential+people+legal';
    expect(allows(line, '*', zone('public'))).toBe(true);
    expect(allows(line, '*', zone('confidential', ['people']))).toBe(true);
    expect(allows(line, '*', zone('restricted'))).toBe(false);
    expect(allows(line, '*', zone('public', ['finance']))).toBe(false);
    expect(allows(line, '*', zone('public', ['finance', 'people']))).toBe(false);
  });

  it('reads a deny line as a floor: the level or any one compartment is enough', () => {
    const line = 'from:confidential|any:people+legal';
    expect(denies(line, '*', zone('confidential'))).toBe(true);
    expect(denies(line, '*', zone('restricted', ['finance']))).toBe(true);
    expect(denies(line, '*', zone('public', ['finance', 'legal']))).toBe(true);
    expect(denies(line, '*', zone('internal', ['finance']))).toBe(false);
    expect(denies('any:people', '*', zone('restricted'))).toBe(false);
    expect(denies('from:internal', '*', zone('public', ['people']))).toBe(false);
  });

  it('reads trust: min as a floor, as and max as a ceiling', () => {
    const judged = (form: (trust: Trust) => boolean) => (['external', 'internal', 'trusted'] as const).map(form);
    expect(judged((trust) => allows('upto:public', 'min:internal', zone('public', [], trust)))).toEqual([false, true, true]);
    expect(judged((trust) => allows('upto:public', 'as:internal', zone('public', [], trust)))).toEqual([true, true, false]);
    expect(judged((trust) => denies('*', 'max:internal', zone('public', [], trust)))).toEqual([true, true, false]);
    expect(judged((trust) => denies('*', '*', zone('public', [], trust)))).toEqual([true, true, true]);
  });

  it('needs label and trust both to match', () => {
    expect(denies('from:internal', 'max:external', zone('internal', [], 'internal'))).toBe(false);
    expect(denies('from:internal', 'max:external', zone('internal', [], 'external'))).toBe(true);
  });

  it.each([
    ['', '*', '*'],
    ['Allow', '*', '*'],
    ['allow', '', '*'],
    ['allow', 'from:public', '*'],
    ['deny', 'upto:public', '*'],
    ['allow', 'upto:unheard-of', '*'],
    ['allow', 'upto:public', 'max:internal'],
    ['deny', '*', 'min:internal'],
    ['deny', '*', ''],
  ])('throws on %j, %j, %j rather than answer', (eft, label, trust) => {
    expect(() => functions.speaks(eft, label, trust, zone('public'))).toThrow(/outside the policy language|neither allow nor deny/);
  });
});

describe('holds, serves, covers', () => {
  it('holds what is in the set, exactly', () => {
    const subject = { tenant, held: new Set(['group:idp|hr', '']) };
    expect(functions.holds(subject, 'group:idp|hr')).toBe(true);
    expect(functions.holds(subject, 'group:idp|h')).toBe(false);
    expect(functions.holds(subject, '')).toBe(false);
  });

  it('serves any purpose or the one named', () => {
    expect(functions.serves('*', 'audit')).toBe(true);
    expect(functions.serves('audit', 'audit')).toBe(true);
    expect(functions.serves('audit', 'answer')).toBe(false);
    expect(functions.serves('', '')).toBe(false);
  });

  it('covers a source exactly or by its start', () => {
    expect(functions.covers('*', 'anything')).toBe(true);
    expect(functions.covers('hr-*', 'hr-notes')).toBe(true);
    expect(functions.covers('hr-*', 'hr')).toBe(false);
    expect(functions.covers('hr', 'hr')).toBe(true);
    expect(functions.covers('hr', 'hr-secret')).toBe(false);
    expect(functions.covers('', '')).toBe(false);
    // A star anywhere else is a letter like any other, and the loader refuses it.
    expect(functions.covers('hr*x', 'hr-secret')).toBe(false);
    expect(functions.covers('hr*x', 'hrax')).toBe(false);
  });
});
