import type { RemovedCharacters } from '../../core/ports/candidate.ts';

/** Counts while one document is read. */
export type RemovalCount = { -readonly [K in keyof RemovedCharacters]: RemovedCharacters[K] };

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\u2800\ufff9-\ufffb]/gu;
// Terminal escapes and the like, also when an entity spells them; a line feed and a tab are text.
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROLS = /[\u0001-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;
const TAG = /[\u{e0000}-\u{e007f}]/u;
const BIDI = /\p{Bidi_Control}/u;
const BRAILLE_BLANK = '\u2800';
const ZWNJ = '\u200c';
const ZWJ = '\u200d';
const EMOJI_PRESENTATION = '\ufe0f';

const PICTOGRAPH = /\p{Extended_Pictographic}/u;
/** What a picture may carry before a joiner: a presentation selector, a skin tone. */
const PICTOGRAPH_BEFORE = /\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]*$/u;
const KEYCAP_BASE = /[0-9#*]$/;
const KEYCAP = '\u20e3';
/** Scripts whose spelling needs joiners: cursive ones and those with conjuncts (RFC 5892, appendix A, says where). */
const JOINING_SCRIPTS = [
  'Arabic Syriac Nko Mongolian Thaana Mandaic Adlam',
  'Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Khmer Myanmar Tibetan',
]
  .join(' ')
  .split(' ')
  .map((script) => `\\p{scx=${script}}`)
  .join('');
const JOINING = new RegExp(`^(?=[\\p{L}\\p{M}])[${JOINING_SCRIPTS}]`, 'u');
const MARK = /^\p{M}/u;

/**
 * Takes out characters that a reader cannot see but a model can (instructions in tag characters, text reordered by bidi controls,
 * words split by zero-width spaces), adds them to `count`, turns control characters into spaces, and normalises to NFC. A joiner stays inside an emoji sequence and
 * in scripts that are spelt with it, and the emoji presentation selector after an emoji. Flags written with tag characters lose
 * them, since the same characters spell hidden ASCII.
 */
export function cleanText(text: string, count: RemovalCount): string {
  // Before too, since composing puts marks in the order in which a joiner's neighbours are judged.
  const composed = text.normalize('NFC');
  const cleaned = composed.replace(INVISIBLE, (character, offset: number) => {
    if (isSpelling(composed, character, offset)) return character;
    count[kindOf(character)] += 1;
    return character === BRAILLE_BLANK ? ' ' : '';
  });
  return cleaned.replace(CONTROLS, ' ').normalize('NFC');
}

function kindOf(character: string): keyof RemovedCharacters {
  if (TAG.test(character)) return 'tag';
  return BIDI.test(character) ? 'bidi' : 'zeroWidth';
}

function isSpelling(text: string, character: string, offset: number): boolean {
  if (character !== EMOJI_PRESENTATION && character !== ZWJ && character !== ZWNJ) return false;
  // A few units are enough on either side, and keep this linear.
  const before = text.slice(Math.max(0, offset - 8), offset);
  const next = String.fromCodePoint(text.codePointAt(offset + 1) ?? 0x20);
  if (character === EMOJI_PRESENTATION) {
    const base = lastCharacter(before);
    return PICTOGRAPH.test(base) || (KEYCAP_BASE.test(base) && next === KEYCAP);
  }
  if (character === ZWJ && PICTOGRAPH.test(next) && PICTOGRAPH_BEFORE.test(before)) return true;
  const previous = lastCharacter(before);
  // After a mark (a virama) a joiner may end the word; elsewhere it stands between two letters, so a run of them never stays.
  return JOINING.test(previous) && (JOINING.test(next) || (MARK.test(previous) && !isJoiner(next)));
}

function isJoiner(character: string): boolean {
  return character === ZWJ || character === ZWNJ;
}

function lastCharacter(text: string): string {
  const unit = text.charCodeAt(text.length - 1);
  return unit >= 0xdc00 && unit <= 0xdfff ? text.slice(-2) : text.slice(-1);
}
