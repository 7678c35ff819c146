import type { Scope } from '../caller.ts';
import type { TenantId } from '../ids.ts';
import type { Principal } from '../principal.ts';
import type { Change } from './catalog.ts';

/**
 * A static key of an application, for tools that can send nothing else: it stands for the application alone, never for a person, and so
 * gives the application's own rights. Shown once; only a digest is kept.
 */
export interface ApplicationKey {
  /** Public; names the key in lists and events. */
  readonly id: string;
  readonly tenant: TenantId;
  readonly client: Principal;
  readonly scopes: readonly Scope[];
  readonly note: string;
  readonly createdBy: Principal;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number | 'never';
}

/** Of a tenant, until they are revoked; ended ones count. */
export const MAX_APPLICATION_KEYS = 1_000;

/** Each change is one transaction with its event. All fail with `catalog_unavailable`. */
export interface ApplicationKeyCatalog {
  addApplicationKey(key: Omit<ApplicationKey, 'createdAt' | 'createdBy'>, digest: string, change: Change): Promise<ApplicationKey>;
  /** Moves the epoch: no request that starts afterwards is let in by it. `not_found` where there is none of this id. */
  revokeApplicationKey(tenant: TenantId, id: string, change: Change): Promise<void>;
  /** After `after`, by id. */
  applicationKeys(tenant: TenantId, after: string | undefined, limit: number): Promise<readonly ApplicationKey[]>;
  /** By the digest of the whole key (hex SHA-256). Asked at every request, of the database: undefined where revoked or ended. */
  findApplicationKey(digest: string): Promise<ApplicationKey | undefined>;
}
