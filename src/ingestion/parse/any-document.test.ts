import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { ParsedDocument } from '../../core/text.ts';
import { parseDocument } from './parse-document.ts';

const PAGE = '# A page\n\nText with *emphasis* and a [link](https://example.org).\n\n- a\n- list\n\n| a | b |\n| - | - |\n| c | d |';

/** Front matter and nothing else. */
function isRedirect(document: Buffer): boolean {
  return /^---\n(?:(?!---).*\n)*---\s*$/.test(document.toString('utf8'));
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'it succeeded';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

/** In order, apart, within the text, without white space at the end, and nothing between them but white space. */
function expectSound(parsed: ParsedDocument): void {
  let end = 0;
  for (const block of parsed.blocks) {
    expect(parsed.text.slice(end, block.start).trim()).toBe('');
    expect(parsed.text.slice(block.start, block.end).trimEnd()).toBe(parsed.text.slice(block.start, block.end));
    expect(block.end).toBeGreaterThan(block.start);
    end = block.end;
  }
  expect(end).toBe(parsed.text.length);
  expect(parsed.text).toBe(parsed.text.normalize('NFC'));
  expect(parsed.text.isWellFormed()).toBe(true);
  expect(parsed.text).not.toMatch(/[\p{Bidi_Control}\u{e0000}-\u{e007f}\0\r]/u);
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

  it('Markdown that costs too much ends in a refusal or an answer, not in a hang or a stack overflow', { timeout: 120_000 }, () => {
    for (const piece of ['*a_ ', 'a\n-\n']) {
      expect(['it succeeded', 'unreadable_document']).toContain(
        codeOf(() => parseDocument(fill(piece).slice(0, 100_000), 'text/markdown')),
      );
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
        const code = codeOf(() => {
          expectSound(parseDocument(text, type));
        });
        expect(['it succeeded', 'unreadable_document']).toContain(code);
      }),
    );
  });
});

describe('a real handbook, or a made one where it is not at hand', () => {
  const corpus = path.resolve(import.meta.dirname, '../../../../shared/corpus/handbook');
  const documents = existsSync(corpus)
    ? globSync('**/*.md', { cwd: corpus }).map((file) => readFileSync(path.join(corpus, file)))
    : Array.from({ length: 246 }, (_, i) => Buffer.from(`${PAGE}\n\n## Part ${i}\n\n${'A sentence of it. '.repeat(i)}`));

  it('is read soundly', { timeout: 120_000 }, () => {
    expect(documents).toHaveLength(246);
    const redirects = documents.filter(isRedirect);
    expect(redirects.map((document) => codeOf(() => parseDocument(document, 'text/markdown')))).toEqual(
      redirects.map(() => 'unreadable_document'),
    );
    expect(redirects.length).toBeLessThan(20);
    for (const document of documents.filter((one) => !isRedirect(one))) expectSound(parseDocument(document, 'text/markdown'));
  });
});
