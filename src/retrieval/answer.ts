import { AppError } from '../core/errors.ts';
import { jointLabel } from '../core/label.ts';
import type { ProvenancePort } from '../core/ports/provenance.ts';
import type { ReleasedChunk } from '../core/provenance.ts';
import type { Judgement, JudgingContext } from './judge.ts';
import type { RetrieveAnswer, RetrieveRequest } from './types.ts';

/** A chunk that passed and made it into the answer, with its fused score. */
export interface Chosen {
  readonly judgement: Judgement;
  readonly score: number;
}

export interface Made {
  readonly answer: RetrieveAnswer;
  /** For each chunk what stands for it in the context; none where there is no context. */
  readonly rendered: readonly string[];
}

/** Tags each chunk, joins the labels and renders the context where one was asked for. */
export function makeAnswer(
  provenance: ProvenancePort,
  request: RetrieveRequest,
  { view }: JudgingContext,
  chosen: readonly Chosen[],
  limitedTo: number | undefined,
): Made {
  const policyRevision = view.policy.id;
  const tagged = chosen.map(({ judgement: { candidate, label, rules, at }, score }, index): ReleasedChunk => {
    const source = view.sources.get(candidate.source);
    if (source === undefined) throw new AppError('internal', { detail: 'a judged chunk without its source' });
    const tag = provenance.tag({ candidate, source, label, policyRevision, rules, at });
    return { id: candidate.chunk, rank: index + 1, score, text: candidate.text, provenance: tag };
  });
  const label = jointLabel(
    view.scheme,
    tagged.map(({ provenance: tag }) => tag.label),
  );
  const rendering = request.context === undefined ? undefined : provenance.render(request.context, tagged);
  const answer = {
    requestId: request.requestId,
    chunks: rendering?.chunks ?? tagged,
    ...(label === undefined ? {} : { label }),
    ...(rendering === undefined ? {} : { context: rendering.context }),
    ...(limitedTo === undefined ? {} : { limitedTo }),
  };
  return { answer, rendered: rendering?.rendered ?? [] };
}
