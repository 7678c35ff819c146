import { AppError } from '../../core/errors.ts';

/** A collection that is missing, or that the caller may not see: the same words, with the name as it was asked. */
export function noCollection(name: string, cause?: unknown): AppError {
  return new AppError('not_found', { cause, issues: [{ pointer: '', message: `Not found: Collection \`${name}\` doesn't exist!` }] });
}
