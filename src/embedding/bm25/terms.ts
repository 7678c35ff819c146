import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { languageRules } from './languages.ts';
import { words } from './words.ts';

/** What a word is indexed as. `id` is the index in the sparse vector. */
export interface Term {
  readonly stem: string;
  readonly id: number;
}

/** What a stemmer may cut: words of letters. Longer ones, and those with digits or dots, are identifiers. */
const STEMMABLE = /^[\p{L}\p{M}']{1,40}$/u;
const LATIN = /^[\p{sc=Latin}\p{M}]+$/u;
const MARKS = /\p{M}+/gu;
const POSSESSIVE = /'s?$/;
const STOP = 'stop';

// Prose repeats itself: nine of ten look-ups hit. Bounded, so that hostile text costs time, not memory.
const memo = new LRUCache<string, Term | typeof STOP>({ max: 30_000 });

/**
 * First four bytes of the SHA-256 of the stem in UTF-8, big-endian: anyone can recompute it, and it never changes.
 * Two stems in 2³² share an id; their weights add up.
 */
export function termId(stem: string): number {
  return Buffer.from(hash('sha256', stem, 'hex').slice(0, 8), 'hex').readUInt32BE(0);
}

/** Stop word, stem, then accents off (Latin script only), so that `conges` and `congés` meet. */
function makeTerm(word: string, name: string): Term | typeof STOP {
  const rules = languageRules(name);
  const bare = rules.elision === undefined ? word : word.replace(rules.elision, '');
  if (rules.stopWords.has(word) || rules.stopWords.has(bare)) return STOP;
  const owned = bare.replace(POSSESSIVE, '') || bare;
  if (rules.stopWords.has(owned)) return STOP;
  const stem = STEMMABLE.test(owned) ? rules.stem(owned) || owned : owned;
  const folded = LATIN.test(stem) ? stem.normalize('NFD').replace(MARKS, '') : stem;
  return { stem: folded, id: termId(folded) };
}

function termOf(word: string, name: string): Term | typeof STOP {
  const key = `${name}:${word}`;
  const known = memo.get(key);
  if (known !== undefined) return known;
  const made = makeTerm(word, name);
  memo.set(key, made);
  return made;
}

/** The terms of a text in order, stop words left out (`name` from `ruleName`). */
export function* terms(text: string, name: string): Generator<Term> {
  for (const word of words(text, name)) {
    const term = termOf(word, name);
    if (term !== STOP) yield term;
  }
}
