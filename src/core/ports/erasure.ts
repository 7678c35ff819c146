import type { DocumentId, SourceId, TenantId } from '../ids.ts';
import type { Digest } from '../digest.ts';
import type { Principal } from '../principal.ts';
import type { AuditReceipt, Erasable } from './audit.ts';
import type { Change } from './catalog.ts';
import type { DecidedUnder } from './switches.ts';

/** `held`: a legal hold is on it, and nothing was changed. `unknown`: neither the catalog nor the log knows anything of it. */
export type ErasureOutcome = { readonly kind: 'erased'; readonly receipt: AuditReceipt } | { readonly kind: 'held' | 'unknown' };

export interface ErasureCatalog {
  /**
   * Erases what catalog and log hold of a text or of a person, with its event, in one transaction: a crash leaves all of it or nothing.
   * Content moves the epoch, so a release is wholly before the erasure, and erased with it, or judged after it. Points in the index are
   * of dead chunks from then on; the mender deletes them. Fails with `catalog_unavailable`, and with `conflict` where the right has moved.
   */
  erase(tenant: TenantId, what: Erasable, reason: string, change: Change, under: DecidedUnder): Promise<ErasureOutcome>;
  /** Overwrites what an erasure left in files beside the tables. False where it has to be tried again. */
  scrubErased(): Promise<boolean>;
  /** True where the catalog ever had that document, with a text of that version where one is named. */
  everHad(tenant: TenantId, source: SourceId, document: DocumentId, version: Digest | undefined): Promise<boolean>;
}

/** Somebody wants to replay what one request was answered, and another person has to allow it. Times are database milliseconds. */
export interface ReplayWish {
  readonly request: string;
  readonly reader: Principal;
  readonly reason: string;
  readonly askedAt: number;
  readonly approval: { readonly kind: 'open' } | { readonly kind: 'approved'; readonly by: Principal; readonly until: number };
}

export type NamedWish = Pick<ReplayWish, 'request' | 'reader' | 'reason'>;

/** All fail with `catalog_unavailable`, changes with `conflict` too where the right has moved. Each change is one transaction with its event. */
export interface ReplayApprovals {
  /** One that has lapsed, or whose approval has ended, is undefined. */
  replayWish(tenant: TenantId, request: string, reader: Principal): Promise<ReplayWish | undefined>;
  /** Records the wish, in place of the reader's former one for this request. The same again changes nothing and is no event. */
  wishReplay(tenant: TenantId, request: string, reason: string, change: Change, under: DecidedUnder): Promise<ReplayWish>;
  /**
   * `not_found` where nobody wishes that, `second_person_required` for the reader's own wish, `conflict` where they wish it for another
   * reason than the one that is allowed: they may have changed it since it was read.
   */
  approveReplay(tenant: TenantId, wish: NamedWish, change: Change, under: DecidedUnder): Promise<ReplayWish>;
  /** Open ones of all readers, in the order of request and reader; `after` is the last of the page before. */
  openReplayWishes(
    tenant: TenantId,
    after: { readonly request: string; readonly reader: string } | undefined,
    limit: number,
  ): Promise<readonly ReplayWish[]>;
}

/** A wish nobody decided lapses after a day. */
export const WISH_MS = 24 * 60 * 60_000;
/** For so long the reader may read after another person allowed it. */
export const APPROVAL_MS = 60 * 60_000;
