/** Letters of other scripts that look like a hexadecimal digit. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  а: 'a',
  α: 'a',
  ɑ: 'a',
  ь: 'b',
  с: 'c',
  ϲ: 'c',
  ԁ: 'd',
  е: 'e',
  ҽ: 'e',
  о: '0',
  ο: '0',
};
const ESCAPES = /%([0-9a-f]{2})|\\x([0-9a-f]{2})|\\u\{?([0-9a-f]{1,6})\}?|&#x([0-9a-f]{1,6});?|&#([0-9]{1,7});?/gi;
/** None of these is a digit of ours, and one of them unfolds into eighteen characters. */
const ARABIC = /[\u0600-\u06ff\ufb50-\ufdff\ufe70-\ufeff]/g;
const LENGTH = 32;
const PREFIX = 8;

/**
 * Which of these markers (32 hexadecimal digits each) a model's output holds: in any case, with whatever between their digits that is no
 * such digit itself, in letters that look alike, backwards, escaped as in URLs, HTML or JSON, as hexadecimal or base64 of themselves or of
 * their bytes. Any digit more in between, and any other code, hides one. Linear in the output.
 */
export function findMarkers(output: string, markers: Iterable<string>): ReadonlySet<string> {
  const wanted = new Wanted(markers);
  const found = new Set<string>();
  if (wanted.size === 0) return found;
  for (const text of new Set([output, unescaped(output)])) {
    const digits = digitsOf(plain(text));
    wanted.collect(digits, found);
    for (const from of [0, 1]) wanted.collect(digitsOf(asciiOf(digits, from)), found);
    const base64 = text.replace(/[^A-Za-z0-9+/_-]/g, '');
    // A run may begin at any of four places of a group.
    for (let from = 0; from < 4; from++) {
      const bytes = Buffer.from(base64.slice(from), 'base64url');
      wanted.collect(digitsOf(bytes.toString('latin1').toLowerCase()), found);
      wanted.collect(nibblesOf(bytes), found);
    }
  }
  return found;
}

/** Escapes as the characters they stand for, and numbers without the `0x` before them, whose zero would be one digit too many. */
function unescaped(text: string): string {
  return text.replace(/0x/gi, '').replace(ESCAPES, (all: string, ...groups: readonly (string | undefined)[]) => {
    const [percent, short, long, hex, decimal] = groups;
    const digits = percent ?? short ?? long ?? hex;
    const code = digits === undefined ? Number(decimal) : Number.parseInt(digits, 16);
    return code <= 0x10_ffff ? String.fromCodePoint(code) : all;
  });
}

function plain(text: string): string {
  return text
    .replace(ARABIC, '')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\0-\x7f]/gu, (character) => LOOKALIKES[character] ?? '');
}

/** Values of the hexadecimal digits, with everything else left out. */
function digitsOf(text: string): Uint8Array {
  const digits = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 48 && code <= 57) digits[length++] = code - 48;
    else if (code >= 97 && code <= 102) digits[length++] = code - 87;
  }
  return digits.subarray(0, length);
}

function asciiOf(digits: Uint8Array, from: number): string {
  const bytes = Buffer.alloc(Math.max(0, Math.floor((digits.length - from) / 2)));
  for (let at = 0; at < bytes.length; at++) bytes[at] = (digits[from + 2 * at] ?? 0) * 16 + (digits[from + 2 * at + 1] ?? 0);
  return bytes.toString('latin1').toLowerCase();
}

function nibblesOf(bytes: Uint8Array): Uint8Array {
  const nibbles = new Uint8Array(bytes.length * 2);
  for (const [at, byte] of bytes.entries()) {
    nibbles[2 * at] = byte >> 4;
    nibbles[2 * at + 1] = byte & 15;
  }
  return nibbles;
}

/** Markers by their first digits, forwards and backwards. */
class Wanted {
  readonly #byPrefix = new Map<number, { readonly marker: string; readonly digits: Uint8Array }[]>();

  constructor(markers: Iterable<string>) {
    for (const marker of markers) {
      const digits = digitsOf(marker);
      for (const way of [digits, digits.toReversed()]) {
        let prefix = 0;
        for (const digit of way.subarray(0, PREFIX)) prefix = ((prefix << 4) | digit) >>> 0;
        const same = this.#byPrefix.get(prefix);
        if (same === undefined) this.#byPrefix.set(prefix, [{ marker, digits: way }]);
        else same.push({ marker, digits: way });
      }
    }
  }

  get size(): number {
    return this.#byPrefix.size;
  }

  collect(digits: Uint8Array, found: Set<string>): void {
    let prefix = 0;
    for (let at = 0; at < digits.length; at++) {
      prefix = ((prefix << 4) | (digits[at] ?? 0)) >>> 0;
      const start = at - PREFIX + 1;
      if (start < 0 || start + LENGTH > digits.length) continue;
      for (const { marker, digits: wanted } of this.#byPrefix.get(prefix) ?? []) {
        if (wanted.every((digit, index) => digits[start + index] === digit)) found.add(marker);
      }
    }
  }
}
