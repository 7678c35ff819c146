import type { DocumentId, DocumentKey, SourceId, TenantId, ZoneId } from '../ids.ts';
import type { Principal } from '../principal.ts';
import type { Change } from './catalog.ts';
import type { DecidedUnder } from './switches.ts';

/** All times are milliseconds of the database's clock. */
export interface AccessRequest {
  readonly tenant: TenantId;
  readonly id: string;
  /** `lapsed`: nobody decided in time. `approved`: its grant is in force. `expired`, `withdrawn`: it no longer is, or never was. */
  readonly state: 'open' | 'lapsed' | 'denied' | 'approved' | 'expired' | 'withdrawn';
  readonly requester: Principal;
  readonly through: Principal;
  /** Who acted for the requester; nobody of them decides it either. */
  readonly actor: Principal | undefined;
  readonly source: SourceId;
  /** As it was named; nobody says whether there is one. */
  readonly document: DocumentId | undefined;
  readonly reason: string;
  readonly wantedUntil: number | undefined;
  readonly askedAt: number;
  readonly lapsesAt: number;
  readonly decision:
    { readonly kind: 'none' } | ({ readonly kind: 'denied' } & Decided) | ({ readonly kind: 'approved' } & Decided & Terms);
  readonly ended:
    | { readonly kind: 'none' }
    | { readonly kind: 'ended'; readonly at: number; readonly by: Principal; readonly reason: string | undefined };
  readonly cursor: string;
}

interface Decided {
  readonly at: number;
  readonly by: Principal;
  readonly through: Principal;
  readonly reason: string;
}

interface Terms {
  readonly until: number;
  /** Who looks whether it is still needed, and by when. */
  readonly reviewer: Principal;
  readonly reviewAt: number;
  /** Who answers for it: the source's owner at that time. */
  readonly owner: Principal;
}

export interface NewAccessRequest {
  readonly id: string;
  readonly requester: Principal;
  readonly actor: Principal | undefined;
  readonly source: SourceId;
  readonly document: DocumentId | undefined;
  readonly reason: string;
  readonly wantedUntil: number | undefined;
}

export type AccessDecision =
  | { readonly kind: 'deny'; readonly reason: string }
  | {
      readonly kind: 'approve';
      readonly reason: string;
      /** What the approver may approve now; never empty. */
      readonly zones: readonly ZoneId[];
      readonly key: DocumentKey | undefined;
      readonly until: number;
      readonly reviewer: Principal;
      /** Absent: when it ends. */
      readonly reviewAt: number | undefined;
      readonly owner: Principal;
      /** Of the source that was judged; another one by now is `conflict`. */
      readonly sourceRevision: number;
    };

export interface AccessLimits {
  /** Milliseconds. */
  readonly openFor: number;
  readonly longestGrant: number;
  /** Of one person. */
  readonly openRequests: number;
  readonly requestsADay: number;
  readonly grants: number;
  readonly grantsOfTenant: number;
}

/** Whose requests are listed: somebody's own, or those on some sources. */
export type AccessSelection =
  | { readonly kind: 'requester'; readonly requester: Principal; readonly source: SourceId | undefined }
  | { readonly kind: 'sources'; readonly sources: readonly SourceId[] };

/** Each change is one transaction with its audit event. All fail with `catalog_unavailable`. */
export interface AccessCatalog {
  /** `limit_exceeded` beyond the limits of a person, `conflict` where the same is asked and open already. Moves nothing. */
  askAccess(tenant: TenantId, asked: NewAccessRequest, limits: AccessLimits, change: Change): Promise<AccessRequest>;
  accessRequest(tenant: TenantId, id: string): Promise<AccessRequest | undefined>;
  /** Newest first. */
  accessRequests(tenant: TenantId, selection: AccessSelection, after: string | undefined, limit: number): Promise<readonly AccessRequest[]>;
  /**
   * An approval makes the grant and moves the generation. `conflict` where it is not open any more, or the right to decide has moved;
   * `limit_exceeded` for an end that is past or too far off, and beyond the limits on grants.
   */
  decideAccess(
    tenant: TenantId,
    id: string,
    decision: AccessDecision,
    limits: AccessLimits,
    change: Change,
    under: DecidedUnder,
  ): Promise<AccessRequest>;
  /** Takes back a request, or ends its grant: then it moves the epoch. `conflict` where it is neither open nor in force. */
  withdrawAccess(tenant: TenantId, id: string, reason: string | undefined, change: Change, under: DecidedUnder): Promise<AccessRequest>;
}
