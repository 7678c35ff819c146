import { AppError } from '../../core/errors.ts';
import { isLosslessObject, parseLossless } from '../../core/points/lossless.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import type { PointPlace } from '../../core/ports/collections.ts';
import { isReserved } from './place.ts';

export interface Described {
  readonly config: LosslessObject;
  readonly indexes: Readonly<Record<string, LosslessObject>>;
}

/** What is written to the collection's metadata, and strict mode, are ours to know. */
const TOLD = ['params', 'hnsw_config', 'optimizer_config', 'wal_config', 'quantization_config'] as const;

/** How a collection is made, from Qdrant's answer: nothing that counts points, and no key that is reserved. */
export function describeCollection(text: string, place: PointPlace): Described {
  const { config, payload_schema: schema } = parsed(text);
  return {
    config: Object.fromEntries(TOLD.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]]))),
    indexes: Object.fromEntries(
      Object.entries(schema).flatMap(([key, index]) => {
        if (isReserved(place, key) || !isLosslessObject(index)) return [];
        const { data_type = null, params } = index;
        return [[key, params === undefined ? { data_type } : { data_type, params }]];
      }),
    ),
  };
}

export function parsed(text: string): { readonly config: LosslessObject; readonly payload_schema: LosslessObject } {
  const answer = parseLossless(text);
  const result = isLosslessObject(answer) ? answer['result'] : undefined;
  const [config, schema] = isLosslessObject(result) ? [result['config'], result['payload_schema']] : [];
  if (!isLosslessObject(config) || !isLosslessObject(schema)) {
    throw new AppError('index_unavailable', { detail: 'the vector index described a collection in a shape that is not understood' });
  }
  return { config, payload_schema: schema };
}
