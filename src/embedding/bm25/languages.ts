import { stemmer as danish } from '@orama/stemmers/danish';
import { stemmer as dutch } from '@orama/stemmers/dutch';
import { stemmer as english } from '@orama/stemmers/english';
import { stemmer as finnish } from '@orama/stemmers/finnish';
import { stemmer as french } from '@orama/stemmers/french';
import { stemmer as german } from '@orama/stemmers/german';
import { stemmer as italian } from '@orama/stemmers/italian';
import { stemmer as norwegian } from '@orama/stemmers/norwegian';
import { stemmer as portuguese } from '@orama/stemmers/portuguese';
import { stemmer as spanish } from '@orama/stemmers/spanish';
import { stemmer as swedish } from '@orama/stemmers/swedish';
import { stopwords as danishStops } from '@orama/stopwords/danish';
import { stopwords as dutchStops } from '@orama/stopwords/dutch';
import { stopwords as englishStops } from '@orama/stopwords/english';
import { stopwords as finnishStops } from '@orama/stopwords/finnish';
import { stopwords as frenchStops } from '@orama/stopwords/french';
import { stopwords as germanStops } from '@orama/stopwords/german';
import { stopwords as italianStops } from '@orama/stopwords/italian';
import { stopwords as norwegianStops } from '@orama/stopwords/norwegian';
import { stopwords as portugueseStops } from '@orama/stopwords/portuguese';
import { stopwords as spanishStops } from '@orama/stopwords/spanish';
import { stopwords as swedishStops } from '@orama/stopwords/swedish';

/** How words of one language become terms. */
export interface LanguageRules {
  /** What Intl.Segmenter is asked for; `en` for a language without rules, so that a stranger's tag grows no cache. */
  readonly locale: string;
  readonly stopWords: ReadonlySet<string>;
  stem(word: string): string;
  /** An article or pronoun glued on with an apostrophe, such as French `l'`. */
  readonly elision: RegExp | undefined;
}

const NO_ELISION = undefined;
const FRENCH = /^(?:l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|puisqu|quoiqu)'(?=.)/;
const ITALIAN = /^(?:l|d|m|t|s|v|c|un|all|dell|dall|nell|sull|coll|gl|quell|quest)'(?=.)/;

function rules(locale: string, stem: (word: string) => string, stops: readonly string[], elision: RegExp | undefined): LanguageRules {
  return { locale, stem, stopWords: new Set(stops), elision };
}

// The English list leaves out the commonest article.
const ENGLISH = rules('en', english, [...englishStops, 'a'], NO_ELISION);
const NO_RULES = rules('en', (word) => word, [], NO_ELISION);

const LANGUAGES: ReadonlyMap<string, LanguageRules> = new Map([
  ['en', ENGLISH],
  ['da', rules('da', danish, danishStops, NO_ELISION)],
  ['de', rules('de', german, germanStops, NO_ELISION)],
  ['es', rules('es', spanish, spanishStops, NO_ELISION)],
  ['fi', rules('fi', finnish, finnishStops, NO_ELISION)],
  ['fr', rules('fr', french, frenchStops, FRENCH)],
  ['it', rules('it', italian, italianStops, ITALIAN)],
  ['nb', rules('nb', norwegian, norwegianStops, NO_ELISION)],
  ['nl', rules('nl', dutch, dutchStops, NO_ELISION)],
  ['nn', rules('nn', norwegian, norwegianStops, NO_ELISION)],
  ['no', rules('nb', norwegian, norwegianStops, NO_ELISION)],
  ['pt', rules('pt', portuguese, portugueseStops, NO_ELISION)],
  ['sv', rules('sv', swedish, swedishStops, NO_ELISION)],
]);

/** The part of a BCP 47 tag that rules hang on: `de` of `de-AT`; `und` where there are no rules for it. */
export function ruleName(language: string): string {
  const primary = language.toLowerCase().split(/[-_]/, 1)[0] ?? '';
  return LANGUAGES.has(primary) ? primary : 'und';
}

/** A language without rules is neither stemmed nor stop-worded. */
export function languageRules(name: string): LanguageRules {
  return LANGUAGES.get(name) ?? NO_RULES;
}
