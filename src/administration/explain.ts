import { isWithin } from '../core/validity.ts';
import { purposeOf } from '../core/purpose.ts';
import { named, namedDocument } from '../core/audit-names.ts';
import { actingPrincipal, aclSubject, type Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import { judgeAccess } from '../core/grants.ts';
import { parseDocumentId, parseSourceId, type ChunkId } from '../core/ids.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { DirectoryCatalog } from '../core/ports/directory.ts';
import type { ExplainPolicyPort } from '../core/ports/explain.ts';
import type { DocumentFacts, HistoryCatalog, Moment, NamedDocument } from '../core/ports/history.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import type { PolicyPort, Purpose } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { presence, type Presence } from '../core/presence.ts';
import type { RequestContext } from '../core/request-context.ts';
import { effectiveZone } from '../core/zone.ts';
import { describedCaller, type Described, type Description } from './described-caller.ts';
import { decisionOf, stagesOf, type Stage } from './explain-stages.ts';
import { shown, type Explanation, type ExplanationView } from './explain-view.ts';

export interface ExplainParts {
  readonly catalog: ReadCatalog & HistoryCatalog & Pick<DirectoryCatalog, 'groupsAt'>;
  readonly policy: PolicyPort;
  readonly explainer: ExplainPolicyPort;
  readonly audit: AuditPort;
  readonly telemetry: Telemetry;
  readonly issuers: readonly IssuerSummary[];
}

export interface ExplainRequest extends Description {
  readonly document?: { readonly source: string; readonly document: string } | undefined;
  readonly chunk?: string | undefined;
  readonly purpose?: string | undefined;
  /** Milliseconds since 1970. */
  readonly at?: number | undefined;
}

/** One document under one view, and the moment both are of. */
export interface Case {
  readonly view: TenantView;
  readonly facts: DocumentFacts;
  /** Milliseconds, database time. */
  readonly at: number;
}

/**
 * Why somebody gets a document or does not, stage by stage, now or at a past time. Anybody, for those with `label` or `audit` on the
 * document; for others their own readable results. Everything else is `not_found`, whether it exists or not.
 */
export async function explain(parts: ExplainParts, context: RequestContext, request: ExplainRequest): Promise<Explanation> {
  const here = await presence(parts.catalog, context.caller);
  const asked = documentAsked(request);
  const purpose = purposeOf(parts.policy, request.purpose);
  const described = await describedCaller(parts, here.caller, here.stamp, request, request.at);
  if (request.at !== undefined) await demandPast(parts, request.at);
  const current = await caseNow(parts, here, asked);
  // Before the past is read and anything is judged: for a document that is not told of, that would take longer than for none.
  if (current === undefined || !isToldOf(parts, here, described, current, purpose)) throw new AppError('not_found');
  const wanted = request.at === undefined ? current : await caseAt(parts, here, asked, request.at);
  if (wanted === undefined) throw new AppError('not_found');
  const view = viewFor(parts, here, wanted, current);
  // More sensitive then than whoever owns or audits it now is cleared for.
  if (view === 'reader' && !mayRead(parts, here, described, current, purpose)) throw new AppError('not_found');
  const { stages, complete } = judged(parts, described, wanted, purpose);
  if (view === 'reader' && decisionOf(stages) !== 'pass') throw new AppError('not_found');
  const label = effectiveZone(wanted.view.scheme, wanted.facts.source, wanted.facts.declared).label;
  const explanation = shown(view, {
    described,
    stages,
    purpose,
    label,
    facts: wanted.facts,
    at: wanted.at,
    past: request.at !== undefined,
    revision: wanted.view.policy.id,
  });
  if (!complete) parts.telemetry.log.debug({ revision: wanted.view.policy.id }, 'an explanation without all groups');
  await recordReading(parts, context, here, wanted, explanation);
  return explanation;
}

function documentAsked({ document, chunk }: ExplainRequest): NamedDocument | undefined {
  if (chunk !== undefined) return { kind: 'chunk', chunk: chunk as ChunkId };
  const source = parseSourceId(document?.source ?? '');
  const id = parseDocumentId(document?.document ?? '');
  return source === undefined || id === undefined ? undefined : { kind: 'document', source, document: id };
}

async function demandPast({ catalog }: ExplainParts, at: number): Promise<void> {
  if (at <= (await catalog.databaseTime())) return;
  throw new AppError('invalid_request', { issues: [{ pointer: '/at', message: 'is in the future; leave it out for now' }] });
}

/** Owners and auditors of the document as it is now, and others about themselves where they may read it now. */
function isToldOf(parts: ExplainParts, here: Presence, described: Described, current: Case, purpose: Purpose): boolean {
  return viewFor(parts, here, current, current) !== 'reader' || mayRead(parts, here, described, current, purpose);
}

/** Of a past time an ordinary caller hears where they may read it now and might read it then as well. */
function mayRead({ policy }: ExplainParts, here: Presence, { self }: Described, { view, facts, at }: Case, purpose: Purpose): boolean {
  return self && isReleased(policy, here.caller, view, facts, at, purpose);
}

export async function caseNow(
  { catalog }: ExplainParts,
  { view, caller }: Presence,
  asked: NamedDocument | undefined,
): Promise<Case | undefined> {
  const facts = asked && (await catalog.documentAt(caller.tenant, asked, 'now'));
  return facts && { view, facts, at: await catalog.databaseTime() };
}

async function caseAt(
  { catalog }: ExplainParts,
  { caller }: Presence,
  asked: NamedDocument | undefined,
  at: number,
): Promise<Case | undefined> {
  const view = await catalog.viewAt(caller.tenant, at);
  const facts = view && asked && (await catalog.documentAt(caller.tenant, asked, at satisfies Moment));
  return view && facts && { view, facts, at };
}

/** By today's policy, on the label of that moment and on today's: a document made more sensitive since is not shown as it was. */
export function viewFor({ policy }: ExplainParts, { view, caller }: Presence, wanted: Case, current: Case): ExplanationView {
  const objects = [wanted, current].map(({ facts }) => effectiveZone(view.scheme, facts.source, facts.declared));
  const may = (action: 'label' | 'audit'): boolean =>
    objects.every((object) => policy.permits(view, caller, action, object).kind === 'permit');
  const scopes = caller.scopes.has('audit') || caller.scopes.has('sources');
  if (scopes && may('label')) return 'owner';
  return scopes && may('audit') ? 'auditor' : 'reader';
}

interface Judged {
  readonly stages: readonly Stage[];
  readonly complete: boolean;
}

/** Told by the lines, and held against the real decision wherever everything about the person is known. */
export function judged(parts: ExplainParts, described: Described, { view, facts, at }: Case, purpose: Purpose): Judged {
  const stages = stagesOf(parts.explainer, { described, view, facts, at, purpose });
  const { complete } = described;
  if (complete && described.admitted) {
    const real = isReleased(parts.policy, described.caller, view, facts, at, purpose);
    if (real !== (decisionOf(stages) === 'pass')) {
      parts.telemetry.count('keys_disagree');
      throw new AppError('policy_unavailable', { detail: 'the explanation and the decision differ' });
    }
  }
  return { stages, complete };
}

/** As key two judges a hit (`judgeHit` of retrieval), from the same facts. */
function isReleased(policy: PolicyPort, caller: Caller, view: TenantView, facts: DocumentFacts, at: number, purpose: Purpose): boolean {
  return (
    facts.state === 'live' &&
    facts.current &&
    !facts.off &&
    !facts.honey &&
    isWithin(facts, at) &&
    judgeAccess(facts.acl, aclSubject(caller), view.grants, caller, facts, at).kind === 'permit' &&
    policy.confirm(view, caller, facts.zone, 'retrieve', purpose).kind === 'permit'
  );
}

async function recordReading(
  parts: ExplainParts,
  context: RequestContext,
  here: Presence,
  { facts, at }: Case,
  made: Explanation,
): Promise<void> {
  const { caller } = here;
  await parts.audit.append({
    tenant: caller.tenant,
    kind: 'explain.read',
    requestId: context.requestId,
    body: {
      by: named(actingPrincipal(caller)),
      through: caller.client,
      source: facts.source.id,
      document: namedDocument(facts.source.id, facts.document),
      view: made.view,
      user: made.user === null ? null : named(made.user),
      client: made.client,
      memberships: made.memberships.from,
      at: new Date(at).toISOString(),
      decision: made.decision,
    },
  });
}
