import type { Caller } from '../../core/caller.ts';
import type { CollectionName } from '../../core/ids.ts';
import type { AnswerPiece, Found, PointsQuestion } from '../../core/points/question.ts';
import type { HostedCollection } from '../../core/ports/collections.ts';

/** Everything around a question that is not the question. */
export interface PointsContext {
  readonly caller: Caller;
  readonly requestId: string;
  readonly traceId?: string;
  /** As the request names it; the usual one where absent. */
  readonly purpose?: string;
  readonly signal: AbortSignal;
}

/** A collection as a caller may see it. */
export type VisibleCollection =
  | { readonly kind: 'own'; readonly name: CollectionName }
  | { readonly kind: 'hosted'; readonly name: CollectionName; readonly collection: HostedCollection };

export interface PointsAnswer {
  /** What `compose` made, whole. Durable as a release before this resolves. */
  readonly body: string;
  /** Points in it, over all lists. */
  readonly released: number;
}

/** What the Qdrant-compatible door reads through. */
export interface PointsReader {
  /** By name. Reads no point, so nothing is recorded. Fails like `presence`. */
  collections(context: PointsContext): Promise<readonly VisibleCollection[]>;
  /** Undefined where there is none of that name that the caller may see. */
  collection(context: PointsContext, name: string): Promise<VisibleCollection | undefined>;
  /**
   * Decides, resolves ids, searches, judges each point by both keys, lets `compose` write the answer, and makes the release durable
   * under an epoch that did not move; only then it resolves. `compose` may be called again where everything had to be judged again.
   * Fails with `not_found` where the caller may not see the collection, without issues; and where an id that a query needs is missing or
   * hidden, with an issue that says which, in Qdrant's words. Fails with `unsupported_request`, `aggregate_unstable`, and like `retrieve`.
   */
  ask(
    context: PointsContext,
    name: string,
    question: PointsQuestion,
    compose: (found: Found) => readonly AnswerPiece[],
  ): Promise<PointsAnswer>;
}
