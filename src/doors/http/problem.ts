import { AppError, type ErrorCode, type InputIssue } from '../../core/errors.ts';
import { ASYMMETRIC_ALGORITHMS, type DpopRule } from '../../core/ports/identity.ts';

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
  'not_released',
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

export interface ChallengeContext {
  readonly metadataUrl: string;
  readonly scope: string | undefined;
  readonly dpop: DpopRule;
  /** The scheme that the request used. */
  readonly sent: 'Bearer' | 'DPoP';
}

const ALGORITHMS = `algs="${ASYMMETRIC_ALGORITHMS.join(' ')}"`;

/**
 * RFC 6750 section 3 and RFC 9449 section 7.1, with the parameter of RFC 9728 section 5.1: no `error` where no credentials came, so
 * that a client that did not try is told only where to get a token. The error stands at the scheme that was tried; where a token
 * was refused as `Bearer`, the other scheme is named beside it, since it may be one that needs a proof (RFC 9449 section 7.2).
 */
export function challengeFor(code: ErrorCode, { metadataUrl, scope, dpop, sent }: ChallengeContext): string | undefined {
  const metadata = `resource_metadata="${metadataUrl}"`;
  const bearer = `Bearer ${metadata}`;
  const proof = `DPoP ${metadata}, ${ALGORITHMS}`;
  const tried = sent === 'DPoP' && dpop !== 'refused' ? proof : bearer;
  const alternative = tried === bearer && dpop !== 'refused' ? `, DPoP ${ALGORITHMS}` : '';
  switch (code) {
    case 'missing_token':
      return dpop === 'required' ? proof : `${bearer}${alternative}`;
    case 'invalid_token':
      return `${tried}, error="invalid_token"${alternative}`;
    case 'invalid_dpop_proof':
      return `${proof}, error="invalid_dpop_proof"`;
    case 'insufficient_scope':
      return `${tried}, error="insufficient_scope"${scope === undefined ? '' : `, scope="${scope}"`}`;
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
