import { AppError } from '../core/errors.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';

/** Callers whose tokens name their groups pass as they are. */
export function createResolve(): ReadCatalog['resolve'] {
  return (caller) => {
    if (caller.user.kind === 'none' || caller.user.groupsFrom === undefined) return Promise.resolve(caller);
    return Promise.reject(new AppError('forbidden', { detail: 'the directory does not know this person' }));
  };
}
