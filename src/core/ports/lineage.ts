import type { JsonObject } from '../json.ts';

/** Where lineage events go. Never throws and never waits: ingestion does not know whether anybody listens. */
export interface LineageSink {
  /** An OpenLineage run event. What comes later of the same run is delivered later. */
  emit(event: JsonObject): void;
}
