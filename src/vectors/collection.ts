import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import type { EmbeddingIdentity } from '../core/ports/embedding.ts';
import type { Admin } from './admin.ts';
import { GATES } from './payload.ts';

export const SPARSE = 'bm25';
export const DENSE = 'dense';
/** Counts up when the payload changes its shape, so that an old index is not searched with new filters. */
const LAYOUT = 1;

const recorded = z.object({
  layout: z.number(),
  sparse: z.string(),
  dense: z.union([z.object({ kind: z.literal('none') }), z.object({ kind: z.string(), model: z.string(), dimension: z.number() })]),
});
type Recorded = z.infer<typeof recorded>;

const info = z.object({
  result: z.object({
    status: z.string(),
    config: z.object({
      params: z.object({
        vectors: z.record(z.string(), z.object({ size: z.number(), distance: z.string() })).optional(),
        sparse_vectors: z.record(z.string(), z.object({ modifier: z.string().nullish() })).nullish(),
      }),
      metadata: z.object({ sluice: recorded }).nullish().catch(null),
    }),
    payload_schema: z.record(z.string(), z.object({ data_type: z.string() })),
  }),
});
type Info = z.infer<typeof info>['result'];

/** How a collection that is made is spread over a cluster. An existing one stays as it is. */
export interface Placement {
  /** As many as there are nodes where undefined. */
  readonly shards: number | undefined;
  readonly replicas: number;
}

export const ONE_COPY: Placement = { shards: undefined, replicas: 1 };

export const matched = { type: 'integer', lookup: true, range: false } as const;
const ranged = { type: 'integer', lookup: false, range: true } as const;
const both = { type: 'integer', lookup: true, range: true } as const;

/** Every key a filter names, and nothing of `metadata`: which keys callers use there is theirs to know. */
export const INDEXES = {
  tenant: { type: 'keyword', is_tenant: true },
  document: { type: 'keyword' },
  zone: both,
  acl_v: ranged,
  ...Object.fromEntries(GATES.map((gate) => [gate, matched])),
  deny: both,
  valid_from: ranged,
  valid_until: ranged,
} as const;

function unusable(collection: string, detail: string): AppError {
  return new AppError('index_unavailable', { detail: `collection ${collection}: ${detail}` });
}

function record(identity: EmbeddingIdentity): Recorded {
  return { layout: LAYOUT, sparse: identity.sparse, dense: identity.dense };
}

function describeDense(dense: Recorded['dense']): string {
  return 'model' in dense ? `${dense.model} with ${dense.dimension} dimensions` : 'none';
}

function differences(found: Recorded, wanted: Recorded): readonly string[] {
  const pairs = [
    ['payload layout', String(found.layout), String(wanted.layout)],
    ['sparse vectors', found.sparse, wanted.sparse],
    // Who computes the vectors may change; what they mean may not.
    ['dense vectors', describeDense(found.dense), describeDense(wanted.dense)],
  ] as const;
  return pairs.filter(([, a, b]) => a !== b).map(([what, a, b]) => `${what}: the collection holds ${a}, the configuration says ${b}`);
}

const WAY_OUT = 'Set SLUICE_COLLECTION to a new name and ingest again, or restore the former configuration.';

/** Vectors of another model or version compare without an error and answer wrongly, so a difference stops the start. */
function checkIdentity(collection: string, found: Info, identity: EmbeddingIdentity): void {
  const { metadata, params } = found.config;
  if (!metadata) throw unusable(collection, `it was not made by Sluice. Set SLUICE_COLLECTION to a name that is free.`);
  const different = differences(metadata.sluice, record(identity));
  if (different.length > 0) throw unusable(collection, `${different.join('; ')}. ${WAY_OUT}`);
  const sparse = params.sparse_vectors?.[SPARSE];
  if (sparse === undefined) throw unusable(collection, `it has no sparse vectors named ${SPARSE}. ${WAY_OUT}`);
  if ((sparse.modifier ?? 'none') !== 'none') {
    throw unusable(
      collection,
      `its sparse vectors use the modifier ${sparse.modifier}, which lets scores tell of hidden documents. ${WAY_OUT}`,
    );
  }
  const dense = params.vectors?.[DENSE];
  const size = identity.dense.kind === 'none' ? undefined : identity.dense.dimension;
  if (dense?.size !== size || (dense !== undefined && dense.distance !== 'Cosine')) {
    throw unusable(collection, `its dense vectors are not cosine over ${size ?? 'no'} dimensions. ${WAY_OUT}`);
  }
}

function missingIndexes(found: Info): readonly (keyof typeof INDEXES)[] {
  return (Object.keys(INDEXES) as (keyof typeof INDEXES)[]).filter((key) => found.payload_schema[key]?.data_type !== INDEXES[key].type);
}

async function read(admin: Admin, collection: string, signal: AbortSignal): Promise<Info | 'absent'> {
  const answer = await admin.ask('reading the collection', (api, init) => api.getCollection({ collection_name: collection }, init), signal);
  if (answer === 'absent') return 'absent';
  const parsed = info.safeParse(answer);
  if (!parsed.success) throw unusable(collection, 'the vector index described it in a way that is not understood');
  return parsed.data.result;
}

async function create(
  admin: Admin,
  collection: string,
  identity: EmbeddingIdentity,
  { shards, replicas }: Placement,
  signal: AbortSignal,
): Promise<void> {
  const body = {
    collection_name: collection,
    vectors: identity.dense.kind === 'none' ? {} : { [DENSE]: { size: identity.dense.dimension, distance: 'Cosine' as const } },
    // No `modifier: idf`: it is computed over everybody's documents, and a score would tell of hidden ones.
    sparse_vectors: { [SPARSE]: {} },
    // A rewrite by a key without an index would scan the collection; no filter of ours does.
    strict_mode_config: { enabled: true, unindexed_filtering_update: false },
    metadata: { sluice: record(identity) },
    ...(shards === undefined ? {} : { shard_number: shards }),
    replication_factor: replicas,
    // One copy must have a write, and the others that are up: before it is acknowledged, whichever misses it is taken out of service.
    // With more than one demanded, every write would fail for as long as a node is down.
    write_consistency_factor: 1,
  };
  // 409: another replica was faster. What it made is checked like any other.
  await admin
    .ask('creating the collection', (api, init) => api.createCollection(body, init), signal)
    .catch((error: unknown) => {
      if (!(error instanceof AppError) || !error.message.endsWith('HTTP 409')) throw error;
    });
}

const LOST =
  'it is not there, although documents were indexed in it. An empty one would answer that nothing matches. Restore it from a snapshot ' +
  'and run "sluice reconcile", which writes what the snapshot is too old for; or start with a new data directory or database and ' +
  'ingest again.';

/**
 * Makes the collection's payload indexes where they are missing, and the collection itself unless it must be there already. Fails with
 * `index_unavailable`, saying what differs.
 */
export async function ensureCollection(
  admin: Admin,
  collection: string,
  identity: EmbeddingIdentity,
  expected: 'perhaps' | 'there',
  placement: Placement,
  signal: AbortSignal,
): Promise<void> {
  let found = await read(admin, collection, signal);
  if (found === 'absent') {
    if (expected === 'there') throw unusable(collection, LOST);
    await create(admin, collection, identity, placement, signal);
    found = await read(admin, collection, signal);
  }
  if (found === 'absent') throw unusable(collection, 'it could not be made');
  checkIdentity(collection, found, identity);
  // Before any vector is written, so that the graph is built with them; a crash in between is healed here at the next start.
  for (const key of missingIndexes(found)) {
    const index = { collection_name: collection, wait: true, field_name: key, field_schema: INDEXES[key] };
    await admin.write(`indexing ${key}`, (api, init) => api.createFieldIndex(index, init), signal);
  }
}

/** Fails with `index_unavailable` unless the collection is there, healthy and as configured. */
export async function probeCollection(admin: Admin, collection: string, identity: EmbeddingIdentity, signal: AbortSignal): Promise<void> {
  const found = await read(admin, collection, signal);
  if (found === 'absent') throw unusable(collection, 'it is not there');
  checkIdentity(collection, found, identity);
  if (found.status === 'red') throw unusable(collection, 'the vector index reports it as broken');
  const missing = missingIndexes(found);
  if (missing.length > 0) throw unusable(collection, `it has no index on ${missing.join(', ')}; restart to make it`);
}
