import { hash } from 'node:crypto';
import { alignEvents, type FoundLine, type Misfit } from './align-events.ts';
import type { ExportTrees } from './export-trees.ts';
import { HASH_SIZE } from './merkle.ts';
import { TILE_WIDTH } from './tiles.ts';

/** So many lines are looked at together; a stretch that is longer has lost its tiles. */
export const MAX_STRETCH = 1_024;

const LEAF = 0;

export interface KnownTile {
  /** Position of its first hash. */
  readonly from: number;
  readonly hashes: Buffer;
}

/** Who waits for the trees to have a certain size. */
export interface Waiting {
  waitsFor(size: number): boolean;
  arrive(): void;
}

/** Lines of events since the last mark (a tile, a checkpoint, the end), which says how many positions they must fill. */
export class EventStretch {
  /** Position of the first. */
  from: number;
  count = 0;
  /** Whether every line so far says the position at which it stands. */
  orderly = true;
  #tile: KnownTile | undefined;
  readonly #hashes = Buffer.alloc(MAX_STRETCH * HASH_SIZE);
  readonly #lines = new Float64Array(MAX_STRETCH);
  readonly #said = new Float64Array(MAX_STRETCH);

  constructor(from: number) {
    this.from = from;
  }

  /** A line in bytes [start, end), of which one byte before may be written to. Returns the leaf hash, which is written over later. */
  addLine(bytes: Uint8Array, start: number, end: number, line: number, says: number): Uint8Array {
    // The leaf's prefix is written in front of the line for a moment: no copy of what is most of an export.
    const before = bytes[start - 1] ?? 0;
    bytes[start - 1] = LEAF;
    const digest = hash('sha256', bytes.subarray(start - 1, end), 'binary');
    bytes[start - 1] = before;
    const at = this.count * HASH_SIZE;
    this.#hashes.write(digest, at, 'latin1');
    this.#note(line, says);
    return this.#hashes.subarray(at, at + HASH_SIZE);
  }

  addLeaf(leaf: Uint8Array, line: number, says: number): void {
    this.#hashes.set(leaf, this.count * HASH_SIZE);
    this.#note(line, says);
  }

  /** The hashes that the following lines must have. */
  expect(tile: KnownTile): void {
    this.#tile = tile;
  }

  /** Goes on at a later position. Only where it is empty. */
  skip(to: number): void {
    this.from = to;
  }

  /** Ends before position `to`, and grows the trees by its events and by what the tile says. Returns what does not fit. */
  close(to: number, trees: ExportTrees, waiting: Waiting): readonly Misfit[] {
    const { from } = this;
    const known = this.#fitting(to);
    let misfits: readonly Misfit[] = [];
    if (known !== undefined && !waitsWithin(from, to, waiting)) trees.agree(known);
    else misfits = closeSlowly({ found: this.#found(), from, to, tile: this.#tile }, trees, waiting);
    this.from = to;
    this.count = 0;
    this.orderly = true;
    return misfits;
  }

  #note(line: number, says: number): void {
    this.#lines[this.count] = line;
    this.#said[this.count] = says;
    if (says !== this.from + this.count) this.orderly = false;
    this.count += 1;
  }

  /** The tile's hashes, where they are exactly those of the lines. */
  #fitting(to: number): Uint8Array | undefined {
    if (!this.orderly || this.#tile === undefined || this.count !== to - this.from) return undefined;
    const { from, hashes } = this.#tile;
    const known = hashes.subarray((this.from - from) * HASH_SIZE, (to - from) * HASH_SIZE);
    if (known.length !== this.count * HASH_SIZE) return undefined;
    return this.#hashes.compare(known, 0, known.length, 0, known.length) === 0 ? known : undefined;
  }

  #found(): readonly FoundLine[] {
    return Array.from({ length: this.count }, (_, i) => ({
      line: this.#lines[i] ?? 0,
      says: this.#said[i] ?? -1,
      hash: Buffer.from(this.#hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE)),
    }));
  }
}

interface Stretch {
  readonly found: readonly FoundLine[];
  readonly from: number;
  readonly to: number;
  readonly tile: KnownTile | undefined;
}

function closeSlowly({ found, from, to, tile }: Stretch, trees: ExportTrees, waiting: Waiting): readonly Misfit[] {
  const tileHash = (position: number): Buffer | undefined => {
    const at = tile === undefined ? -1 : (position - tile.from) * HASH_SIZE;
    return tile !== undefined && at >= 0 && at < tile.hashes.length ? tile.hashes.subarray(at, at + HASH_SIZE) : undefined;
  };
  const places = new Map<string, number>();
  const base = Math.floor(from / TILE_WIDTH) * TILE_WIDTH;
  for (let position = base; position < to; position += 1) {
    const hashed = tileHash(position);
    if (hashed !== undefined) places.set(hashed.toString('latin1'), position);
  }
  const placeOf = ({ hash: leaf, says }: FoundLine): number => {
    const known = places.get(Buffer.from(leaf).toString('latin1'));
    if (known !== undefined) return known;
    return says >= from && says < to && tileHash(says) === undefined ? says : -1;
  };
  const { standing, misfits } = alignEvents(found, from, to, placeOf);
  // As many lines as positions: then the export says that they stand so, whatever its tiles say.
  const stands = found.length === to - from ? found : standing;
  for (let position = from; position < to; position += 1) {
    const expected = tileHash(position);
    const event = stands[position - from]?.hash ?? expected;
    if (event !== undefined && (expected === undefined || expected.equals(event))) trees.agree(event);
    else trees.differ(event, expected);
    if (position + 1 < to && waiting.waitsFor(position + 1)) waiting.arrive();
  }
  return misfits;
}

function waitsWithin(from: number, to: number, waiting: Waiting): boolean {
  for (let size = from + 1; size < to; size += 1) if (waiting.waitsFor(size)) return true;
  return false;
}
