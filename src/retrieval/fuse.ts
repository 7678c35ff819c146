import type { ChunkId } from '../core/ids.ts';

export interface Fused {
  readonly chunk: ChunkId;
  /** Σ 1/(60 + rank) over the legs that found it, rank from 1. */
  readonly score: number;
}

const K = 60;

/**
 * Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009) over legs that were already judged, so a refused hit
 * leaves no gap and cannot shift anybody's score. Ties go by chunk id. Best first.
 */
export function fuse(legs: readonly (readonly ChunkId[])[]): readonly Fused[] {
  const scores = new Map<ChunkId, number>();
  for (const leg of legs) {
    leg.forEach((chunk, index) => scores.set(chunk, (scores.get(chunk) ?? 0) + 1 / (K + index + 1)));
  }
  return [...scores].map(([chunk, score]) => ({ chunk, score })).sort((a, b) => b.score - a.score || (a.chunk < b.chunk ? -1 : 1));
}
