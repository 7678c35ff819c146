import type { Trust } from '../core/label.ts';
import type { SwitchKind } from '../core/ports/catalog.ts';

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
  policy_shadows: PolicyShadowRow;
  policy_shadow_findings: PolicyShadowFindingRow;
  switches: SwitchRow;
  switch_lifts: SwitchLiftRow;
  access_requests: AccessRequestRow;
  access_grants: AccessGrantRow;
  collection_identity: CollectionIdentityRow;
  secrets: SecretRow;
  reconciliations: ReconciliationRow;
  seen_tokens: SeenTokenRow;
  logouts: LogoutRow;
  sessions: SessionRow;
  honey_documents: HoneyDocumentRow;
}

/** A comparison of catalog and index. `scope`: a tenant or `*`. `counts`: JSON of its progress. At most one a scope is running. */
export interface ReconciliationRow {
  readonly id: string;
  readonly scope: string;
  readonly mode: 'check' | 'mend';
  readonly state: 'running' | 'done' | 'failed';
  readonly by: string;
  readonly through: string;
  readonly request_id: string;
  readonly position: string;
  readonly counts: string;
  readonly holder: string;
  readonly lease_until: number;
  readonly started_at: number;
  readonly ended_at: number | null;
}

/** Secrets of the deployment, made with the database. */
export interface SecretRow {
  readonly name: 'chunk-ids';
  readonly value: string;
}

/** A proof or logout token that was used: a digest, and the second at which it would be refused by its age anyway. */
export interface SeenTokenRow {
  readonly key: string;
  readonly expires_at: number;
}

/** Whose tokens issued until `not_before` are refused, as a digest; seconds. `epoch` is that of everything after the logout. */
export interface LogoutRow {
  readonly epoch: number;
  readonly key: string;
  readonly not_before: number;
  readonly expires_at: number;
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
interface ChangedBy {
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
  /** Of a tombstone: who made it. Null on what lives, and on tombstones of a deleted source. */
  readonly deleted_as: 'owner' | 'writer' | null;
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

/** Which revision is decided by beside the active one; at most one row a tenant has no end. */
export interface PolicyShadowRow extends ChangedBy {
  readonly tenant: string;
  readonly shadow: string;
  readonly revision: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
  readonly stopped_by: string | null;
}

/** Counts of one shadow, added up over replicas. `name` is of the kind: an outcome, a zone, a principal or a line. */
export interface PolicyShadowFindingRow {
  readonly tenant: string;
  readonly shadow: string;
  readonly kind: 'outcome' | 'zone' | 'principal' | 'line';
  readonly name: string;
  readonly gains: number;
  readonly loses: number;
}

/** Off from `recorded_from` until `recorded_to`. `scope` is a tenant, or `*` for the switch for everything. */
export interface SwitchRow extends ChangedBy {
  readonly scope: string;
  readonly kind: SwitchKind;
  readonly target: string;
  readonly reason: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
  readonly lifted_by: string | null;
}

/** A proposal to lift the switch that was thrown at `thrown_at`; at most one for it has no `recorded_to`. */
export interface SwitchLiftRow extends ChangedBy {
  readonly scope: string;
  readonly kind: SwitchKind;
  readonly target: string;
  readonly thrown_at: number;
  readonly expires_at: number;
  readonly ended: 'lifted' | 'withdrawn' | 'expired' | null;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

/** Times are milliseconds, the grant's too. An `open` one that has lapsed stays so; `lapses_at` tells. */
export interface AccessRequestRow {
  readonly tenant: string;
  readonly id: string;
  readonly state: 'open' | 'approved' | 'denied' | 'withdrawn';
  readonly requester: string;
  readonly requester_through: string;
  readonly requester_actor: string | null;
  readonly source: string;
  readonly document: string | null;
  readonly wanted_until: number | null;
  readonly asked_at: number;
  readonly lapses_at: number;
  readonly decided_at: number | null;
  readonly decided_by: string | null;
  readonly decided_through: string | null;
  readonly valid_until: number | null;
  readonly reviewer: string | null;
  readonly review_at: number | null;
  readonly owner: string | null;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly reason: string;
  readonly decision_reason: string | null;
  readonly end_reason: string | null;
}

/** What an approval opened. `key` is null for everything in the zones; times are milliseconds. */
export interface AccessGrantRow {
  readonly tenant: string;
  readonly request: string;
  readonly principal: string;
  readonly source: string;
  readonly key: string | null;
  readonly valid_from: number;
  readonly valid_until: number;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
  /** JSON array. */
  readonly zones: string;
}

export interface CollectionIdentityRow {
  readonly collection: string;
  readonly identity: string;
  readonly recorded_from: number;
}

/** Label columns are null where nothing was seen, and after the end. Digests alone; no name of a session is kept. */
export interface SessionRow {
  readonly tenant: string;
  readonly session: string;
  readonly holder: string;
  readonly turns: number;
  readonly level: string | null;
  readonly compartments: string | null;
  readonly trust: Trust | null;
  readonly begun_at: number;
  readonly used_at: number;
  readonly ended_at: number | null;
}

/** Bait while `recorded_to` is null; at most one such row a document. */
export interface HoneyDocumentRow extends ChangedBy {
  readonly tenant: string;
  readonly key: string;
  readonly marker: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}
