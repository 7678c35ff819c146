import { coalesced } from '../doors/entrance/coalesced.ts';
import type { HttpServices } from '../doors/http/services.ts';
import type { QdrantServices } from '../doors/qdrant/services.ts';
import { createPointsWriter } from '../ingestion/points/points-writer.ts';
import { pointsWriting } from './collections.ts';
import { pointsReading } from './points-reading.ts';
import type { RunningParts } from './running-parts.ts';

/** What the Qdrant-compatible door calls. Identity, keys and readiness are those of the HTTP API: one answer for both. */
export function qdrantServices(parts: RunningParts, http: HttpServices): QdrantServices {
  const { identity, applicationKeys, nearMiss, readiness } = http;
  const { reader, readable } = pointsReading(parts);
  return {
    identity,
    applicationKeys,
    nearMiss,
    reader,
    writer: createPointsWriter(pointsWriting(parts, readable)),
    notReady: coalesced(async () => (await readiness()).flatMap(({ part, ready }) => (ready ? [] : [part]))),
  };
}
