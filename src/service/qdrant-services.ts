import { randomBytes, randomUUID } from 'node:crypto';
import type { CollectionKey, CollectionName } from '../core/ids.ts';
import type { HttpServices } from '../doors/http/services.ts';
import type { QdrantServices } from '../doors/qdrant/services.ts';
import { createPointsWriter } from '../ingestion/points/points-writer.ts';
import { createProvenance } from '../provenance/provenance.ts';
import type { PointsParts } from '../retrieval/points/parts.ts';
import { createReadablePoints } from '../retrieval/points/readable.ts';
import { createPointsReader } from '../retrieval/points/reader.ts';
import { ingestingParts } from './http-services.ts';
import type { RunningParts } from './running-parts.ts';

/** What the Qdrant-compatible door calls. Identity, keys and readiness are those of the HTTP API: one answer for both. */
export function qdrantServices(parts: RunningParts, http: HttpServices): QdrantServices {
  const { identity, applicationKeys, nearMiss, readiness } = http;
  const reading = readingOf(parts);
  return {
    identity,
    applicationKeys,
    nearMiss,
    reader: createPointsReader(reading),
    writer: writerOf(parts, reading),
    notReady: async () => (await readiness()).flatMap(({ part, ready }) => (ready ? [] : [part])),
  };
}

function readingOf(parts: RunningParts): PointsParts {
  const { config, stores, policy, vectors, embedding, watch, tools, telemetry, clock } = parts;
  return {
    catalog: stores.catalog,
    audit: stores.audit,
    index: vectors.points,
    policy,
    embedding,
    watch,
    telemetry,
    clock,
    shadow: tools.shadow,
    provenance: createProvenance({ random: randomBytes }),
    random: randomBytes,
    languages: config.embedding.languages,
    // The configuration has checked the name.
    own: { ...config.collectionPayload, name: config.collection as CollectionName },
  };
}

function writerOf(parts: RunningParts, reading: PointsParts): QdrantServices['writer'] {
  const { stores, vectors, mender } = parts;
  return createPointsWriter({
    ...ingestingParts(parts, () => mender.kick()),
    batches: stores.catalog,
    hosted: vectors.hosted,
    points: vectors.points,
    readable: createReadablePoints(reading),
    newKey: () => randomUUID() as CollectionKey,
  });
}
