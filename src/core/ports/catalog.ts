import type { Acl } from '../acl.ts';
import type { Caller } from '../caller.ts';
import type { Digest } from '../digest.ts';
import type {
  ChunkId,
  CollectionKey,
  CollectionName,
  DocumentId,
  DocumentKey,
  PrincipalNumber,
  SourceId,
  TenantId,
  ZoneId,
} from '../ids.ts';
import type { Grants } from '../grants.ts';
import type { DocumentHygiene, HygieneFacts } from '../hygiene.ts';
import type { JsonObject } from '../json.ts';
import type { Label, LabelScheme } from '../label.ts';
import type { PolicyRevision } from '../policy-lines.ts';
import type { Principal } from '../principal.ts';
import type { Source, Zone } from '../zone.ts';
import type { CandidateRead, Lineage, RemovedCharacters, Span } from './candidate.ts';
import type { HostedCollection, StoredPoint } from './collections.ts';
import type { AccessPayload, NumberedAcl } from './vectors.ts';

/**
 * `tenant` and `global` count revocations; a release compares them. `generation` counts every change of what a
 * TenantView holds, revocation or not; it keys caches. Read before any cache is used.
 */
export interface EpochStamp {
  readonly tenant: number;
  readonly global: number;
  readonly generation: number;
}

export type SwitchKind = 'document' | 'source' | 'client' | 'user' | 'tenant' | 'all';

/** Everything a policy decision depends on: one tenant at one generation, immutable. Object identity is a cache key. */
export interface TenantView {
  readonly tenant: TenantId;
  readonly generation: number;
  readonly scheme: LabelScheme;
  readonly policy: PolicyRevision;
  /** The revision that is decided by beside `policy`, for its report alone. Absent where none is. */
  readonly shadow?: { readonly run: string; readonly revision: PolicyRevision };
  readonly sources: ReadonlyMap<SourceId, Source>;
  readonly zones: ReadonlyMap<ZoneId, Zone>;
  readonly off: {
    /** The tenant or everything is switched off. */
    readonly everything: boolean;
    readonly sources: ReadonlySet<SourceId>;
    /** Users and clients. */
    readonly principals: ReadonlySet<Principal>;
  };
  /** Approved requests for access that had not ended when the view was read; when they end is judged by time. */
  readonly grants: Grants;
  /** Hosted ones that are live. */
  readonly collections: ReadonlyMap<CollectionName, HostedCollection>;
}

/** The catalog as the query path sees it. All fail with `catalog_unavailable`. */
export interface ReadCatalog {
  /** Fails with `epoch_rolled_back` where a counter is lower than one already seen; `none` for an unknown tenant. */
  epoch(tenant: TenantId): Promise<{ readonly kind: 'none' } | { readonly kind: 'epoch'; readonly stamp: EpochStamp }>;
  /** A view at least as new as the stamp. `policy_unavailable` where the tenant has no active revision. */
  view(tenant: TenantId, stamp: EpochStamp): Promise<TenantView>;
  /**
   * The caller with the groups and the guest status that the directory holds at least as new as the stamp, where their issuer
   * leaves groups to it; the caller unchanged otherwise. The same object for the same caller and generation. `forbidden` for a
   * person whom the directory does not know or has deactivated: read as "no groups", every deny on a group would fail open.
   */
  resolve(caller: Caller, stamp: EpochStamp): Promise<Caller>;
  /** Which of these principals occur in an ACL of the tenant, and as what. */
  numbers(tenant: TenantId, principals: readonly Principal[], stamp: EpochStamp): Promise<ReadonlyMap<Principal, PrincipalNumber>>;
  /** Unknown ids are missing from the map. Always read from the database, never cached. */
  candidates(tenant: TenantId, chunks: readonly ChunkId[]): Promise<CandidateRead>;
}

export interface StoredDocument {
  readonly tenant: TenantId;
  readonly source: SourceId;
  readonly document: DocumentId;
  readonly key: DocumentKey;
  /** Counts up with every change; writes compare and set it. */
  readonly revision: number;
  readonly indexedRevision: number;
  /** Of the bytes as handed in. */
  readonly version: Digest;
  /** Parser, chunker and embedding together; a difference means the text has to be indexed again. */
  readonly pipeline: string;
  readonly title: string;
  readonly uri: string | undefined;
  readonly mediaType: string;
  readonly language: string;
  readonly zone: ZoneId;
  readonly declared: Label;
  readonly acl: Acl;
  readonly aclVersion: number;
  readonly metadata: JsonObject;
  /** Seconds since 1970; validity is [from, until). The same wherever the catalog speaks of validity. */
  readonly validFrom: number | 'always';
  readonly validUntil: number | 'forever';
  readonly state: 'live' | 'quarantined';
  /** Denies of nobody known with which an owner let this ACL out of quarantine; absent where none did. */
  readonly released?: readonly Principal[];
  /** Switched off by itself; its source, its tenant and everything have switches of their own. */
  readonly off: boolean;
  /** The marker of a document that is bait; absent where it is none. For owners alone. */
  readonly honey?: string;
  readonly chunks: number;
  /** As in Candidate. */
  readonly collection?: CollectionKey;
  readonly unseen?: HygieneFacts;
  readonly hygiene?: DocumentHygiene;
  /** Principal that wrote it last, and the digest of what it sent; shown to that writer alone. */
  readonly writtenBy: Principal;
  readonly writeDigest: Digest;
  readonly updatedAt: string;
}

/** The fields of a document that can change without its text changing. */
export interface DocumentAttributes {
  readonly title: string;
  readonly uri: string | undefined;
  readonly declared: Label;
  readonly acl: Acl;
  readonly metadata: JsonObject;
  readonly validFrom: number | 'always';
  readonly validUntil: number | 'forever';
  readonly state: 'live' | 'quarantined';
  /** As in StoredDocument. Goes with `acl`: whoever stores another ACL leaves it out. */
  readonly released?: readonly Principal[];
  readonly hygiene?: DocumentHygiene;
  readonly writtenBy: Principal;
  readonly writeDigest: Digest;
}

/** What a document was when it was deleted, as far as it bounds who may make it again. */
export interface Tombstone {
  readonly revision: number;
  /** By an owner, or with its whole source; else by a writer, who could not have widened it. */
  readonly by: 'owner' | 'writer';
  readonly access: Pick<StoredDocument, 'acl' | 'declared' | 'validFrom' | 'validUntil'>;
}

export interface DocumentContent {
  readonly version: Digest;
  readonly pipeline: string;
  readonly mediaType: string;
  readonly language: string;
  /** Normalised text; spans point into it. */
  readonly text: string;
  readonly removed: RemovedCharacters;
  /** `characters`: of the text with what was removed. `original`: what was handed in, where anything was; stored and erased with the version. */
  readonly characters?: number;
  readonly original?: string;
  readonly lineage: Lineage;
  readonly chunks: readonly StagedChunk[];
  /** Where the chunks are points of a hosted collection. */
  readonly collection?: CollectionKey;
}

export interface StagedChunk {
  readonly chunk: ChunkId;
  readonly ordinal: number;
  readonly text: string;
  readonly digest: Digest;
  readonly span: Span;
  /** What its writer gave; a point of a hosted collection has it. */
  readonly point?: StoredPoint;
}

/** `absent` or the revision that the writer saw. Another revision found: `conflict`. */
export type ExpectedRevision = number | 'absent';

/** Who did it and under which request, for the event written in the same transaction. */
export interface Change {
  readonly requestId: string;
  readonly by: Principal;
  readonly through: Principal;
}

export interface SourceAttributes {
  readonly title: string;
  readonly owner: Principal;
  readonly label: Label;
  readonly ceiling: Source['ceiling'];
}

/**
 * The catalog as ingestion and administration see it. Each method is one transaction; it writes its audit event in it,
 * and moves the epoch in it where somebody may read less afterwards, the generation where a TenantView changes.
 * Order of a write and what a crash leaves: docs/architecture.md, "The path of a document".
 */
export interface WriteCatalog {
  putSource(tenant: TenantId, source: SourceId, attributes: SourceAttributes, expected: ExpectedRevision, change: Change): Promise<Source>;
  /** Invisible at once; its documents are purged afterwards by `purgeSource` in steps. */
  deleteSource(tenant: TenantId, source: SourceId, expected: number, change: Change): Promise<void>;

  document(tenant: TenantId, source: SourceId, document: DocumentId): Promise<StoredDocument | undefined>;
  /** What is left of a deleted document; undefined where it lives or never was. */
  tombstone(tenant: TenantId, key: DocumentKey): Promise<Tombstone | undefined>;
  /** The database's clock, milliseconds. Where time decides who may read, no replica's own clock is asked. */
  time(): Promise<number>;
  /** The revision that the next write of this document gets, 1 for a new one. Numbering goes on after a deletion. */
  nextRevision(tenant: TenantId, key: DocumentKey): Promise<number>;
  /** A secret of this deployment for the names of chunks, the same on every replica and after every restart. */
  chunkSecret(): Promise<string>;
  /** Ordered by document id in code points, after `after`; from the first where undefined (a document may have any name). */
  listDocuments(
    tenant: TenantId,
    source: SourceId,
    after: DocumentId | undefined,
    limit: number,
    state?: StoredDocument['state'],
  ): Promise<readonly StoredDocument[]>;

  /** Finds or makes the zone and the principal numbers. Fails with `limit_exceeded`. */
  reserve(tenant: TenantId, source: SourceId, declared: Label, acl: Acl): Promise<{ readonly zone: ZoneId; readonly acl: NumberedAcl }>;
  /** Keeps text and chunks as `staged`: known, never released. Repeating it changes nothing. */
  stage(tenant: TenantId, key: DocumentKey, content: DocumentContent): Promise<void>;
  /**
   * Makes the staged chunks live, the former ones dead and the attributes current, at the revision `nextRevision` told.
   * The index must hold their points at that revision by now, so the document is not pending. `conflict` where the document has
   * moved on, its source is not live, or a staged chunk was given up meanwhile: stage again.
   */
  publish(input: {
    readonly tenant: TenantId;
    readonly source: SourceId;
    readonly document: DocumentId;
    readonly key: DocumentKey;
    readonly expected: ExpectedRevision;
    /** The tombstone that the writer saw and was judged by; another one, or one that it did not see, is `conflict`. Not compared where absent. */
    readonly tombstone?: number | 'none';
    readonly attributes: DocumentAttributes;
    readonly content: DocumentContent;
    readonly change: Change;
  }): Promise<StoredDocument>;
  /** Attributes only; label and ACL were reserved, as for `publish`. The document is pending until `markIndexed`. */
  change(key: DocumentKey, tenant: TenantId, expected: number, attributes: DocumentAttributes, change: Change): Promise<StoredDocument>;
  /** Its chunks become dead at once. `as`: whether whoever deletes it may also widen it; `writer` where absent. */
  deleteDocument(key: DocumentKey, tenant: TenantId, expected: number, change: Change, as?: Tombstone['by']): Promise<void>;

  /** The payload the index should hold for this document now; undefined where it was deleted. */
  accessPayload(tenant: TenantId, key: DocumentKey): Promise<AccessPayload | undefined>;
  /** Sets indexedRevision unless the document has moved on. */
  markIndexed(tenant: TenantId, key: DocumentKey, revision: number): Promise<void>;

  /** Work left over by crashes or an index that was away, oldest first. */
  pendingDocuments(limit: number): Promise<readonly { readonly tenant: TenantId; readonly key: DocumentKey }[]>;
  /** Dead chunks, and chunks staged more than `stagedForMs` ago that were never published. */
  deadChunks(limit: number, stagedForMs: number): Promise<readonly DeadChunk[]>;
  /** Forgets chunks that the index no longer holds. */
  purgeChunks(tenant: TenantId, chunks: readonly ChunkId[]): Promise<void>;
  /** Turns up to `limit` documents of sources being deleted into dead chunks; false when none are left. */
  purgeSources(limit: number): Promise<boolean>;
}

export interface DeadChunk {
  readonly tenant: TenantId;
  readonly chunk: ChunkId;
  /** As in Candidate. */
  readonly collection?: CollectionKey;
}
