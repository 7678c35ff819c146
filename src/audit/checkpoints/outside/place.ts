import type { StoredCheckpoint } from '../stored.ts';
import type { NoteContent } from '../make-note.ts';

/** Whether a key of this deployment signed the note, as a checkpoint of the log of this name. */
export type IsSigned = (note: string, origin: string) => Promise<boolean>;

/**
 * What a place outside says of a log. `cannot-tell`: it answers only when it is given something. `strange`: so many notes lie there that
 * would be the last one, and that no key of ours signed for this log. They count for nothing.
 */
export type Held =
  | { readonly kind: 'none'; readonly strange?: number }
  | { readonly kind: 'cannot-tell' }
  | ({ readonly kind: 'held'; readonly strange?: number } & NoteContent);

export interface Giving {
  readonly checkpoint: StoredCheckpoint;
  /** The size that the place took last, as far as the database knows; 0 for none. */
  readonly known: number;
  /** The proof from that tree to the checkpoint's. */
  readonly consistency: (from: number) => Promise<readonly Uint8Array[]>;
  readonly signal: AbortSignal;
}

/** Somewhere that a restored backup of the database does not reach. */
export interface Place {
  /** As the database remembers it. */
  readonly name: string;
  /** The largest checkpoint of this log that it holds and that we signed. */
  last(origin: string, signal: AbortSignal): Promise<Held>;
  /** Resolves once it holds the checkpoint; with the note as it is cosigned there. Throws `HoldsLarger` and `NotTheSameTree`. */
  give(giving: Giving): Promise<{ readonly note?: string }>;
  /** Ids of all logs that it holds; empty where such a place lists none. Rejects where it cannot be asked. */
  ids(): Promise<readonly string[]>;
}

/** The place has seen more of this log than there is: the database is older than what left. */
export class HoldsLarger extends Error {
  readonly size: number;

  constructor(place: string, size: number) {
    super(`${place} holds a checkpoint of size ${size}, which is larger`);
    this.name = 'HoldsLarger';
    this.size = size;
  }
}

/** The place holds another tree of a size that was given to it. */
export class NotTheSameTree extends Error {
  constructor(place: string, size: number) {
    super(`${place} does not accept the tree: it holds another one of size ${size}`);
    this.name = 'NotTheSameTree';
  }
}
