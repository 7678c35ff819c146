import type { SparseVector } from '../../core/ports/vectors.ts';
import { ruleName } from './languages.ts';
import { BM25_SPEC, idfOf } from './spec.ts';
import { terms } from './terms.ts';

/** Terms of a query beyond these are ignored: enough for a page of text, few enough for the index. */
const MAX_QUERY_TERMS = 512;

/**
 * The BM25 weights of a document's text, from that text alone: `tf·(k1+1) / (tf + k1·(1−b+b·length/averageLength))` for each term,
 * with the length in terms. Stems that share an id add up. Empty where the text has no term.
 */
export function documentVector(text: string, language: string): SparseVector {
  const counts = new Map<number, Map<string, number>>();
  let length = 0;
  for (const { id, stem } of terms(text, ruleName(language))) {
    const stems = counts.get(id);
    if (stems === undefined) counts.set(id, new Map([[stem, 1]]));
    else stems.set(stem, (stems.get(stem) ?? 0) + 1);
    length += 1;
  }
  const { k1, b, averageLength } = BM25_SPEC;
  const discount = k1 * (1 - b + (b * length) / averageLength);
  return ascending(
    counts.entries().map(([id, stems]) => {
      const weight = stems.values().reduce((sum, tf) => sum + (tf * (k1 + 1)) / (tf + discount), 0);
      return [id, weight] as const;
    }),
  );
}

/**
 * The IDF of each distinct term of a query, read in every language given (the first 512 terms count). Where two languages
 * make the same stem of a word, the lower figure holds, since it is the known one. Stems that share an id add up. Empty
 * where only stop words are left.
 */
export function queryVector(text: string, languages: readonly string[]): SparseVector {
  const weights = new Map<string, { id: number; idf: number }>();
  for (const name of new Set(languages.map(ruleName))) {
    let taken = 0;
    for (const { id, stem } of terms(text, name)) {
      const known = weights.get(stem);
      const idf = idfOf(stem, name);
      if (known === undefined || idf < known.idf) weights.set(stem, { id, idf });
      taken += 1;
      if (taken >= MAX_QUERY_TERMS) break;
    }
  }
  const byId = new Map<number, number>();
  for (const { id, idf } of weights.values()) byId.set(id, (byId.get(id) ?? 0) + idf);
  return ascending(byId.entries());
}

function ascending(entries: Iterable<readonly [number, number]>): SparseVector {
  const sorted = [...entries].sort(([a], [b]) => a - b);
  return { indices: sorted.map(([id]) => id), values: sorted.map(([, value]) => value) };
}
