import { createFrontier, type Frontier, type Peaks } from './frontier.ts';
import { HASH_SIZE, sameHash } from './merkle.ts';

/** `events`, `tiles`: only the tree of what stands in the export, or of what its tiles say, leads there. */
export type Agreement = 'both' | 'events' | 'tiles' | 'neither';

/**
 * Two trees grown side by side, of what stands in the export and of what its tiles say: whichever leads to a signed root is the one to
 * believe. They are one tree for as long as they agree, which in a good export is always.
 */
export interface ExportTrees {
  size(): number;
  /** Leaf hashes on which both agree. They are kept for a while, so nobody may write over them. */
  agree(hashes: Uint8Array): void;
  /** Undefined where it is not known: from there on that tree has no root. */
  differ(event: Uint8Array | undefined, tile: Uint8Array | undefined): void;
  /** So many leaves that nobody knows. */
  lose(count: number): void;
  /** Which of the two satisfies what is known of the root at this size. Afterwards both go on from that one. */
  settle(isRoot: (root: Uint8Array) => boolean): Agreement;
  /** False where neither has a root any more. */
  known(): boolean;
}

export function createExportTrees(from: Peaks): ExportTrees {
  let events: Frontier | undefined = createFrontier(from);
  let tiles: Frontier | undefined = events;
  let size = from.size;
  const fork = (): void => {
    if (tiles === events && events !== undefined) tiles = createFrontier(events.peaks());
  };
  return {
    size: () => size,
    agree(hashes) {
      for (let at = 0; at < hashes.length; at += HASH_SIZE) {
        const leaf = hashes.subarray(at, at + HASH_SIZE);
        events?.append(leaf);
        if (tiles !== events) tiles?.append(leaf);
      }
      size += hashes.length / HASH_SIZE;
    },
    differ(event, tile) {
      fork();
      events = grown(events, event);
      tiles = grown(tiles, tile);
      size += 1;
    },
    lose(count) {
      events = undefined;
      tiles = undefined;
      size += count;
    },
    settle(isRoot) {
      const isEvents = events !== undefined && isRoot(events.root());
      const isTiles = tiles === events ? isEvents : tiles !== undefined && isRoot(tiles.root());
      if (isEvents) tiles = events;
      else if (isTiles) events = tiles;
      if (isEvents && isTiles) return 'both';
      return isEvents ? 'events' : isTiles ? 'tiles' : 'neither';
    },
    known: () => events !== undefined || tiles !== undefined,
  };
}

/** For a root that is known. */
export function isHash(wanted: Uint8Array): (root: Uint8Array) => boolean {
  return (root) => sameHash(root, wanted);
}

function grown(tree: Frontier | undefined, leaf: Uint8Array | undefined): Frontier | undefined {
  if (leaf === undefined) return undefined;
  tree?.append(leaf);
  return tree;
}
