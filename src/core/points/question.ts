import type { PointId } from './point-id.ts';
import type { LosslessJson, LosslessObject, RawJson, RawNumber } from './raw-json.ts';

/**
 * What an application asks of a collection, in Qdrant's terms: rebuilt member by member from an allow-list, so that nothing of the
 * request is passed on that is not here. `Id` is `PointId` as asked, and `ChunkId` once each id has been resolved for the caller.
 */
export type PointFilter<Id> = {
  readonly [clause in 'must' | 'should' | 'must_not']?: readonly PointCondition<Id>[];
} & { readonly min_should?: { readonly conditions: readonly PointCondition<Id>[]; readonly min_count: number } };

export type PointCondition<Id> =
  | { readonly kind: 'filter'; readonly filter: PointFilter<Id> }
  | { readonly kind: 'nested'; readonly key: string; readonly filter: PointFilter<Id> }
  | { readonly kind: 'has-id'; readonly ids: readonly Id[] }
  | { readonly kind: 'has-vector'; readonly name: string }
  /** A condition on a payload key that is not reserved, or `is_empty` and `is_null` of one; as Qdrant takes it. */
  | { readonly kind: 'field'; readonly condition: LosslessObject };

/** Dense `[…]`, sparse `{indices, values}` or multi `[[…], …]`; checked for its shape. */
export type PlainVector = LosslessJson;
/** `text` is embedded by Sluice, for its own collection alone; it is a vector once it has been. */
export type VectorInput<Id> =
  | { readonly kind: 'vector'; readonly vector: PlainVector }
  | { readonly kind: 'id'; readonly id: Id }
  | { readonly kind: 'text'; readonly text: string };

export interface ContextPair<Id> {
  readonly positive: VectorInput<Id>;
  readonly negative: VectorInput<Id>;
}

export type PointQuery<Id> =
  | { readonly kind: 'nearest'; readonly input: VectorInput<Id>; readonly mmr?: LosslessObject }
  | {
      readonly kind: 'recommend';
      readonly positive: readonly VectorInput<Id>[];
      readonly negative: readonly VectorInput<Id>[];
      readonly strategy?: string;
    }
  | { readonly kind: 'discover'; readonly target: VectorInput<Id>; readonly context: readonly ContextPair<Id>[] }
  | { readonly kind: 'context'; readonly context: readonly ContextPair<Id>[] }
  /** `fusion: rrf | dbsf`, and `rrf: {k}`. */
  | { readonly kind: 'fusion'; readonly fusion: LosslessObject }
  /** Keys in it are checked like those of filters; conditions in it are filters of their own. */
  | { readonly kind: 'order-by'; readonly order: OrderBy }
  | { readonly kind: 'formula'; readonly formula: FormulaTerm<Id>; readonly defaults?: LosslessObject }
  | { readonly kind: 'sample' };

/**
 * A formula as a tree of plain members; only conditions hold ids. `plain` is a number, a variable, or one of `{geo_distance}`, `{datetime}`
 * and `{datetime_key}` as Qdrant takes them; `operation` is `{<name>: [terms]}` (`mult`, `sum`); every other one is a record of terms,
 * such as `{neg: <term>}` or `{div: <record of left, right, by_zero_default>}`.
 */
export type FormulaTerm<Id> =
  | { readonly kind: 'plain'; readonly value: LosslessJson }
  | { readonly kind: 'condition'; readonly condition: PointCondition<Id> }
  | { readonly kind: 'operation'; readonly name: string; readonly terms: readonly FormulaTerm<Id>[] }
  | { readonly kind: 'record'; readonly members: Readonly<Record<string, FormulaTerm<Id>>> };

export interface OrderBy {
  readonly key: string;
  readonly direction?: 'asc' | 'desc';
  readonly startFrom?: LosslessJson;
}

/** `hnsw_ef`, `exact`, `quantization`, `indexed_only`, `acorn`, from an allow-list. */
export type SearchParams = LosslessObject;

interface Searched<Id> {
  /** Absent: points in the order of their ids, or, with prefetches, those of the prefetches. */
  readonly query?: PointQuery<Id>;
  /** Name of a vector; absent is the unnamed one. */
  readonly using?: string;
  readonly filter?: PointFilter<Id>;
  readonly params?: SearchParams;
  readonly scoreThreshold?: RawNumber | number;
  readonly prefetch: readonly Prefetch<Id>[];
}

export interface Prefetch<Id> extends Searched<Id> {
  readonly limit: number;
}

export interface PointSearch<Id> extends Searched<Id> {
  readonly limit: number;
  readonly offset: number;
  readonly select: Selection;
}

export interface GroupedSearch<Id> extends Searched<Id> {
  readonly groupBy: string;
  /** Groups, and points of each. */
  readonly limit: number;
  readonly groupSize: number;
  readonly select: Selection;
}

/** What comes with each point. */
export interface Selection {
  readonly payload:
    | { readonly kind: 'none' }
    | { readonly kind: 'all' }
    | { readonly kind: 'include'; readonly keys: readonly string[] }
    | { readonly kind: 'exclude'; readonly keys: readonly string[] };
  readonly vectors: { readonly kind: 'none' } | { readonly kind: 'all' } | { readonly kind: 'named'; readonly names: readonly string[] };
}

export interface ScrollPage<Id> {
  readonly filter?: PointFilter<Id>;
  /** As `next` of the page before, opaque; absent for the first. Not with `orderBy`. */
  readonly cursor?: string;
  readonly orderBy?: OrderBy;
  readonly limit: number;
  readonly select: Selection;
}

/** One request for points of one collection, as a door parsed it. `Id` of what an application sends is `PointId`. */
export type PointsQuestion<Id = PointId> =
  /** One list of points for each search: a batch has several. */
  | { readonly kind: 'search'; readonly searches: readonly [PointSearch<Id>, ...PointSearch<Id>[]] }
  | { readonly kind: 'groups'; readonly search: GroupedSearch<Id> }
  | { readonly kind: 'scroll'; readonly page: ScrollPage<Id> }
  /** In the order of the ids, without what is missing or hidden. */
  | { readonly kind: 'points'; readonly ids: readonly Id[]; readonly select: Selection }
  | { readonly kind: 'count'; readonly filter?: PointFilter<Id> }
  | { readonly kind: 'facet'; readonly key: string; readonly filter?: PointFilter<Id>; readonly limit: number }
  /** What describes the collection, with the number of readable points. */
  | { readonly kind: 'info' };

/** One point as it may leave. */
export interface FoundPoint {
  readonly id: PointId;
  /** Number as Qdrant wrote it; absent where nothing is scored. */
  readonly score?: RawJson;
  readonly payload: PointPayload;
  readonly vector?: RawJson;
  readonly orderValue?: RawJson;
}

/**
 * `whole`: the whole stored payload of the point at this place in the release; a door writes it as a reference, so that a record holds
 * it once. `json`: a part of it, or one that was added to.
 */
export type PointPayload =
  { readonly kind: 'none' } | { readonly kind: 'whole'; readonly of: number } | { readonly kind: 'json'; readonly json: RawJson };

export type Found =
  | { readonly kind: 'lists'; readonly lists: readonly (readonly FoundPoint[])[] }
  | { readonly kind: 'groups'; readonly groups: readonly { readonly id: RawJson; readonly points: readonly FoundPoint[] }[] }
  | { readonly kind: 'page'; readonly points: readonly FoundPoint[]; readonly next: string | undefined }
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'facet'; readonly values: readonly { readonly value: RawJson; readonly count: number }[] }
  | { readonly kind: 'info'; readonly info: CollectionInfo };

/** What Qdrant tells of a collection, as far as the caller may know it. */
export interface CollectionInfo {
  /** Readable ones. */
  readonly points: number;
  /** `vectors` and `sparse_vectors` as they were made, and what else of `config` is no secret. */
  readonly config: LosslessObject;
  /** Indexed payload keys that are not reserved, each with its type and the number of readable points that have it. */
  readonly payloadSchema: LosslessObject;
}

/** An answer in pieces: text as it stands, or the stored payload of the point at this place in the release. */
export type AnswerPiece = string | { readonly payloadOf: number };
