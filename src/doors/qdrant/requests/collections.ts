import { isLosslessObject } from '../../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_NAMES } from './bounds.ts';
import { flag, invalid, malformed, member, natural, object, oneOf, type Place, present, unsupported } from './shape.ts';

const DISTANCES = ['Cosine', 'Euclid', 'Dot', 'Manhattan'] as const;
const MAX_SIZE = 65_536;

function maybe<T>(place: Place, read: (place: Place) => T): T | undefined {
  return place.value === undefined ? undefined : read(place);
}

function hnsw(place: Place): LosslessObject {
  const record = object(place);
  const part = (name: string) => maybe(member(record, name, place.at), natural);
  return present<LosslessObject>({
    m: part('m'),
    ef_construct: part('ef_construct'),
    full_scan_threshold: part('full_scan_threshold'),
    payload_m: part('payload_m'),
    on_disk: maybe(member(record, 'on_disk', place.at), flag),
  });
}

function multivector(place: Place): LosslessObject {
  return { comparator: oneOf(member(object(place), 'comparator', place.at), ['max_sim']) };
}

function vectorParams(place: Place): LosslessObject {
  const record = object(place);
  const part = (name: string) => member(record, name, place.at);
  const size = natural(part('size'));
  if (size < 1 || size > MAX_SIZE) invalid(part('size').at, `value is invalid, must be from 1 to ${MAX_SIZE}`);
  return present<LosslessObject>({
    size,
    distance: oneOf(part('distance'), DISTANCES),
    hnsw_config: maybe(part('hnsw_config'), hnsw),
    on_disk: maybe(part('on_disk'), flag),
    datatype: maybe(part('datatype'), (one) => oneOf(one, ['float32', 'uint8', 'float16'])),
    multivector_config: maybe(part('multivector_config'), multivector),
  });
}

function named(place: Place, read: (place: Place) => LosslessObject): LosslessObject {
  const record = object(place);
  const keys = Object.keys(record);
  if (keys.length > MAX_NAMES) invalid(place.at, `at most ${MAX_NAMES} vectors`);
  return Object.fromEntries(keys.map((name) => [name, read(member(record, name, place.at))]));
}

function sparseParams(place: Place): LosslessObject {
  const record = place.value === undefined ? {} : object(place);
  const modifier = maybe(member(record, 'modifier', place.at), (one) => oneOf(one, ['none', 'idf']));
  if (modifier === 'idf') {
    unsupported(
      `${place.at}.modifier`,
      'the server weighs terms by how many documents hold them, which tells about documents that one may not read; weigh terms yourself',
    );
  }
  const index = member(record, 'index', place.at);
  const inner = index.value === undefined ? undefined : object(index);
  return present<LosslessObject>({
    index:
      inner === undefined
        ? undefined
        : present<LosslessObject>({
            on_disk: maybe(member(inner, 'on_disk', index.at), flag),
            full_scan_threshold: maybe(member(inner, 'full_scan_threshold', index.at), natural),
          }),
  });
}

/** Body of `PUT collections/{name}`: `vectors` and `sparse_vectors`. How it is stored, sharded and replicated is the operator's. */
export function parseCreateCollection(body: LosslessJson): LosslessObject {
  const record = object({ value: body, at: '' });
  const vectors = member(record, 'vectors', '');
  const sparse = member(record, 'sparse_vectors', '');
  if (vectors.value === undefined && sparse.value === undefined) malformed('', 'missing field `vectors`');
  const one = isLosslessObject(vectors.value) && (Object.hasOwn(vectors.value, 'size') || Object.hasOwn(vectors.value, 'distance'));
  return present<LosslessObject>({
    vectors: maybe(vectors, (place) => (one ? vectorParams(place) : named(place, vectorParams))),
    sparse_vectors: maybe(sparse, (place) => named(place, sparseParams)),
  });
}
