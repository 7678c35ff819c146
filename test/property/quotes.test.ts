import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCitations } from '../../src/evidence/find-citations.ts';
import { findMarkers } from '../../src/evidence/find-markers.ts';
import { findQuotes, type Quote } from '../../src/evidence/find-quotes.ts';
import { fold, type Folded } from '../../src/evidence/fold.ts';
import { figure, trials } from '../support/scale.ts';

const stringOf = ({ units }: Folded): string => Array.from(units, (unit) => String.fromCharCode(unit)).join('');

/** Every window of the output, asked of every text by itself; quadratic, and nothing in common with what it checks but the folding. */
function naive(output: string, texts: readonly string[], atLeast: number): readonly Quote[] {
  const folded = fold(output);
  const all = stringOf(folded);
  return texts.flatMap((text, index) => {
    const inside = stringOf(fold(text));
    const covered = new Set<number>();
    for (let at = 0; at + atLeast <= all.length; at++) {
      if (!inside.includes(all.slice(at, at + atLeast))) continue;
      for (let unit = at; unit < at + atLeast; unit++) covered.add(unit);
    }
    const quotes: Quote[] = [];
    for (let start = 0; start < all.length; start++) {
      if (!covered.has(start)) continue;
      let end = start;
      while (covered.has(end)) end += 1;
      quotes.push({ text: index, start: folded.from[start] ?? 0, end: folded.to[end - 1] ?? 0 });
      start = end;
    }
    return quotes;
  });
}

const word = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'ab',
    'aab',
    'aa',
    'leave',
    'Leave',
    'ﬁne',
    'fine',
    'STRASSE',
    'Straße',
    'naïve',
    'nai\u0308ve',
    '漢字',
    'ひら',
    '١٢',
  ),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const gap = fc.constantFrom('', ' ', '\n', '**', '_', '`', '\u200b', '\u2060', '. ', ' > ', '\u0301', '\ud800', '😀', '\ufdfa');
const text = fc.array(fc.tuple(word, gap), { maxLength: 25 }).map((parts) => parts.flat().join(''));
/** Pieces of texts as a model may write them, among words of its own. */
const world = fc.array(text, { maxLength: 5 }).chain((texts) => {
  const piece = fc.tuple(fc.nat(), fc.nat(60), fc.nat(60), fc.nat(4)).map(([of, from, length, how]) => {
    const cut = (texts[of % Math.max(texts.length, 1)] ?? '').slice(from, from + length);
    if (how === 1) return cut.toUpperCase();
    if (how === 2) return cut.replaceAll(' ', '\n  ');
    if (how === 3) return Array.from(cut).join('\u200b');
    return how === 4 ? cut.normalize('NFD') : cut;
  });
  return fc.record({
    texts: fc.constant(texts),
    output: fc.array(fc.oneof(piece, word, gap), { maxLength: 12 }).map((parts) => parts.join('')),
    atLeast: fc.integer({ min: 1, max: 24 }),
    seed: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
});

describe('passages of released texts in an output', () => {
  it('are exactly those that a naive search finds, whatever the texts, and wherever in the table they meet', async () => {
    let quotes = 0;
    const runs = trials(1_500, 100_000);
    await fc.assert(
      fc.asyncProperty(world, async ({ texts, output, atLeast, seed }) => {
        const found = await findQuotes(fold(output), texts.map(fold), { atLeast, atMost: 10_000, seed });
        const expected = naive(output, texts, atLeast);
        quotes += expected.length;
        expect(found).toEqual({ kind: 'quotes', quotes: expected });
      }),
      { numRuns: runs },
    );
    expect(quotes).toBeGreaterThan(runs / 4);
    figure('quotations: found against a naive search', `${runs} outputs, ${quotes} passages, no difference`);
  });

  it('are refused in place of a list that is too long', async () => {
    const texts = [fold('abcdefgh')];
    const found = async (times: number) =>
      (await findQuotes(fold('abcdefgh!x'.repeat(times)), texts, { atLeast: 8, atMost: 3, seed: 0.5 })).kind;
    expect([await found(3), await found(4), await found(400)]).toEqual(['quotes', 'too-many', 'too-many']);
  });
});

describe('folding', () => {
  it('folds a part into a part of the whole, and says of each unit where it came from', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        // Two halves of one character are not two characters.
        fc.pre(!/[\ud800-\udbff]$/.test(a) || !/^[\udc00-\udfff]/.test(b));
        const whole = fold(a + b);
        expect(stringOf(whole)).toBe(stringOf(fold(a)) + stringOf(fold(b)));
        whole.units.forEach((unit, index) => {
          const from = (a + b).slice(whole.from[index], whole.to[index]);
          expect(from).not.toBe('');
          expect(stringOf(fold(from))).toContain(String.fromCharCode(unit));
        });
      }),
      { numRuns: trials(500, 20_000) },
    );
  });

  it.each([
    ['case, white space and markdown', '**Parental** _leave_\n> is  twelve', 'parental leave is twelve'],
    ['invisible characters', 'pa\u200bren\u00adtal\u2062 \u202eleave\ufeff', 'parental leave'],
    ['compatible forms', 'ｐａｒｅｎｔａｌ ﬁnance', 'parental finance'],
    ['accents, composed and not', 'cafe\u0301 Ünïon', 'café union'],
    ['quotes and dashes', '“twelve” weeks — paid', '"twelve" weeks - paid'],
    ['sharp s and final sigma', 'STRASSE ΟΔΟΣ', 'straße οδος'],
  ])('does not tell apart: %s', (_name, a, b) => {
    expect(stringOf(fold(a))).toBe(stringOf(fold(b)));
    expect(stringOf(fold(a))).not.toBe('');
  });

  it('tells apart other letters and numbers', () => {
    for (const [a, b] of [
      ['twelve', 'twelves'],
      ['12', '13'],
      ['漢', '字'],
      ['a', 'b'],
      ['😀', '😁'],
    ] as const) {
      expect(stringOf(fold(a))).not.toBe(stringOf(fold(b)));
    }
  });
});

describe('markers in an output', () => {
  const marker = fc
    .array(fc.constantFrom(...Array.from('0123456789abcdef')), { minLength: 32, maxLength: 32 })
    .map((digits) => digits.join(''));
  const prose = fc.array(fc.constantFrom('the', 'Face', 'of', '12', '3e', '\n', '- ', 'déjà', '0x', '%41', 'QUJD', '😀'), {
    maxLength: 10,
  });
  const separator = fc.constantFrom('', ' ', '-', ':', '\n', '\u200b', '\u2063', ', ', ' | ', '*', '_', '.', ' z ', 'no', ' → ');
  const spelled: readonly ((marker: string, between: string) => string)[] = [
    (m, between) => Array.from(m).join(between),
    (m, between) => Array.from(m.toUpperCase()).join(between),
    (m, between) => Array.from(m).toReversed().join(between),
    (m, between) => (m.match(/../g) ?? []).map((pair) => `0x${pair}`).join(between),
    (m) => (m.match(/../g) ?? []).map((pair) => `\\x${pair}`).join(''),
    (m) =>
      Array.from(m)
        .map((digit) => `%${digit.charCodeAt(0).toString(16)}`)
        .join(''),
    (m) =>
      Array.from(m)
        .map((digit) => `&#${digit.charCodeAt(0)};`)
        .join(''),
    (m) =>
      Array.from(m)
        .map((digit) => `\\u00${digit.charCodeAt(0).toString(16)}`)
        .join(''),
    (m) =>
      Array.from(m)
        .map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))
        .join(''),
    (m) => m.replaceAll('a', 'а').replaceAll('e', 'е').replaceAll('c', 'с'),
    (m) => Buffer.from(m).toString('base64'),
    (m) => Buffer.from(m.toUpperCase()).toString('base64url'),
    (m) =>
      (
        Buffer.from(m)
          .toString('base64')
          .match(/.{1,9}/g) ?? []
      ).join('\n'),
    (m) => Buffer.from(m, 'hex').toString('base64'),
    (m, between) => (Buffer.from(m).toString('hex').match(/../g) ?? []).join(between),
  ];

  it('are found however they are spelled, and nothing else is', () => {
    fc.assert(
      fc.property(marker, marker, fc.constantFrom(...spelled), separator, prose, prose, (wanted, other, spell, between, before, after) => {
        fc.pre(wanted !== other);
        const around = (inside: string): string => `${before.join(' ')} ~ ${inside} ~ ${after.join(' ')}`;
        expect([...findMarkers(around(spell(wanted, between)), [other, wanted])]).toEqual([wanted]);
        expect([...findMarkers(around(spell(wanted, between).slice(0, -1)), [wanted])].length).toBeLessThanOrEqual(1);
        expect([...findMarkers(around(''), [wanted, other])]).toEqual([]);
      }),
      { numRuns: trials(1_500, 50_000) },
    );
  });

  it('are not found where a digit is missing', () => {
    fc.assert(
      fc.property(marker, separator, fc.nat(31), (wanted, between, missing) => {
        const rest = Array.from(wanted)
          .filter((_, index) => index !== missing)
          .join(between);
        expect([...findMarkers(`~ ${rest} ~`, [wanted])]).toEqual([]);
      }),
    );
  });
});

describe('citations in an output', () => {
  const ids = ['0b0e4a5c-1d2f-8a3b-9c4d-5e6f7a8b9c0d', '1b0e4a5c-1d2f-8a3b-9c4d-5e6f7a8b9c0d', '2b0e4a5c-1d2f-8a3b-9c4d-5e6f7a8b9c0d'];
  const found = (output: string): readonly unknown[] => {
    const citations = findCitations(output, ids, 1_000);
    if (citations.kind === 'too-many') throw new Error('too many');
    return citations.citations.map(({ by, chunk, start, end }) => [by, chunk, output.slice(start, end)]);
  };

  it.each([
    ['a number', 'twelve weeks [1].', [['number', 0, '[1]']]],
    [
      'several in one',
      'so [1, 3].',
      [
        ['number', 0, '[1, 3]'],
        ['number', 2, '[1, 3]'],
      ],
    ],
    [
      'a range',
      'so [1-3]',
      [
        ['number', 0, '[1-3]'],
        ['number', 1, '[1-3]'],
        ['number', 2, '[1-3]'],
      ],
    ],
    ['a footnote', 'so[^2]', [['number', 1, '[^2]']]],
    [
      'one after the other',
      'so[1][2]',
      [
        ['number', 0, '[1]'],
        ['number', 1, '[2]'],
      ],
    ],
    ['a footnote after a stop', 'so.[^2]', [['number', 1, '[^2]']]],
    ['other brackets', 'so 【2】', [['number', 1, '【2】']]],
    [
      'beyond the last rank',
      'so [4] [0]',
      [
        ['number', 'none', '[4]'],
        ['number', 'none', '[0]'],
      ],
    ],
    [
      'a rank',
      'rank="2", rank 3 and Rank: 9',
      [
        ['rank', 1, 'rank="2'],
        ['rank', 2, 'rank 3'],
        ['rank', 'none', 'Rank: 9'],
      ],
    ],
    ['an id in any case', `see ${ids[1]?.toUpperCase() ?? ''}!`, [['id', 1, ids[1]?.toUpperCase()]]],
    ['an id of something else', 'see 9b0e4a5c-1d2f-8a3b-9c4d-5e6f7a8b9c0d', [['id', 'none', '9b0e4a5c-1d2f-8a3b-9c4d-5e6f7a8b9c0d']]],
    ['no citation', 'in [2024], at a[0], f()[9], 漢[7], 𝒜[8], [x], frank 2, [1', []],
  ] as const)('%s', (_name, output, expected) => {
    expect(found(output)).toEqual(expected);
  });
});
