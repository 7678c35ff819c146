import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import { pointIdText, type PointId } from '../../core/points/point-id.ts';
import type { PointsQuestion } from '../../core/points/question.ts';
import { idsIn, mapIds } from '../../core/points/walk-question.ts';
import { reportBait } from '../bait.ts';
import type { Bait, JudgedHit, JudgingContext, Judgement } from '../judge.ts';
import { judgeChunks } from '../search-leg.ts';
import type { Asking, PointsParts } from './parts.ts';
import type { Place } from './place.ts';

export interface Resolved {
  readonly question: PointsQuestion<ChunkId>;
  /** Points that a query is about: their vectors shape the answer, so they are judged again when it is released. */
  readonly inputs: readonly Judgement[];
  /** Of the points asked for by id: one list an id, in their order. */
  readonly wanted: readonly (readonly ChunkId[])[];
}

/** Points that one question may be about. Each is judged, with its text in memory. */
const MAX_INPUTS = 1_024;

function demandFewInputs(ids: readonly PointId[]): void {
  if (ids.length <= MAX_INPUTS || new Set(ids.map(pointIdText)).size <= MAX_INPUTS) return;
  const message = `at most ${MAX_INPUTS} points that a request is about`;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '', message }] });
}

/**
 * External ids become chunk ids. What a query is about goes through an authorised read, so a hidden id is answered like a missing one:
 * `not_found`. Where one id stands for readable points of several sources, a query is about that of the first source by name. Ids in
 * filters are not judged: every hit is, and no other point is looked at.
 */
export async function resolveIds(parts: PointsParts, asking: Asking, context: JudgingContext, { place }: Place): Promise<Resolved> {
  const { question, declared } = asking;
  const { needed, optional } = idsIn(question);
  if (needed.length + optional.length === 0) {
    return { question: mapIds<PointId, ChunkId>(question, { one: never, some: () => [] }), inputs: [], wanted: [] };
  }
  demandFewInputs(needed);
  if (needed.length > 0) await declared();
  const chunks = await parts.catalog.chunksOfPoints(context.view.tenant, place, [...needed, ...optional]);
  const of = (id: PointId): readonly ChunkId[] => chunks.get(pointIdText(id)) ?? [];
  const judged = new Map<ChunkId, JudgedHit>();
  if (needed.length > 0) await judgeChunks(parts, context, [...new Set(needed.flatMap(of))], judged);
  const inputs = new Map<string, Judgement>();
  for (const id of needed) {
    const readable = of(id).flatMap((chunk) => passed(judged.get(chunk)));
    const [first] = readable.sort((a, b) => (a.candidate.source < b.candidate.source ? -1 : 1));
    if (first === undefined) {
      const bait = of(id).flatMap((chunk) => baitIn(judged.get(chunk)));
      reportBait(parts, context.caller, asking.context.requestId, bait);
      throw noPoint(id);
    }
    inputs.set(pointIdText(id), first);
  }
  return {
    question: mapIds<PointId, ChunkId>(question, {
      one: (id) => inputs.get(pointIdText(id))?.candidate.chunk ?? never(),
      some: (ids) => ids.flatMap(of),
    }),
    inputs: [...new Set(inputs.values())],
    wanted: question.kind === 'points' ? question.ids.map(of) : [],
  };
}

function passed(hit: JudgedHit | undefined): readonly Judgement[] {
  return hit?.kind === 'passed' ? [hit.judgement] : [];
}

function baitIn(hit: JudgedHit | undefined): readonly Bait[] {
  return hit?.kind === 'refused' && hit.by === 'bait' ? [hit.document] : [];
}

function never(): never {
  throw new AppError('internal', { detail: 'a point id that was not resolved' });
}

/** In Qdrant's words. Whether it is hidden or missing makes no difference. */
function noPoint(id: PointId): AppError {
  return new AppError('not_found', { issues: [{ pointer: '', message: `Not found: No point with id ${pointIdText(id)} found` }] });
}
