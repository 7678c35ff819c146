import type { DocumentKey, TenantId } from '../ids.ts';
import type { Change } from './catalog.ts';

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
