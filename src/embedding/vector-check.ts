import { AppError } from '../core/errors.ts';
import type { DenseVector } from '../core/ports/vectors.ts';

/** The index holds 32-bit floats: a larger number would become infinite there. */
export function isVector(value: unknown, dimension: number): value is DenseVector {
  return Array.isArray(value) && value.length === dimension && value.every((v) => typeof v === 'number' && Number.isFinite(Math.fround(v)));
}

/** A vector that came from a caller. Fails with `vector_mismatch` on another length or a number that is not finite. */
export function checkGivenVector(vector: DenseVector, dimension: number): DenseVector {
  if (!isVector(vector, dimension)) throw new AppError('vector_mismatch', { detail: 'a given vector does not fit' });
  return vector;
}
