import type { Digest } from '../digest.ts';
import type { DocumentId, SourceId, TenantId } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import type { SessionSeen } from '../session.ts';
import type { Principal } from '../principal.ts';
import type { Change, EpochStamp } from './catalog.ts';
import type { ErasureOutcome } from './erasure.ts';
import type { SessionTurn } from './sessions.ts';

/** `intent` and `release` belong to a request; the rest say what changed. Dotted names: `<thing>.<what happened>`. */
export const AUDIT_KINDS = [
  'intent',
  'release',
  'error',
  'admitted',
  'cited',
  'output.checked',
  'replay.requested',
  'replay.approved',
  'replay.read',
  'replay.refused',
  'reevaluation.read',
  'caller.erased',
  'content.erased',
  'erasure.refused',
  'hold.placed',
  'hold.lifted',
  'audit.exported',
  'key.published',
  'key.retired',
  'log.break-accepted',
  'tenant.created',
  'source.put',
  'source.deleted',
  'document.published',
  'document.changed',
  'document.deleted',
  'document.original-read',
  'policy.activated',
  'honey.changed',
  'honey.touched',
  'collection.put',
  'collection.deleted',
  'application-key.added',
  'application-key.revoked',
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
  /** Facts of the event. Ids and counts, people and documents as `named` and `namedDocument` say; never text, digests of text, tokens or vectors. */
  readonly body: JsonObject;
  /** What only `replay` may read. The event commits to it, encrypted. */
  readonly sealed?: Sealed;
  /**
   * For an event that says of somebody, or of a text, what was read before: how many erasures there had been by then. Where there is one
   * more since, the event is not written: it would name anew, or seal under a new key, what was erased in between.
   */
  readonly erasures?: number;
}

/**
 * What belongs to an event and can be destroyed without it. Each part is encrypted under keys of its own, and unreadable once one of
 * them was destroyed.
 */
export interface Sealed {
  /** The user, or the client alone: whose erasure ends all of this. */
  readonly holder: Principal;
  /** Under the holder's key. */
  readonly facts: JsonObject;
  /** Under the holder's key and the keys of all `texts`. */
  readonly answer?: JsonObject;
  /** What left of documents. Stored once, however often it is released. */
  readonly texts?: readonly SealedText[];
}

/** A part of one version of a document. Under the key of that version. */
export interface SealedText {
  readonly source: SourceId;
  readonly document: DocumentId;
  readonly version: Digest;
  /** The same key, the same content: where it is known already, `content` is not called. */
  readonly key: string;
  content(): JsonObject;
}

/** A part of `Sealed` as it is now. `erased`: by the event at this position of the log. `damaged`: it is no longer what the event commits to. */
export type Opened =
  | { readonly kind: 'open'; readonly content: JsonObject }
  | { readonly kind: 'erased'; readonly index: number }
  | { readonly kind: 'damaged' };

export interface OpenedSealed {
  readonly facts: Opened;
  /** `none` where the event has none. */
  readonly answer: Opened | { readonly kind: 'none' };
  /** In the order in which they were given. */
  readonly texts: readonly Opened[];
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
  /** Durable when it resolves. Fails with `audit_unavailable`, and with `conflict` where something was erased since its `erasures`. */
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

/** For replay. Fails with `audit_unavailable`. */
export interface SealedReads {
  /** Undefined where the event has no sealed part, or there is none at this position. */
  sealed(tenant: TenantId, index: number): Promise<OpenedSealed | undefined>;
  /** How many erasures there have been in the tenant so far. To be asked before anything else is read. */
  erasures(tenant: TenantId): Promise<number>;
}

/** What can be erased: a person (or an application with its own rights) as a caller, or the text of a document, all versions or one. */
export type Erasable =
  | { readonly kind: 'caller'; readonly principal: Principal }
  | { readonly kind: 'content'; readonly source: SourceId; readonly document: DocumentId; readonly version?: Digest };

/** Each method is one transaction with its event. All fail with `audit_unavailable`. */
export interface Erasures {
  /**
   * Destroys the keys: the log stays whole, what was sealed under them is unreadable from now on on every replica, and the pseudonym
   * no longer links. `held`: a legal hold is on it, and nothing was changed. `unknown`: the log knows nothing of it.
   */
  erase(tenant: TenantId, what: Erasable, reason: string, change: Change): Promise<ErasureOutcome>;
  hold(tenant: TenantId, what: Erasable, reason: string, change: Change): Promise<{ readonly changed: boolean }>;
  liftHold(tenant: TenantId, what: Erasable, reason: string, change: Change): Promise<{ readonly changed: boolean }>;
  /** After `after`, by name. */
  holds(tenant: TenantId, after: string | undefined, limit: number): Promise<readonly LegalHold[]>;
}

export interface LegalHold {
  /** Where the next page begins. */
  readonly name: string;
  readonly what: Erasable;
  readonly reason: string;
  readonly by: Principal;
  /** ISO 8601. */
  readonly since: string;
}

/** For those who follow the log. Fails with `audit_unavailable`. */
export interface AuditTail {
  /** How many events the log of each tenant holds; a tenant without events may be missing. */
  sizes(): Promise<ReadonlyMap<TenantId, number>>;
  /** Events of these kinds at the positions [from, to) but for those `except`, in order. Positions are given in the order of commits, without gaps. */
  between(
    tenant: TenantId,
    from: number,
    to: number,
    kinds: readonly AuditKind[],
    except?: ReadonlySet<number>,
  ): Promise<readonly StoredAuditEvent[]>;
}
