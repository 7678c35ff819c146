import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHygiene } from '../policy/hygiene-file.ts';
import type { TenantId } from '../core/ids.ts';
import { TRUSTS, trustRank, type Level } from '../core/label.ts';
import { asMeant, withHygiene } from './hygiene.ts';
import { cleanTitle, invisibleIn, keepOriginal, keptOriginal, NOTHING_REMOVED, total } from './original.ts';
import type { Access } from './write-rights.ts';

const policy = parseHygiene('rules: [{ kind: tag, over: 2, action: lowerTrust }, { kind: bidi, over: 2, action: quarantine }]');
const access = (trust: (typeof TRUSTS)[number], state: Access['state'] = 'live'): Access => ({
  acl: { gates: [], deny: [] },
  declared: { level: 'internal' as Level, compartments: [], trust },
  validFrom: 'always',
  validUntil: 'forever',
  state,
});
const removed = fc.record({ tag: fc.nat(5), bidi: fc.nat(5), zeroWidth: fc.nat(5) });
const judged = { policy, tenant: 'acme' as TenantId, names: [], before: undefined };

describe('what hidden characters take from a document', () => {
  it('is trust or the document itself, never the other way, and is given back whole', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TRUSTS), fc.constantFrom('live', 'quarantined'), removed, (trust, state, counts) => {
        const meant = access(trust, state);
        const taken = withHygiene(meant, { ...judged, facts: { removed: counts, characters: 100 } });
        expect(trustRank(taken.declared.trust)).toBeLessThanOrEqual(trustRank(trust));
        expect(state === 'quarantined' && taken.state === 'live').toBe(false);
        expect(asMeant(taken).declared).toEqual(meant.declared);
        expect(taken.hygiene !== undefined).toBe(counts.tag > 2 || counts.bidi > 2);
        expect(taken.state === 'quarantined').toBe(state === 'quarantined' || counts.bidi > 2);
      }),
    );
  });

  it('is not taken from what an owner accepted, until one more is hidden', () => {
    const facts = { removed: { tag: 3, bidi: 0, zeroWidth: 0 }, characters: 100 };
    const accepted = withHygiene(access('internal'), { ...judged, facts, accept: true });
    expect(accepted).toMatchObject({ declared: { trust: 'internal' }, hygiene: { accepted: true } });
    const again = withHygiene(access('internal'), { ...judged, facts, before: accepted.hygiene });
    expect(again).toEqual(accepted);
    // In the title, or in the URI, which are not part of the text that stayed the same.
    for (const more of [
      { ...judged, names: ['\u{e0041}'] },
      { ...judged, facts: { ...facts, removed: { ...facts.removed, bidi: 1 } } },
    ]) {
      const anew = withHygiene(access('internal'), { facts, ...more, before: accepted.hygiene });
      expect(anew).toMatchObject({ declared: { trust: 'external' }, hygiene: { accepted: false } });
    }
  });
});

const HIDDEN = [
  '\u{e0049}',
  '\u202e',
  '\u200b',
  '\u200d',
  '\ufeff',
  '\ufe0f',
  '\u{e0101}',
  'a',
  'é',
  'e\u0301',
  '👩',
  '\n',
  '\r\n',
  ' ',
  '\0',
];
const strings = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...HIDDEN)).map((parts) => parts.join('')),
);

describe('what was handed in', () => {
  it('comes back as it was: any text, any bytes that are text, any chunks, any title', () => {
    fc.assert(
      fc.property(strings, fc.option(strings, { nil: undefined }), fc.array(strings, { maxLength: 4 }), (text, title, texts) => {
        expect(keptOriginal(keepOriginal({ kind: 'text', text }, title))).toEqual({ text, ...(title === undefined ? {} : { title }) });
        const bytes = Buffer.from(text.toWellFormed(), 'utf8');
        const kept = keptOriginal(keepOriginal({ kind: 'bytes', bytes }, undefined));
        expect(Buffer.from(kept.text ?? '', 'utf8').equals(bytes)).toBe(true);
        const chunks = texts.map((each) => ({ text: each }));
        expect(keptOriginal(keepOriginal({ kind: 'chunks', chunks }, undefined)).chunks).toEqual(texts);
      }),
      { numRuns: 500 },
    );
  });

  it('is as one text what both databases can hold', () => {
    fc.assert(
      fc.property(strings, (text) => {
        const kept = keepOriginal({ kind: 'text', text }, undefined);
        expect(kept.includes('\0')).toBe(false);
        expect(kept.isWellFormed()).toBe(true);
      }),
    );
  });

  it('has a title without what cannot be seen, unless nothing else is in it', () => {
    expect(cleanTitle('Le\u200bave \u{e0041}')).toEqual({ title: 'Leave ', removed: { tag: 1, bidi: 0, zeroWidth: 1 } });
    expect(cleanTitle('\u{e0041}\u202e').title).toBeUndefined();
    expect(cleanTitle('می\u200cخواهم 👨\u200d👩\u200d👧')).toEqual({ title: 'می\u200cخواهم 👨\u200d👩\u200d👧', removed: NOTHING_REMOVED });
    expect(total(invisibleIn('a\u202eb', undefined, 'c\u{e0041}'))).toBe(2);
  });
});
