import type { Caller } from '../core/caller.ts';
import type { AuditEvent } from '../core/ports/audit.ts';
import type { Purpose } from '../core/ports/policy.ts';
import type { Presence } from '../core/presence.ts';
import type { CountRequest } from './count.ts';
import { restrictionFacts, sealedFacts, who } from './events.ts';

/** Written before anything is counted. */
export function countIntentEvent(caller: Caller, request: CountRequest, purpose: Purpose): AuditEvent {
  return {
    tenant: caller.tenant,
    kind: 'intent',
    requestId: request.requestId,
    body: {
      ...who(caller),
      purpose,
      aggregate: 'count',
      traceId: request.traceId ?? null,
      restriction: restrictionFacts(request.restriction),
    },
    sealed: sealedFacts(caller, request.restriction),
  };
}

/** The release of a number: no chunk left, so it names none. */
export function countReleaseEvent({ caller, view, stamp }: Presence, request: CountRequest, purpose: Purpose, chunks: number): AuditEvent {
  return {
    tenant: caller.tenant,
    kind: 'release',
    requestId: request.requestId,
    body: {
      ...who(caller),
      purpose,
      traceId: request.traceId ?? null,
      policyRevision: view.policy.id,
      epoch: { tenant: stamp.tenant, global: stamp.global },
      aggregate: { kind: 'count', chunks },
      counts: { candidates: 0, refused: 0, released: 0 },
      label: null,
      context: null,
      chunks: [],
    },
  };
}
