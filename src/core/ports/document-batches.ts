import type { ChunkId, DocumentId, DocumentKey, SourceId, TenantId } from '../ids.ts';
import type { Change, DocumentContent, StoredDocument, Tombstone, WriteCatalog } from './catalog.ts';

/**
 * What WriteCatalog does with one document, for many of one source at once: each method is one reading, or one transaction that is
 * whole or nothing. Each document keeps its own revision, its own history and its own event.
 */
export interface BatchCatalog {
  /** Those that there are. */
  documents(tenant: TenantId, source: SourceId, ids: readonly DocumentId[]): Promise<ReadonlyMap<DocumentId, StoredDocument>>;
  /** What is left of those that were deleted; those that live or never were are missing. */
  tombstones(tenant: TenantId, keys: readonly DocumentKey[]): Promise<ReadonlyMap<DocumentKey, Tombstone>>;
  /** The live chunks of these documents. */
  liveChunks(tenant: TenantId, keys: readonly DocumentKey[]): Promise<ReadonlyMap<ChunkId, DocumentKey>>;
  /** Like `stage`. */
  stageAll(tenant: TenantId, documents: readonly { readonly key: DocumentKey; readonly content: DocumentContent }[]): Promise<void>;
  /** Staged ones that will not be published die; gives those that did, never one that somebody published meanwhile. */
  giveUpStaged(tenant: TenantId, chunks: readonly ChunkId[]): Promise<readonly ChunkId[]>;
  /** Like `publish`; `conflict` where one of them would be, or where their collection was deleted meanwhile. */
  publishAll(tenant: TenantId, source: SourceId, inputs: readonly PublishedDocument[]): Promise<void>;
  /** Like `deleteDocument`. */
  deleteAll(tenant: TenantId, documents: readonly DeletedDocument[], change: Change): Promise<void>;
}

export type PublishedDocument = Omit<Parameters<WriteCatalog['publish']>[0], 'tenant' | 'source'>;

export interface DeletedDocument {
  readonly key: DocumentKey;
  readonly expected: number;
  readonly as: Tombstone['by'];
}
