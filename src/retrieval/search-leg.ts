import { AppError } from '../core/errors.ts';
import type { AuthorizedFilter } from '../core/filter.ts';
import type { ChunkId } from '../core/ids.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Leg, VectorIndex } from '../core/ports/vectors.ts';
import type { RankedHit } from './bait.ts';
import { isAlarming, judgeHit, type JudgedHit, type JudgingContext, type Judgement } from './judge.ts';

export interface SearchParts {
  readonly vectors: VectorIndex;
  readonly catalog: ReadCatalog;
  readonly policy: PolicyPort;
  readonly telemetry: Telemetry;
}

export type JudgeParts = Pick<SearchParts, 'catalog' | 'policy' | 'telemetry'>;

export interface LegResult {
  /** The best that passed, best first, at most as many as asked for. */
  readonly passed: readonly Judgement[];
  readonly candidates: number;
  readonly refused: number;
  /** One of the hits was of a text that has been replaced or deleted since it was indexed. */
  readonly gone: boolean;
  /** The best `depth` with the bait among them, which is asked about afterwards alone. */
  readonly withBait: readonly RankedHit[];
}

/** What all legs of one search share. */
export interface Search {
  readonly context: JudgingContext;
  readonly filter: AuthorizedFilter;
  /** Resolves when the intent is durable. */
  readonly declared: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Past this many refusals, the index is so stale that widening further would only hide it. */
const MAX_WIDTH = 65_536;
/** What an ACL keeps back for a time, and bait, is in the index by design, so it is no sign of staleness; the deadline bounds it too. */
const MAX_DESIGNED_WIDTH = 2_097_152;
const WIDEN = 4;
/** Candidates read from the catalog at once: they come with their text. */
const JUDGED_AT_ONCE = 1_024;

/**
 * Searches one leg and judges every hit, widening until `depth` hits passed or the readable set is exhausted, so that
 * a stale index costs work and never a shorter answer. No hit is judged before `declared` resolves.
 * Fails with `index_unavailable` where it would have to give up.
 */
export async function searchLeg(
  parts: SearchParts,
  { context, filter, declared, signal }: Search,
  leg: Leg,
  depth: number,
): Promise<LegResult> {
  const judged = new Map<ChunkId, JudgedHit>();
  for (let width = depth; ; width *= WIDEN) {
    const [hits] = await Promise.all([parts.vectors.search(filter, leg, width, signal), declared()]);
    const fresh = hits.map((hit) => hit.chunk).filter((chunk) => !judged.has(chunk));
    await judgeChunks(parts, context, fresh, judged);
    const passed = hits.flatMap(({ chunk }) => {
      const hit = judged.get(chunk);
      return hit?.kind === 'passed' ? [hit.judgement] : [];
    });
    if (passed.length >= depth || hits.length < width) {
      const gone = hits.some(({ chunk }) => isGone(judged.get(chunk)));
      const withBait = rankedHits(hits, judged).slice(0, depth);
      return { passed: passed.slice(0, depth), candidates: hits.length, refused: hits.length - passed.length, gone, withBait };
    }
    const designed = hits.reduce((sum, { chunk }) => sum + (isByDesign(judged.get(chunk)) ? 1 : 0), 0);
    if (width - designed >= MAX_WIDTH || width >= MAX_DESIGNED_WIDTH)
      throw new AppError('index_unavailable', { detail: 'the index is too stale to fill an answer' });
  }
}

function rankedHits(hits: readonly { readonly chunk: ChunkId }[], judged: ReadonlyMap<ChunkId, JudgedHit>): readonly RankedHit[] {
  return hits.flatMap(({ chunk }): readonly RankedHit[] => {
    const hit = judged.get(chunk);
    if (hit?.kind === 'passed') return [{ chunk, bait: undefined }];
    return hit?.kind === 'refused' && hit.by === 'bait' ? [{ chunk, bait: hit.document }] : [];
  });
}

function isByDesign(hit: JudgedHit | undefined): boolean {
  return hit?.kind === 'refused' && (hit.by === 'acl-time' || hit.by === 'bait');
}

function isGone(hit: JudgedHit | undefined): boolean {
  return hit?.kind === 'refused' && hit.by === 'gone';
}

/** Judges chunks under one context and adds what was decided to `judged`. */
export async function judgeChunks(
  parts: JudgeParts,
  context: JudgingContext,
  chunks: readonly ChunkId[],
  judged: Map<ChunkId, JudgedHit>,
): Promise<void> {
  for (let start = 0; start < chunks.length; start += JUDGED_AT_ONCE) {
    const some = chunks.slice(start, start + JUDGED_AT_ONCE);
    const read = await parts.catalog.candidates(context.view.tenant, some);
    for (const chunk of some) {
      const hit = judgeHit(parts.policy, context, read.candidates.get(chunk), read.at);
      judged.set(chunk, hit);
      if (hit.kind === 'refused') report(parts.telemetry, chunk, hit.by);
    }
  }
}

function report(telemetry: Telemetry, chunk: ChunkId, by: Extract<JudgedHit, { kind: 'refused' }>['by']): void {
  telemetry.count('hits_refused', { reason: by });
  if (!isAlarming(by)) return;
  telemetry.count(by === 'unknown' ? 'hits_unknown' : 'keys_disagree');
  telemetry.log.error({ chunk, reason: by }, 'the index returned a chunk that key two refused for an alarming reason');
}

/** Judges chosen chunks again under a newer view; undefined where any of them no longer passes. */
export async function rejudge(
  parts: JudgeParts,
  context: JudgingContext,
  chosen: readonly Judgement[],
): Promise<readonly Judgement[] | undefined> {
  const judged = new Map<ChunkId, JudgedHit>();
  const chunks = chosen.map(({ candidate }) => candidate.chunk);
  await judgeChunks(parts, context, chunks, judged);
  const again = chunks.flatMap((chunk) => {
    const hit = judged.get(chunk);
    return hit?.kind === 'passed' ? [hit.judgement] : [];
  });
  return again.length === chosen.length ? again : undefined;
}
