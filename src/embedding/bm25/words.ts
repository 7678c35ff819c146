import { languageRules } from './languages.ts';

/** Longer words are neither prose nor identifiers: base64 and the like. A SHA-512 in hex still fits. */
const MAX_WORD = 160;
/** Parts that one compound may join, so that `a-a-a-…` stays linear. */
const MAX_PARTS = 8;

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterOf(name: string): Intl.Segmenter {
  const { locale } = languageRules(name);
  const known = segmenters.get(locale);
  if (known !== undefined) return known;
  // ICU tables load in milliseconds, so one is kept for each locale; `languageRules` bounds their number.
  const made = new Intl.Segmenter(locale, { granularity: 'word' });
  segmenters.set(locale, made);
  return made;
}

/** Characters that join parts into one identifier or compound: `API-1234`, `part-time` (U+2010 is what NFKC makes of U+2011). */
const JOINER = /^[-\u2010]$/;
const LANGUAGE_SUFFIX = /^(?:\+\+|#)(?![\p{L}\p{N}])/u;
const CAMEL = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u;
const MIXED_CASE = /[\p{Ll}\p{N}]\p{Lu}/u;
const DENSE_SCRIPT = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\u30fc]{3,}$/u;
const THOUSANDS = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;

/**
 * The words of a text, in order, compatibility-normalised and lower-case, before stop words and stems (`name` from `ruleName`).
 * A compound or identifier gives its parts and, joined without its separators, the whole: `API-1234` → `api`, `1234`, `api1234`,
 * so `api_1234`, `API 1234` and `api1234` all find it. Runs of three or more Han, Kana or Hangul characters also give their pairs,
 * because a dictionary cuts the same characters differently in another sentence.
 */
export function* words(text: string, name: string): Generator<string> {
  const source = text.normalize('NFKC').replace(/[\u2018\u2019\u02bc]/g, "'");
  let compound: string[] = [];
  let end = -1;
  for (const { segment, index, isWordLike } of segmenterOf(name).segment(source)) {
    if (isWordLike !== true) {
      if (index === end && JOINER.test(segment)) end = index + 1;
      continue;
    }
    // `end` stands behind the last part, or behind the joiner that follows it.
    if (index !== end || compound.length === 0 || !isJoined(source, index)) {
      if (compound.length > 1) yield* joined(compound);
      compound = [];
    }
    const word = withSuffix(segment, source, index + segment.length);
    if (word.length <= MAX_WORD) {
      yield* parts(word);
      compound.push(word);
    }
    end = index + segment.length;
  }
  if (compound.length > 1) yield* joined(compound);
}

function isJoined(source: string, index: number): boolean {
  return index > 0 && JOINER.test(source.charAt(index - 1));
}

function* joined(compound: readonly string[]): Generator<string> {
  const whole = compound.join('').replaceAll('_', '').toLowerCase();
  if (compound.length <= MAX_PARTS && whole.length <= MAX_WORD) yield whole;
}

/** `C++`, `C#`, `F#`: the segmenter drops the signs, and with them what tells three languages apart. */
function withSuffix(segment: string, source: string, end: number): string {
  if (segment.length > 2) return segment;
  const sign = LANGUAGE_SUFFIX.exec(source.slice(end, end + 3))?.[0] ?? '';
  return segment + sign;
}

function* parts(word: string): Generator<string> {
  const lower = word.toLowerCase();
  if (THOUSANDS.test(lower)) {
    yield lower.replaceAll(',', '');
  } else if (lower.includes('_') || MIXED_CASE.test(word)) {
    const pieces = word.split(/_+/).flatMap((piece) => piece.split(CAMEL));
    const named = pieces.filter((piece) => piece !== '').slice(0, MAX_PARTS);
    for (const piece of named) yield piece.toLowerCase();
    if (named.length > 1) yield lower.replaceAll('_', '');
  } else {
    yield lower;
    if (lower.includes('.') && !/^[\d.]+$/.test(lower)) yield* lower.split('.').filter((piece) => piece.length > 1);
    if (DENSE_SCRIPT.test(lower)) yield* pairs(lower);
  }
}

function* pairs(run: string): Generator<string> {
  const characters = Array.from(run);
  for (let i = 0; i + 1 < characters.length; i += 1) yield `${characters[i] ?? ''}${characters[i + 1] ?? ''}`;
}
