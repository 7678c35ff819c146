/** The closed list of failures a caller can be told about. Public texts are fixed; detail and cause go to the log. */
const TABLE = {
  invalid_request: [400, 'The request does not match the contract. See errors for the places; /docs shows the shape.'],
  malformed_json: [400, 'The body is not well-formed JSON in UTF-8.'],
  unsupported_filter: [400, 'This filter cannot be applied. Use documented conditions over metadata.* only.'],
  unsupported_request: [400, 'This cannot be answered here. See errors for what, and what to do instead.'],
  missing_token: [401, 'Send an access token: Authorization: Bearer <token>.'],
  invalid_token: [401, 'The access token was not accepted. Get a fresh one for this service from a configured issuer.'],
  invalid_dpop_proof: [401, 'The DPoP proof was not accepted. Make a fresh one for this token, method and URL.'],
  insufficient_scope: [403, 'The token lacks the scope this route needs.'],
  forbidden: [403, 'Policy does not permit this.'],
  foreign_origin: [403, 'A page of another origin may not ask here. Call it from a server, without an Origin header.'],
  trust_too_low: [403, 'The writer is trusted less than this document. An owner can allow it.'],
  second_person_required: [
    403,
    'Another person with the right has to confirm this; an application alone, or one acting for somebody, cannot.',
  ],
  beyond_authority: [403, 'You may not give access to this.'],
  not_found: [404, 'There is nothing here that you may see.'],
  invalid_logout_token: [400, 'The logout token was not accepted.'],
  method_not_allowed: [405, 'This path does not answer that method.'],
  request_timeout: [408, 'The request did not arrive in time. Repeat it.'],
  conflict: [409, 'It was changed by someone else meanwhile. Read it again and repeat.'],
  would_lock_out: [409, 'It would take away your own way to undo it. Come through another application, or do it on the machine.'],
  session_ended: [409, 'This session was idle for too long. What it had seen is no longer known; begin another one.'],
  legal_hold: [409, 'A legal hold is on it. Nothing was erased.'],
  already_exists: [409, 'Something of that name is there already.'],
  precondition_failed: [412, 'It is no longer the version that If-Match names. Read it again.'],
  payload_too_large: [413, 'The body is too large. Split it into smaller documents or batches.'],
  unsupported_media_type: [415, 'This media type is not supported here.'],
  misdirected: [421, 'This service does not answer to that host name.'],
  acl_required: [422, 'A document needs an acl. To make it readable by everyone, write {"allow":["everyone"]}.'],
  invalid_acl: [
    422,
    'The acl is not valid. Name principals as user:, group: or client:, or everyone; issuer included where there are several.',
  ],
  unknown_level: [422, 'The level is not in the label scheme of this deployment.'],
  not_released: [422, 'A chunk is named that this request did not release. See errors for the places.'],
  limit_exceeded: [422, 'A documented limit is exceeded; nothing was stored. See errors for which.'],
  unreadable_document: [422, 'The document could not be read as its media type, or holds no text.'],
  vector_mismatch: [422, 'The vector does not fit: check its dimension and that every number is finite.'],
  invalid_policy: [422, 'The policy cannot be published; the active revision stays. See errors for the lines.'],
  rate_limited: [429, 'Too many requests. Wait as Retry-After says.'],
  watch_blocked: [429, 'Reading is stopped for now: more was read than is usual. Wait as Retry-After says, or ask an administrator.'],
  headers_too_large: [431, 'The request line or the header fields are too large.'],
  internal: [500, 'Something failed here. Quote the request id to the operator.'],
  evidence_damaged: [500, 'The record of this answer is no longer what its event commits to. It is not shown; verify the log.'],
  groups_incomplete: [503, 'Your groups could not be read in full, so access cannot be decided.'],
  issuer_unavailable: [503, 'The identity provider could not be reached.'],
  policy_unavailable: [503, 'Policy could not be evaluated.'],
  catalog_unavailable: [503, 'The catalog could not be reached.'],
  audit_unavailable: [503, 'The audit record could not be written, so nothing was released.'],
  index_unavailable: [503, 'The vector index could not be reached.'],
  embedding_unavailable: [503, 'The embedding service could not be reached.'],
  epoch_unstable: [503, 'Rights were changing while this was answered. Repeat the request.'],
  aggregate_unstable: [503, 'Too much is changing to count exactly. Repeat the request.'],
  epoch_rolled_back: [503, 'The database is older than one already seen. An operator must confirm it.'],
  log_rolled_back: [503, 'The audit log does not fit a checkpoint that was given outside. An operator must confirm it.'],
  deadline_exceeded: [503, 'It took too long to answer. Repeat the request, or ask for less.'],
  shutting_down: [503, 'This replica is stopping. Repeat the request.'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof TABLE;

export const ERROR_CODES = Object.keys(TABLE) as readonly ErrorCode[];

/** A place in the caller's own input. `message` never quotes a value. */
export interface InputIssue {
  readonly pointer: string;
  readonly message: string;
}

export interface AppErrorOptions {
  /** For the log only. No token, claim, document text or vector. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Shown to the caller. */
  readonly issues?: readonly InputIssue[];
  /** Seconds, for Retry-After. */
  readonly retryAfter?: number;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly publicMessage: string;
  readonly issues: readonly InputIssue[];
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.detail ?? code, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    [this.status, this.publicMessage] = TABLE[code];
    this.issues = options.issues ?? [];
    this.retryAfter = options.retryAfter;
  }
}

/** Passes an AppError through and wraps anything else, so that a foreign error never reaches a caller. */
export function asAppError(error: unknown, code: ErrorCode): AppError {
  return error instanceof AppError ? error : new AppError(code, { cause: error });
}

export function errorTable(): readonly { code: ErrorCode; status: number; message: string }[] {
  return ERROR_CODES.map((code) => ({ code, status: TABLE[code][0], message: TABLE[code][1] }));
}
