import type { AppError, ErrorCode } from '../../core/errors.ts';

/** One answer as it leaves: JSON text, or plain text where `type` says so. */
export interface QdrantReply {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

/** When a request began, in milliseconds of `performance.now`. */
export type StartedAt = number;

/** What stands before every result. */
export const BEFORE = '{"result":';

/** What stands after every result. `time` is in seconds, as Qdrant tells it. */
export function after(startedAt: StartedAt): string {
  return `,"status":"ok","time":${seconds(startedAt)}}`;
}

/** A result that is known to be JSON. */
export function ok(result: string, startedAt: StartedAt): QdrantReply {
  return { status: 200, text: `${BEFORE}${result}${after(startedAt)}` };
}

function seconds(startedAt: StartedAt): string {
  return ((performance.now() - startedAt) / 1_000).toFixed(9);
}

// Issues name places of the caller's own input, or say why something is refused here at all. Elsewhere they stay in the log.
const WITH_ISSUES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'malformed_json',
  'unsupported_filter',
  'unsupported_request',
  'insufficient_scope',
  'forbidden',
  'trust_too_low',
  'not_found',
  'already_exists',
  'acl_required',
  'invalid_acl',
  'unknown_level',
  'limit_exceeded',
  'vector_mismatch',
  'unreadable_document',
]);

const PREFIX: Readonly<Partial<Record<number, string>>> = {
  400: 'Wrong input: ',
  403: 'Forbidden: ',
  404: 'Not found: ',
  409: 'Wrong input: ',
  422: 'Validation error: ',
  500: 'Service internal error: ',
  503: 'Service unavailable: ',
};
// Words that are Qdrant's already.
const WORDED = /^(?:Wrong input|Bad request|Forbidden|Not found|Format error in JSON body|Validation error|Deserialize error)\b/;

/** What the caller is told, in one line, beginning as Qdrant's own refusals of this status do. */
export function wordsOf(error: AppError): string {
  const issues = WITH_ISSUES.has(error.code) ? error.issues : [];
  const words = issues.map(({ pointer, message }) => (pointer.startsWith('/') ? `${pointer}: ${message}` : message)).join('; ');
  const text = words === '' ? error.publicMessage : words;
  return WORDED.test(text) ? text : `${PREFIX[error.status] ?? ''}${text}`;
}

/** A refusal in Qdrant's envelope. What is well-formed and out of range has a status of its own there. */
export function refusal(error: AppError, startedAt: StartedAt): QdrantReply {
  const words = wordsOf(error);
  const status = error.status === 400 && words.startsWith('Validation error') ? 422 : error.status;
  return { status, text: refusalText(words, startedAt) };
}

export function refusalText(words: string, startedAt: StartedAt): string {
  return `{"status":{"error":${JSON.stringify(words)}},"time":${seconds(startedAt)}}`;
}
