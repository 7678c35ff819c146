import type { Trust } from '../core/label.ts';
import type { SwitchKind } from '../core/ports/catalog.ts';
import type { ChangedBy } from './catalog-tables.ts';

/** What is enforced beside policy and ACLs: switches, requests and grants, sessions, bait, logouts, shadows, comparisons with the index. */
export interface EnforcementTables {
  policy_shadows: PolicyShadowRow;
  policy_shadow_findings: PolicyShadowFindingRow;
  switches: SwitchRow;
  switch_lifts: SwitchLiftRow;
  access_requests: AccessRequestRow;
  access_grants: AccessGrantRow;
  reconciliations: ReconciliationRow;
  seen_tokens: SeenTokenRow;
  logouts: LogoutRow;
  sessions: SessionRow;
  honey_documents: HoneyDocumentRow;
  signing_keys: SigningKeyRow;
}

/** The public part of a key that signed. `scope`: `*`, or a tenant whose log names it. Times are ISO 8601. */
export interface SigningKeyRow {
  readonly scope: string;
  readonly kid: string;
  /** base64url of 32 bytes. */
  readonly x: string;
  readonly since: string;
  readonly retired: string | null;
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

/** Label columns are null where nothing was seen, and after the end. Digests alone; no name of a session is kept. */
export interface SessionRow {
  readonly tenant: string;
  readonly session: string;
  readonly holder: string;
  /** Null of an application alone, and of rows from before there was one. */
  readonly person: string | null;
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
