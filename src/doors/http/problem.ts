import { AppError, type ErrorCode, type InputIssue } from '../../core/errors.ts';

/** RFC 9457. Built from the code alone, so that the same failure answers the same bytes but for the request id. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly requestId: string;
  readonly errors?: readonly InputIssue[];
}

// What names places of the caller's own input. Elsewhere a list of places could tell hidden from missing.
const WITH_ISSUES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'malformed_json',
  'unsupported_filter',
  'acl_required',
  'invalid_acl',
  'unknown_level',
  'limit_exceeded',
  'unreadable_document',
  'vector_mismatch',
  'invalid_policy',
]);

function titleOf(code: ErrorCode): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function visibleIssues(error: AppError): readonly InputIssue[] {
  return WITH_ISSUES.has(error.code) ? error.issues : [];
}

export function problemOf(error: AppError, requestId: string): Problem {
  const errors = visibleIssues(error);
  return {
    type: `urn:sluice:problem:${error.code}`,
    title: titleOf(error.code),
    status: error.status,
    code: error.code,
    detail: error.publicMessage,
    requestId,
    ...(errors.length > 0 ? { errors } : {}),
  };
}

/** The same, for one line of a batch, which shares its request id with the others. */
export function lineProblem(error: AppError): { code: ErrorCode; detail: string; errors?: readonly InputIssue[] } {
  const errors = visibleIssues(error);
  return { code: error.code, detail: error.publicMessage, ...(errors.length > 0 ? { errors } : {}) };
}

/**
 * RFC 6750 section 3 with the parameter of RFC 9728 section 5.1: no `error` where no credentials came, so that a client
 * that did not try is told only where to get a token.
 */
export function challengeFor(code: ErrorCode, metadataUrl: string, scope: string | undefined): string | undefined {
  const base = `Bearer resource_metadata="${metadataUrl}"`;
  switch (code) {
    case 'missing_token':
      return base;
    case 'invalid_token':
      return `${base}, error="invalid_token"`;
    case 'insufficient_scope':
      return `${base}, error="insufficient_scope"${scope === undefined ? '' : `, scope="${scope}"`}`;
    default:
      return undefined;
  }
}

/** A foreign error becomes `internal`; one of the router's for a path that cannot be decoded is the caller's. */
export function asProblemError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof URIError) return new AppError('invalid_request', { issues: [{ pointer: 'path', message: 'not decodable' }] });
  return new AppError('internal', { cause: error });
}
