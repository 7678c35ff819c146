import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapNames, named, namedDocument, nameKey } from '../../core/audit-names.ts';
import type { JsonObject } from '../../core/json.ts';
import { canonicalJson } from '../leaf.ts';
import { subjectId } from './key.ts';
import { fill, templateOf } from './template.ts';

const pseudonym = (id: string): string => `p-${id.length}-${Buffer.from(id, 'utf8').toString('hex')}`;
const NOTHING = { session: undefined, sealed: undefined };

/** Keys that sort unlike they were put in, numbers that look like places in a list, and names at every depth. */
const key = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('10', '9', 'é', '\u{1f600}', '\ufb33', '@person', '@document', '__proto__'),
);
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, -0, 1e21, 1e-7, 5e-324, 0.1, '"', '\\', '\u2028', '\u0000'),
    fc.string({ unit: 'grapheme' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'grapheme' }).map((name) => named(`user:${name}`)),
    fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })).map(([source, document]) => namedDocument(source, document)),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(key, tie('json'), { maxKeys: 5 }),
  ),
}));
const body = fc
  .oneof(fc.dictionary(key, json, { maxKeys: 6 }), fc.dictionary(key, fc.nat(), { minKeys: 30, maxKeys: 40 }))
  .map((value) => value as JsonObject);

describe('the template of a body', () => {
  it('filled, is RFC 8785 of the body with its names replaced, as an independent canonicaliser has it', () => {
    fc.assert(
      fc.property(body, (value) => {
        const inside = { value };
        const stored = mapNames(inside, (kind, name) => ({ [nameKey(kind)]: pseudonym(subjectId({ kind, name })) }));
        expect(fill(templateOf(inside, { session: false, sealed: false }), { ...NOTHING, pseudonym })).toBe(canonicalJson(stored));
      }),
    );
  });

  it('leaves the gaps for session and sealed part in their places, whatever the body says there', () => {
    fc.assert(
      fc.property(body, fc.boolean(), fc.boolean(), (value, session, sealed) => {
        const inside = { ...value, session: 'false', sealed: 'false', value };
        const stored = mapNames(inside, (kind, name) => ({ [nameKey(kind)]: pseudonym(subjectId({ kind, name })) }));
        const expected = { ...stored, ...(session ? { session: { turns: 1 } } : {}), ...(sealed ? { sealed: 'sha256:0' } : {}) };
        const filled = fill(templateOf(inside, { session, sealed }), { pseudonym, session: '{"turns":1}', sealed: 'sha256:0' });
        expect(filled).toBe(canonicalJson(expected));
      }),
    );
  });

  it('refuses what has no canonical form', () => {
    for (const value of ['\ud800', NaN, Infinity, 1n, Symbol('s'), () => undefined]) {
      expect(() => templateOf({ value } as unknown as JsonObject, { session: false, sealed: false })).toThrow(TypeError);
    }
    expect(() => templateOf({ '\udfff': 1 }, { session: false, sealed: false })).toThrow(TypeError);
  });
});
