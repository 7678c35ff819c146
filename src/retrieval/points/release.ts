import { digestOf } from '../../core/digest.ts';
import type { ChunkId, DocumentKey } from '../../core/ids.ts';
import type { AnswerPiece, Found } from '../../core/points/question.ts';
import { earliest } from '../../core/validity.ts';
import { reportBait } from '../bait.ts';
import { earliestEnd, type Judgement } from '../judge.ts';
import { rejudge } from '../search-leg.ts';
import { pointsRelease } from './events.ts';
import { foundOf, joinPieces, leavingPoints, listsOf, uniquePoints } from './leaving.ts';
import type { Asking, PointsParts } from './parts.ts';
import type { Pass } from './pass.ts';
import { stand } from './standing.ts';
import type { PointsAnswer } from './types.ts';

const MAX_RELEASES = 8;

export type Compose = (found: Found) => readonly AnswerPiece[];

/**
 * Makes the release durable, as for a retrieval (docs/decisions/0053): where the epoch moved, the points are judged again, those that the
 * question was about among them. Undefined where the search has to be repeated.
 */
export async function releasePoints(
  parts: PointsParts,
  asking: Asking,
  compose: Compose,
  pass: Pass,
  patient: boolean,
): Promise<PointsAnswer | undefined> {
  const { telemetry, audit } = parts;
  let { stamp, context, until } = pass;
  let judgements: ReadonlyMap<ChunkId, Judgement> = new Map();
  let { inputs } = pass;
  const chosen = [...uniquePoints(pass.hits).values()].map(({ judgement }) => judgement);
  let leavers: readonly Judgement[] = chosen;
  for (let attempt = 0; attempt < MAX_RELEASES; attempt++) {
    const leaving = leavingPoints(parts, context, pass.place, pass.hits, judgements);
    const { body, parts: pieces } = joinPieces(pass.place, compose(foundOf(pass.place, pass.hits, leaving)), leaving);
    const event = pointsRelease(asking, context, stamp, pass, leaving, { parts: pieces, digest: digestOf(body) });
    const outcome = await audit.release(event, stamp, earliest([until, earliestEnd([...leavers, ...inputs])]));
    if (outcome.kind === 'released') {
      telemetry.count('releases', { outcome: leaving.length === 0 ? 'empty' : 'released' });
      telemetry.count('chunks_released', {}, leaving.length);
      parts.watch.released(context.caller, context.view, documentsOf(leavers), outcome.receipt.index);
      reportBait(parts, context.caller, asking.context.requestId, pass.bait);
      return { body, released: listsOf(pass.hits).reduce((sum, list) => sum + list.length, 0) };
    }
    telemetry.count('rejudged');
    if (patient) return undefined;
    const renewed = await stand(parts, asking, asking.context.caller);
    const again = await rejudge(parts, renewed.context, [...chosen, ...inputs]);
    if (again === undefined) return undefined;
    leavers = again.slice(0, chosen.length);
    inputs = again.slice(chosen.length);
    judgements = new Map(leavers.map((judgement) => [judgement.candidate.chunk, judgement]));
    stamp = renewed.stamp;
    context = renewed.context;
    // What shaped the ranks did so before the change: this request began before it was acknowledged.
    until = 'forever';
  }
  return undefined;
}

function documentsOf(judgements: readonly Judgement[]): readonly DocumentKey[] {
  return [...new Set(judgements.map(({ candidate }) => candidate.key))];
}
