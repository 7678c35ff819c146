import { AppError, type ErrorCode, type InputIssue } from '../../core/errors.ts';
import { visibleIssues } from '../entrance/visible-issues.ts';

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

function titleOf(code: ErrorCode): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
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

/** A foreign error becomes `internal`; one of the router's for a path that cannot be decoded is the caller's. */
export function asProblemError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof URIError) return new AppError('invalid_request', { issues: [{ pointer: 'path', message: 'not decodable' }] });
  return new AppError('internal', { cause: error });
}
