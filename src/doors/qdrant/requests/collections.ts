import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_VECTOR, MAX_VECTORS } from './bounds.ts';
import { between } from './parts.ts';
import {
  flag,
  given,
  invalid,
  malformed,
  maybe,
  member,
  natural,
  object,
  oneOf,
  type Place,
  present,
  refuseMembers,
  tooMany,
  unsupported,
} from './shape.ts';

const DISTANCES = ['Cosine', 'Euclid', 'Dot', 'Manhattan'] as const;

/** Bounds of what builds an index, so that no collection costs more than the others on its server. */
const MAX_LINKS = 256;
const MAX_EF_CONSTRUCT = 4_096;

function upTo(least: number, most: number): (place: Place) => number {
  return (place) => {
    const value = natural(place);
    if (value < least) return invalid(place.at, `value ${least === 1 ? '0 ' : ''}invalid, must be ${least} or larger`);
    return value <= most ? value : invalid(place.at, `value invalid, must be ${most} or smaller`);
  };
}

function hnsw(place: Place): LosslessObject {
  const record = object(place);
  const part = (name: string) => member(record, name, place.at);
  return present<LosslessObject>({
    m: maybe(part('m'), upTo(0, MAX_LINKS)),
    ef_construct: maybe(part('ef_construct'), upTo(4, MAX_EF_CONSTRUCT)),
    full_scan_threshold: maybe(part('full_scan_threshold'), natural),
    payload_m: maybe(part('payload_m'), upTo(0, MAX_LINKS)),
    on_disk: maybe(part('on_disk'), flag),
  });
}

function quantization(place: Place): LosslessObject {
  const record = object(place);
  const kind = ['scalar', 'product', 'binary'].find((name) => member(record, name, place.at).value !== undefined);
  const inner = kind === undefined ? undefined : member(record, kind, place.at);
  if (kind === undefined || inner === undefined) return malformed(place.at, 'expected scalar, product or binary');
  const settings = object(inner);
  const part = (name: string) => member(settings, name, inner.at);
  const always_ram = maybe(part('always_ram'), flag);
  if (kind === 'scalar') {
    const quantile = maybe(part('quantile'), (one) => between(one, 0.5, 1));
    return { scalar: present<LosslessObject>({ type: oneOf(part('type'), ['int8']), quantile, always_ram }) };
  }
  if (kind === 'product') {
    return { product: present<LosslessObject>({ compression: oneOf(part('compression'), ['x4', 'x8', 'x16', 'x32', 'x64']), always_ram }) };
  }
  return {
    binary: present<LosslessObject>({
      always_ram,
      encoding: maybe(part('encoding'), (one) => oneOf(one, ['one_bit', 'two_bits', 'one_and_half_bits'])),
      query_encoding: maybe(part('query_encoding'), (one) => oneOf(one, ['default', 'binary', 'scalar4bits', 'scalar8bits'])),
    }),
  };
}

function multivector(place: Place): LosslessObject {
  return { comparator: oneOf(member(object(place), 'comparator', place.at), ['max_sim']) };
}

function vectorParams(place: Place): LosslessObject {
  const record = object(place);
  const part = (name: string) => member(record, name, place.at);
  return present<LosslessObject>({
    size: upTo(1, MAX_VECTOR)(part('size')),
    distance: oneOf(part('distance'), DISTANCES),
    hnsw_config: maybe(part('hnsw_config'), hnsw),
    quantization_config: maybe(part('quantization_config'), quantization),
    on_disk: maybe(part('on_disk'), flag),
    datatype: maybe(part('datatype'), (one) => oneOf(one, ['float32', 'uint8', 'float16'])),
    multivector_config: maybe(part('multivector_config'), multivector),
  });
}

function named(place: Place, read: (place: Place) => LosslessObject): LosslessObject {
  const record = object(place);
  const keys = Object.keys(record);
  if (keys.length > MAX_VECTORS) return tooMany(place.at, MAX_VECTORS, 'vectors');
  return Object.fromEntries(keys.map((name) => [name, read(given(record, name, place.at))]));
}

function sparseIndex(place: Place): LosslessObject {
  const record = object(place);
  return present<LosslessObject>({
    full_scan_threshold: maybe(member(record, 'full_scan_threshold', place.at), natural),
    on_disk: maybe(member(record, 'on_disk', place.at), flag),
    datatype: maybe(member(record, 'datatype', place.at), (one) => oneOf(one, ['float32', 'float16', 'uint8'])),
  });
}

const NO_IDF =
  'the server would weigh terms by how many documents hold them, also those that a reader may not see; weigh terms in the values you send';

function sparseParams(place: Place): LosslessObject {
  const record = object(place);
  const modifier = member(record, 'modifier', place.at);
  if (maybe(modifier, (one) => oneOf(one, ['none', 'idf'])) === 'idf') return unsupported(modifier.at, NO_IDF);
  return present<LosslessObject>({ index: maybe(member(record, 'index', place.at), sparseIndex) });
}

/** One unnamed vector, or an object of named ones. */
function vectorsConfig(place: Place): LosslessObject {
  const record = object(place);
  // A vector may be called `size`; then it is an object.
  const unnamed = Object.hasOwn(record, 'distance') && !isLosslessObject(record['distance']);
  return unnamed || (Object.hasOwn(record, 'size') && !isLosslessObject(record['size'])) ? vectorParams(place) : named(place, vectorParams);
}

/**
 * Body of `PUT collections/{name}`: what its vectors are, and how they are indexed and stored. Shards, replicas, logs, optimizers and strict
 * mode are the operator's and are dropped; a collection made from another one is refused.
 */
export function parseCreateCollection(body: LosslessJson): LosslessObject {
  const record = object({ value: body, at: '' });
  refuseMembers(record, '', { init_from: 'a collection is not filled from another one here; write its points' });
  const method = member(record, 'sharding_method', '');
  if (maybe(method, (one) => oneOf(one, ['auto', 'custom'])) === 'custom')
    return unsupported(method.at, 'collections have no shard keys here');
  return present<LosslessObject>({
    vectors: maybe(given(record, 'vectors', ''), vectorsConfig),
    sparse_vectors: maybe(member(record, 'sparse_vectors', ''), (place) => named(place, sparseParams)),
    hnsw_config: maybe(member(record, 'hnsw_config', ''), hnsw),
    quantization_config: maybe(member(record, 'quantization_config', ''), quantization),
    on_disk_payload: maybe(member(record, 'on_disk_payload', ''), flag),
  });
}
