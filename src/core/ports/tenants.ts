import type { DocumentKey, SourceId, TenantId } from '../ids.ts';
import type { PolicyRevision } from '../policy-lines.ts';
import type { Principal } from '../principal.ts';
import type { Change } from './catalog.ts';
import type { DecidedUnder } from './switches.ts';

/** What a switch turns off. `id`: the document's key, the source's id, the principal of a user or client; none of the tenant and `all`. */
export type SwitchTarget =
  | { readonly kind: 'document'; readonly id: DocumentKey }
  | { readonly kind: 'source'; readonly id: SourceId }
  | { readonly kind: 'client' | 'user'; readonly id: Principal }
  | { readonly kind: 'tenant' | 'all' };

export interface TenantAdmin {
  /** Fails with `conflict` where it exists. Lines are checked by the caller. Writes `tenant.created`. */
  createTenant(tenant: TenantId, policy: PolicyRevision, change: Change): Promise<void>;
  tenants(): Promise<readonly TenantId[]>;
  activePolicy(tenant: TenantId): Promise<PolicyRevision | undefined>;
  /** Stores an immutable revision and activates it; `conflict` unless the active one is `parent`. Moves epoch and generation. */
  activatePolicy(tenant: TenantId, revision: PolicyRevision, parent: string, change: Change): Promise<void>;
  /**
   * Effective at once; moves the epoch. Throwing it again, lifting what is not off, or a right that has moved is `conflict`. The event
   * goes to `tenant`.
   */
  throwSwitch(tenant: TenantId, target: SwitchTarget, reason: string, change: Change, under?: DecidedUnder): Promise<void>;
  /** Alone, whatever the kind. */
  liftSwitch(tenant: TenantId, target: SwitchTarget, change: Change, under?: DecidedUnder): Promise<void>;
}
