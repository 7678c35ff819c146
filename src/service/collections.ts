import { randomUUID } from 'node:crypto';
import type { CollectionKey } from '../core/ids.ts';
import type { ReadablePoints } from '../core/ports/points.ts';
import type { HttpServices } from '../doors/http/services.ts';
import { createCollections } from '../ingestion/collections.ts';
import { createAdoptPoints } from '../ingestion/points/adopt.ts';
import { createCheckAccess } from '../ingestion/points/check-access.ts';
import type { PointsWriterParts } from '../ingestion/points/parts.ts';
import { ingestingParts } from './ingesting-parts.ts';
import { pointsReading } from './points-reading.ts';
import type { RunningParts } from './running-parts.ts';

/** What writes of points work with, through whichever door. */
export function pointsWriting(parts: RunningParts, readable: ReadablePoints): PointsWriterParts {
  const { stores, vectors, mender } = parts;
  return {
    ...ingestingParts(parts, () => mender.kick()),
    batches: stores.catalog,
    hosted: vectors.hosted,
    points: vectors.points,
    readable,
    newKey: () => randomUUID() as CollectionKey,
  };
}

/** Hosted collections of the Qdrant-compatible door, for their owners. */
export function collectionServices(parts: RunningParts): Pick<HttpServices, 'collections' | 'adoptPoints' | 'checkAccess'> {
  const writing = pointsWriting(parts, pointsReading(parts).readable);
  return {
    collections: createCollections({ ...writing, collections: parts.stores.catalog }),
    adoptPoints: createAdoptPoints(writing),
    checkAccess: createCheckAccess(writing),
  };
}
