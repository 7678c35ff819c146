import { AppError } from '../../core/errors.ts';
import type { HotAnswer } from '../connection.ts';

/**
 * Reasons that speak of how the collection is made and of what the request says, never of a point. What is not here is not passed on:
 * places in the body tell how long the filter is, "No point with id" that there is none, and a division by zero what a value is.
 */
const STRUCTURAL: readonly RegExp[] = [
  /^Vector dimension error: expected dim: \d+, got \d+$/,
  /^Not existing vector name error: [^\n]{0,200}$/,
  /^No range index for `order_by` key: `[^\n]{1,300}`\. Please create one to use `order_by`\./,
  /^No appropriate index for faceting: `[^\n]{1,300}`\. Please create one to facet on this field\./,
  /^Conversion between (?:sparse|dense|multi|regular)(?: vectors)? and (?:sparse|dense|multi|regular) vectors failed$/,
  /^Validation failed: cannot apply [A-Za-z]+ without prefetches$/,
];
const NO_SUCH_VECTOR = /^Not found: Vector with name "[^"\n]{0,200}" for point not found$/;
const KIND = /^(?:Wrong input|Bad request|Validation error): /;

/** Qdrant's own words, where they tell nothing but what everybody who sees the collection may know. */
export function structuralReason(text: string): string | undefined {
  const reason = errorText(text)?.replace(KIND, '');
  return reason !== undefined && STRUCTURAL.some((known) => known.test(reason)) ? reason : undefined;
}

function errorText(text: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    const status = typeof answer === 'object' && answer !== null && 'status' in answer ? answer.status : undefined;
    const error = typeof status === 'object' && status !== null && 'error' in status ? status.error : undefined;
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}

/** Refused as it stands, whoever asks it: the caller can do something about it. Anything else is ours or the operator's to mend. */
const OF_THE_REQUEST = new Set([400, 413, 422]);

export function refusal({ status, text }: HotAnswer): AppError {
  const detail = `the vector index refused a request with HTTP ${status}`;
  const reason = errorText(text);
  // An example is a point that the caller may read; it was resolved before.
  if (status === 404 && reason !== undefined && NO_SUCH_VECTOR.test(reason)) {
    return new AppError('not_found', { detail, issues: [{ pointer: '', message: reason }] });
  }
  if (!OF_THE_REQUEST.has(status)) return new AppError('index_unavailable', { detail, retryAfter: 1 });
  const message = structuralReason(text) ?? 'The collection cannot answer this: check vectors, indexes of keys, and values.';
  return new AppError('unsupported_request', { detail, issues: [{ pointer: '', message }] });
}

/** The text of an answer that is one. Fails with `unsupported_request`, `not_found` or `index_unavailable`. */
export function accepted(answer: HotAnswer): string {
  if (answer.status !== 200) throw refusal(answer);
  return answer.text;
}
