import type { ChangedBy } from './catalog-tables.ts';

/** The audit's tables. Rows of `audit_events` are written once and never changed; `audit_heads` moves with them in one transaction. */
export interface AuditTables {
  audit_events: AuditEventRow;
  audit_heads: AuditHeadRow;
  audit_keys: AuditKeyRow;
  audit_tombstones: AuditTombstoneRow;
  audit_sealed: AuditSealedRow;
  audit_texts: AuditTextRow;
  audit_holds: AuditHoldRow;
  replay_approvals: ReplayApprovalRow;
}

export interface AuditEventRow {
  tenant: string;
  /** 0-based, contiguous within the tenant. */
  idx: number;
  /** Database time, milliseconds since 1970. */
  at: number;
  kind: string;
  request_id: string;
  /** Canonical JSON (RFC 8785). */
  body: string;
  /** 16 random bytes, hex. Without it the leaf says nothing about the event. */
  salt: string;
  /** Hex SHA-256. */
  leaf: string;
  /** Of the leaf's form. 1: people and documents stand in the body plainly. */
  v: number;
}

export interface AuditHeadRow {
  tenant: string;
  /** How many events the tenant's log holds; the next event's index. */
  size: number;
  /** Hex SHA-256 over all leaves so far; of an empty log 64 zeros. */
  head: string;
  /** Time of the last event: time does not run backwards along a log. */
  at: number;
  /** How often keys of this tenant were destroyed. A key that was read under another number may be gone. */
  erasures: number;
}

/**
 * One random key for each person, document, holder and version of a document that the log knows. `pseudonym`: what stands in events.
 * Deleted when it is erased; what was made with it can then neither be read nor be linked.
 */
export interface AuditKeyRow {
  readonly tenant: string;
  readonly kind: 'person' | 'document' | 'holder' | 'content';
  readonly name: string;
  readonly pseudonym: string;
  readonly key: Uint8Array;
}

/** What is left of an erased key: the position of the event that tells of it. */
export interface AuditTombstoneRow {
  readonly tenant: string;
  readonly pseudonym: string;
  readonly kind: AuditKeyRow['kind'];
  readonly idx: number;
}

/** The sealed part of the event at `idx`. */
export interface AuditSealedRow {
  readonly tenant: string;
  readonly idx: number;
  readonly content: Uint8Array;
}

/** A text that left, once, encrypted under the key of its version (`pseudonym`). `id`: a keyed hash of the content. */
export interface AuditTextRow {
  readonly tenant: string;
  readonly id: string;
  readonly pseudonym: string;
  readonly content: Uint8Array;
}

/** `what`: JSON of an `Erasable`; `name`: the same as one text. */
export interface AuditHoldRow extends ChangedBy {
  readonly tenant: string;
  readonly name: string;
  readonly what: string;
  readonly reason: string;
  readonly since: number;
}

/** Who asked to replay a request, and who allowed it until when. */
export interface ReplayApprovalRow {
  readonly tenant: string;
  readonly request: string;
  readonly reader: string;
  readonly reason: string;
  readonly asked_at: number;
  readonly approved_by: string | null;
  readonly valid_until: number | null;
}
