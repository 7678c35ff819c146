import { setImmediate } from 'node:timers/promises';
import type { Folded } from './fold.ts';

/** Units [start, end) of the output, in UTF-16 units, that stand in the text at this place of the list too. */
export interface Quote {
  readonly text: number;
  readonly start: number;
  readonly end: number;
}

/** `too-many`: more places than are listed. */
export type Quotes = { readonly kind: 'quotes'; readonly quotes: readonly Quote[] } | { readonly kind: 'too-many' };

export interface QuoteOptions {
  /** Units after folding. */
  readonly atLeast: number;
  readonly atMost: number;
  /** An unpredictable number in [0, 1): whoever writes documents must not know which passages meet in the table. */
  readonly seed: number;
}

/** The largest prime below 2^26: a product of two residues is exact in a double. */
const PRIME = 67_108_859;
const NONE = -1;
/** Positions of the output that are looked at without a break. */
const STRETCH = 16_384;

/**
 * Every passage of the output of at least `atLeast` folded units that stands in one of the texts: all units that lie in a window of that
 * length which a text has too, joined where they touch. In the order of texts, then of the output. Linear in the texts, and in the output
 * times the texts that hold the same passage.
 */
export async function findQuotes(output: Folded, texts: readonly Folded[], options: QuoteOptions): Promise<Quotes> {
  const { atLeast, atMost, seed } = options;
  const windows = new WindowTable(texts, atLeast, 2 + Math.floor(seed * (PRIME - 3)));
  for (const [index, { units }] of texts.entries()) {
    windows.add(index, units);
    await setImmediate();
  }
  const open: ({ start: number; end: number } | undefined)[] = texts.map(() => undefined);
  const quotes: Quote[] = [];
  const close = (text: number): void => {
    const run = open[text];
    if (run !== undefined) quotes.push({ text, start: output.from[run.start] ?? 0, end: output.to[run.end - 1] ?? 0 });
  };
  const scan = windows.scan(output.units);
  for (let at = 0; at + atLeast <= output.units.length; at++) {
    for (let entry = scan.next(at); entry !== NONE; entry = windows.entryAfter(entry)) {
      const text = windows.textOf(entry);
      const run = open[text];
      if (run !== undefined && run.end >= at) run.end = at + atLeast;
      else {
        close(text);
        open[text] = { start: at, end: at + atLeast };
      }
    }
    if (quotes.length > atMost) return { kind: 'too-many' };
    // Others get their turn.
    if (at % STRETCH === STRETCH - 1) await setImmediate();
  }
  texts.forEach((_, text) => close(text));
  if (quotes.length > atMost) return { kind: 'too-many' };
  return { kind: 'quotes', quotes: quotes.sort((a, b) => a.text - b.text || a.start - b.start) };
}

/** All windows of the texts by their hash; of equal ones the first stands for all, with the list of texts that have it. */
class WindowTable {
  readonly #all: Uint16Array;
  readonly #width: number;
  readonly #base: number;
  /** base ^ (width - 1). */
  readonly #top: number;
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Of each position of `all`: the first window equal to the one that begins here; none where a text ends before it does. */
  readonly #first: Int32Array;
  /** Of a first window: its newest entry. Entries are linked from the last text to the first. */
  readonly #entries: Int32Array;
  readonly #entryText: Uint16Array;
  readonly #entryNext: Int32Array;
  #entryCount = 0;
  #filled = 0;

  constructor(texts: readonly Folded[], width: number, base: number) {
    const total = texts.reduce((sum, { units }) => sum + units.length, 0);
    this.#all = new Uint16Array(total);
    this.#width = width;
    this.#base = base;
    this.#top = power(base, width - 1);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(total, 1) * 2))).fill(NONE);
    this.#mask = this.#slots.length - 1;
    this.#first = new Int32Array(total).fill(NONE);
    this.#entries = new Int32Array(total).fill(NONE);
    this.#entryText = new Uint16Array(total);
    this.#entryNext = new Int32Array(total).fill(NONE);
  }

  entryAfter(entry: number): number {
    return this.#entryNext[entry] ?? NONE;
  }

  textOf(entry: number): number {
    return this.#entryText[entry] ?? 0;
  }

  /** For positions in their order, one by one: the first entry of the window of `units` that begins there. */
  scan(units: Uint16Array): { next(at: number): number } {
    let hash = 0;
    let found = NONE;
    return {
      next: (at) => {
        hash = at === 0 ? this.#hash(units, 0) : this.#roll(hash, units[at - 1] ?? 0, units[at + this.#width - 1] ?? 0);
        const following = found === NONE ? NONE : (this.#first[found + 1] ?? NONE);
        // Where the window before was found, the next one differs in its last unit alone.
        const goesOn = following !== NONE && this.#all[found + this.#width] === units[at + this.#width - 1];
        found = goesOn ? following : (this.#slots[this.#slot(hash, units, at)] ?? NONE);
        return found === NONE ? NONE : (this.#entries[found] ?? NONE);
      },
    };
  }

  /** The texts that the table was made for, each once and in their order. */
  add(text: number, units: Uint16Array): void {
    const start = this.#filled;
    const end = start + units.length;
    this.#all.set(units, start);
    this.#filled = end;
    let hash = 0;
    for (let at = start; at + this.#width <= end; at++) {
      hash = at === start ? this.#hash(this.#all, at) : this.#roll(hash, this.#all[at - 1] ?? 0, this.#all[at + this.#width - 1] ?? 0);
      const slot = this.#slot(hash, this.#all, at);
      let first = this.#slots[slot] ?? NONE;
      if (first === NONE) this.#slots[slot] = first = at;
      this.#first[at] = first;
      const newest = this.#entries[first] ?? NONE;
      if (newest !== NONE && this.#entryText[newest] === text) continue;
      this.#entryText[this.#entryCount] = text;
      this.#entryNext[this.#entryCount] = newest;
      this.#entries[first] = this.#entryCount;
      this.#entryCount += 1;
    }
  }

  /** The slot of an equal window, or the free one where it belongs. */
  #slot(hash: number, units: Uint16Array, at: number): number {
    // The prime has 26 bits; larger tables are none of ours.
    let slot = Math.imul(hash, 0x9e3779b1) & this.#mask;
    for (;;) {
      const other = this.#slots[slot] ?? NONE;
      if (other === NONE || this.#equal(other, units, at)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  #equal(other: number, units: Uint16Array, at: number): boolean {
    for (let index = 0; index < this.#width; index++) if (this.#all[other + index] !== units[at + index]) return false;
    return true;
  }

  #hash(units: Uint16Array, at: number): number {
    let hash = 0;
    for (let index = 0; index < this.#width; index++) hash = (hash * this.#base + (units[at + index] ?? 0)) % PRIME;
    return hash;
  }

  #roll(hash: number, gone: number, come: number): number {
    const rest = (hash + PRIME - ((gone * this.#top) % PRIME)) % PRIME;
    return (rest * this.#base + come) % PRIME;
  }
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let index = 0; index < exponent; index++) result = (result * base) % PRIME;
  return result;
}
