import { AppError } from '../../core/errors.ts';
import type { CollectionKey } from '../../core/ids.ts';
import { isLosslessObject } from '../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../core/points/raw-json.ts';
import { INDEXES, matched, type Placement } from '../collection.ts';
import { keyIn } from '../filter.ts';
import { ONLY } from '../payload.ts';

/** Counts up when what stands under the reserved key changes its shape. */
const LAYOUT = 1;

/** What of a request to make a collection becomes part of one. Placement, strict mode and metadata are the operator's and ours. */
const TAKEN_OVER: ReadonlySet<string> = new Set([
  'vectors',
  'sparse_vectors',
  'hnsw_config',
  'optimizers_config',
  'wal_config',
  'quantization_config',
  'on_disk_payload',
]);

const at = keyIn('reserved');

/** Every key that a filter of ours names, by its path, as Qdrant indexes it. */
export const HOSTED_INDEXES = Object.entries({ ...INDEXES, [ONLY]: matched }).map(([key, schema]) => ({ path: at(key), schema }) as const);

/** Qdrant computes IDF over everybody's points, so a score would tell of hidden ones. Fails with `internal`: it was refused before. */
function demandNoIdf(params: LosslessObject): void {
  for (const sparse of Object.values(params['sparse_vectors'] ?? {}) as readonly LosslessJson[]) {
    const modifier = isLosslessObject(sparse) ? (sparse['modifier'] ?? 'none') : 'none';
    if (modifier !== 'none') throw new AppError('internal', { detail: 'sparse vectors with a modifier must not reach the index' });
  }
}

/** The body that makes the collection. Fails with `internal` on what the door should have refused. */
export function collectionBody(key: CollectionKey, params: LosslessObject, { shards, replicas }: Placement): string {
  const unknown = Object.keys(params).find((name) => !TAKEN_OVER.has(name));
  if (unknown !== undefined) throw new AppError('internal', { detail: `${unknown} must not become part of a collection` });
  demandNoIdf(params);
  const ours = {
    // As for Sluice's own collection: a write by a key without an index would scan it.
    strict_mode_config: { enabled: true, unindexed_filtering_update: false },
    metadata: { sluice: { layout: LAYOUT, hosted: key } },
    ...(shards === undefined ? {} : { shard_number: shards }),
    replication_factor: replicas,
    write_consistency_factor: 1,
  };
  return JSON.stringify({ ...params, ...ours });
}

/** What keeps a collection from being served, for the operator; undefined where nothing does. */
export function whatDiffers(key: CollectionKey, config: LosslessObject): string | undefined {
  const metadata = isLosslessObject(config['metadata']) ? config['metadata']['sluice'] : undefined;
  if (!isLosslessObject(metadata) || metadata['hosted'] !== key) return 'it was not made for this collection';
  if (metadata['layout'] !== LAYOUT) return 'its points are laid out in another way';
  const made = config['params'];
  if (!isLosslessObject(made)) return 'it does not say what vectors it holds';
  const sparse = isLosslessObject(made['sparse_vectors']) ? Object.values(made['sparse_vectors']) : [];
  const modified = sparse.some((one) => isLosslessObject(one) && (one['modifier'] ?? 'none') !== 'none');
  return modified ? 'its sparse vectors use a modifier, which lets scores tell of hidden points' : undefined;
}

/** Those of our indexes that it lacks. */
export function missingIndexes(schema: LosslessObject): typeof HOSTED_INDEXES {
  return HOSTED_INDEXES.filter(({ path, schema: wanted }) => {
    const found = schema[path];
    return !isLosslessObject(found) || found['data_type'] !== wanted.type;
  });
}
