import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRecent } from './recent.ts';

const MOST = 8;
const tenant = fc.constantFrom('acme', 'acme b', '');
const name = fc.constantFrom('b c', 'c', ...Array.from({ length: 12 }, (_, n) => `n${n}`));
const step = fc.record({ tenant, name, value: fc.option(fc.nat(), { nil: undefined }) });

it('answers what was set last under both keys or nothing, holds no more than it may, and never forgets the half that was looked for last', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const recent = createRecent<{ readonly value: number }>(MOST);
      const set = new Map<string, { readonly value: number }>();
      let looked: string[] = [];
      const seen = (key: string): void => {
        looked = [key, ...looked.filter((other) => other !== key)];
      };
      for (const { tenant: of, name: what, value } of steps) {
        const key = JSON.stringify([of, what]);
        if (value !== undefined) {
          set.set(key, { value });
          recent.set(of, what, { value });
          seen(key);
        }
        const found = recent.get(of, what)?.value;
        const kept = looked.slice(0, MOST / 2 - 1).includes(key);
        expect(kept ? [set.get(key)?.value] : [set.get(key)?.value, undefined]).toContain(found);
        if (found !== undefined) seen(key);
      }
      const keys = [...set.keys()].map((key) => JSON.parse(key) as [string, string]);
      expect(keys.filter(([of, what]) => recent.get(of, what) !== undefined).length).toBeLessThanOrEqual(2 * MOST);
    }),
  );
});

it('forgets what nobody looks for any more', () => {
  const recent = createRecent<number>(MOST);
  for (let n = 0; n < 100; n += 1) {
    recent.set('acme', `n${n}`, n);
    expect(recent.get('acme', 'n0')).toBe(0);
  }
  const left = Array.from({ length: 100 }, (_, n) => n).filter((n) => recent.get('acme', `n${n}`) !== undefined);
  expect(left.length).toBeLessThanOrEqual(MOST);
  expect(left).toContain(99);
});
