import type { TenantId } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import type { SessionSeen } from '../session.ts';
import type { EpochStamp } from './catalog.ts';
import type { SessionTurn } from './sessions.ts';

/** `intent` and `release` belong to a request; the rest say what changed. Dotted names: `<thing>.<what happened>`. */
export const AUDIT_KINDS = [
  'intent',
  'release',
  'error',
  'tenant.created',
  'source.put',
  'source.deleted',
  'document.published',
  'document.changed',
  'document.deleted',
  'policy.activated',
  'honey.changed',
  'honey.touched',
  'switch.thrown',
  'switch.lift-proposed',
  'switch.lift-withdrawn',
  'switch.lifted',
  'login.ended',
  'switch.refused',
  'access.requested',
  'access.decided',
  'access.withdrawn',
  'directory.user-put',
  'directory.user-deleted',
  'directory.group-put',
  'directory.group-deleted',
  'index.reconciled',
  'audit.read',
  'explain.read',
  'policy.published',
  'policy.shadow-started',
  'policy.shadow-stopped',
  'policy.diff-read',
  'blast-radius.read',
  'watch.alert',
  'watch.limited',
  'watch.blocked',
  'watch.lifted',
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export interface AuditEvent {
  readonly tenant: TenantId;
  readonly kind: AuditKind;
  readonly requestId: string;
  /** Facts of the event. Ids, digests and counts; never document text, tokens or vectors. */
  readonly body: JsonObject;
}

/** Where an event stands in its tenant's log. */
export interface AuditReceipt {
  /** 0-based position. */
  readonly index: number;
  /** Hex SHA-256 of the leaf, RFC 6962 style (0x00 prefix). */
  readonly leaf: string;
}

export interface StoredAuditEvent extends AuditEvent, AuditReceipt {
  /** ISO 8601, database time. */
  readonly at: string;
}

/**
 * Whether the release became durable, or the epoch moved and everything has to be judged again. `session-…`: it could not be joined
 * into the session that was named, so it is no release either.
 */
export type ReleaseOutcome =
  | { readonly kind: 'released'; readonly receipt: AuditReceipt; readonly session?: SessionSeen }
  | { readonly kind: 'epoch-moved' | 'validity-ended' | 'session-ended' | 'session-unreadable' | 'session-limit' };

export interface AuditPort {
  /** Durable when it resolves. Fails with `audit_unavailable`. */
  append(event: AuditEvent): Promise<AuditReceipt>;
  /**
   * Appends a release in a transaction that holds the epoch row and compares it with `judgedAt`, and compares database
   * time with `validUntil` (milliseconds), the earliest end of validity of anything released. Nothing is written unless
   * both hold. With a `turn` its label is joined into that session in the same transaction, and the event says under `session` what
   * the session has seen after it: no label rises through what was not released, none lags behind what was.
   */
  release(event: AuditEvent, judgedAt: EpochStamp, validUntil: number | 'forever', turn?: SessionTurn): Promise<ReleaseOutcome>;
  /** Events of one request in order; an empty list where the tenant's log has none. */
  byRequest(tenant: TenantId, requestId: string): Promise<readonly StoredAuditEvent[]>;
}

/** For those who follow the log. Fails with `audit_unavailable`. */
export interface AuditTail {
  /** How many events the log of each tenant holds; a tenant without events may be missing. */
  sizes(): Promise<ReadonlyMap<TenantId, number>>;
  /** Events of these kinds at the positions [from, to), in order. Positions are given in the order of commits, without gaps. */
  between(tenant: TenantId, from: number, to: number, kinds: readonly AuditKind[]): Promise<readonly StoredAuditEvent[]>;
}
