import { TRUSTS, type Trust } from '../core/label.ts';
import type { ReleasedChunk, RenderedContext } from '../core/provenance.ts';
import { fenceBreaker, type FenceBreaker } from './escape.ts';

/** Chunks of one level of trust, in the order of their ranks. */
export interface Segment {
  readonly trust: Trust;
  readonly chunks: readonly ReleasedChunk[];
}

/** Unpredictable bytes: whoever guesses the fence can try to write it into a document. */
export type RandomBytes = (size: number) => Uint8Array;

/** What every format renders: the same segments, and what keeps foreign text apart from ours. */
export interface Plan {
  /** Highest trust first; none is empty. */
  readonly segments: readonly Segment[];
  /** 128 random bits of this request in lower-case hex. */
  readonly fence: string;
  readonly breakFence: FenceBreaker;
  readonly random: RandomBytes;
}

export interface Painted {
  readonly context: RenderedContext;
  /** Exactly the text that stands for a chunk in one string of the context. */
  readonly textOf: (chunk: ReleasedChunk) => string;
}

/** One way to show segments to a model. Never fails on any text. */
export type Format = (plan: Plan) => Painted;

const FENCE_BYTES = 16;

/** Throws where the source of randomness gives fewer bytes than asked: a short fence could be guessed. */
export function planOf(chunks: readonly ReleasedChunk[], random: RandomBytes): Plan {
  const fence = Buffer.from(random(FENCE_BYTES)).toString('hex');
  if (fence.length !== 2 * FENCE_BYTES) throw new Error('the source of randomness gave too few bytes for a fence');
  const segments = TRUSTS.toReversed().flatMap((trust): Segment[] => {
    const group = chunks.filter((chunk) => chunk.provenance.label.trust === trust).sort((a, b) => a.rank - b.rank);
    return group.length === 0 ? [] : [{ trust, chunks: group }];
  });
  return { segments, fence, breakFence: fenceBreaker(fence), random };
}

/** The text of each chunk, worked out once: it is needed for the context, for its digest and for the record. */
export function textsOf({ segments }: Plan, render: (text: string) => string): Painted['textOf'] {
  const texts = new Map(segments.flatMap(({ chunks }) => chunks.map((chunk) => [chunk, render(chunk.text)])));
  return (chunk) => {
    const text = texts.get(chunk);
    if (text === undefined) throw new Error('a chunk that is in no segment');
    return text;
  };
}
