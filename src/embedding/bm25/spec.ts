import idfEn from './idf-en-1.json' with { type: 'json' };

/**
 * Everything a stored sparse vector depends on. Whoever changes what any of these stands for raises `version`, because vectors
 * of two versions do not compare; `bm25.test.ts` pins their output, so that a change by accident fails.
 */
export const BM25_SPEC = {
  version: 1,
  tokens: 'intl-segmenter, nfkc, compounds@1',
  stems: '@orama/stemmers@3.1.18, latin-fold@1',
  stopWords: '@orama/stopwords@3.1.18',
  ids: 'sha256-be32@1',
  /** How fast a repeated term saturates. */
  k1: 1.2,
  /** How much a long chunk is discounted. */
  b: 0.75,
  /** Terms in a typical chunk. A constant, since an average over the collection would tell about hidden documents. */
  averageLength: 80,
  idf: 'idf-en@1',
} as const;

export const BM25_IDENTITY = `bm25@${BM25_SPEC.version}`;

const IDF_EN: ReadonlyMap<string, number> = new Map(Object.entries(idfEn.idf));

/** The IDF of a stem: from our table for English, else the constant for a rare term. Never from the collection. */
export function idfOf(stem: string, name: string): number {
  return (name === 'en' ? IDF_EN.get(stem) : undefined) ?? idfEn.unseen;
}
