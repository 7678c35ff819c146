import type { ChangedBy } from './catalog-tables.ts';

/** Tables of the Qdrant-compatible door, as of the last migration. */
export interface PointTables {
  collections: CollectionRow;
  points: PointRow;
  application_keys: ApplicationKeyRow;
}

/** `params`, `writers`, `profile`, `default_acl` and `sources` are JSON. `deleting`: its points are still to be dropped. */
export interface CollectionRow extends ChangedBy {
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  readonly revision: number;
  readonly state: 'live' | 'deleting' | 'deleted';
  readonly params: string;
  readonly writers: string;
  readonly profile: string;
  readonly default_acl: string | null;
  readonly sources: string;
  readonly recorded_from: number;
}

/** Beside the chunk of the same id, and gone with it. `point` is `pointIdText`. */
export interface PointRow {
  readonly tenant: string;
  readonly chunk: string;
  readonly collection: string;
  readonly point: string;
  readonly payload: string;
}

export interface ApplicationKeyRow extends ChangedBy {
  readonly id: string;
  readonly tenant: string;
  readonly client: string;
  readonly scopes: string;
  readonly note: string;
  readonly digest: string;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly recorded_from: number;
}
