import type { DenseVector, SparseVector } from './vectors.ts';

/** What vectors in the collection were made with. Recorded with the collection; a difference at start is an error. */
export interface EmbeddingIdentity {
  /** Version of tokens, stems, ids, weights and IDF together, such as `bm25@1`. */
  readonly sparse: string;
  readonly dense:
    | { readonly kind: 'none' }
    /** `caller`: vectors come with requests and documents. `remote`: from an OpenAI-compatible server. */
    | { readonly kind: 'caller' | 'remote'; readonly model: string; readonly dimension: number };
}

export interface TextToEmbed {
  readonly text: string;
  /** BCP 47 primary language, such as `en`. */
  readonly language: string;
  /** A vector that came with the text, where `dense.kind` is `caller`. */
  readonly dense?: DenseVector;
}

export interface Embedded {
  readonly sparse: SparseVector;
  readonly dense: { readonly kind: 'none' } | { readonly kind: 'vector'; readonly vector: DenseVector };
}

export interface EmbeddingPort {
  readonly identity: EmbeddingIdentity;
  /** Fails with `embedding_unavailable`, or `vector_mismatch` for a vector of the wrong length or with a non-finite number. */
  embedDocuments(texts: readonly TextToEmbed[], signal: AbortSignal): Promise<readonly Embedded[]>;
  /** Either may be absent, not both. A query that has no term left gives no sparse leg. */
  embedQuery(
    query: { readonly text?: string; readonly dense?: DenseVector; readonly languages: readonly string[] },
    signal: AbortSignal,
  ): Promise<{
    readonly sparse: { readonly kind: 'none' } | { readonly kind: 'vector'; readonly vector: SparseVector };
    readonly dense: { readonly kind: 'none' } | { readonly kind: 'vector'; readonly vector: DenseVector };
  }>;
}
