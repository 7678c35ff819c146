import type { AppError, ErrorCode, InputIssue } from '../../core/errors.ts';

// What names places of the caller's own input. Elsewhere a list of places could tell hidden from missing.
const WITH_ISSUES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'malformed_json',
  'unsupported_filter',
  'acl_required',
  'invalid_acl',
  'unknown_level',
  'limit_exceeded',
  'not_released',
  'unreadable_document',
  'vector_mismatch',
  'invalid_policy',
]);

/** Places in the caller's own input, where the code may name any. */
export function visibleIssues(error: AppError): readonly InputIssue[] {
  return WITH_ISSUES.has(error.code) ? error.issues : [];
}
