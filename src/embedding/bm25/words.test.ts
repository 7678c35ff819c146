import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { words } from './words.ts';

const of = (text: string, name = 'en'): readonly string[] => [...words(text, name)];

describe('words', () => {
  it('gives lower-case, compatibility-normalised words', () => {
    expect(of('The Ｃｈｉｅｆ of Staﬀ')).toEqual(['the', 'chief', 'of', 'staff']);
  });

  it.each([
    ['API-1234', ['api', '1234', 'api1234']],
    ['foo_bar', ['foo', 'bar', 'foobar']],
    ['getUserName', ['get', 'user', 'name', 'getusername']],
    ['part-time', ['part', 'time', 'parttime']],
    ['part\u2011time', ['part', 'time', 'parttime']],
    ['C++ and C# and F#', ['c++', 'and', 'c#', 'and', 'f#']],
    ['3.14', ['3.14']],
    ['1,000.50', ['1000.50']],
    ['v1.2.3', ['v1.2.3', 'v1']],
    ['node.js', ['node.js', 'node', 'js']],
    ['x - y', ['x', 'y']],
    ['--flag', ['flag']],
    ['a- b', ['a', 'b']],
  ])('reads %s', (text, expected) => {
    expect(of(text)).toEqual(expected);
  });

  it('finds an identifier however it is spelt', () => {
    for (const spelling of ['API-1234', 'api_1234', 'api1234']) expect(of(spelling)).toContain('api1234');
    expect(of('api 1234')).not.toContain('api1234');
  });

  it('cuts Chinese and Japanese by dictionary, and long segments also into pairs', () => {
    expect(of('安全策略', 'und').join('')).toBe('安全策略');
    expect(of('コンピュータ', 'und')).toEqual(expect.arrayContaining(['コンピュータ', 'ピュ']));
  });

  it('leaves out blobs but keeps digests', () => {
    const digest = 'a1'.repeat(32);
    expect(of(`${digest} ${'x'.repeat(200)} end`)).toEqual([digest, 'end']);
  });

  it('stays bounded on text built to grow', () => {
    expect(of('a-'.repeat(50_000)).length).toBe(50_000);
    expect(of('aB_'.repeat(30)).length).toBeLessThan(12);
  });

  it('is total, and never gives an empty word or white space', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(of(text).filter((word) => word.trim() === '')).toEqual([]);
      }),
    );
  });
});
