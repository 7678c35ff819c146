import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../catalog/catalog.ts';
import type { Config } from '../config.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { EmbeddingIdentity } from '../core/ports/embedding.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { EndpointProvider } from '../vectors/endpoint.ts';
import { startLocalQdrant } from '../vectors/local-qdrant.ts';
import { createVectorIndex, remoteEndpoint, type StartableVectorIndex } from '../vectors/vector-index.ts';
import type { Closers } from './closers.ts';
import type { ServiceLimits } from './limits.ts';

export interface IndexParts {
  readonly config: Config;
  readonly catalog: Catalog;
  readonly identity: EmbeddingIdentity;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly closers: Closers;
  readonly limits?: ServiceLimits['index'];
}

/** The vector index over the configured Qdrant, or over one that is started here and stopped with the closers. */
export async function startIndex(parts: IndexParts): Promise<StartableVectorIndex> {
  const { config, catalog, identity, telemetry, clock, closers, limits } = parts;
  const endpoint = await qdrantEndpoint(parts);
  const vectors = createVectorIndex({ endpoint, collection: config.collection, identity, telemetry, clock, ...limits });
  closers.add(() => vectors.close());
  await vectors.start(AbortSignal.timeout(60_000));
  await checkIdentity(catalog, config.collection, identity);
  return vectors;
}

async function qdrantEndpoint({ config, telemetry, closers }: IndexParts): Promise<EndpointProvider> {
  const { qdrant, dataDir } = config;
  if (qdrant.kind === 'remote') return remoteEndpoint(qdrant.url, qdrant.apiKey === '' ? undefined : qdrant.apiKey);
  const local = await startLocalQdrant({ dataDir, binary: qdrant.binary, log: telemetry.log });
  closers.add(() => local.stop());
  return local.endpoint;
}

/** The catalog's own record: it notices an index that was exchanged for one made with something else. */
async function checkIdentity(catalog: Catalog, collection: string, { sparse, dense }: EmbeddingIdentity): Promise<void> {
  const configured = { sparse, dense: { ...dense } };
  const recorded = (await catalog.collectionIdentity(collection)) ?? (await catalog.recordCollectionIdentity(collection, configured));
  if (isDeepStrictEqual(recorded, configured)) return;
  throw new Error(
    `the documents in the catalog were indexed with ${JSON.stringify(recorded)}, but this service is set to ${JSON.stringify(configured)}. ` +
      'Put the former embedding settings back, or choose another SLUICE_COLLECTION and a new data directory and ingest again.',
  );
}
