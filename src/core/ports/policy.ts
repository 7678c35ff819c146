import type { Caller } from '../caller.ts';
import type { Authorization, Exclusion, Restriction } from '../filter.ts';
import type { PrincipalNumber, ZoneId } from '../ids.ts';
import type { Trust } from '../label.ts';
import type { Action, PolicyLine } from '../policy-lines.ts';
import type { Principal } from '../principal.ts';
import type { PolicyObject } from '../zone.ts';
import type { TenantView } from './catalog.ts';

export type Purpose = string;

/** Which zones a caller may act on, for one tenant view. Made by key one, the compiled policy. */
export type Decision =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'zones';
      /** Ascending, never empty. User and client both permitted, switches and ceilings applied. */
      readonly zones: readonly ZoneId[];
    };

/** `rules` are `line:<n>` of the active revision, user's lines first; empty where refused. */
export type Verdict =
  { readonly kind: 'permit'; readonly rules: readonly string[] } | { readonly kind: 'refuse'; readonly reason: RefusalReason };

export type RefusalReason = 'user-not-permitted' | 'client-not-permitted' | 'denied' | 'unknown-zone' | 'switched-off' | 'ceiling';

export interface PolicyProblem {
  readonly line: number;
  readonly message: string;
}

export interface PolicyPort {
  /** The closed list of purposes. `undefined` from a request means the default purpose, the first of the list. */
  readonly purposes: readonly Purpose[];
  /** Key one: all zones of the view at once. Pure in its arguments; may cache by view identity. */
  decide(view: TenantView, caller: Caller, action: Action, purpose: Purpose): Decision;
  /**
   * The only place that mints an AuthorizedFilter. `numbers` are the caller's principals that occur in ACLs of the tenant.
   * `none` where the decision is none, or the restriction leaves no zone.
   */
  authorize(input: {
    readonly view: TenantView;
    readonly caller: Caller;
    readonly decision: Decision;
    readonly restriction: Restriction;
    readonly numbers: ReadonlyMap<Principal, PrincipalNumber>;
    readonly now: number;
    /** Left out whatever the index says; absent for a search, whose hits are judged one by one. */
    readonly without?: Exclusion;
  }): Authorization;
  /** Key two: Casbin's own answer about one zone, for user and client, switches and ceiling included. */
  confirm(view: TenantView, caller: Caller, zone: ZoneId, action: Action, purpose: Purpose): Verdict;
  /** Casbin's answer about a source or a tenant as a whole, or about a document's label, for management actions. */
  permits(view: TenantView, caller: Caller, action: Action, object: PolicyObject): Verdict;
  /** `administer` on the tenant: the same, with no source involved. */
  permitsTenant(view: TenantView, caller: Caller, action: 'administer' | 'audit'): Verdict;
  /** The highest trust that user and client may give a document in this source; `none` where they may not ingest. */
  writerTrust(
    view: TenantView,
    caller: Caller,
    object: PolicyObject,
  ): { readonly kind: 'none' } | { readonly kind: 'trust'; readonly trust: Trust };
  /** Strict check of a tenant's lines, as at publishing. Empty where they may be activated. */
  check(tenant: string, lines: readonly PolicyLine[]): readonly PolicyProblem[];
}
