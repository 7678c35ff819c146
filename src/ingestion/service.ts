import { documentMethods } from './documents.ts';
import type { DocumentParts } from './put-document.ts';
import type { BeginRun } from './lineage.ts';
import { runsOf } from './lineage-runs.ts';
import { sourceMethods } from './sources.ts';
import type { IngestionService } from './types.ts';

/** Everything that changes what can be found: sources, documents, their labels and ACLs. */
export function createIngestion(parts: DocumentParts, begin: BeginRun): IngestionService {
  return { ...sourceMethods(parts), ...runsOf(documentMethods(parts), begin) };
}
