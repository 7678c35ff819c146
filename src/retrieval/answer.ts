import { AppError } from '../core/errors.ts';
import { jointLabel } from '../core/label.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Manifest, ProvenancePort, SignManifest } from '../core/ports/provenance.ts';
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
  /** For the event. */
  readonly manifest: Manifest | undefined;
}

export interface AnswerParts {
  readonly provenance: ProvenancePort;
  readonly signManifest: SignManifest;
  readonly clock: Clock;
}

/** Tags each chunk, joins the labels, renders the context where one was asked for and signs what it is. */
export function makeAnswer(
  { provenance, signManifest, clock }: AnswerParts,
  request: RetrieveRequest,
  { view, caller }: JudgingContext,
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
  const manifest = signManifest({
    request: request.requestId,
    tenant: caller.tenant,
    client: caller.client,
    policyRevision,
    label,
    at: clock.now(),
    chunks: tagged,
    context: rendering?.context,
  });
  const answer = {
    requestId: request.requestId,
    chunks: rendering?.chunks ?? tagged,
    ...(label === undefined ? {} : { label }),
    ...(rendering === undefined ? {} : { context: rendering.context }),
    ...(manifest === undefined ? {} : { manifest: manifest.envelope }),
    ...(limitedTo === undefined ? {} : { limitedTo }),
  };
  return { answer, rendered: rendering?.rendered ?? [], manifest };
}
