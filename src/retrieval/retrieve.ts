import { purposeOf } from '../core/purpose.ts';
import { setImmediate } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import type { DocumentKey } from '../core/ids.ts';
import { aclSubject, actorPrincipals, userPrincipals, type Caller } from '../core/caller.ts';
import { presence } from '../core/presence.ts';
import { takeApart } from '../core/replay.ts';
import type { AuditEvent, AuditPort } from '../core/ports/audit.ts';
import type { EpochStamp } from '../core/ports/catalog.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { EmbeddingPort } from '../core/ports/embedding.ts';
import type { Purpose } from '../core/ports/policy.ts';
import type { ShadowObserver } from '../core/ports/shadow.ts';
import type { ProvenancePort, SignManifest } from '../core/ports/provenance.ts';
import type { Leg } from '../core/ports/vectors.ts';
import type { Watch } from '../core/ports/watch.ts';
import { makeAnswer, type Chosen } from './answer.ts';
import { answerBody } from './answer-body.ts';
import { reportBait, touchedBait } from './bait.ts';
import { fuse } from './fuse.ts';
import { earliestEnd, type Bait, type JudgingContext } from './judge.ts';
import { intentEvent, releaseEvent, type Counts } from './events.ts';
import { questionOf, type Question } from './question.ts';
import { demandSession, turnOf } from './session-turn.ts';
import { rejudge, searchLeg, type Search, type SearchParts } from './search-leg.ts';
import type { RetrieveAnswer, RetrieveRequest } from './types.ts';
import { admitted } from './watch-admission.ts';

export interface RetrievalParts extends SearchParts {
  /** Told of each request once, for the report on the revision in shadow. */
  readonly shadow?: ShadowObserver;
  readonly embedding: EmbeddingPort;
  readonly audit: AuditPort;
  readonly watch: Watch;
  readonly provenance: ProvenancePort;
  readonly signManifest: SignManifest;
  readonly clock: Clock;
  /** Unpredictable bytes. */
  readonly random: (size: number) => Uint8Array;
  /** Languages that documents of this deployment are written in; a query is stemmed in each. */
  readonly languages: readonly string[];
}

/** Each leg is searched to this depth when two are fused, whatever the limit, so that a longer answer only adds. */
const FUSION_DEPTH = 100;
const MAX_SEARCHES = 6;
const MAX_RELEASES = 8;

interface Pass {
  readonly stamp: EpochStamp;
  readonly context: JudgingContext;
  readonly chosen: readonly Chosen[];
  readonly counts: Counts;
  /** Documents that would have been in the answer, had they not been bait. */
  readonly bait: readonly Bait[];
  /** True where a text that was replaced meanwhile may be what is missing: the answer is short, or one of its hits was gone. */
  readonly overtaken: boolean;
}

/**
 * The path of a query (docs/architecture.md): decide, search, judge, tag, make durable, answer. Text leaves only after
 * the release is durable under an epoch that did not move since everything in it was judged.
 * Fails with `invalid_request`, `invalid_token`, `watch_blocked`, `epoch_unstable` or the `…_unavailable` of the part that failed.
 */
export async function retrieve(
  parts: RetrievalParts,
  caller: Caller,
  asked: RetrieveRequest,
  signal: AbortSignal,
): Promise<RetrieveAnswer> {
  const { telemetry } = parts;
  const purpose = purposeOf(parts.policy, asked.purpose);
  // Before anything is written: a token may assert a tenant that was never made, and must not start a log for it.
  await presence(parts.catalog, caller);
  const request = admitted(parts.watch, caller, asked);
  const limitedTo = request === asked ? undefined : request.limit;
  const question = questionOf(request, hex(parts.random(32)));
  const ready = await telemetry.span('embed', {}, () => embedLegs(parts, request, signal));
  const declared = once(() =>
    telemetry.span('audit.intent', {}, () => declareIntent(parts, intentEvent(caller, request, purpose, question))),
  );
  for (let search = 0; search < MAX_SEARCHES; search++) {
    signal.throwIfAborted();
    const pass = await telemetry.span('search', {}, () => searchPass(parts, caller, request, purpose, ready, declared, signal));
    if (search === 0) parts.shadow?.observe(pass.context.view, pass.context.caller, purpose);
    // Where nothing was searched, there was nothing to wait beside.
    await declared();
    const patient = pass.overtaken && search < MAX_SEARCHES - 1;
    const released = await telemetry.span('release', {}, () => release(parts, { request, question, limitedTo }, pass, patient));
    if (released !== undefined) return released;
  }
  throw new AppError('epoch_unstable', { retryAfter: 1 });
}

/**
 * The intent is written while the index searches, and awaited before any hit is judged. On SQLite a commit holds up this
 * thread, so the search is sent off first.
 */
async function declareIntent(parts: RetrievalParts, intent: AuditEvent): Promise<void> {
  await setImmediate();
  await parts.audit.append(intent);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function once<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= run());
}

async function embedLegs(parts: RetrievalParts, request: RetrieveRequest, signal: AbortSignal): Promise<readonly Leg[]> {
  const { query, vector } = request;
  const { sparse, dense } = await parts.embedding.embedQuery(
    { ...(query === undefined ? {} : { text: query }), ...(vector === undefined ? {} : { dense: vector }), languages: parts.languages },
    signal,
  );
  const legs: Leg[] = [];
  if (sparse.kind === 'vector') legs.push({ name: 'bm25', kind: 'sparse', vector: sparse.vector });
  if (dense.kind === 'vector') legs.push({ name: 'dense', kind: 'dense', vector: dense.vector });
  return legs;
}

async function judgingContext(
  parts: RetrievalParts,
  asking: Caller,
  request: RetrieveRequest,
  purpose: Purpose,
): Promise<{ stamp: EpochStamp; context: JudgingContext; decision: ReturnType<RetrievalParts['policy']['decide']> }> {
  const { stamp, view, caller } = await presence(parts.catalog, asking);
  const decision = parts.policy.decide(view, caller, 'retrieve', purpose);
  const zones = new Set(decision.kind === 'zones' ? decision.zones : []);
  return { stamp, decision, context: { view, caller, subject: aclSubject(caller), purpose, restriction: request.restriction, zones } };
}

async function searchPass(
  parts: RetrievalParts,
  asking: Caller,
  request: RetrieveRequest,
  purpose: Purpose,
  legs: readonly Leg[],
  declared: () => Promise<void>,
  signal: AbortSignal,
): Promise<Pass> {
  const { stamp, context, decision } = await judgingContext(parts, asking, request, purpose);
  const nothing: Pass = { stamp, context, chosen: [], counts: { candidates: 0, refused: 0 }, bait: [], overtaken: true };
  // A caller with nothing to read never reaches the store.
  if (decision.kind === 'none' || legs.length === 0) return nothing;
  const { view, caller, restriction } = context;
  const numbers = await parts.catalog.numbers(caller.tenant, aclPrincipals(caller), stamp);
  const now = Math.floor(parts.clock.now() / 1000);
  const authorization = parts.policy.authorize({ view, caller, decision, restriction, numbers, now });
  if (authorization.kind === 'none') return nothing;
  const search = { context, filter: authorization.filter, declared, signal };
  return { ...nothing, ...(await searchLegs(parts, search, legs, request.limit)) };
}

function aclPrincipals(caller: Caller): readonly JudgingContext['caller']['client'][] {
  return [...userPrincipals(caller), caller.client, ...actorPrincipals(caller)];
}

async function searchLegs(
  parts: RetrievalParts,
  search: Search,
  legs: readonly Leg[],
  limit: number,
): Promise<Pick<Pass, 'chosen' | 'counts' | 'bait' | 'overtaken'>> {
  const depth = legs.length === 1 ? limit : FUSION_DEPTH;
  const results = await Promise.all(legs.map((leg) => searchLeg(parts, search, leg, depth)));
  const judgements = new Map(results.flatMap(({ passed }) => passed.map((judgement) => [judgement.candidate.chunk, judgement])));
  const ranked = fuse(results.map(({ passed }) => passed.map(({ candidate }) => candidate.chunk))).slice(0, limit);
  const chosen = ranked.flatMap(({ chunk, score }) => {
    const judgement = judgements.get(chunk);
    return judgement === undefined ? [] : [{ judgement, score }];
  });
  const sum = (pick: (result: (typeof results)[number]) => number) => results.reduce((total, result) => total + pick(result), 0);
  const overtaken = chosen.length < limit || results.some((result) => result.gone);
  const bait = touchedBait(
    results.map(({ withBait }) => withBait),
    limit,
  );
  return { chosen, counts: { candidates: sum((r) => r.candidates), refused: sum((r) => r.refused) }, bait, overtaken };
}

const documentsOf = (chosen: readonly Chosen[]): readonly DocumentKey[] => [
  ...new Set(chosen.map(({ judgement }) => judgement.candidate.key)),
];

interface Asked {
  readonly request: RetrieveRequest;
  readonly question: Question;
  /** As in the answer. */
  readonly limitedTo: number | undefined;
}

/**
 * Makes the release durable. Where the epoch moved, only the chosen chunks are judged again under the new view, which
 * takes far less time than a search and so wins against a stream of changes. Undefined where the search has to be repeated:
 * one of them fell, or, for as long as the caller is `patient`, the new view may show what the old one missed.
 */
async function release(parts: RetrievalParts, asked: Asked, pass: Pass, patient: boolean): Promise<RetrieveAnswer | undefined> {
  let { stamp, context, chosen } = pass;
  const { telemetry } = parts;
  const { request, question } = asked;
  for (let attempt = 0; attempt < MAX_RELEASES; attempt++) {
    const { answer: made, rendered, manifest } = makeAnswer(parts, request, context, chosen, asked.limitedTo);
    const apart = takeApart(answerBody(made), rendered, hex(parts.random(16)));
    const event = releaseEvent(context, stamp, request, made, chosen, { ...pass, question, apart, manifest });
    const turn = turnOf(context.caller, request, made);
    const outcome = await parts.audit.release(event, stamp, earliestEnd(chosen.map(({ judgement }) => judgement)), turn);
    demandSession(outcome);
    if (outcome.kind === 'released') {
      telemetry.count('releases', { outcome: chosen.length === 0 ? 'empty' : 'released' });
      telemetry.count('chunks_released', {}, chosen.length);
      parts.watch.released(context.caller, context.view, documentsOf(chosen), outcome.receipt.index);
      reportBait(parts, context.caller, request.requestId, pass.bait);
      return outcome.session === undefined ? made : { ...made, session: outcome.session };
    }
    telemetry.count('rejudged');
    if (patient) return undefined;
    const renewed = await judgingContext(parts, context.caller, request, context.purpose);
    const again = await rejudge(
      parts,
      renewed.context,
      chosen.map(({ judgement }) => judgement),
    );
    if (again === undefined) return undefined;
    stamp = renewed.stamp;
    context = renewed.context;
    chosen = again.map((judgement, index) => ({ judgement, score: chosen[index]?.score ?? 0 }));
  }
  return undefined;
}
