import type { NameKind } from '../audit-names.ts';
import type { TenantId } from '../ids.ts';
import type { AuditKind, StoredAuditEvent } from './audit.ts';

/**
 * A list of events that the log keeps for one thing, next to the tree: everything that was released of a document or a source, everything
 * a caller or a client asked for, every change of a document or a source, everything somebody did, what was done to them, every event of
 * a kind. `name`: a principal, a source, `documentName(…)` or a kind.
 */
export interface SubLog {
  readonly about: 'document' | 'source' | 'caller' | 'client' | 'kind';
  readonly what: 'released' | 'changed' | 'asked' | 'done' | 'concerned' | 'all';
  readonly name: string;
}

/** Events that are in at least one sub-log of each of these lists. A list without any is one that no event is in. */
export type Within = 'whole-log' | readonly [readonly SubLog[], ...(readonly SubLog[])[]];

export interface AuditQuestion {
  readonly tenant: TenantId;
  readonly in: Within;
  readonly kinds?: readonly AuditKind[];
  /** Milliseconds, [from, to). */
  readonly from?: number;
  readonly to?: number;
  /** Position of the last event of the page before. */
  readonly after?: number;
  /** Only events below this position. */
  readonly before?: number;
  /** 1 to 1,000. */
  readonly limit: number;
}

export interface AuditPage {
  readonly events: readonly StoredAuditEvent[];
  /** Present where there may be more, even where this page is empty: so much was looked through. */
  readonly next?: number;
  /** Everything before this position was looked at; what is appended later is not in the answer. */
  readonly size: number;
}

/** A signed note (C2SP) whose text is a checkpoint of one tenant's log. */
export interface Checkpoint {
  readonly note: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  /** Hex root of the sorted map of sub-logs at this size. */
  readonly map: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  /** Hex, of the leaf and of its path from below. */
  readonly leaf: string;
  readonly path: readonly string[];
}

/** That a sub-log holds these events and no others, or does not exist, at the size of a checkpoint. */
export interface CompletenessProof {
  readonly checkpoint: Checkpoint;
  /** Hex SHA-256 that names the sub-log in the map. */
  readonly key: string;
  /** All positions, in order; none where the sub-log does not exist. */
  readonly positions: readonly number[];
  /** Hex, of the leaf at each of them. */
  readonly leaves: readonly string[];
  /** What proves the head of the sub-log, or its absence, in the map. */
  readonly map: { readonly bucket: readonly { readonly key: string; readonly value: string }[]; readonly path: readonly string[] };
}

/**
 * A sub-log as events name it. `pseudonym`: in events of version 2, with the key from which anybody can compute it; without one the name
 * stands in events as it is, which is how those of version 1 name people and documents.
 */
export interface StoredName {
  readonly log: SubLog;
  /** `key`: hex, 32 bytes. */
  readonly pseudonym?: { readonly kind: NameKind; readonly name: string; readonly key: string };
}

/**
 * The log as auditors read it: in a thread of its own, so that no question holds up a query. Everything fails with
 * `audit_unavailable`, and with `limit_exceeded` where a bound of docs/audit.md is passed.
 */
export interface EvidencePort {
  ask(question: AuditQuestion, signal: AbortSignal): Promise<AuditPage>;
  /** The newest; made now where events were appended since and `fresh` is asked for. Undefined for a tenant without a log. */
  checkpoint(tenant: TenantId, fresh: boolean): Promise<Checkpoint | undefined>;
  /** The newest at or below a size. */
  checkpointAt(tenant: TenantId, size: number): Promise<Checkpoint | undefined>;
  /** Oldest first. */
  checkpoints(tenant: TenantId, after: number, limit: number): Promise<readonly Checkpoint[]>;
  /** Undefined where the tree of that size has no such event. */
  inclusion(tenant: TenantId, index: number, size: number): Promise<InclusionProof | undefined>;
  /** Hex hashes; undefined where 0 < from <= to <= size of the newest checkpoint does not hold. */
  consistency(tenant: TenantId, from: number, to: number): Promise<readonly string[] | undefined>;
  /** A tile of tlog-tiles, 32 bytes a hash; `width` 256 for a full one. Undefined where there is none so wide. */
  tile(tenant: TenantId, level: number, index: number, width: number): Promise<Uint8Array | undefined>;
  /** How events name what this sub-log is named for. One entry for each, the plain name first. */
  storedNames(tenant: TenantId, log: SubLog): Promise<readonly StoredName[]>;
  /** Of one sub-log under a name as events store it: what `storedNames` answers. */
  completeness(tenant: TenantId, log: SubLog): Promise<CompletenessProof | undefined>;
  /** Lines of an export that `sluice audit verify` reads: docs/audit.md. */
  export(
    tenant: TenantId,
    range: { readonly from: number; readonly to: number | 'checkpoint' },
    signal: AbortSignal,
  ): AsyncIterable<string>;
}
