import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../catalog/catalog.ts';
import type { Config } from '../config.ts';
import type { JsonObject } from '../core/json.ts';
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
  const vectors = createVectorIndex({
    endpoint,
    collection: config.collection,
    identity,
    telemetry,
    clock,
    placement: config.index,
    ...limits,
  });
  closers.add(() => vectors.close());
  const recorded = await catalog.collectionIdentity(config.collection);
  await vectors.start(AbortSignal.timeout(60_000), recorded === undefined ? 'perhaps' : 'there');
  checkIdentity(recorded ?? (await catalog.recordCollectionIdentity(config.collection, asRecord(identity))), identity);
  return vectors;
}

async function qdrantEndpoint({ config, telemetry, closers }: IndexParts): Promise<EndpointProvider> {
  const { qdrant, dataDir } = config;
  if (qdrant.kind === 'remote') return remoteEndpoint(qdrant.url, qdrant.apiKey === '' ? undefined : qdrant.apiKey);
  const local = await startLocalQdrant({ dataDir, binary: qdrant.binary, log: telemetry.log });
  closers.add(() => local.stop());
  return local.endpoint;
}

function asRecord({ sparse, dense }: EmbeddingIdentity): JsonObject {
  return { sparse, dense: { ...dense } };
}

/** What vectors mean. Who computes them, the caller or a server, may change. */
function meaningOf(record: JsonObject): JsonObject {
  const { sparse = null, dense } = record;
  const { model = null, dimension = null } = dense as JsonObject;
  return { sparse, model, dimension };
}

/** The catalog's own record: it notices an index that was exchanged for one made with something else. */
function checkIdentity(recorded: JsonObject, identity: EmbeddingIdentity): void {
  const configured = asRecord(identity);
  if (isDeepStrictEqual(meaningOf(recorded), meaningOf(configured))) return;
  throw new Error(
    `the documents in the catalog were indexed with ${JSON.stringify(recorded)}, but this service is set to ${JSON.stringify(configured)}. ` +
      'Put the former embedding settings back, or choose another SLUICE_COLLECTION and a new data directory and ingest again.',
  );
}
