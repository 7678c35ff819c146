import { aclSubject, type Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { ChunkId, DocumentId, SourceId } from '../core/ids.ts';
import type { Label } from '../core/label.ts';
import type { DsseEnvelope } from '../core/manifest/dsse.ts';
import type { ReadCatalog, EpochStamp } from '../core/ports/catalog.ts';
import type { DocumentChunks } from '../core/ports/document-chunks.ts';
import type { Purpose } from '../core/ports/policy.ts';
import { presence } from '../core/presence.ts';
import type { ContextFormat, Provenance, RenderedContext } from '../core/provenance.ts';
import { purposeOf } from '../core/purpose.ts';
import { takeApart } from '../core/replay.ts';
import type { SessionName, SessionSeen } from '../core/session.ts';
import { makeAnswer, type Chosen, type Made } from './answer.ts';
import { reportBait } from './bait.ts';
import { releaseEvent } from './events.ts';
import { earliestEnd, type Bait, type JudgedHit, type JudgingContext } from './judge.ts';
import { opened, openIntentEvent } from './open-events.ts';
import { questionOf, type Question } from './question.ts';
import type { RetrievalParts } from './retrieve.ts';
import { judgeChunks } from './search-leg.ts';
import { demandSession, turnOf } from './session-turn.ts';
import type { RetrieveRequest } from './types.ts';
import { admitted } from './watch-admission.ts';

export interface OpenParts extends Pick<
  RetrievalParts,
  'policy' | 'audit' | 'watch' | 'shadow' | 'provenance' | 'signManifest' | 'telemetry' | 'clock' | 'random'
> {
  readonly catalog: ReadCatalog & DocumentChunks;
}

/** A request to read a document in the order of its text, in pages of whole chunks. */
export interface OpenRequest {
  readonly requestId: string;
  readonly traceId: string | undefined;
  readonly source: SourceId;
  readonly document: DocumentId;
  /** Place of the first chunk, from 0. */
  readonly from: number;
  /** 1 to 100. */
  readonly limit: number;
  readonly purpose: string | undefined;
  readonly context: ContextFormat | undefined;
  /** What is released joins what this session of the caller has seen. */
  readonly session?: SessionName | undefined;
}

export interface OpenAnswer {
  readonly requestId: string;
  readonly chunks: readonly {
    readonly id: string;
    /** Its place in the document, from 0. */
    readonly place: number;
    readonly text: string;
    readonly provenance: Provenance;
  }[];
  /** Chunks of the whole document. */
  readonly total: number;
  /** Where the next page begins; absent on the last one. */
  readonly next?: number;
  readonly label?: Label;
  readonly context?: RenderedContext;
  readonly manifest?: DsseEnvelope;
  /** As in RetrieveAnswer. */
  readonly session?: SessionSeen;
  readonly limitedTo?: number;
}

const MAX_ATTEMPTS = 12;

/**
 * What the caller may read of a document now, judged by both keys from the catalog and released like the answer to a query. A hidden
 * document, a missing one and a place beyond its end are all `not_found`. Fails like `retrieve` otherwise; the index is not asked.
 */
export async function openDocument(parts: OpenParts, caller: Caller, asked: OpenRequest, signal: AbortSignal): Promise<OpenAnswer> {
  const { audit, telemetry } = parts;
  const purpose = purposeOf(parts.policy, asked.purpose);
  // Before anything is written: a token may assert a tenant that was never made, and must not start a log for it.
  await presence(parts.catalog, caller);
  const request = admitted(parts.watch, caller, asked);
  const question = questionOf({ query: undefined }, hex(parts.random(32)));
  await telemetry.span('audit.intent', {}, () => audit.append(openIntentEvent(caller, request, purpose)));
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    signal.throwIfAborted();
    const page = await telemetry.span('open', {}, () => readPage(parts, caller, request, purpose));
    if (attempt === 0) parts.shadow?.observe(page.context.view, page.context.caller, purpose);
    // Whether its text was replaced between two reads must not tell whoever may not read it that it is there.
    if (page.kind === 'replaced' && attempt < MAX_ATTEMPTS - 1) continue;
    if (page.kind !== 'page') {
      reportBait(parts, page.context.caller, request.requestId, page.kind === 'none' ? page.bait : []);
      throw new AppError('not_found', { detail: 'a document that is hidden or missing' });
    }
    const limitedTo = request === asked ? undefined : request.limit;
    const released = await telemetry.span('release', {}, () => release(parts, { request, question, limitedTo }, page));
    if (released !== undefined) return released;
    telemetry.count('rejudged');
  }
  throw new AppError('epoch_unstable', { retryAfter: 1 });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

interface Read {
  readonly stamp: EpochStamp;
  readonly context: JudgingContext;
}

interface Page extends Read {
  readonly kind: 'page';
  readonly chosen: readonly Chosen[];
  readonly total: number;
}

type Looked = Page | ({ readonly kind: 'none'; readonly bait: readonly Bait[] } & Read) | ({ readonly kind: 'replaced' } & Read);

/** All or nothing: the chunks of a document share its ACL, label and validity, so one that is refused is refused for the document. */
async function readPage(parts: OpenParts, asking: Caller, request: OpenRequest, purpose: Purpose): Promise<Looked> {
  const { stamp, view, caller } = await presence(parts.catalog, asking);
  const decision = parts.policy.decide(view, caller, 'retrieve', purpose);
  const zones = new Set(decision.kind === 'zones' ? decision.zones : []);
  const found = await parts.catalog.documentChunks(caller.tenant, request.source, request.document, request);
  const place = found?.collection === undefined ? {} : { collection: found.collection };
  const context: JudgingContext = { view, caller, subject: aclSubject(caller), purpose, restriction: {}, zones, ...place };
  const read = { stamp, context };
  if (found === undefined || found.chunks.length === 0) return { kind: 'none', bait: [], ...read };
  const judged = new Map<ChunkId, JudgedHit>();
  await judgeChunks(parts, context, found.chunks, judged);
  const hits = found.chunks.flatMap((chunk) => judged.get(chunk) ?? []);
  const refusals = hits.flatMap((hit) => (hit.kind === 'refused' ? [hit] : []));
  if (refusals.some(({ by }) => by === 'gone')) return { kind: 'replaced', ...read };
  const [refusal] = refusals;
  if (refusal !== undefined) return { kind: 'none', bait: refusal.by === 'bait' ? [refusal.document] : [], ...read };
  const chosen = hits.flatMap((hit) => (hit.kind === 'passed' ? [{ judgement: hit.judgement, score: 0 }] : []));
  return { kind: 'page', chosen, total: found.total, ...read };
}

interface Asked {
  readonly request: OpenRequest;
  readonly question: Question;
  readonly limitedTo: number | undefined;
}

/** Undefined where the epoch moved, or a validity ended, since the page was judged. */
async function release(parts: OpenParts, asked: Asked, page: Page): Promise<OpenAnswer | undefined> {
  const { request, question } = asked;
  const { context, chosen, stamp, total } = page;
  const like = likeRetrieve(request);
  const made = makeAnswer(parts, like, context, chosen, asked.limitedTo);
  const body = bodyOf(request, made, total);
  const apart = takeApart(openBody(body), made.rendered, hex(parts.random(16)));
  const counts = { candidates: chosen.length, refused: 0 };
  const event = releaseEvent(context, stamp, like, made.answer, chosen, { counts, bait: [], question, apart, manifest: made.manifest });
  const outcome = await parts.audit.release(
    { ...event, body: { ...event.body, ...opened(request, total) } },
    stamp,
    earliestEnd(chosen.map(({ judgement }) => judgement)),
    turnOf(context.caller, like, made.answer),
  );
  demandSession(outcome);
  if (outcome.kind !== 'released') return undefined;
  parts.telemetry.count('releases', { outcome: 'released' });
  parts.telemetry.count('chunks_released', {}, chosen.length);
  const documents = [...new Set(chosen.map(({ judgement }) => judgement.candidate.key))];
  parts.watch.released(context.caller, context.view, documents, outcome.receipt.index);
  return outcome.session === undefined ? body : { ...body, session: outcome.session };
}

/** For what answers and events are made by, which know queries. */
function likeRetrieve(request: OpenRequest): RetrieveRequest {
  return { ...request, query: undefined, vector: undefined, restriction: {} };
}

function bodyOf({ from }: OpenRequest, { answer }: Made, total: number): OpenAnswer {
  const { chunks, label, context, manifest, limitedTo, requestId } = answer;
  const end = from + chunks.length;
  return {
    requestId,
    chunks: chunks.map(({ id, text, provenance }, index) => ({ id, place: from + index, text, provenance })),
    total,
    ...(end < total ? { next: end } : {}),
    ...(label === undefined ? {} : { label }),
    ...(context === undefined ? {} : { context }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(limitedTo === undefined ? {} : { limitedTo }),
  };
}

/** The members of an answer in the order in which they leave, but for `session`, which comes last. As `answerBody` is of a query's. */
export function openBody({ requestId, chunks, total, next, label, context, manifest, limitedTo }: OpenAnswer) {
  return { requestId, chunks, total, next, label, context, manifest, limitedTo };
}
