import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { corpus } from '../../../test/support/corpus.ts';
import type { ParsedDocument, TextChunk } from '../../core/text.ts';
import { parseDocument } from '../parse/parse-document.ts';
import { chunkDocument, DEFAULT_CHUNK_OPTIONS, indexText } from './chunk-document.ts';

const markdown = (text: string): ParsedDocument => parseDocument(text, 'text/markdown');
const textsOf = (parsed: ParsedDocument, chunks = chunkDocument(parsed)): readonly string[] =>
  chunks.map(({ start, end }) => parsed.text.slice(start, end));
const words = (count: number): string => Array.from({ length: count }, (_, i) => `word${i}`).join(' ');
const sentences = (count: number): string => Array.from({ length: count }, (_, i) => `This is sentence number ${i} of it.`).join(' ');

/** Apart and in order, trimmed, within bounds; every other character than white space of the blocks in exactly one chunk. */
function expectSound(parsed: ParsedDocument, chunks: readonly TextChunk[], maximum = DEFAULT_CHUNK_OPTIONS.maximum): void {
  const faults: string[] = [];
  let end = 0;
  for (const chunk of chunks) {
    const at = `at ${chunk.start}:`;
    const text = parsed.text.slice(chunk.start, chunk.end);
    if (chunk.start < end) faults.push(`${at} overlaps the one before`);
    if (parsed.text.slice(end, chunk.start).trim() !== '') faults.push(`${at} text before it is in no chunk`);
    if (text === '' || text.trim() !== text) faults.push(`${at} empty, or not trimmed`);
    if (!text.isWellFormed()) faults.push(`${at} cut through a character`);
    if (text.length > maximum) faults.push(`${at} longer than ${maximum}`);
    end = chunk.end;
  }
  if (parsed.text.slice(end).trim() !== '') faults.push('text after the last is in no chunk');
  // Once a document: a matcher for each chunk costs more than the chunker.
  expect(faults).toEqual([]);
}

describe('chunks', () => {
  it('keep a heading with its text, and name the headings above', () => {
    const parsed = markdown(`# Leave\n\n${words(80)}\n\n## Sick\n\n${words(90)}\n\n# Pay\n\n${words(100)}`);
    const chunks = chunkDocument(parsed);
    expect(chunks.map((chunk) => chunk.path)).toEqual([['Leave'], ['Leave', 'Sick'], ['Pay']]);
    expect(textsOf(parsed).map((text) => text.split('\n')[0])).toEqual(['Leave', 'Sick', 'Pay']);
    expectSound(parsed, chunks);
  });

  it('join tiny sections under their common parent, and no others', () => {
    const tiny = markdown(`# Questions\n\n## One\n\nyes\n\n## Two\n\nno\n\n## Three\n\n${words(200)}`);
    expect(chunkDocument(tiny).map((chunk) => chunk.path)).toEqual([['Questions'], ['Questions', 'Three']]);
    const apart = markdown(`# A\n\n## A1\n\n### A11\n\nyes\n\n# B\n\n## B1\n\n### B11\n\nno`);
    expect(chunkDocument(apart).map((chunk) => chunk.path)).toEqual([
      ['A', 'A1', 'A11'],
      ['B', 'B1', 'B11'],
    ]);
  });

  it('cut a long paragraph between sentences', () => {
    const parsed = markdown(sentences(200));
    const texts = textsOf(parsed);
    expect(texts.length).toBeGreaterThan(4);
    expect(texts.every((text) => text.startsWith('This is') && text.endsWith('of it.'))).toBe(true);
    expect(texts.slice(0, -1).every((text) => text.length > 900)).toBe(true);
    expectSound(parsed, chunkDocument(parsed));
  });

  it('cut a long table and a long list between lines', () => {
    const table = markdown(`| a | b |\n| - | - |\n${'| some cell | another cell |\n'.repeat(200)}`);
    expect(textsOf(table).every((text) => /^(?:a \| b|some cell \| another cell)(?:\n|$)/.test(text))).toBe(true);
    const list = markdown('- an item of a list\n'.repeat(300));
    expect(textsOf(list).every((text) => text.startsWith('- an') && text.endsWith('list'))).toBe(true);
  });

  it('cut a paragraph without sentences between words', () => {
    expect(textsOf(markdown(words(900))).every((text) => /^word\d+ .*word\d+$/.test(text))).toBe(true);
  });

  it.each([
    ['a flag', '🇳🇴'],
    ['a family', '👨\u200d👩\u200d👧'],
    ['a letter with marks', 'q\u0323\u0307'],
  ])('never cut through %s', (_what, grapheme) => {
    const parsed = parseDocument(grapheme.repeat(1_500), 'text/plain');
    expect(textsOf(parsed).length).toBeGreaterThan(1);
    expect(textsOf(parsed).every((text) => text.length % grapheme.length === 0)).toBe(true);
    expectSound(parsed, chunkDocument(parsed));
  });

  it('stay bounded where one grapheme is longer than a chunk', () => {
    const parsed = parseDocument(`a${'\u0331'.repeat(9_000)}`, 'text/plain');
    expect(chunkDocument(parsed).length).toBeGreaterThan(4);
    expectSound(parsed, chunkDocument(parsed));
  });

  it('of a document with headings only', () => {
    const parsed = markdown('# One\n\n## Two');
    expect(textsOf(parsed)).toEqual(['One\n\nTwo']);
  });

  it('of a megabyte without a space', () => {
    const parsed = parseDocument('x'.repeat(1_000_000), 'text/plain');
    expect(chunkDocument(parsed).length).toBeGreaterThan(500);
    expectSound(parsed, chunkDocument(parsed));
  });
});

describe('any document', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '',
      '',
      '# One',
      '## Two',
      '### Three',
      '# One',
      '- item',
      '  - nested',
      '> quote',
      '| a | b |\n| - | - |\n| c | d |',
      '```\ncode\n```',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }).map((text) => text.replaceAll('\0', '')),
    fc.integer({ min: 1, max: 120 }).map(sentences),
    fc.integer({ min: 500, max: 3_000 }).map((length) => 'é漢'.repeat(length)),
  );

  it('is cut soundly, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 25 }), fc.integer({ min: 40, max: 1_200 }), (lines, target) => {
        const parsed = markdown(`start\n\n${lines.join('\n')}`);
        const options = { target, maximum: target + 400, tiny: Math.floor(target / 3) };
        expectSound(parsed, chunkDocument(parsed, options), options.maximum);
        for (const chunk of chunkDocument(parsed, options)) {
          const inside = parsed.blocks.filter(({ start, end }) => start < chunk.end && end > chunk.start);
          expect(inside.every((block) => chunk.path.every((heading, i) => block.path[i] === heading || block.kind === 'heading'))).toBe(
            true,
          );
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('what is embedded', () => {
  it('is the title and the headings above, then the text', () => {
    expect(indexText({ path: ['Leave', 'Sick'], text: 'Call in.' }, 'Handbook')).toBe('Handbook › Leave › Sick\n\nCall in.');
  });

  it('says nothing twice', () => {
    expect(indexText({ path: ['Leave'], text: 'Leave\n\nCall in.' }, 'Leave')).toBe('Leave\n\nCall in.');
    expect(indexText({ path: ['Leave', 'Sick'], text: 'Sick\n\nCall in.' }, 'Leave')).toBe('Leave\n\nSick\n\nCall in.');
    expect(indexText({ path: [], text: 'Call in.' }, undefined)).toBe('Call in.');
  });
});

describe('a real handbook, or a made one where it is not at hand', () => {
  it('is cut soundly, mostly near the target', () => {
    const lengths: number[] = [];
    // A third of them, since parsing takes far longer than cutting.
    for (const { text } of corpus().filter((_, index) => index % 3 === 0)) {
      // Pages that only redirect hold no text.
      if (/^---\n(?:(?!---).*\n)*---\s*$/.test(text)) continue;
      const parsed = markdown(text);
      const chunks = chunkDocument(parsed);
      expectSound(parsed, chunks);
      lengths.push(...chunks.map(({ start, end }) => end - start));
    }
    const median = lengths.toSorted((a, b) => a - b)[Math.floor(lengths.length / 2)] ?? 0;
    expect(median).toBeGreaterThan(600);
    expect(median).toBeLessThanOrEqual(DEFAULT_CHUNK_OPTIONS.target);
  });
});
