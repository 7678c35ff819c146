import type { Trust } from '../core/label.ts';

/**
 * The catalog's tables as of the last migration. One row type a table; JSON is text; times are milliseconds since 1970, but
 * `valid_from` and `valid_until` are seconds, as in the index. `recorded_from` and `recorded_to` say when the database held a
 * fact to be so; `recorded_to` is null while it still does.
 */
export interface CatalogTables {
  epochs: EpochRow;
  tenants: TenantRow;
  principals: PrincipalRow;
  sources: SourceRow;
  source_history: SourceHistoryRow;
  zones: ZoneRow;
  zone_blocks: ZoneBlockRow;
  documents: DocumentRow;
  document_versions: DocumentVersionRow;
  document_history: DocumentHistoryRow;
  document_acls: DocumentAclRow;
  document_labels: DocumentLabelRow;
  chunks: ChunkRow;
  policy_revisions: PolicyRevisionRow;
  policy_activations: PolicyActivationRow;
  collection_identity: CollectionIdentityRow;
  secrets: SecretRow;
}

/** Secrets of the deployment, made with the database. */
export interface SecretRow {
  readonly name: 'chunk-ids';
  readonly value: string;
}

/** One row a tenant and one for scope `*` (the whole deployment). See EpochStamp. */
export interface EpochRow {
  readonly scope: string;
  readonly epoch: number;
  readonly generation: number;
}

export interface TenantRow {
  readonly tenant: string;
  readonly recorded_from: number;
}

/** Every principal that ever occurred in an ACL of the tenant. Never deleted, so a number is never reused. */
export interface PrincipalRow {
  readonly tenant: string;
  readonly number: number;
  readonly name: string;
  readonly recorded_from: number;
}

/** Who made a recorded change, through which application, under which request. */
export interface ChangedBy {
  readonly changed_by: string;
  readonly changed_through: string;
  readonly request_id: string;
}

interface SourceFacts {
  readonly tenant: string;
  readonly source: string;
  readonly revision: number;
  readonly title: string;
  readonly owner: string;
  readonly level: string;
  /** JSON array. */
  readonly compartments: string;
  readonly trust: Trust;
  /** JSON array of principals, null where there is no ceiling. */
  readonly ceiling: string | null;
  readonly state: 'live' | 'deleting' | 'deleted';
}

export interface SourceRow extends SourceFacts {
  readonly recorded_from: number;
}

export interface SourceHistoryRow extends SourceFacts, ChangedBy {
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

/** Never changed, never deleted. `declared` is a digest of the declared label. */
export interface ZoneRow {
  readonly tenant: string;
  readonly zone: number;
  readonly source: string;
  readonly declared: string;
  readonly level: string;
  readonly compartments: string;
  readonly trust: Trust;
  readonly recorded_from: number;
}

/** Zone ids come in blocks of one declared label, so that the ids a caller may read are mostly runs. */
export interface ZoneBlockRow {
  readonly tenant: string;
  readonly block: number;
  readonly declared: string;
  readonly used: number;
}

/** One row a document that ever was; a deleted one stays as a tombstone, so that revisions go on from there. */
export interface DocumentRow {
  readonly tenant: string;
  readonly key: string;
  readonly source: string;
  readonly document: string;
  readonly revision: number;
  readonly indexed_revision: number;
  readonly state: 'live' | 'quarantined' | 'deleted';
  readonly zone: number;
  /** The revisions at which the current ACL and label came; keys of `document_acls` and `document_labels`. */
  readonly acl_version: number;
  readonly label_version: number;
  /** Key of `document_versions`. */
  readonly content: string;
  readonly valid_from: number | null;
  readonly valid_until: number | null;
  readonly chunk_count: number;
  readonly updated_at: number;
  readonly written_by: string;
  readonly write_digest: string;
  readonly title: string;
  readonly uri: string | null;
  readonly acl: string;
  readonly metadata: string;
  /** JSON array of the dangling denies that an owner released `acl` with; null where none did. */
  readonly released: string | null;
  /** JSON of DocumentHygiene; null where its text took nothing from it. */
  readonly hygiene: string | null;
  /** Of a tombstone: who made it. Null on what lives, and on tombstones of a deleted source. */
  readonly deleted_as: 'owner' | 'writer' | null;
  /** Key of `collections`; null where its chunks lie in Sluice's own. The same in `chunks`. */
  readonly collection: string | null;
}

/** A text as it was handed in and normalised, with the way it came. `content` names the text and its chunks. */
export interface DocumentVersionRow {
  readonly tenant: string;
  readonly key: string;
  readonly content: string;
  readonly version: string;
  readonly pipeline: string;
  readonly media_type: string;
  readonly language: string;
  readonly removed: string;
  readonly lineage: string;
  readonly staged_at: number;
  readonly text: string;
  /** Null where the row is older than the column. */
  readonly characters: number | null;
  /** JSON of what was handed in, where characters were taken out of it. */
  readonly original: string | null;
}

/** A document at each of its revisions. */
export interface DocumentHistoryRow extends ChangedBy {
  readonly tenant: string;
  readonly key: string;
  readonly revision: number;
  readonly state: 'live' | 'quarantined' | 'deleted';
  readonly content: string;
  readonly acl_version: number;
  readonly label_version: number;
  readonly valid_from: number | null;
  readonly valid_until: number | null;
  readonly write_digest: string;
  readonly title: string;
  readonly uri: string | null;
  readonly metadata: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

export interface DocumentAclRow extends ChangedBy {
  readonly tenant: string;
  readonly key: string;
  readonly acl_version: number;
  readonly digest: string;
  readonly acl: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

export interface DocumentLabelRow extends ChangedBy {
  readonly tenant: string;
  readonly key: string;
  readonly label_version: number;
  readonly zone: number;
  readonly level: string;
  readonly compartments: string;
  readonly trust: Trust;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

export interface ChunkRow {
  readonly tenant: string;
  readonly chunk: string;
  readonly key: string;
  readonly content: string;
  readonly ordinal: number;
  readonly state: 'staged' | 'live' | 'dead';
  /** The document's revision that made it live; null while staged. */
  readonly revision: number | null;
  readonly staged_at: number;
  readonly span_start: number;
  readonly span_end: number;
  readonly digest: string;
  /** JSON array of headings. */
  readonly path: string;
  readonly text: string;
  readonly collection: string | null;
}

/** Immutable. `lines` is JSON; `parent` is null for a tenant's first. */
export interface PolicyRevisionRow {
  readonly tenant: string;
  readonly revision: string;
  readonly parent: string | null;
  readonly digest: string;
  readonly lines: string;
  readonly author: string;
  readonly recorded_from: number;
}

/** Which revision was in force when; at most one row a tenant has no end. */
export interface PolicyActivationRow extends ChangedBy {
  readonly tenant: string;
  readonly revision: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

export interface CollectionIdentityRow {
  readonly collection: string;
  readonly identity: string;
  readonly recorded_from: number;
}
