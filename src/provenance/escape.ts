/**
 * Not in XML 1.0's Char (section 2.2): C0 but for tab, line feed and carriage return, and U+FFFE and U+FFFF; and besides DEL and C1, of
 * which a terminal obeys some. Matched after `toWellFormed`, so surrogates stand in pairs.
 */
const FORBIDDEN = /(?![\t\n\r])[\p{Cc}\ufffe\uffff]/gu;

/**
 * What a reader does not see and a model does: text is cleaned of these when it comes in, but a document's own id has to stay what it
 * is, and five hundred bytes of tag characters spell an instruction.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\u2800\ufff9-\ufffb]/gu;

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Replaces the fence inside foreign text, so that it stands only where we wrote it. */
export type FenceBreaker = (escaped: string) => string;

/**
 * Any case, since a model does not tell them apart. Overlapping occurrences too: the rest of the fence is looked at, not consumed, so one
 * pass breaks each of them, in time linear in the text.
 */
export function fenceBreaker(fence: string): FenceBreaker {
  const pattern = new RegExp(`${fence.charAt(0)}(?=${fence.slice(1)})`, 'gi');
  return (escaped) => escaped.replace(pattern, (found) => `&#${found.charCodeAt(0)};`);
}

/** Text between tags. A parser gives the same characters back, but for those that XML cannot hold: U+FFFD stands for them. */
export function escapeText(text: string, breakFence: FenceBreaker): string {
  return breakFence(legal(text).replace(/[&<>\r]/g, reference));
}

/**
 * The value of an attribute in double quotes; white space is kept from the parser's normalisation (section 3.3.3), and what cannot be
 * seen is spelt out.
 */
export function escapeAttribute(text: string, breakFence: FenceBreaker): string {
  const escaped = legal(text).replace(/[&<>"'\t\n\r]/g, reference);
  return breakFence(escaped.replace(INVISIBLE, (character) => `&#${character.codePointAt(0)};`));
}

/** Foreign text for a string that has no syntax of its own, where JSON keeps the structure: nothing in it but the fence is escaped. */
export function plainText(text: string, breakFence: FenceBreaker): string {
  return breakFence(legal(text));
}

/** With U+FFFD for what no text may hold: unpaired surrogates, control characters, and what XML forbids. */
export function legal(text: string): string {
  return text.toWellFormed().replace(FORBIDDEN, '\ufffd');
}

function reference(character: string): string {
  return REFERENCES[character] ?? '\ufffd';
}
