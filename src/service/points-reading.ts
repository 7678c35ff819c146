import { randomBytes } from 'node:crypto';
import type { CollectionName } from '../core/ids.ts';
import type { ReadablePoints } from '../core/ports/points.ts';
import { createProvenance } from '../provenance/provenance.ts';
import type { PointsParts } from '../retrieval/points/parts.ts';
import { createReadablePoints } from '../retrieval/points/readable.ts';
import { createPointsReader } from '../retrieval/points/reader.ts';
import type { PointsReader } from '../retrieval/points/types.ts';
import type { RunningParts } from './running-parts.ts';

/** What the Qdrant-compatible door reads through, and what its writes ask about points that they name. */
export function pointsReading(parts: RunningParts): { readonly reader: PointsReader; readonly readable: ReadablePoints } {
  const { config, stores, policy, vectors, embedding, watch, tools, telemetry, clock } = parts;
  const { catalog, audit } = stores;
  const reading: PointsParts = {
    catalog,
    policy,
    index: vectors.points,
    embedding,
    audit,
    watch,
    shadow: tools.shadow,
    provenance: createProvenance({ random: randomBytes }),
    telemetry,
    clock,
    random: randomBytes,
    languages: config.embedding.languages,
    // The configuration has checked the name.
    own: { ...config.collectionPayload, name: config.collection as CollectionName },
  };
  return { reader: createPointsReader(reading), readable: createReadablePoints(reading) };
}
