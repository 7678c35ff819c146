import { named } from '../core/audit-names.ts';
import { actingPrincipal } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditPort, SealedReads, StoredAuditEvent } from '../core/ports/audit.ts';
import type { CounterfactualChunk, CounterfactualPort } from '../core/ports/counterfactual.ts';
import type { Outcome } from '../core/ports/explain.ts';
import { presence, type Presence } from '../core/presence.ts';
import type { RequestContext } from '../core/request-context.ts';
import { again } from './people.ts';
import { chunksOf, neededText, type ReleasedChunk } from './release-event.ts';
import { releaseOf, type RightsParts } from './replay-rights.ts';

export interface ReevaluationParts extends RightsParts {
  readonly audit: AuditPort;
  readonly sealed: Pick<SealedReads, 'erasures'>;
  readonly counterfactual: CounterfactualPort;
}

/** What is not known of the caller any more, and may be given. */
export interface Given {
  readonly actor?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly guest?: boolean | undefined;
}

export interface Reevaluation {
  /** Always: nothing was released, and nothing of what was released is shown. */
  readonly counterfactual: true;
  readonly requestId: string;
  readonly releasedAt: string;
  /** Under which policy it was released, and under which it was decided now. */
  readonly policyRevision: { readonly released: string; readonly now: string };
  readonly at: string;
  /** `erased:` and a pseudonym where the log no longer knows them: then nothing can be decided. */
  readonly user: string | null;
  readonly client: string;
  readonly memberships: JsonObject;
  /** `pass`: every chunk; `refuse`: at least one would not be released. `unknown` where it depends on what is not known, or not shown. */
  readonly decision: Outcome;
  /** Chunks that the caller may neither audit nor label are counted, and not told. */
  readonly hidden: number;
  readonly chunks: readonly ReevaluatedChunk[];
}

export interface ReevaluatedChunk {
  readonly chunk: string;
  readonly rank: number;
  readonly source: string;
  readonly document: string;
  readonly decision: Outcome;
  readonly refusedBy: readonly string[];
  readonly stages: readonly JsonObject[];
}

/**
 * "Would today's policy have released this?", chunk by chunk, for the user and the client of a release: for those who may `audit` or
 * `label` chunks of it. `not_found` for everybody else and for what was never released. The reading is an event.
 */
export function reevaluate(parts: ReevaluationParts, context: RequestContext, request: string, given: Given): Promise<Reevaluation> {
  return again(() => judgeAgain(parts, context, request, given));
}

async function judgeAgain(parts: ReevaluationParts, context: RequestContext, request: string, given: Given): Promise<Reevaluation> {
  const here = await presence(parts.catalog, context.caller);
  const erasures = await parts.sealed.erasures(here.view.tenant);
  const release = await releaseOf(parts, here, request);
  if (release === undefined) throw new AppError('not_found');
  const { body } = release;
  const user = typeof body['user'] === 'string' ? body['user'] : null;
  const client = neededText(body['client']);
  const chunks = chunksOf(release);
  const wholly = parts.policy.permitsTenant(here.view, here.caller, 'audit').kind === 'permit';
  const purpose = typeof body['purpose'] === 'string' ? body['purpose'] : undefined;
  const erased = user !== null && !user.startsWith('user:');
  const judged = await parts.counterfactual.judge(here, {
    ...given,
    user: erased ? null : user,
    client,
    purpose,
    chunks: chunks.map(({ chunk, source, document, zone }) => ({ chunk, source, document, zone })),
  });
  const told = chunks.flatMap((chunk, place) => toldOf(chunk, judged.chunks[place], erased));
  // Of an empty answer there is nothing to audit but the whole.
  if (told.length === 0 && !(wholly && chunks.length === 0)) throw new AppError('not_found');
  const hidden = chunks.length - told.length;
  const decision = decisionOf(told, hidden);
  await record(parts, context, here, { release, erasures }, { decision, chunks: told.length, hidden });
  return {
    counterfactual: true,
    requestId: request,
    releasedAt: release.at,
    policyRevision: { released: neededText(body['policyRevision']), now: judged.revision },
    at: judged.at,
    user,
    client,
    memberships: erased ? { from: 'erased' } : judged.memberships,
    decision,
    hidden,
    chunks: told,
  };
}

/** Of an erased caller nothing is known that could be decided about. */
function toldOf(
  { chunk, rank, source, document }: ReleasedChunk,
  judged: CounterfactualChunk | undefined,
  erased: boolean,
): readonly ReevaluatedChunk[] {
  if (judged?.kind !== 'judged') return [];
  const facts = { chunk, rank, source, document };
  if (erased) return [{ ...facts, decision: 'unknown', refusedBy: [], stages: [] }];
  const { decision, refusedBy, stages } = judged;
  return [{ ...facts, decision, refusedBy, stages }];
}

function decisionOf(told: readonly ReevaluatedChunk[], hidden: number): Outcome {
  if (told.some(({ decision }) => decision === 'refuse')) return 'refuse';
  return hidden > 0 || told.some(({ decision }) => decision === 'unknown') ? 'unknown' : 'pass';
}

async function record(
  { audit }: ReevaluationParts,
  context: RequestContext,
  { view, caller }: Presence,
  { release, erasures }: { readonly release: StoredAuditEvent; readonly erasures: number },
  facts: JsonObject,
): Promise<void> {
  const user = release.body['user'];
  await audit.append({
    tenant: view.tenant,
    kind: 'reevaluation.read',
    requestId: context.requestId,
    body: {
      by: named(actingPrincipal(caller)),
      through: caller.client,
      request: release.requestId,
      user: typeof user === 'string' ? named(user) : null,
      revision: view.policy.id,
      ...facts,
    },
    erasures,
  });
}
