/** How a citation names what it cites: the id of a chunk, its rank as rendered contexts show it, or a number in brackets. */
export type CitedBy = 'id' | 'rank' | 'number';

/** Units [start, end) of the output. `chunk`: its place in the release, from 0; `none` where the release has no such chunk. */
export interface Citation {
  readonly by: CitedBy;
  readonly start: number;
  readonly end: number;
  readonly chunk: number | 'none';
}

export type Citations = { readonly kind: 'citations'; readonly citations: readonly Citation[] } | { readonly kind: 'too-many' };

const ID = /(?<![0-9a-z-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z-])/gi;
const RANK = /(?<![\p{L}\p{N}_])rank\s{0,3}[=:#]?\s{0,3}["'“”‘’]?(\d{1,3})(?!\d)/giu;
/** `[3]`, `[1, 2]`, `[2-4]`, `[^5]`, `【6】`. Not a year. */
const NUMBERS = /[[【]\^?(\d{1,3}(?:\s{0,3}[,;–-]\s{0,3}\^?\d{1,3}){0,31})[\]】]/gu;
/** Right behind one of these, `[7]` may as well be an index in code: of a chunk where there is one, of nothing else. */
const INDEXED = /[\p{L}\p{N}_)]$/u;
/** A longer range is no citation of single chunks. */
const WIDEST = 100;

/**
 * Everything in the output that reads as a citation of a chunk, in its order. `chunks`: ids in the order of their ranks. Names are
 * compared with this release alone: what else an id may name is not looked up. Linear in the output.
 */
export function findCitations(output: string, chunks: readonly string[], atMost: number): Citations {
  const places = new Map(chunks.map((chunk, place) => [chunk.toLowerCase(), place]));
  const ranked = (rank: number): number | 'none' => (rank >= 1 && rank <= chunks.length ? rank - 1 : 'none');
  const citations: Citation[] = [];
  const add = (by: CitedBy, match: RegExpExecArray, chunk: number | 'none'): boolean => {
    citations.push({ by, start: match.index, end: match.index + match[0].length, chunk });
    return citations.length <= atMost;
  };
  for (const match of output.matchAll(ID)) {
    if (!add('id', match, places.get(match[0].toLowerCase()) ?? 'none')) return { kind: 'too-many' };
  }
  for (const match of output.matchAll(RANK)) {
    if (!add('rank', match, ranked(Number(match[1])))) return { kind: 'too-many' };
  }
  for (const match of output.matchAll(NUMBERS)) {
    const indexed = INDEXED.test(output.slice(Math.max(0, match.index - 2), match.index));
    for (const chunk of numbersOf(match[1] ?? '').map(ranked)) {
      if (indexed && chunk === 'none') continue;
      if (!add('number', match, chunk)) return { kind: 'too-many' };
    }
  }
  return { kind: 'citations', citations: citations.sort((a, b) => a.start - b.start || a.end - b.end) };
}

/** `1, 3-5` → 1, 3, 4, 5. */
function numbersOf(list: string): readonly number[] {
  return list.split(/[,;]/).flatMap((part) => {
    const ends = part.split(/[–-]/).map((number) => Number(number.replace('^', '')));
    const [first = 0] = ends;
    const last = ends.at(-1) ?? first;
    if (ends.length !== 2 || last < first || last - first >= WIDEST) return ends;
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
