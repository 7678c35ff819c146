import { rootOfPeaks, type Peaks } from './frontier.ts';
import { HASH_SIZE, perfectRoot } from './merkle.ts';
import { placeOfNode, tilePath, type Tile, type TreeNode } from './tiles.ts';

/** The hashes of a tile, 32 bytes each: as many as `width` says, or more. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array> | Uint8Array;

/** Leaves [from, to). */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** From below, as `verifyInclusion` takes it. Throws a RangeError for a position outside the tree, and what `read` throws. */
export async function inclusionPath(index: number, size: number, read: ReadTile): Promise<readonly Uint8Array[]> {
  if (!(index >= 0 && index < size)) throw new RangeError('no such leaf in a tree of this size');
  const ranges: Range[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return hashesOf(ranges.toReversed(), size, read);
}

/** As `verifyConsistency` takes it. Throws a RangeError unless 0 < from <= to, and what `read` throws. */
export async function consistencyProof(from: number, to: number, read: ReadTile): Promise<readonly Uint8Array[]> {
  if (!(from > 0 && from <= to)) throw new RangeError('no such trees');
  const ranges: Range[] = [];
  let range: Range = { from: 0, to };
  // SUBPROOF of RFC 6962, section 2.1.2: down to where the old tree ends.
  while (range.to !== from) {
    const middle = range.from + largestPowerBelow(range.to - range.from);
    if (from <= middle) {
      ranges.push({ from: middle, to: range.to });
      range = { from: range.from, to: middle };
    } else {
      ranges.push({ from: range.from, to: middle });
      range = { from: middle, to: range.to };
    }
  }
  // Where it begins at 0 it is the old tree itself, whose root the verifier has.
  if (range.from > 0) ranges.push(range);
  return hashesOf(ranges.toReversed(), to, read);
}

/** The peaks of the tree of size `size` from tiles of a tree of size `of`, which may have grown since. */
export async function peaksFromTiles(size: number, read: ReadTile, of = size): Promise<Peaks> {
  if (!(size >= 0 && size <= of)) throw new RangeError('no such tree');
  const nodes = nodesOf({ from: 0, to: size });
  return { size, hashes: await readNodes(nodes, of, read) };
}

export async function rootFromTiles(size: number, read: ReadTile, of = size): Promise<Uint8Array> {
  return rootOfPeaks((await peaksFromTiles(size, read, of)).hashes);
}

async function hashesOf(ranges: readonly Range[], size: number, read: ReadTile): Promise<readonly Uint8Array[]> {
  const nodes = ranges.map(nodesOf);
  const hashes = await readNodes(nodes.flat(), size, read);
  let next = 0;
  return nodes.map(({ length }) => rootOfPeaks(hashes.slice(next, (next += length))));
}

/** A range of RFC 6962 as perfect subtrees, the largest first: its beginning is a multiple of each of them. */
function nodesOf({ from, to }: Range): readonly TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let at = from; at < to;) {
    const height = heightOf(to - at);
    nodes.push({ height, index: at / 2 ** height });
    at += 2 ** height;
  }
  return nodes;
}

async function readNodes(nodes: readonly TreeNode[], size: number, read: ReadTile): Promise<readonly Uint8Array[]> {
  const places = nodes.map((node) => placeOfNode(node, size));
  const tiles = new Map(places.map(({ tile }) => [tilePath(tile), tile]));
  const contents = new Map(await Promise.all([...tiles].map(async ([path, tile]) => [path, await read(tile)] as const)));
  return places.map(({ tile, from, to }) => {
    const hashes = contents.get(tilePath(tile));
    if (hashes === undefined || hashes.length < to * HASH_SIZE) throw new RangeError('a tile is narrower than it must be');
    return perfectRoot(hashes.subarray(from * HASH_SIZE, to * HASH_SIZE));
  });
}

/** The largest power of two that is less than n, for n > 1. */
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

/** Of the largest perfect tree that n leaves fill. Math.log2 rounds, and is wrong next to a large power. */
function heightOf(n: number): number {
  let height = 0;
  while (2 ** (height + 1) <= n) height += 1;
  return height;
}
