import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadModel } from './model.ts';

const text = readFileSync(new URL('../../policies/model.conf', import.meta.url), 'utf8');

describe('loadModel', () => {
  it('accepts the model of this repository, and gives each caller a model of its own', () => {
    const model = loadModel(text);
    expect(model()).not.toBe(model());
    expect(model().model.get('p')?.get('p')?.policy).toEqual([]);
  });

  it.each([
    ['a matcher cut short by a semicolon', text.replace(' && speaks', '; && speaks')],
    ['a matcher cut short by a comment', text.replace(' && covers', ' # && covers')],
    ['a matcher without the tenant', text.replace('p.tenant === r.sub.tenant && ', '')],
    ['a loose comparison', text.replace('p.act === r.act', 'p.act == r.act')],
    ['an effect where allow wins', text.replace(' && !some(where (p.eft == deny))', '')],
    ['columns in another order', text.replace('label, trust', 'trust, label')],
    ['a role definition without a tenant', text.replace('g = _, _, _', 'g = _, _')],
    ['a second matcher', `${text}\nm2 = true`],
    ['a second role definition', text.replace('g = _, _, _', 'g = _, _, _\ng2 = _, _')],
    ['a second policy definition', text.replace('[role_definition]', 'p2 = who\n[role_definition]')],
    ['no matcher', text.slice(0, text.indexOf('[matchers]'))],
    ['nothing', ''],
  ])('refuses %s', (_name, changed) => {
    expect(changed).not.toBe(text);
    expect(() => loadModel(changed)).toThrow(/model\.conf|missing required sections/);
  });
});
