import { describe, expect, it } from 'vitest';
import { parseVocabulary } from './vocabulary.ts';

describe('parseVocabulary', () => {
  it('reads levels from the least sensitive on, and purposes', () => {
    const { scheme, purposes } = parseVocabulary('{"levels":["open","closed"],"purposes":["answer"]}');
    expect(scheme.levels.map((level) => scheme.rank(level))).toEqual([0, 1]);
    expect(purposes).toEqual(['answer']);
  });

  it.each([
    '{"levels":["open"]}',
    '{"levels":[],"purposes":["answer"]}',
    '{"levels":["open"],"purposes":[]}',
    '{"levels":["open","open"],"purposes":["answer"]}',
    '{"levels":["Open"],"purposes":["answer"]}',
    '{"levels":["open"],"purposes":["*"]}',
    '{"levels":["a+b"],"purposes":["answer"]}',
    '{"levels":["open"],"purposes":["answer"],"default":"open"}',
    '[]',
    '',
  ])('refuses %s', (text) => {
    expect(() => parseVocabulary(text)).toThrow();
  });

  it.each([
    ['', /^labels\.json is not JSON$/],
    ['[]', /^labels\.json: [^]*expected object/],
    ['{"levels":["open"],"purposes":[]}', /^labels\.json: [^]*name at least one[^]*purposes/],
    ['{"levels":["open"],"purposes":["answer","answer"]}', /^labels\.json: [^]*name each once[^]*purposes/],
    ['{"levels":["open","open"],"purposes":["answer"]}', /^labels\.json: [^]*name each once[^]*levels/],
    ['{"levels":["Open"],"purposes":["answer"]}', /^labels\.json: [^]*lower-case letters, digits and hyphens[^]*levels\[0\]/],
  ])('says what is wrong with %s', (text, message) => {
    expect(() => parseVocabulary(text)).toThrow(message);
  });
});
