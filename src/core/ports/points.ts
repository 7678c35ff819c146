import type { Caller } from '../caller.ts';
import type { AuthorizedFilter } from '../filter.ts';
import type { ChunkId, CollectionKey, CollectionName, DocumentKey } from '../ids.ts';
import type { PointId } from '../points/point-id.ts';
import type { GroupedSearch, OrderBy, PointFilter, PointSearch, Selection } from '../points/question.ts';
import type { LosslessObject, RawJson } from '../points/raw-json.ts';
import type { PointPlace } from './collections.ts';
import type { AccessPayload } from './vectors.ts';

/** A point as the index returned it: believed about relevance, never about rights. */
export interface PointHit {
  readonly chunk: ChunkId;
  readonly score?: RawJson;
  readonly orderValue?: RawJson;
  /** Where vectors were selected. */
  readonly vector?: RawJson;
}

/** `never`: chunks that key two refused, left out at every stage as if they were not there. */
export interface PointScope {
  readonly place: PointPlace;
  readonly filter: AuthorizedFilter;
  readonly never: readonly ChunkId[];
}

/**
 * Reads of one collection, all under an AuthorizedFilter: it stands in `must` at the root and in every prefetch at every depth, with
 * the caller's filter wrapped beside it. Payloads are never asked for; they come from the catalog. All fail with `index_unavailable`,
 * and with `unsupported_request`, saying Qdrant's reason, where Qdrant refuses what was asked (another dimension, an unknown vector,
 * an order without an index).
 */
export interface PointIndex {
  /** One list a search. */
  search(scope: PointScope, searches: readonly PointSearch<ChunkId>[], signal: AbortSignal): Promise<readonly (readonly PointHit[])[]>;
  groups(
    scope: PointScope,
    search: GroupedSearch<ChunkId>,
    signal: AbortSignal,
  ): Promise<readonly { readonly id: RawJson; readonly hits: readonly PointHit[] }[]>;
  /** In the order of chunk ids after `after`, or by `orderBy`. `more` tells whether there is a further one. */
  scroll(
    scope: PointScope,
    page: {
      readonly filter?: PointFilter<ChunkId>;
      readonly after?: ChunkId;
      readonly orderBy?: OrderBy;
      readonly limit: number;
      readonly vectors: Selection['vectors'];
    },
    signal: AbortSignal,
  ): Promise<{ readonly hits: readonly PointHit[]; readonly more: boolean }>;
  /** Those of these that the filter admits, with the vectors asked for. */
  points(scope: PointScope, chunks: readonly ChunkId[], vectors: Selection['vectors'], signal: AbortSignal): Promise<readonly PointHit[]>;
  /** Exact, like `VectorIndex.count`; only for a filter whose `without` names what to leave out. So is `facet`. */
  count(scope: PointScope, filter: PointFilter<ChunkId> | undefined, signal: AbortSignal): Promise<number>;
  facet(
    scope: PointScope,
    facet: { readonly key: string; readonly filter?: PointFilter<ChunkId>; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly { readonly value: RawJson; readonly count: number }[]>;
  /** How the collection is made: no numbers of points. */
  describe(
    place: PointPlace,
    signal: AbortSignal,
  ): Promise<{ readonly config: LosslessObject; readonly indexes: Readonly<Record<string, LosslessObject>> }>;
}

/** A point of a hosted collection as it is written: `payload` is what its writer gave, and lies beside what filters look at. */
export interface HostedPoint {
  readonly chunk: ChunkId;
  readonly access: AccessPayload;
  /** As Qdrant takes it in a point: one vector, or an object of named ones. */
  readonly vector: RawJson;
  readonly payload: RawJson;
}

/** Writes of hosted collections; they return once the index has applied them. All fail with `index_unavailable`, and as PointIndex does. */
export interface HostedIndex {
  /** Makes Qdrant's collection with the indexes that filters need. Repeating it changes nothing. */
  create(key: CollectionKey, params: LosslessObject, signal: AbortSignal): Promise<void>;
  /** Nothing where there is none. */
  drop(key: CollectionKey, signal: AbortSignal): Promise<void>;
  /** At start-up: makes indexes that are missing. `index_unavailable` where the collection is lost or another one; so is then every read. */
  check(key: CollectionKey, signal: AbortSignal): Promise<void>;
  upsert(key: CollectionKey, points: readonly HostedPoint[], signal: AbortSignal): Promise<void>;
  /** Those of these chunks that have no point there. */
  absent(key: CollectionKey, chunks: readonly ChunkId[], signal: AbortSignal): Promise<readonly ChunkId[]>;
  /** An index on a payload key that is not reserved. */
  createIndex(key: CollectionKey, field: string, schema: LosslessObject | string, signal: AbortSignal): Promise<void>;
  deleteIndex(key: CollectionKey, field: string, signal: AbortSignal): Promise<void>;
}

/** A point that its caller may read, judged by both keys. */
export interface ReadablePoint {
  readonly id: PointId;
  readonly chunk: ChunkId;
  readonly key: DocumentKey;
}

/** For writes that name points: what is hidden is not there. Nothing of it leaves, so nothing is recorded as released. */
export interface ReadablePoints {
  /** `limit_exceeded` where more than `most` match. */
  readable(
    caller: Caller,
    collection: CollectionName,
    which: { readonly ids: readonly PointId[] } | { readonly filter: PointFilter<PointId> },
    most: number,
    signal: AbortSignal,
  ): Promise<readonly ReadablePoint[]>;
}
