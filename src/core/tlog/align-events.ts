/** A line that stands for an event, in the order of the export. */
export interface FoundLine {
  /** 1-based line of the export. */
  readonly line: number;
  readonly hash: Uint8Array;
  /** The position it says it has; -1 where it says none. */
  readonly says: number;
}

/** `changed`: the line at this position is not the event. `moved`: it is the event of another one. */
export type Misfit =
  | { readonly kind: 'changed'; readonly index: number; readonly line: number }
  | { readonly kind: 'moved'; readonly index: number; readonly found: number; readonly line: number }
  | { readonly kind: 'dropped'; readonly index: number; readonly count: number }
  | { readonly kind: 'inserted'; readonly index: number; readonly line: number }
  /** It stands where it belongs, and says that it belongs elsewhere. */
  | { readonly kind: 'false-event'; readonly index: number; readonly count: number; readonly line: number };

/** Lines and positions put side by side. `standing[i]`: what stands at position `from + i`, undefined where nothing does. */
export interface Alignment {
  readonly standing: readonly (FoundLine | undefined)[];
  readonly misfits: readonly Misfit[];
}

/** The position to which a line belongs by its hash, or by what it says where no hash is known; -1 for none. */
export type PlaceOf = (line: FoundLine) => number;

/**
 * Puts the lines of one stretch beside the positions [from, to) that they should fill. Lines in place are the longest ascending run of
 * those that belong here; what is left between two of them is told apart as changed, moved, dropped or inserted.
 */
export function alignEvents(lines: readonly FoundLine[], from: number, to: number, placeOf: PlaceOf): Alignment {
  const places = lines.map(placeOf);
  const inOrder = places.map((place, i) => (place === from + i ? i : -1)).filter((i) => i >= 0);
  const anchors = isExchange(places, from, to)
    ? inOrder
    : longestAscending(places.map((place) => (place >= from && place < to ? place : -1)));
  const standing: (FoundLine | undefined)[] = Array.from({ length: to - from }, () => undefined);
  const misfits: Misfit[] = [];
  let position = from;
  let next = 0;
  for (const anchor of [...anchors, lines.length]) {
    const end = anchor === lines.length ? to : (places[anchor] ?? to);
    const loose = lines.slice(next, anchor).map((line, i) => ({ line, place: places[next + i] ?? -1 }));
    fillGap(loose, position, end, { standing, misfits, from });
    const line = lines[anchor];
    if (line !== undefined) {
      standing[end - from] = line;
      if (line.says !== end) misfits.push({ kind: 'false-event', index: end, count: 1, line: line.line });
    }
    position = end + 1;
    next = anchor + 1;
  }
  return { standing, misfits };
}

/** As many lines as positions, and each event that is out of place stands where another one belongs that stands in its own. */
function isExchange(places: readonly number[], from: number, to: number): boolean {
  return places.length === to - from && places.every((place, i) => place < 0 || place === from + i || places[place - from] === from + i);
}

interface Loose {
  readonly line: FoundLine;
  readonly place: number;
}

interface Result {
  readonly standing: (FoundLine | undefined)[];
  readonly misfits: Misfit[];
  readonly from: number;
}

function fillGap(loose: readonly Loose[], from: number, to: number, { standing, misfits, from: base }: Result): void {
  const taken = assign(loose, from, to);
  let dropped = 0;
  for (let index = from; index < to; index += 1) {
    const here = taken.get(index);
    if (here === undefined) {
      dropped += 1;
      if (index + 1 === to || taken.has(index + 1)) {
        misfits.push({ kind: 'dropped', index: index + 1 - dropped, count: dropped });
        dropped = 0;
      }
      continue;
    }
    const { line, says } = here.line;
    standing[index - base] = here.line;
    const found = here.place >= 0 ? here.place : says;
    misfits.push(found >= 0 && found !== index ? { kind: 'moved', index, found, line } : { kind: 'changed', index, line });
  }
  const used = new Set(taken.values());
  for (const item of loose) if (!used.has(item)) misfits.push({ kind: 'inserted', index: from, line: item.line.line });
}

/** Lines first where they say they belong, then the rest in order while there is room: as many lines as positions is a change, not a loss. */
function assign(loose: readonly Loose[], from: number, to: number): ReadonlyMap<number, Loose> {
  const taken = new Map<number, Loose>();
  const rest: Loose[] = [];
  for (const item of loose) {
    const { says } = item.line;
    if (item.place < 0 && says >= from && says < to && !taken.has(says)) taken.set(says, item);
    else rest.push(item);
  }
  let index = from;
  for (const item of rest) {
    while (index < to && taken.has(index)) index += 1;
    if (index >= to) break;
    taken.set(index, item);
  }
  return taken;
}

/** Places in the list of its longest strictly ascending run; -1 is in none. Patience sorting, n log n. */
function longestAscending(values: readonly number[]): readonly number[] {
  const tops: number[] = [];
  const before: (number | undefined)[] = [];
  for (const [i, value] of values.entries()) {
    if (value < 0) continue;
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[tops[middle] ?? 0] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    before[i] = low > 0 ? tops[low - 1] : undefined;
    tops[low] = i;
  }
  const run: number[] = [];
  for (let at = tops.at(-1); at !== undefined; at = before[at]) run.push(at);
  return run.toReversed();
}
