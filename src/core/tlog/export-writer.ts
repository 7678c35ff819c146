import { createHash } from 'node:crypto';
import { formatLine, type ExportLine } from './export-form.ts';
import { consistencyProof, peaksFromTiles, type ReadTile } from './make-proofs.ts';
import { HASH_SIZE } from './merkle.ts';
import { TILE_WIDTH, tileWidth } from './tiles.ts';

/** A checkpoint as it is given out. */
export interface ExportedCheckpoint {
  readonly size: number;
  /** The signed note. */
  readonly note: string;
}

/** An event as it is stored now. */
export type ExportedEvent =
  /** The bytes its leaf commits to, without a newline. */
  | { readonly kind: 'event'; readonly preimage: string }
  /** Of version 1, emptied. */
  | { readonly kind: 'erased'; readonly index: number; readonly leaf: Buffer };

/** What an export is made of. Everything is asked for in order, and nothing is held. */
export interface ExportSource {
  readonly origin: string;
  readonly tenant: string;
  /** Positions [from, to). */
  readonly from: number;
  readonly to: number;
  /** Tiles of a tree of size `beyond.size` where there is one, else `to`. */
  readonly tile: ReadTile;
  /** Exactly these, in order. Called with at most 256 positions at a time. */
  events(from: number, to: number): AsyncIterable<ExportedEvent> | Iterable<ExportedEvent>;
  /** All with from <= size <= to, by size. */
  readonly checkpoints: AsyncIterable<ExportedCheckpoint> | Iterable<ExportedCheckpoint>;
  /** A checkpoint above `to`, for a range that does not end at one. */
  readonly beyond?: ExportedCheckpoint;
}

/** The lines of an export, each with its newline. Throws what its source throws, and a RangeError where that is not what it must be. */
export async function* writeExport(source: ExportSource): AsyncGenerator<string> {
  const { origin, tenant, from, to, tile, beyond } = source;
  const digest = createHash('sha256');
  const line = (content: ExportLine): string => {
    const text = formatLine(content);
    digest.update(text);
    return text;
  };
  const size = beyond?.size ?? to;
  const peaks = await peaksFromTiles(from, tile, size);
  yield line({ kind: 'header', origin, tenant, from, to, peaks: peaks.hashes });
  const checkpoints = inOrder(source.checkpoints);
  let next = await checkpoints.next();
  for (let at = from; ; at = Math.min(to, endOfTile(at))) {
    for (; !next.done && next.value.size <= at; next = await checkpoints.next()) yield line({ kind: 'checkpoint', note: next.value.note });
    if (at >= to) break;
    yield line(await tileLine(source, at, size));
    const end = Math.min(to, endOfTile(at));
    let position = at;
    for await (const event of source.events(at, end)) {
      // A checkpoint in the middle of a tile stands behind its last event.
      for (; !next.done && next.value.size <= position; next = await checkpoints.next())
        yield line({ kind: 'checkpoint', note: next.value.note });
      yield event.kind === 'event' ? `${event.preimage}\n` : line(event);
      position += 1;
    }
    if (position !== end) throw new RangeError('the source has not all events of the range');
  }
  if (beyond !== undefined) {
    yield line({ kind: 'proof', size: beyond.size, hashes: to === 0 ? [] : await consistencyProof(to, beyond.size, tile) });
    yield line({ kind: 'checkpoint', note: beyond.note });
  }
  yield formatLine({ kind: 'end', digest: digest.digest('hex') });
}

function endOfTile(position: number): number {
  return (Math.floor(position / TILE_WIDTH) + 1) * TILE_WIDTH;
}

async function tileLine({ to, tile }: ExportSource, at: number, size: number): Promise<ExportLine> {
  const index = Math.floor(at / TILE_WIDTH);
  const hashes = await tile({ level: 0, index, width: tileWidth(size, 0, index) });
  const width = tileWidth(to, 0, index);
  if (hashes.length < width * HASH_SIZE) throw new RangeError('a tile is narrower than it must be');
  return { kind: 'tile', index, hashes: Buffer.from(hashes.subarray(0, width * HASH_SIZE)) };
}

async function* inOrder(checkpoints: ExportSource['checkpoints']): AsyncGenerator<ExportedCheckpoint> {
  for await (const checkpoint of checkpoints) yield checkpoint;
}
