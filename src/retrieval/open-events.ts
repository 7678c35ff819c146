import type { Caller } from '../core/caller.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditEvent } from '../core/ports/audit.ts';
import type { Purpose } from '../core/ports/policy.ts';
import { sealedFacts, who } from './events.ts';
import type { OpenRequest } from './open-document.ts';

/**
 * Written before anything is judged. Which document was named is sealed: one that is hidden or missing is no name that the log should
 * keep, and of one that was read the release tells.
 */
export function openIntentEvent(caller: Caller, request: OpenRequest, purpose: Purpose): AuditEvent {
  const { requestId, traceId, source, document, from, limit } = request;
  return {
    tenant: caller.tenant,
    kind: 'intent',
    requestId,
    body: { ...who(caller), purpose, open: { from }, limit, traceId: traceId ?? null },
    sealed: sealedFacts(caller, {}, { source, document }),
  };
}

/** What the release says beside its chunks, which are all of the document. */
export function opened({ from }: OpenRequest, total: number): JsonObject {
  return { open: { from, total } };
}
