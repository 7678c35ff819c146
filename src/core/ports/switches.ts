import type { DocumentId, DocumentKey, SourceId, TenantId } from '../ids.ts';
import type { Label } from '../label.ts';
import type { Principal } from '../principal.ts';
import type { Change } from './catalog.ts';
import type { SwitchTarget } from './tenants.ts';

/**
 * What a right to change something was decided from, compared again in the transaction of the change: the policy revision that gave
 * it, and the user, client and actor who must not be switched off by then. Otherwise two administrators who switch each other off at
 * the same moment would leave nobody. Absent where the machine's operator acts, whom no policy is asked about.
 */
export interface DecidedUnder {
  /** Absent where the right does not come from the tenant's policy. */
  readonly policy?: string;
  readonly parties: readonly Principal[];
}

/** Two people's switches: one proposes to lift, another confirms. */
export type TwoPersonTarget = Extract<SwitchTarget, { readonly kind: 'tenant' | 'all' }>;

export interface LiftProposal {
  readonly by: Principal;
  readonly through: Principal;
  /** Database time, milliseconds since 1970; it holds in [at, until). */
  readonly at: number;
  readonly until: number;
}

/** A switch that is off now. */
export interface ThrownSwitch {
  readonly target:
    | Exclude<SwitchTarget, { readonly kind: 'document' }>
    | {
        readonly kind: 'document';
        readonly id: DocumentKey;
        readonly source: SourceId;
        readonly document: DocumentId;
        readonly declared: Label;
      };
  readonly reason: string;
  readonly by: Principal;
  readonly through: Principal;
  /** Database time, milliseconds since 1970. */
  readonly at: number;
  readonly proposal: { readonly kind: 'none' } | ({ readonly kind: 'open' } & LiftProposal);
  /** Where it stands in the listing. */
  readonly cursor: string;
}

export type LiftOutcome =
  | { readonly kind: 'lifted' }
  | { readonly kind: 'proposed'; readonly proposal: LiftProposal }
  /** The proposal stands; whoever made it cannot confirm it. */
  | { readonly kind: 'same-person'; readonly proposal: LiftProposal };

/** Switches as their administration sees them. All fail with `catalog_unavailable`, changes with `conflict` too. */
export interface SwitchCatalog {
  /** Those that concern the tenant, the one of everything first; in the order of cursors, after one where it is given. */
  thrownSwitches(tenant: TenantId, after: string | undefined, limit: number): Promise<readonly ThrownSwitch[]>;
  thrownSwitch(tenant: TenantId, target: SwitchTarget): Promise<ThrownSwitch | undefined>;
  /**
   * Proposes to lift, or lifts where another person proposed it less than `windowMs` ago. One transaction, so that of two who ask at
   * once one proposes and the other confirms. `change.by` is a person. `conflict` where it is not off, or the right has moved.
   */
  liftByTwo(tenant: TenantId, target: TwoPersonTarget, change: Change, windowMs: number, under?: DecidedUnder): Promise<LiftOutcome>;
  /** `conflict` where nothing is proposed. */
  withdrawLift(tenant: TenantId, target: TwoPersonTarget, change: Change, under?: DecidedUnder): Promise<void>;
}
