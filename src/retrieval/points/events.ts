import { sha256Hex, type Digest } from '../../core/digest.ts';
import type { JsonObject } from '../../core/json.ts';
import { jointLabel } from '../../core/label.ts';
import type { AuditEvent, SealedText } from '../../core/ports/audit.ts';
import type { EpochStamp, TenantView } from '../../core/ports/catalog.ts';
import type { Part } from '../../core/replay.ts';
import type { Caller } from '../../core/caller.ts';
import { baitNames, releasedChunks, restrictionFacts, sealedFacts, who } from '../events.ts';
import type { JudgingContext } from '../judge.ts';
import { recordOf, type Leaving } from './leaving.ts';
import type { Asking } from './parts.ts';
import type { Pass } from './pass.ts';

/** What both events of one request say of it. The question itself is sealed; so are its filters. */
function askedFacts({ context, purpose, name, question, sealed }: Asking): JsonObject {
  return {
    purpose,
    door: 'qdrant',
    operation: question.kind,
    collection: name,
    question: sealed.commitment,
    traceId: context.traceId ?? null,
  };
}

/** Written before any hit is judged. */
export function pointsIntent(asking: Asking): AuditEvent {
  const { caller, requestId } = asking.context;
  const { sealed, most, question } = asking;
  return {
    tenant: caller.tenant,
    kind: 'intent',
    requestId,
    body: {
      ...who(caller),
      ...askedFacts(asking),
      limit: most,
      restriction: restrictionFacts({}),
      ...(isNumber(question.kind) ? { aggregate: question.kind } : {}),
    },
    sealed: sealedFacts(caller, {}, { salt: sealed.salt, question: sealed.text }),
  };
}

function isNumber(kind: Asking['question']['kind']): boolean {
  return kind === 'count' || kind === 'facet' || kind === 'info';
}

function decidedFacts(caller: Caller, view: TenantView, stamp: EpochStamp, asking: Asking): JsonObject {
  return {
    ...who(caller),
    ...askedFacts(asking),
    policyRevision: view.policy.id,
    epoch: { tenant: stamp.tenant, global: stamp.global },
  };
}

/** Says what *may have left*: it is durable before the first byte does. `answer`: its parts and their digest, for replay. */
export function pointsRelease(
  asking: Asking,
  context: JudgingContext,
  stamp: EpochStamp,
  pass: Pass,
  leaving: readonly Leaving[],
  answer: { readonly parts: readonly Part[]; readonly digest: Digest },
): AuditEvent {
  const { caller, view } = context;
  const { bait, counts, inputs, place } = pass;
  const label = jointLabel(
    view.scheme,
    leaving.map(({ judgement }) => judgement.label),
  );
  return {
    tenant: caller.tenant,
    kind: 'release',
    requestId: asking.context.requestId,
    body: {
      ...decidedFacts(caller, view, stamp, asking),
      // `inputs`: points whose vectors the question was about. They did not leave, so only their number is told.
      counts: { candidates: counts.candidates, refused: counts.refused, released: leaving.length, inputs: inputs.length },
      ...(bait.length === 0 ? {} : { bait: baitNames(bait) }),
      label: label === undefined ? null : { ...label },
      context: null,
      manifest: null,
      chunks: releasedChunks(leaving),
    },
    sealed: {
      ...sealedFacts(caller),
      answer: { v: 1, parts: answer.parts, digest: answer.digest },
      texts: leaving.map((one) => sealedPoint(view, one, place.place === 'own')),
    },
  };
}

/** The key holds all that the record of a point can change by while its chunk stays: what its tag says, and metadata of an own one. */
function sealedPoint(view: TenantView, one: Leaving, own: boolean): SealedText {
  const { chunk, source, document, version, title, uri } = one.judgement.candidate;
  const { title: sourceTitle, owner } = view.sources.get(source) ?? { title: '', owner: '' };
  const payload = own ? sha256Hex(one.payload) : '';
  const key = JSON.stringify(['point', chunk, title, uri ?? null, sourceTitle, owner, payload]);
  return { source, document, version, key, content: () => recordOf(one) };
}

/** The release of numbers: no point left, so it names none. */
export function numbersRelease(asking: Asking, { caller, view }: JudgingContext, stamp: EpochStamp, aggregate: JsonObject): AuditEvent {
  return {
    tenant: caller.tenant,
    kind: 'release',
    requestId: asking.context.requestId,
    body: {
      ...decidedFacts(caller, view, stamp, asking),
      aggregate: { kind: asking.question.kind, ...aggregate },
      counts: { candidates: 0, refused: 0, released: 0 },
      label: null,
      context: null,
      chunks: [],
    },
  };
}
