import { EMPTY_ROOT, hashChildren, HASH_SIZE } from './merkle.ts';

/**
 * All that has to be kept of a tree to let it grow and to know its root: the roots of the perfect subtrees from the left, one for each
 * binary digit 1 of the size, the largest first.
 */
export interface Peaks {
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
}

export interface Frontier {
  size(): number;
  /** A leaf hash, at position `size()`. */
  append(leaf: Uint8Array): void;
  /** Root of RFC 6962 at this size. */
  root(): Uint8Array;
  peaks(): Peaks;
}

export const NO_PEAKS: Peaks = { size: 0, hashes: [] };

/** Throws a RangeError where the peaks are not as many as the size has digits 1. */
export function createFrontier(from: Peaks = NO_PEAKS): Frontier {
  if (!peaksFit(from)) throw new RangeError('these are not the peaks of a tree of this size');
  const peaks = [...from.hashes];
  let size = from.size;
  return {
    size: () => size,
    append(leaf) {
      let carried = leaf;
      // Trailing digits 1 of the size are subtrees that the new leaf completes.
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) carried = hashChildren(last(peaks.pop()), carried);
      peaks.push(carried);
      size += 1;
    },
    root: () => rootOfPeaks(peaks),
    peaks: () => ({ size, hashes: [...peaks] }),
  };
}

export function peaksFit({ size, hashes }: Peaks): boolean {
  return Number.isSafeInteger(size) && size >= 0 && hashes.length === digitsOne(size) && hashes.every(({ length }) => length === HASH_SIZE);
}

export function rootOfPeaks(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return EMPTY_ROOT;
  return hashes.reduceRight((right, left) => hashChildren(left, right));
}

function digitsOne(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

function last(peak: Uint8Array | undefined): Uint8Array {
  if (peak === undefined) throw new RangeError('a peak is missing');
  return peak;
}
