import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentVector, queryVector } from './bm25.ts';
import { BM25_IDENTITY, BM25_SPEC, idfOf } from './spec.ts';
import { termId, terms } from './terms.ts';

const stems = (text: string, name: string): readonly string[] => [...terms(text, name)].map(({ stem }) => stem);
const score = (query: string, text: string, language = 'en'): number => {
  const q = queryVector(query, [language]);
  const d = documentVector(text, language);
  return q.indices.reduce((sum, id, i) => sum + (q.values[i] ?? 0) * (d.values[d.indices.indexOf(id)] ?? 0), 0);
};

const GOLDEN_TEXT =
  'Parental leave: employees receive 12 weeks (see HR-204, §3.1). Ask for café résumés in C++; ' +
  "don't mail jane_doe@example.org. 安全策略 データベース";

const GOLDEN_IDS = [2386799699, 3071209823, 2626598748, 3820012610];
const GOLDEN_STEMS =
  'parent leav employe receiv 12 week see hr 204 hr204 3.1 ask cafe resume c++ mail jane doe janedo example.org exampl org 安全 策略 データベース デー ータ タベ ベー ース';
const GOLDEN_DOCUMENT = '55864b12133cd5e0f011602b95bd8ef05ee939607b0cde9ebb0820e441e7a03e';
const GOLDEN_QUERY = { indices: [1844673962, 2386799699, 3832620438, 4128645885], values: [2.56, 2.3, 4.33, 2.9] };
const GOLDEN_TABLE = '15cd9b62c37150fbb9c8a976fd4be8951be8b97b47cd1c74eaed345c9b93b529';
const GOLDEN_SPEC = 'f3bb06f3fc5071708e4ef8a47e395f884962d5535fba3ce58b2f51d0addc3d54';

describe('golden values of bm25@1: a change here needs a new version of BM25_SPEC', () => {
  it('term ids', () => {
    expect(termId('leav')).toBe(createHash('sha256').update('leav').digest().readUInt32BE(0));
    expect([termId('leav'), termId('polici'), termId('策略'), termId('')]).toEqual(GOLDEN_IDS);
  });
  it('stems', () => {
    expect(stems(GOLDEN_TEXT, 'en').join(' ')).toBe(GOLDEN_STEMS);
  });
  it('a document vector', () => {
    const vector = documentVector(GOLDEN_TEXT, 'en');
    expect(digest(vector)).toBe(GOLDEN_DOCUMENT);
  });
  it('a query vector', () => {
    const vector = queryVector('how many weeks of parental leave', ['en']);
    expect(vector).toEqual(GOLDEN_QUERY);
  });
  it('the table and the parameters', () => {
    const table = readFileSync(new URL('idf-en-1.json', import.meta.url));
    expect(createHash('sha256').update(table).digest('hex')).toBe(GOLDEN_TABLE);
    expect(createHash('sha256').update(JSON.stringify(BM25_SPEC)).digest('hex')).toBe(GOLDEN_SPEC);
    expect(BM25_IDENTITY).toBe('bm25@1');
  });
});

// Weights rounded to nine digits: the last bit of a division is not part of the contract.
function digest(vector: { readonly indices: readonly number[]; readonly values: readonly number[] }): string {
  const text = vector.indices.map((id, i) => `${id}:${(vector.values[i] ?? 0).toFixed(9)}`).join(' ');
  return createHash('sha256').update(text).digest('hex');
}

describe('languages', () => {
  it.each([
    ['de', 'die Richtlinien für den Urlaub', 'Richtlinie'],
    ['fr', 'l’école et les congés parentaux', 'école'],
    ['es', 'las vacaciones de los empleados', 'empleado'],
    ['it', "dell'azienda e delle ferie", 'aziende'],
    ['pt', 'as férias dos empregados', 'empregado'],
    ['nl', 'de regels voor de werknemers', 'werknemer'],
    ['sv', 'reglerna för semester', 'regler'],
    ['en-GB', 'the policies of the company', 'policy'],
  ])('%s: another form of a word finds it', (language, text, query) => {
    expect(score(query, text, language)).toBeGreaterThan(0);
    expect(score('xylophone', text, language)).toBe(0);
  });

  it('neither stems nor stop-words a language without rules', () => {
    expect(stems('the policies', 'und')).toEqual(['the', 'policies']);
    expect(documentVector('policies', 'tlh')).toEqual(documentVector('policies', 'xx-unknown'));
    expect(documentVector('policies', 'tlh')).not.toEqual(documentVector('policies', 'en'));
  });

  it('reads a query in every language given', () => {
    const both = new Set(queryVector('Richtlinien policies', ['en', 'de']).indices);
    for (const language of ['en', 'de']) {
      for (const id of queryVector('Richtlinien policies', [language]).indices) expect(both.has(id)).toBe(true);
    }
  });

  it('takes the known figure where two languages make the same stem', () => {
    const [value] = queryVector('work', ['de', 'en']).values;
    expect(value).toBe(idfOf('work', 'en'));
    expect(idfOf('work', 'de')).toBe(idfOf('never-seen', 'en'));
  });
});

describe('weights', () => {
  it('depend on the document alone: saturating in frequency, lower in a longer text', () => {
    const weight = (text: string): number => documentVector(text, 'en').values[0] ?? 0;
    expect(weight('leave leave')).toBeGreaterThan(weight('leave'));
    expect(weight('leave '.repeat(40))).toBeLessThan(BM25_SPEC.k1 + 1);
    const padded = documentVector(`leave ${'holiday '.repeat(300)}`, 'en');
    expect(padded.values[padded.indices.indexOf(termId('leav'))]).toBeLessThan(weight('leave'));
  });

  it('rank a rare word above a common one', () => {
    expect(idfOf('work', 'en')).toBeLessThan(idfOf('parent', 'en'));
    expect(idfOf('zyzzyva', 'en')).toBeGreaterThanOrEqual(idfOf('parent', 'en'));
  });

  it('are empty where only stop words are left', () => {
    expect(queryVector('what is the', ['en']).indices).toEqual([]);
    expect(queryVector('what is leave', ['en']).indices).toHaveLength(1);
  });

  it('bound the terms of a query', () => {
    const long = Array.from({ length: 5_000 }, (_, i) => `term${i}`).join(' ');
    expect(queryVector(long, ['en']).indices).toHaveLength(512);
  });

  it('come in ascending, unique, 32-bit indices with finite, positive values', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.constantFrom('en', 'de', 'ja', 'und'), (text, language) => {
        for (const { indices, values } of [documentVector(text, language), queryVector(text, [language])]) {
          expect(values).toHaveLength(indices.length);
          expect(indices.every((id, i) => Number.isInteger(id) && id >= 0 && id < 2 ** 32 && (i === 0 || id > (indices[i - 1] ?? 0)))).toBe(
            true,
          );
          expect(values.every((value) => Number.isFinite(value) && value > 0)).toBe(true);
        }
      }),
    );
  });
});
