import type { Acl } from '../acl.ts';
import type { DocumentKey, TenantId } from '../ids.ts';

/** A document whose ACL has entries with bounds: the index cannot judge it. Its validity is judged beside it. */
export interface TimedDocument {
  readonly key: DocumentKey;
  readonly acl: Acl;
}

/** What of a tenant the index cannot be believed about, as the catalog knows it at one moment. */
export interface Unsettled {
  readonly kind: 'named';
  /** Database time, milliseconds. */
  readonly at: number;
  /** Pending, switched off, quarantined, bait, being written, replaced or deleted and not yet swept: nobody's, for an aggregate. */
  readonly documents: ReadonlySet<DocumentKey>;
  /** Those of `documents` that are bait, for whoever asks whether it would have been touched. Absent where that is not known. */
  readonly bait?: ReadonlySet<DocumentKey>;
  readonly timed: readonly TimedDocument[];
  /** When the next document's validity ends, milliseconds. */
  readonly nextEnd: number | 'forever';
}

/** The catalog as an aggregate sees it: no hit comes back that key two could judge, so what is unsettled is left out before. */
export interface AggregateCatalog {
  /** Read from one state of the database. `too-many` where more than `limit` documents would have to be named. */
  unsettled(tenant: TenantId, limit: number): Promise<Unsettled | { readonly kind: 'too-many' }>;
}
