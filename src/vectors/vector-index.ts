import { asAppError, AppError } from '../core/errors.ts';
import type { CollectionKey } from '../core/ids.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { EmbeddingIdentity } from '../core/ports/embedding.ts';
import type { Attributes, Telemetry } from '../core/ports/telemetry.ts';
import type { IndexInspection } from '../core/ports/drift.ts';
import type { HostedIndex, PointIndex } from '../core/ports/points.ts';
import type { VectorIndex } from '../core/ports/vectors.ts';
import { createAdmin } from './admin.ts';
import { ensureCollection, ONE_COPY, probeCollection, type Placement } from './collection.ts';
import type { EndpointProvider } from './endpoint.ts';
import { createHotRead } from './hot-read.ts';
import { createInspection } from './inspection.ts';
import { createHostedIndex } from './points/hosted-index.ts';
import { createPointIndex } from './points/point-index.ts';
import { traced } from './points/traced.ts';
import { createCount, createSearch } from './search.ts';
import { checkServer } from './server-check.ts';
import { createWrites } from './writes.ts';

export interface VectorIndexOptions {
  readonly endpoint: EndpointProvider;
  readonly collection: string;
  readonly identity: EmbeddingIdentity;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** Milliseconds; 5,000 for a search and 30,000 for one attempt at a write unless given. */
  readonly searchDeadlineMs?: number;
  readonly writeDeadlineMs?: number;
  /** Of a collection that has to be made; one copy unless given. */
  readonly placement?: Placement;
}

export interface StartableVectorIndex extends VectorIndex {
  readonly inspection: IndexInspection;
  readonly points: PointIndex;
  readonly hosted: HostedIndex;
  /**
   * Checks the server and makes the collection where it is missing; `expected: 'there'` says that it was made before, so that a lost
   * one is not replaced by an empty one. Fails with `index_unavailable`, whose message tells the operator what differs and what to do.
   */
  start(signal: AbortSignal, expected?: 'perhaps' | 'there'): Promise<void>;
  close(): Promise<void>;
}

const WRITE_ATTEMPTS = 4;

/** The index over one Qdrant collection. Nothing is opened before the first call. */
export function createVectorIndex(options: VectorIndexOptions): StartableVectorIndex {
  const { endpoint, collection, identity, telemetry, clock, searchDeadlineMs = 5_000, writeDeadlineMs = 30_000 } = options;
  const read = createHotRead({ endpoint, deadlineMs: searchDeadlineMs });
  const admin = createAdmin({ endpoint, deadlineMs: writeDeadlineMs, attempts: WRITE_ATTEMPTS });
  const search = createSearch({ read, collection, identity, clock, deadlineMs: searchDeadlineMs });
  // With a circuit of its own: counts fail while one copy of a shard is down, and searches need not.
  const counting = createHotRead({ endpoint, deadlineMs: searchDeadlineMs });
  const count = createCount({ read: counting, collection, deadlineMs: searchDeadlineMs });
  const writes = createWrites(admin, collection);
  const writing = createHotRead({ endpoint, deadlineMs: writeDeadlineMs });
  const placement = options.placement ?? ONE_COPY;
  // Circuits of their own: what applications word themselves must not end the searches and counts of everybody else.
  const asked = { endpoint, deadlineMs: searchDeadlineMs, asked: 'by applications' } as const;
  const asking = createHotRead(asked);
  const tallying = createHotRead(asked);
  const unfit = new Set<CollectionKey>();
  const points = createPointIndex({ read: asking, counting: tallying, collection, clock, unfit, deadlineMs: searchDeadlineMs });
  const hosted = createHostedIndex({ write: writing, attempts: WRITE_ATTEMPTS, placement, unfit });

  function step<T>(name: string, attributes: Attributes, run: () => Promise<T>): Promise<T> {
    return telemetry.span(name, attributes, async () => {
      try {
        return await run();
      } catch (error) {
        const failure = asAppError(error, 'index_unavailable');
        if (failure.code === 'index_unavailable') telemetry.count('outbound_failures', { part: 'qdrant' });
        throw failure;
      }
    });
  }

  return {
    search: (filter, leg, limit, signal) => step('vectors.search', { leg: leg.name, limit }, () => search(filter, leg, limit, signal)),
    count: (filter, signal) => step('vectors.count', {}, () => count(filter, signal)),
    upsert: (points, signal) => step('vectors.upsert', { points: points.length }, () => writes.upsert(points, signal)),
    rewriteAccess: (access, signal) => step('vectors.rewrite', {}, () => writes.rewriteAccess(access, signal)),
    deleteChunks: (tenant, chunks, signal, place) =>
      step('vectors.delete', { chunks: chunks.length }, () => writes.deleteChunks(tenant, chunks, signal, place)),
    inspection: createInspection(admin, collection),
    ...traced(points, hosted, step),
    probe: (signal) => step('vectors.probe', {}, () => probeCollection(admin, collection, identity, signal)),
    start: (signal, expected = 'perhaps') =>
      step('vectors.start', {}, async () => {
        const limited = AbortSignal.any([signal, AbortSignal.timeout(writeDeadlineMs)]);
        const version = await checkServer(endpoint(), telemetry.log, limited);
        // Each call has its own deadline; all of them together may take as long as the caller waits.
        await ensureCollection(admin, collection, identity, expected, placement, signal);
        telemetry.log.info({ version, collection }, 'vector index ready');
      }),
    close: async () => {
      await Promise.all([read, counting, asking, tallying, writing, admin].map((part) => part.close()));
    },
  };
}

/** For a server at a fixed address, as configured by QDRANT_URL and QDRANT_API_KEY. Fails with a plain error on a bad URL. */
export function remoteEndpoint(url: string, apiKey: string | undefined): EndpointProvider {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const usable = parsed !== undefined && ['http:', 'https:'].includes(parsed.protocol) && parsed.username === '' && parsed.password === '';
  if (!usable) throw new AppError('index_unavailable', { detail: 'QDRANT_URL must be an http or https URL without a user or password' });
  return () => ({ url: parsed.origin + parsed.pathname.replace(/\/+$/, ''), apiKey });
}
