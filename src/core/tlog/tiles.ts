import { HASH_SIZE, perfectRoot } from './merkle.ts';

/** Hashes in a full tile: 8 levels of the tree (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;
export const TILE_HEIGHT = 8;
/** Sizes are safe integers, so no tile lies higher. */
const MAX_LEVEL = 6;

/** `width`: 256 for a full tile, less for the partial one at the right border of a tree. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** The root of the perfect subtree over the leaves [index · 2^height, (index + 1) · 2^height). */
export interface TreeNode {
  readonly height: number;
  readonly index: number;
}

const PATH = /^tile\/(0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** `tile/<L>/<N>`, for a partial one `tile/<L>/<N>.p/<W>`: `tile/0/x001/x234/067.p/112`. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const name = groups.map((group, i) => (i === groups.length - 1 ? group : `x${group}`)).join('/');
  return `tile/${level}/${name}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Undefined for everything that `tilePath` does not make. */
export function parseTilePath(path: string): Tile | undefined {
  const match = PATH.exec(path);
  if (match === null || path.length > 64) return undefined;
  const [, level, name, width] = match;
  const tile = {
    level: Number(level),
    index: Number((name ?? '').replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  const fits = tile.level <= MAX_LEVEL && Number.isSafeInteger(tile.index) && tile.width <= TILE_WIDTH;
  // One name for each tile: no superfluous groups of zeros, no `.p/256`.
  return fits && tilePath(tile) === path ? tile : undefined;
}

/** How wide this tile is in a tree of this size; 0 where the tree has none. */
export function tileWidth(size: number, level: number, index: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.min(TILE_WIDTH, Math.max(0, hashes - index * TILE_WIDTH));
}

/** The tiles that a tree of size `to` has and one of size `from` has not, or has narrower; from below, from the left. */
export function* tilesBetween(from: number, to: number): Generator<Tile> {
  for (let level = 0; level <= MAX_LEVEL; level += 1) {
    const hashes = Math.floor(to / TILE_WIDTH ** level);
    const known = Math.floor(from / TILE_WIDTH ** level);
    if (hashes === known) return;
    for (let index = Math.floor(known / TILE_WIDTH); index * TILE_WIDTH < hashes; index += 1) {
      yield { level, index, width: tileWidth(to, level, index) };
    }
  }
}

/** The hash that a full tile stands for in the tile above it. */
export function hashOfTile(hashes: Uint8Array): Uint8Array {
  if (hashes.length !== TILE_WIDTH * HASH_SIZE) throw new RangeError('only full tiles are hashed into the level above');
  return perfectRoot(hashes);
}

/** The tile of a tree of this size in which a node can be found, and the range of its hashes that the node stands for. */
export function placeOfNode(
  { height, index }: TreeNode,
  size: number,
): { readonly tile: Tile; readonly from: number; readonly to: number } {
  const level = Math.floor(height / TILE_HEIGHT);
  const count = 2 ** (height % TILE_HEIGHT);
  const tileIndex = Math.floor((index * count) / TILE_WIDTH);
  const from = index * count - tileIndex * TILE_WIDTH;
  return { tile: { level, index: tileIndex, width: tileWidth(size, level, tileIndex) }, from, to: from + count };
}
