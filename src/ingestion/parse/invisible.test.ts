import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument } from './parse-document.ts';
import { cleanText } from './invisible.ts';

function clean(text: string): { readonly text: string; readonly removed: { tag: number; bidi: number; zeroWidth: number } } {
  const removed = { tag: 0, bidi: 0, zeroWidth: 0 };
  return { text: cleanText(text, removed), removed };
}

describe('invisible characters', () => {
  it.each([
    ['hidden ASCII in tag characters', 'a\u{e0049}\u{e0067}b', 'ab', { tag: 2, bidi: 0, zeroWidth: 0 }],
    ['reordering', 'user\u202etxt.exe\u202c', 'usertxt.exe', { tag: 0, bidi: 2, zeroWidth: 0 }],
    ['isolates and marks', '\u2066a\u2069\u200f\u061c', 'a', { tag: 0, bidi: 4, zeroWidth: 0 }],
    ['zero-width spaces', 'ig\u200bnore\u2060d\ufeff', 'ignored', { tag: 0, bidi: 0, zeroWidth: 3 }],
    ['a soft hyphen', 'co\u00adoperate', 'cooperate', { tag: 0, bidi: 0, zeroWidth: 1 }],
    ['Hangul fillers', 'a\u3164b\u115f', 'ab', { tag: 0, bidi: 0, zeroWidth: 2 }],
    ['variation selectors as data', 'a\ufe01\u{e0100}\u{e01ef}', 'a', { tag: 0, bidi: 0, zeroWidth: 3 }],
    ['joiners between Latin letters', 'a\u200db\u200cc', 'abc', { tag: 0, bidi: 0, zeroWidth: 2 }],
    ['a run of joiners between Arabic letters', 'م\u200c\u200d\u200cخ', 'مخ', { tag: 0, bidi: 0, zeroWidth: 3 }],
    ['a blank braille pattern', 'a\u2800b', 'a b', { tag: 0, bidi: 0, zeroWidth: 1 }],
  ])('%s is taken out and counted', (_what, text, expected, removed) => {
    expect(clean(text)).toEqual({ text: expected, removed });
  });

  it.each([
    ['a family', '👨\u200d👩\u200d👧'],
    ['a skin tone with a joiner', '👩🏽\u200d🚀'],
    ['a heart with its presentation', '❤\ufe0f'],
    ['a heart on fire', '❤\ufe0f\u200d🔥'],
    ['a keycap', '1\ufe0f\u20e3'],
    ['Persian', 'می\u200cخواهم'],
    ['Hindi', 'क्\u200dष'],
    ['a virama at the end of a word', 'ക്\u200d '],
    ['Sinhala', 'ශ්\u200dරී'],
  ])('%s keeps what it is spelt with', (_what, text) => {
    expect(clean(text)).toEqual({ text, removed: { tag: 0, bidi: 0, zeroWidth: 0 } });
  });

  it('leaves no tag, no bidi control, no run of joiners, in NFC', () => {
    const unit = fc.constantFrom(
      'a',
      ' ',
      '\u200d',
      '\u200c',
      '\ufe0f',
      '\u202e',
      '\u{e0041}',
      '👩',
      'م',
      'क',
      '्',
      '1',
      '\u20e3',
      '\u0301',
    );
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 30 }).map((all) => all.join('')),
        (text) => {
          const once = clean(text).text;
          expect(once).not.toMatch(/[\p{Bidi_Control}\u{e0000}-\u{e007f}\u200b]/u);
          expect(once).toBe(once.normalize('NFC'));
          expect(once).not.toMatch(/[\u200c\u200d]{2}/);
        },
      ),
    );
  });

  it('is counted in parsed documents, also where an entity spells it', () => {
    for (const type of ['text/html', 'text/markdown']) {
      const parsed = parseDocument('a&#x200B;b &#xE0041;c&#x202E;', type);
      expect(parsed.text).toBe('ab c');
      expect(parsed.removed).toEqual({ tag: 1, bidi: 1, zeroWidth: 1 });
    }
  });

  it('cannot turn structure into text', () => {
    expect(parseDocument('\u200b# Heading\n\ntext', 'text/markdown').blocks[0]?.kind).toBe('heading');
  });
});
