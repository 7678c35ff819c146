import type { Caller } from '../core/caller.ts';
import { digestOf } from '../core/digest.ts';
import type { Restriction } from '../core/filter.ts';
import type { DocumentKey } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditEvent } from '../core/ports/audit.ts';
import type { EpochStamp } from '../core/ports/catalog.ts';
import type { Purpose } from '../core/ports/policy.ts';
import type { Chosen } from './answer.ts';
import type { JudgingContext } from './judge.ts';
import type { RetrieveAnswer, RetrieveRequest } from './types.ts';

export interface Counts {
  /** Hits that the index returned. */
  readonly candidates: number;
  /** Of these, dropped by key two. */
  readonly refused: number;
}

export function who(caller: Caller): JsonObject {
  return {
    user: caller.user.kind === 'user' ? caller.user.principal : null,
    client: caller.client,
    actorChain: caller.actorChain,
    tokenDigest: caller.tokenDigest,
  };
}

export function restrictionFacts({ sources, minTrust, maxLevel, filter }: Restriction): JsonObject {
  return {
    sources: sources ?? null,
    minTrust: minTrust ?? null,
    maxLevel: maxLevel ?? null,
    filter: filter === undefined ? null : digestOf(JSON.stringify(filter)),
  };
}

/** Written before any hit is judged. Holds no query text: only its length, and a digest of what narrowed the request. */
export function intentEvent(caller: Caller, request: RetrieveRequest, purpose: Purpose): AuditEvent {
  const { restriction, limit, query, vector, traceId } = request;
  return {
    tenant: caller.tenant,
    kind: 'intent',
    requestId: request.requestId,
    body: {
      ...who(caller),
      purpose,
      limit,
      queryLength: query?.length ?? 0,
      vectorLength: vector?.length ?? 0,
      traceId: traceId ?? null,
      restriction: restrictionFacts(restriction),
    },
  };
}

/** Says what *may have left*: it is durable before the first byte does. */
export function releaseEvent(
  context: JudgingContext,
  stamp: EpochStamp,
  request: RetrieveRequest,
  made: RetrieveAnswer,
  chosen: readonly Chosen[],
  { counts, bait }: { readonly counts: Counts; readonly bait: readonly DocumentKey[] },
): AuditEvent {
  const { caller, view, purpose } = context;
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
      counts: { candidates: counts.candidates, refused: counts.refused, released: chosen.length },
      ...(bait.length === 0 ? {} : { bait: [...bait] }),
      label: made.label === undefined ? null : { ...made.label },
      context: made.context === undefined ? null : { format: made.context.format, digest: made.context.digest },
      chunks: chosen.map(({ judgement: { candidate, rules } }, index) => ({
        chunk: candidate.chunk,
        rank: index + 1,
        source: candidate.source,
        document: candidate.document,
        version: candidate.version,
        zone: candidate.zone,
        digest: candidate.digest,
        aclVersion: candidate.aclVersion,
        rules,
      })),
    },
  };
}
