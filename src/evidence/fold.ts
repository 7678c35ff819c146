/**
 * A text as passages are compared: letters, numbers and pictures alone, in one case and without accents, so that neither white space nor
 * markdown nor invisible characters hide a quotation. `from` and `to`: of each unit, where the character it came from stands in the
 * text, in UTF-16 units.
 */
export interface Folded {
  readonly units: Uint16Array;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

const DROPPED = /[^\p{L}\p{N}\p{So}]|\p{Default_Ignorable_Code_Point}/gu;
const ASCII = 128;
const MOST_UNITS = 4;

/**
 * One character at a time, so that the folding of a part of a text is a part of its folding. Of the few that unfold into more than four
 * units (one Arabic ligature into eighteen) the first four have to do: a text must not grow in being compared.
 */
function foldedCharacter(character: string): string {
  return character.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD').replace(DROPPED, '').slice(0, MOST_UNITS);
}

const asciiUnits: readonly number[] = Array.from({ length: ASCII }, (_, code) => {
  const folded = foldedCharacter(String.fromCharCode(code));
  return folded === '' ? 0 : folded.charCodeAt(0);
});

/** In time linear in the text. */
export function fold(text: string): Folded {
  const known = new Map<number, string>();
  let units = new Uint16Array(text.length + MOST_UNITS);
  let from = new Uint32Array(units.length);
  let to = new Uint32Array(units.length);
  let length = 0;
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at) ?? 0;
    const end = at + (code > 0xffff ? 2 : 1);
    const folded = code < ASCII ? undefined : foldedCode(known, code);
    if (length + MOST_UNITS > units.length) [units, from, to] = [grown(units), grownPlaces(from), grownPlaces(to)];
    const count = folded === undefined ? Math.min(asciiUnits[code] ?? 0, 1) : folded.length;
    for (let index = 0; index < count; index++) {
      units[length] = folded === undefined ? (asciiUnits[code] ?? 0) : folded.charCodeAt(index);
      from[length] = at;
      to[length] = end;
      length += 1;
    }
    at = end;
  }
  return { units: units.subarray(0, length), from: from.subarray(0, length), to: to.subarray(0, length) };
}

function foldedCode(known: Map<number, string>, code: number): string {
  let folded = known.get(code);
  if (folded === undefined) known.set(code, (folded = foldedCharacter(String.fromCodePoint(code))));
  return folded;
}

function grown(units: Uint16Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const more = new Uint16Array(units.length * 2);
  more.set(units);
  return more;
}

function grownPlaces(places: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(places.length * 2);
  more.set(places);
  return more;
}
