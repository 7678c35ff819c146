import { documentMethods } from './documents.ts';
import type { DocumentParts } from './put-document.ts';
import { sourceMethods } from './sources.ts';
import type { IngestionService } from './types.ts';

/** Everything that changes what can be found: sources, documents, their labels and ACLs. */
export function createIngestion(parts: DocumentParts): IngestionService {
  return { ...sourceMethods(parts), ...documentMethods(parts) };
}
