import type { RetrieveAnswer } from './types.ts';

/**
 * The members of an answer in the order in which they leave, but for `session`, which comes last and is known only once the release
 * is durable. The record for replay is made of this, and the door sends this.
 */
export function answerBody({ requestId, chunks, label, context, manifest, limitedTo }: RetrieveAnswer) {
  return { requestId, chunks, label, context, manifest, limitedTo };
}
