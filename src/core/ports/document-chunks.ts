import type { ChunkId, CollectionKey, DocumentId, SourceId, TenantId } from '../ids.ts';

/** Chunks of a document in the order of its text. */
export interface DocumentPage {
  /** The hosted collection that they are points of; absent for Sluice's own. */
  readonly collection?: CollectionKey;
  /** How many the whole document has. */
  readonly total: number;
  readonly chunks: readonly ChunkId[];
}

/** For reading a document as a whole. Fails with `catalog_unavailable`. */
export interface DocumentChunks {
  /**
   * Of the document's text as it is now, the chunks at the places [from, from + limit). Undefined where no document of that name is
   * live. Says nothing of who may read any of it.
   */
  documentChunks(
    tenant: TenantId,
    source: SourceId,
    document: DocumentId,
    page: { readonly from: number; readonly limit: number },
  ): Promise<DocumentPage | undefined>;
}
