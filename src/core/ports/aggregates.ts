import type { Acl } from '../acl.ts';
import type { ChunkId, DocumentKey, TenantId } from '../ids.ts';
import type { PointPlace } from './collections.ts';

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
  /**
   * Pending, switched off, quarantined, bait: nobody's, for an aggregate. Of Sluice's own collection also those with a text that is being
   * written, or was replaced or deleted and is not yet swept: they have many chunks, so they are named and not those.
   */
  readonly documents: ReadonlySet<DocumentKey>;
  /** Of a hosted collection such texts themselves: the live one beside them is what the catalog says it is. */
  readonly chunks: ReadonlySet<ChunkId>;
  /** Those of `documents` that are bait, for whoever asks whether it would have been touched. Absent where that is not known. */
  readonly bait?: ReadonlySet<DocumentKey>;
  readonly timed: readonly TimedDocument[];
  /** When the next document's validity ends, milliseconds. */
  readonly nextEnd: number | 'forever';
}

/** The catalog as an aggregate sees it: no hit comes back that key two could judge, so what is unsettled is left out before. */
export interface AggregateCatalog {
  /** For numbers of one collection, from one state of the database. `too-many` where more than `limit` would have to be named. */
  unsettled(tenant: TenantId, place: PointPlace, limit: number): Promise<Unsettled | { readonly kind: 'too-many' }>;
}
