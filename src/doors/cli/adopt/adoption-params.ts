import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';

/** How the vectors of the old collection are made again. */
export interface AdoptedParams {
  readonly vectors?: LosslessJson;
  readonly sparseVectors?: LosslessObject;
  /** Names of sparse vectors whose terms the old server weighs. */
  readonly idf: readonly string[];
}

const OF_A_VECTOR = ['size', 'distance', 'hnsw_config', 'on_disk', 'datatype', 'multivector_config'];
const OF_HNSW = ['m', 'ef_construct', 'full_scan_threshold', 'payload_m', 'on_disk'];
const OF_SPARSE_INDEX = ['on_disk', 'full_scan_threshold'];

/** From `config.params` as Qdrant tells it. Where it is stored and how it is quantised is for whoever runs the new one. */
export function adoptedParams(params: LosslessObject): AdoptedParams {
  const vectors = isLosslessObject(params['vectors']) ? params['vectors'] : undefined;
  const sparse = isLosslessObject(params['sparse_vectors']) ? params['sparse_vectors'] : undefined;
  const one = vectors !== undefined && Object.hasOwn(vectors, 'size') && !isLosslessObject(vectors['size']);
  const idf = Object.entries(sparse ?? {}).filter(([, made]) => isLosslessObject(made) && (made['modifier'] ?? 'none') !== 'none');
  return {
    ...(vectors === undefined || Object.keys(vectors).length === 0 ? {} : { vectors: one ? vector(vectors) : each(vectors, vector) }),
    ...(sparse === undefined || Object.keys(sparse).length === 0 ? {} : { sparseVectors: each(sparse, sparseVector) }),
    idf: idf.map(([name]) => name),
  };
}

function each(record: LosslessObject, make: (one: LosslessObject) => LosslessObject): LosslessObject {
  return Object.fromEntries(Object.entries(record).map(([name, one]) => [name, make(isLosslessObject(one) ? one : {})]));
}

/** Members of these names that say something. */
function picked(from: LosslessObject, names: readonly string[]): LosslessObject {
  return Object.fromEntries(names.flatMap((name) => (from[name] === undefined || from[name] === null ? [] : [[name, from[name]]])));
}

function vector(made: LosslessObject): LosslessObject {
  const { hnsw_config: hnsw, ...rest } = picked(made, OF_A_VECTOR);
  return { ...rest, ...(isLosslessObject(hnsw) ? { hnsw_config: picked(hnsw, OF_HNSW) } : {}) };
}

function sparseVector(made: LosslessObject): LosslessObject {
  const index = made['index'];
  return isLosslessObject(index) ? { index: picked(index, OF_SPARSE_INDEX) } : {};
}
