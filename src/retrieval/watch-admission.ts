import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { Watch } from '../core/ports/watch.ts';

/**
 * What of the request the watch lets through: the same with a smaller limit where answers to this caller are kept short.
 * Fails with `watch_blocked`.
 */
export function admitted<R extends { readonly limit: number }>(watch: Watch, caller: Caller, request: R): R {
  const admission = demandAdmission(watch, caller);
  return admission === 'unlimited' || admission >= request.limit ? request : { ...request, limit: admission };
}

/** Chunks that one answer may have. Fails with `watch_blocked`. */
export function demandAdmission(watch: Watch, caller: Caller): number | 'unlimited' {
  const admission = watch.admit(caller);
  if (admission.kind === 'block') throw new AppError('watch_blocked', { retryAfter: admission.retryAfter });
  return admission.limit;
}
