import type { JsonObject } from '../json.ts';
import type { ChunkId, DocumentId, SourceId, ZoneId } from '../ids.ts';
import type { Presence } from '../presence.ts';
import type { Outcome } from './explain.ts';

/** What was released to whom, to be decided again by what holds now. */
export interface PastRelease {
  /** Null for an application alone. */
  readonly user: string | null;
  readonly client: string;
  readonly purpose: string | undefined;
  /** What the token said then is not kept; it may be given. */
  readonly actor?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly guest?: boolean | undefined;
  readonly chunks: readonly {
    readonly chunk: ChunkId;
    readonly source: SourceId;
    readonly document: DocumentId;
    readonly zone: ZoneId;
  }[];
}

/**
 * One chunk under today's policy, ACLs, labels and switches. `hidden`: whoever asks may neither audit nor label it. `stages`: as
 * `explain` tells them to that asker; those with the outcome `refuse` would refuse it.
 */
export type CounterfactualChunk =
  | { readonly kind: 'hidden' }
  | { readonly kind: 'judged'; readonly decision: Outcome; readonly refusedBy: readonly string[]; readonly stages: readonly JsonObject[] };

export interface Counterfactual {
  readonly revision: string;
  /** ISO 8601, database time. */
  readonly at: string;
  readonly memberships: JsonObject;
  /** In the order in which they were given. */
  readonly chunks: readonly CounterfactualChunk[];
}

/** "Would today's policy have released this?", told by what tells why a document is released. Fails like `explain`. */
export interface CounterfactualPort {
  judge(here: Presence, release: PastRelease): Promise<Counterfactual>;
}
