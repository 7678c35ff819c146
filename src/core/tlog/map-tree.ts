import { hashChildren } from './merkle.ts';
import { hashBucket, MAP_BUCKETS, MAP_DEPTH } from './sub-log-map.ts';

/** The tree over the buckets of a map: 131,071 hashes, 4 MB, and 16 of them written anew for each bucket that changes. */
export interface MapTree {
  /** With a bucket's new hash. */
  set(bucket: number, hash: Uint8Array): void;
  root(): Uint8Array;
  /** The hashes beside a bucket's way to the root, from below. */
  path(bucket: number): readonly Uint8Array[];
}

/** A map without entries. Roots are computed when they are asked for, each changed node once. */
export function createMapTree(): MapTree {
  // levels[0]: buckets; levels[16]: the root.
  const levels: Uint8Array[][] = [];
  let hash: Uint8Array = hashBucket([]);
  for (let level = 0; level <= MAP_DEPTH; level += 1) {
    levels.push(Array.from({ length: MAP_BUCKETS >> level }, () => hash));
    hash = hashChildren(hash, hash);
  }
  let changed = new Set<number>();
  const settle = (): void => {
    let nodes = changed;
    for (let level = 1; level <= MAP_DEPTH; level += 1) {
      const above = new Set<number>();
      for (const node of nodes) above.add(node >> 1);
      for (const node of above)
        put(levels, level, node, hashChildren(take(levels, level - 1, node * 2), take(levels, level - 1, node * 2 + 1)));
      nodes = above;
    }
    changed = new Set();
  };
  return {
    set(bucket, bucketHash) {
      put(levels, 0, bucket, Uint8Array.from(bucketHash));
      changed.add(bucket);
    },
    root() {
      settle();
      return take(levels, MAP_DEPTH, 0);
    },
    path(bucket) {
      settle();
      return Array.from({ length: MAP_DEPTH }, (_, level) => take(levels, level, (bucket >> level) ^ 1));
    },
  };
}

function take(levels: readonly (readonly Uint8Array[])[], level: number, index: number): Uint8Array {
  const hash = levels[level]?.[index];
  if (hash === undefined) throw new RangeError('no such bucket');
  return hash;
}

function put(levels: readonly Uint8Array[][], level: number, index: number, hash: Uint8Array): void {
  const hashes = levels[level];
  if (hashes === undefined || index < 0 || index >= hashes.length) throw new RangeError('no such bucket');
  hashes[index] = hash;
}
