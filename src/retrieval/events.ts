import { named, namedDocument } from '../core/audit-names.ts';
import { actingPrincipal, type Caller } from '../core/caller.ts';
import type { Restriction } from '../core/filter.ts';
import { AppError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditEvent, Sealed, SealedText } from '../core/ports/audit.ts';
import type { EpochStamp, TenantView } from '../core/ports/catalog.ts';
import type { Manifest } from '../core/ports/provenance.ts';
import type { Purpose } from '../core/ports/policy.ts';
import type { TakenApart } from '../core/replay.ts';
import type { Chosen } from './answer.ts';
import type { Bait, JudgingContext, Judgement } from './judge.ts';
import type { Question } from './question.ts';
import type { RetrieveAnswer, RetrieveRequest } from './types.ts';

export interface Counts {
  /** Hits that the index returned. */
  readonly candidates: number;
  /** Of these, dropped by key two. */
  readonly refused: number;
}

export function who({ user, client }: Caller): JsonObject {
  return { user: user.kind === 'user' ? named(user.principal) : null, client };
}

/** Documents that nobody gets, as events name them. */
export function baitNames(bait: readonly Bait[]): readonly JsonObject[] {
  return bait.map(({ source, document }) => ({ source, document: namedDocument(source, document) }));
}

/** What left, in its order. */
export function releasedChunks(released: readonly { readonly judgement: Judgement }[]): readonly JsonObject[] {
  return released.map(({ judgement: { candidate, rules } }, index) => ({
    chunk: candidate.chunk,
    rank: index + 1,
    source: candidate.source,
    document: namedDocument(candidate.source, candidate.document),
    zone: candidate.zone,
    aclVersion: candidate.aclVersion,
    rules,
  }));
}

/** What else is known of a caller, and would link to them after their erasure. */
export function sealedFacts(caller: Caller, { filter }: Restriction = {}, facts: JsonObject = {}): Pick<Sealed, 'holder' | 'facts'> {
  const { actorChain, tokenDigest } = caller;
  return { holder: actingPrincipal(caller), facts: { actorChain, tokenDigest, ...facts, ...(filter === undefined ? {} : { filter }) } };
}

export function restrictionFacts({ sources, minTrust, maxLevel, filter }: Restriction): JsonObject {
  return {
    sources: sources ?? null,
    minTrust: minTrust ?? null,
    maxLevel: maxLevel ?? null,
    // A digest would tell whoever guesses it; the event commits to what is sealed.
    filter: filter === undefined ? null : 'sealed',
  };
}

/** Written before any hit is judged. Of the query it holds the length and a commitment; the text is sealed. */
export function intentEvent(caller: Caller, request: RetrieveRequest, purpose: Purpose, question: Question): AuditEvent {
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
      question: question.commitment,
      traceId: traceId ?? null,
      restriction: restrictionFacts(restriction),
    },
    sealed: sealedFacts(caller, restriction, { salt: question.salt, question: question.text }),
  };
}

export interface ReleaseFacts {
  readonly counts: Counts;
  readonly bait: readonly Bait[];
  readonly question: Question;
  /** The answer, for replay. */
  readonly apart: TakenApart;
  readonly manifest: Manifest | undefined;
}

/** Says what *may have left*: it is durable before the first byte does. */
export function releaseEvent(
  context: JudgingContext,
  stamp: EpochStamp,
  request: RetrieveRequest,
  made: RetrieveAnswer,
  chosen: readonly Chosen[],
  { counts, bait, question, apart, manifest }: ReleaseFacts,
): AuditEvent {
  const { caller, view, purpose } = context;
  return {
    tenant: caller.tenant,
    kind: 'release',
    requestId: request.requestId,
    body: {
      ...who(caller),
      purpose,
      question: question.commitment,
      traceId: request.traceId ?? null,
      policyRevision: view.policy.id,
      epoch: { tenant: stamp.tenant, global: stamp.global },
      counts: { candidates: counts.candidates, refused: counts.refused, released: chosen.length },
      ...(bait.length === 0 ? {} : { bait: baitNames(bait) }),
      label: made.label === undefined ? null : { ...made.label },
      context: made.context === undefined ? null : { format: made.context.format },
      manifest: manifest === undefined ? null : { digest: manifest.digest, caller: manifest.caller },
      chunks: releasedChunks(chosen),
    },
    sealed: {
      ...sealedFacts(caller),
      answer: apart.answer,
      texts: chosen.map((one, index) => sealedText(view, one, apart.texts[index])),
    },
  };
}

/** The key holds all that the tag of a chunk can change by while the chunk itself stays. */
function sealedText(view: TenantView, { judgement: { candidate } }: Chosen, content: TakenApart['texts'][number] | undefined): SealedText {
  const { chunk, source, document, version, title, uri } = candidate;
  const { title: sourceTitle, owner } = view.sources.get(source) ?? { title: '', owner: '' };
  if (content === undefined) throw new AppError('internal', { detail: 'a chunk without its part of the record' });
  return { source, document, version, key: JSON.stringify([chunk, title, uri ?? null, sourceTitle, owner]), content };
}
