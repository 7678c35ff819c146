import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { corpus } from '../../../test/support/corpus.ts';
import { parseDocument } from './parse-document.ts';
import { codeOf, faultsOf } from './parsed.fixture.ts';

/** Front matter and nothing else. */
function isRedirect(text: string): boolean {
  return /^---\n(?:(?!---).*\n)*---\s*$/.test(text);
}

describe('documents built to be slow', () => {
  const fill = (piece: string): string => piece.repeat(Math.ceil(1_000_000 / piece.length));
  it.each(['<div>', '<b><div>', '<table><tr><td>', '<section>', '<ul><li>', '<blockquote>'])(
    'HTML of %s is refused for its depth',
    (piece) => {
      expect(codeOf(() => parseDocument(`${fill(piece)}text`, 'text/html'))).toBe('unreadable_document');
      expect(parseDocument(`${piece.repeat(20)}text`, 'text/html').text).toContain('text');
    },
  );

  it.each(['>', '> ', '- ', '1. ', '* > '])('Markdown of %s on one line is read', (piece) => {
    expect(parseDocument(`${fill(piece)}text\n\nafter`, 'text/markdown').text).toContain('after');
  });

  it('Markdown that costs too much ends in a refusal or an answer, not in a hang or a stack overflow', () => {
    for (const piece of ['*a_ ', 'a\n-\n']) {
      const code = codeOf(() => parseDocument(fill(piece).slice(0, 40_000), 'text/markdown'));
      expect(['it succeeded', 'unreadable_document']).toContain(code);
    }
  });
});

describe('any text', () => {
  const anything = fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.replaceAll('\0', ''));
  const markup = fc
    .array(
      fc.constantFrom(
        '# ',
        '\n',
        '\n\n',
        '- ',
        '> ',
        '| a |',
        '|-|',
        '```',
        '<b>',
        '<p hidden>',
        '</p>',
        '<!--',
        '*',
        '[x](y)',
        '&#8203;',
        'word',
        'e\u0301',
        '\u202e',
      ),
      {
        maxLength: 60,
      },
    )
    .map((pieces) => pieces.join(''));

  it.each(['text/plain', 'text/markdown', 'text/html'])('%s is read soundly or refused', (type) => {
    fc.assert(
      fc.property(fc.oneof(anything, markup), (text) => {
        let faults: readonly string[] = [];
        const code = codeOf(() => (faults = faultsOf(parseDocument(text, type))));
        expect(['it succeeded', 'unreadable_document']).toContain(code);
        expect(faults).toEqual([]);
      }),
    );
  });
});

describe('a real handbook, or a made one where it is not at hand', () => {
  const texts = corpus().map(({ text }) => text);

  it('is read soundly', () => {
    expect(texts).toHaveLength(246);
    const redirects = texts.filter(isRedirect);
    for (const text of redirects) expect(codeOf(() => parseDocument(text, 'text/markdown'))).toBe('unreadable_document');
    expect(redirects.length).toBeLessThan(20);
    for (const text of texts.filter((one) => !isRedirect(one))) expect(faultsOf(parseDocument(text, 'text/markdown'))).toEqual([]);
  });
});
