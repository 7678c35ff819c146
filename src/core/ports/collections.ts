import type { Acl } from '../acl.ts';
import type { ChunkId, CollectionKey, CollectionName, SourceId, TenantId } from '../ids.ts';
import type { PointId } from '../points/point-id.ts';
import type { LosslessObject, RawJson } from '../points/raw-json.ts';
import type { Principal } from '../principal.ts';
import type { Change, ExpectedRevision } from './catalog.ts';

/**
 * A collection of the Qdrant-compatible door whose vectors come from applications. Each point is a document of its own in the catalog,
 * `<collection>/<point id>`, in the source that its writer writes into, so everything that holds for documents holds for points.
 */
export interface HostedCollection {
  readonly tenant: TenantId;
  readonly name: CollectionName;
  readonly key: CollectionKey;
  readonly revision: number;
  /** `vectors` and `sparse_vectors` as they were asked for, and what else of the request was taken over. */
  readonly params: LosslessObject;
  readonly writers: CollectionWriters;
  readonly profile: CollectionProfile;
  /** The ACL of a point that brings none; `none`: such a point is refused. */
  readonly defaultAcl: { readonly kind: 'none' } | { readonly kind: 'acl'; readonly acl: Acl };
  /** Every source that points were written into, also by writers of before. Whoever may read none of them does not see the collection. */
  readonly sources: readonly SourceId[];
}

/** The one source that an application writes into: its own where it is named, else the collection's. */
export interface CollectionWriters {
  readonly source: { readonly kind: 'none' } | { readonly kind: 'source'; readonly source: SourceId };
  readonly byClient: ReadonlyMap<Principal, SourceId>;
}

/** Where in a payload stands what. Paths are dotted. */
export interface CollectionProfile {
  /** `inner`: the value at `path` is JSON in a string, and the text stands at `inner` within. */
  readonly text: { readonly path: string; readonly inner?: string };
  readonly title?: string;
  /** Names the document that a point is a part of, for people who read the audit. */
  readonly document?: string;
  readonly uri?: string;
  /** An ACL as in bodies of the HTTP API, or a list of principals of one gate. */
  readonly acl?: string;
  readonly level?: string;
  readonly compartments?: string;
  readonly trust?: string;
  /** Whether each payload that leaves carries its provenance under `_sluice`. */
  readonly provenance: 'payload' | 'none';
}

/** They are held in memory with the view of the tenant. */
export const MAX_COLLECTIONS = 1_000;

export type CollectionSettings = Pick<HostedCollection, 'writers' | 'profile' | 'defaultAcl'>;

/** Each change is one transaction with its event and moves the generation. All fail with `catalog_unavailable`. */
export interface CollectionCatalog {
  /** `conflict` where the revision is another one, the name is taken, or a source is not live; `limit_exceeded` beyond MAX_COLLECTIONS. */
  putCollection(
    tenant: TenantId,
    name: CollectionName,
    collection: CollectionSettings & Pick<HostedCollection, 'key' | 'params'>,
    expected: ExpectedRevision,
    change: Change,
  ): Promise<HostedCollection>;
  /** Its documents die at once, the points afterwards; moves the epoch. */
  deleteCollection(tenant: TenantId, name: CollectionName, expected: number, change: Change): Promise<void>;
  /** Notes that points are written into this source. Nothing where it is known; `conflict` where the collection was deleted. */
  noteSource(tenant: TenantId, key: CollectionKey, source: SourceId): Promise<void>;
  /** Deleted ones whose points are still to be dropped, and that they have been. */
  deletedCollections(limit: number): Promise<readonly { readonly tenant: TenantId; readonly key: CollectionKey }[]>;
  /** Turns up to `limit` documents of a deleted collection into tombstones; true where there are more. Its points are dropped before. */
  emptyCollection(key: CollectionKey, limit: number): Promise<boolean>;
  forgetCollection(key: CollectionKey): Promise<void>;
}

/** A point as its writer gave it. */
export interface StoredPoint {
  readonly id: PointId;
  /** The payload, an object, as it was written. */
  readonly payload: RawJson;
}

/** `own`: Sluice's chunks seen as points, each under its chunk id with its text and metadata. */
export type PointPlace = 'own' | CollectionKey;

/** Points as the query path sees them. All fail with `catalog_unavailable`. */
export interface PointReads {
  /** Live chunks of these points, by `pointIdText`; one id may stand for a point of each of several sources. Nothing is judged here. */
  chunksOfPoints(tenant: TenantId, place: PointPlace, ids: readonly PointId[]): Promise<ReadonlyMap<string, readonly ChunkId[]>>;
  /** Unknown chunks are missing. For `own` the payload is `{"metadata": …}` of the document, to which retrieval adds the text. */
  storedPoints(tenant: TenantId, place: PointPlace, chunks: readonly ChunkId[]): Promise<ReadonlyMap<ChunkId, StoredPoint>>;
}
