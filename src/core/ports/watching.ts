import type { Acl } from '../acl.ts';
import type { TenantId, ZoneId } from '../ids.ts';
import type { Principal } from '../principal.ts';
import type { WatchAction, WatchKind, WatchWindow } from '../watching.ts';

/** Documents that are read alike: of one zone, with one ACL. */
export interface DocumentCount {
  readonly zone: ZoneId;
  readonly acl: Acl;
  readonly documents: number;
}

/** Counts documents for shares of an entitlement. Fails with `catalog_unavailable`. */
export interface EntitlementCatalog {
  /** Live documents that are no bait, by zone and ACL, those with the most documents first; at most `limit` rows. */
  documentCounts(tenant: TenantId, limit: number): Promise<readonly DocumentCount[]>;
}

/** One threshold, as far as somebody has come. */
export interface WatchReading {
  readonly kind: WatchKind;
  readonly window: WatchWindow;
  readonly action: WatchAction;
  readonly over: number;
  readonly value: number;
}

/** Somebody who is over a threshold, close to one, limited or blocked. */
export interface WatchedSubject {
  readonly subject: Principal;
  /** At 80 % of the threshold or more. */
  readonly readings: readonly WatchReading[];
  /** Milliseconds since 1970. */
  readonly blockedUntil?: number;
  readonly limitedUntil?: number;
}

/** What this replica knows of those who read. */
export interface WatchBoard {
  /** In the order of subjects, after one where it is given, `limit` at most. */
  subjects(tenant: TenantId, after: string | undefined, limit: number): readonly WatchedSubject[];
  /** Whether somebody of that name is tracked, limited or blocked. */
  knows(tenant: TenantId, subject: string): boolean;
  /** Forgets what was counted of them, their limits and their block. */
  forget(tenant: TenantId, subject: string): void;
}
