import type { AuthorizedFilter } from '../filter.ts';
import type { ChunkId, CollectionKey, DocumentKey, PrincipalNumber, TenantId, ZoneId } from '../ids.ts';
import type { JsonObject } from '../json.ts';

/** Ascending, unique indices (0 … 2³²−1) with their weights. */
export interface SparseVector {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}
export type DenseVector = readonly number[];

/** One ranked search. `name` appears in metrics and explains scores. */
export type Leg =
  | { readonly name: 'bm25'; readonly kind: 'sparse'; readonly vector: SparseVector }
  | { readonly name: 'dense'; readonly kind: 'dense'; readonly vector: DenseVector };

export interface Hit {
  readonly chunk: ChunkId;
  readonly score: number;
}

/** An ACL as the index holds it: principals as numbers. */
export interface NumberedAcl {
  readonly gates: readonly (readonly PrincipalNumber[])[];
  readonly deny: readonly PrincipalNumber[];
}

/** Everything about a document that filters look at. Rewritten as a whole; `revision` makes rewriting monotonic. */
export interface AccessPayload {
  readonly tenant: TenantId;
  readonly document: DocumentKey;
  readonly zone: ZoneId;
  readonly revision: number;
  readonly acl: NumberedAcl;
  /** Seconds since 1970; validity is [from, until). */
  readonly validFrom: number | 'always';
  readonly validUntil: number | 'forever';
  /** Of Sluice's own points alone; a hosted point keeps what its writer gave it. */
  readonly metadata: JsonObject;
  /** The hosted collection that its points lie in; absent for Sluice's own. */
  readonly collection?: CollectionKey;
}

export interface Point {
  readonly chunk: ChunkId;
  readonly access: AccessPayload;
  readonly sparse: SparseVector;
  readonly dense: { readonly kind: 'none' } | { readonly kind: 'vector'; readonly vector: DenseVector };
}

/** All fail with `index_unavailable`. Writes return once the index has applied them. */
export interface VectorIndex {
  /** Best first; ties by chunk id. Exact, ACORN or plain graph by the share the filter admits. */
  search(filter: AuthorizedFilter, leg: Leg, limit: number, signal: AbortSignal): Promise<readonly Hit[]>;
  /** How many points the filter admits, each counted. It has no hits to judge: only for a filter whose `without` names what to leave out. */
  count(filter: AuthorizedFilter, signal: AbortSignal): Promise<number>;
  upsert(points: readonly Point[], signal: AbortSignal): Promise<void>;
  /** Rewrites the payload of every point of the document that holds a lower revision. A late, older call changes nothing. */
  rewriteAccess(access: AccessPayload, signal: AbortSignal): Promise<void>;
  /** Of one collection: of Sluice's own where none is named. One that is not there holds none of them. */
  deleteChunks(tenant: TenantId, chunks: readonly ChunkId[], signal: AbortSignal, collection?: CollectionKey): Promise<void>;
  /** Resolves when the index answers and the collection is as configured. */
  probe(signal: AbortSignal): Promise<void>;
}
