import type { DocumentKey, TenantId } from '../ids.ts';
import type { Change } from './catalog.ts';

export interface OriginalCatalog {
  /**
   * What was handed in as the current text of a document, where characters were taken out of it. That it was read is in the audit log
   * before it is answered. `conflict` where the document has moved on from revision `expected`.
   */
  original(tenant: TenantId, key: DocumentKey, expected: number, change: Change): Promise<string | undefined>;
}
