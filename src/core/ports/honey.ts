import type { DocumentId, DocumentKey, SourceId, TenantId } from '../ids.ts';
import type { Change } from './catalog.ts';

export interface HoneyMarker {
  readonly marker: string;
  readonly key: DocumentKey;
  readonly source: SourceId;
  readonly document: DocumentId;
}

/** For the check of what models write. Fails with `catalog_unavailable`. */
export interface HoneyMarkers {
  /**
   * Every marker that a document of this tenant ever had, bait still or not, `limit` at most: in the order of markers, after one where it is
   * given.
   */
  honeyMarkers(tenant: TenantId, after: string | undefined, limit: number): Promise<readonly HoneyMarker[]>;
}

/** Which documents are bait. One transaction with its audit event, as in WriteCatalog. */
export interface HoneyCatalog {
  /**
   * Makes the document bait under this marker, or ends that where there is none. Nothing is changed, and no event written, where it is
   * so already: a marker stays. It outlives every text and attribute of the document, and ends with its deletion. `conflict` where the
   * document has moved on.
   */
  markHoney(
    key: DocumentKey,
    tenant: TenantId,
    expected: number,
    marker: string | undefined,
    change: Change,
  ): Promise<{ readonly changed: boolean }>;
}
