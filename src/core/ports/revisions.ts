import type { TenantId } from '../ids.ts';
import type { PolicyRevision } from '../policy-lines.ts';
import type { Principal } from '../principal.ts';
import type { Change } from './catalog.ts';

/** A stored revision without its lines. Times are milliseconds of the database's clock. */
export interface RevisionFacts {
  readonly id: string;
  /** The revision it was written against; absent for a tenant's first. */
  readonly parent?: string;
  readonly author: Principal;
  readonly at: number;
  readonly active: boolean;
  /** How often it came into force. */
  readonly activations: number;
}

export interface Activation {
  readonly from: number;
  readonly to: number | 'still';
  readonly by: Principal;
}

export type FindingKind = 'outcome' | 'zone' | 'principal' | 'line';

/** How many requests saw more, and how many less, under the revision in shadow. Of an outcome both are its count and 0. */
export interface Finding {
  readonly kind: FindingKind;
  readonly name: string;
  readonly gains: number;
  readonly loses: number;
}

export interface ShadowRun {
  /** Names this run; the findings belong to it. */
  readonly id: string;
  readonly revision: string;
  readonly from: number;
  readonly to: number | 'still';
  readonly by: Principal;
}

/** Findings of a run beyond this many names of a kind are added up under the name ''. */
export const MAX_FINDINGS = 1_000;

/** Revisions that are stored, in force or not. All fail with `catalog_unavailable`. */
export interface RevisionCatalog {
  /** Newest first; from the one after `after`, where that is a revision of the tenant. */
  listRevisions(tenant: TenantId, after: string | undefined, limit: number): Promise<readonly RevisionFacts[]>;
  revision(
    tenant: TenantId,
    id: string,
  ): Promise<{ readonly facts: RevisionFacts; readonly revision: PolicyRevision; readonly history: readonly Activation[] } | undefined>;
  /**
   * Stores without activating. `conflict` where `parent` is no revision of the tenant, `limit_exceeded` beyond 100 a day that did not
   * come into force. The same lines again change nothing.
   */
  publishRevision(tenant: TenantId, revision: PolicyRevision, parent: string, change: Change): Promise<void>;
  /** `conflict` where another one runs in shadow, or this one is in force. Moves the generation: every replica sees it at once. */
  startShadow(tenant: TenantId, revision: string, change: Change): Promise<void>;
  /** `conflict` where it does not run. */
  stopShadow(tenant: TenantId, revision: string, change: Change): Promise<void>;
  /** The run of this revision that goes on, else the last one. */
  shadowRun(tenant: TenantId, revision: string): Promise<ShadowRun | undefined>;
  addFindings(tenant: TenantId, run: string, findings: readonly Finding[]): Promise<void>;
  /** Every finding of a run: at most `MAX_FINDINGS` a kind, and the rest. */
  findings(tenant: TenantId, run: string): Promise<readonly Finding[]>;
}
