import { AppError } from '../../core/errors.ts';
import { isLosslessObject, parseLossless, writeLossless } from '../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject, RawJson } from '../../core/points/raw-json.ts';

/** What Qdrant calls the vector without a name. */
const UNNAMED = '';

/** The vectors of a point with those that are given in place of its own of the same name. */
export function withVectors(stored: RawJson, given: RawJson): RawJson {
  return written({ ...named(stored), ...named(given) });
}

/** The vectors of a point without those of these names. */
export function withoutVectors(stored: RawJson, names: readonly string[]): RawJson {
  return written(Object.fromEntries(Object.entries(named(stored)).filter(([name]) => !names.includes(name))));
}

function named(raw: RawJson): LosslessObject {
  const value = parseLossless(raw);
  if (isLosslessObject(value)) return value;
  if (Array.isArray(value)) return { [UNNAMED]: value };
  throw new AppError('index_unavailable', { detail: 'the vectors of a point are none' });
}

function written(vectors: LosslessObject): RawJson {
  const only: LosslessJson | undefined = Object.keys(vectors).length === 1 ? vectors[UNNAMED] : undefined;
  return writeLossless(only ?? vectors);
}
