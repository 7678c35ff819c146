import { usualPurpose } from '../core/purpose.ts';
import { actingPrincipal } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { ZoneId } from '../core/ids.ts';
import type { AccessDecision, AccessRequest } from '../core/ports/access-requests.ts';
import type { WriteCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Presence } from '../core/presence.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import type { Source } from '../core/zone.ts';

export interface DecisionBody {
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  /** ISO 8601; what was asked for where it is absent. */
  readonly until?: string | undefined;
  /** A person or a group; the approver where it is absent. */
  readonly reviewer?: string | undefined;
  readonly reviewBy?: string | undefined;
}

export interface DecisionParts {
  readonly catalog: Pick<WriteCatalog, 'document'>;
  readonly policy: PolicyPort;
  readonly issuers: readonly string[];
}

/** What a decision comes to under the approver's own authority now. `beyond_authority` where nothing of it is theirs to give. */
export async function decisionFor(
  parts: DecisionParts,
  here: Presence,
  source: Source,
  request: AccessRequest,
  body: DecisionBody,
): Promise<AccessDecision> {
  const { reason } = body;
  if (body.decision === 'deny') return { kind: 'deny', reason };
  const until = body.until === undefined ? request.wantedUntil : wholeSecond(body.until);
  if (until === undefined) throw invalid('/until', 'must say when it ends');
  return {
    kind: 'approve',
    reason,
    ...(await coverage(parts, here, source, request)),
    until,
    reviewer: reviewerOf(parts, here, request, body.reviewer),
    reviewAt: body.reviewBy === undefined ? undefined : Date.parse(body.reviewBy),
    owner: source.owner,
    sourceRevision: source.revision,
  };
}

/** The index compares whole seconds, so that what it still counts key two would still release: a grant ends on one. */
export function wholeSecond(instant: string): number {
  return Math.floor(Date.parse(instant) / 1_000) * 1_000;
}

/** A document that is not there and one that lies beyond the approver are refused alike. */
async function coverage(
  { catalog, policy }: DecisionParts,
  here: Presence,
  source: Source,
  { document }: AccessRequest,
): Promise<Pick<Extract<AccessDecision, { kind: 'approve' }>, 'zones' | 'key'>> {
  const zones = approvable(policy, here, source);
  if (document === undefined) {
    if (zones.length === 0) throw new AppError('beyond_authority');
    return { zones, key: undefined };
  }
  const found = await catalog.document(source.tenant, source.id, document);
  if (found === undefined || !zones.includes(found.zone)) throw new AppError('beyond_authority');
  return { zones: [found.zone], key: found.key };
}

/** The zones of the source that the caller may approve by both keys. */
function approvable(policy: PolicyPort, { view, caller }: Presence, source: Source): readonly ZoneId[] {
  const purpose = usualPurpose(policy);
  const decision = policy.decide(view, caller, 'approve', purpose);
  if (decision.kind === 'none') return [];
  return decision.zones.filter(
    (zone) => view.zones.get(zone)?.source === source.id && policy.confirm(view, caller, zone, 'approve', purpose).kind === 'permit',
  );
}

/** Never who asked or acted for them: they would find that it is still needed. */
function reviewerOf({ issuers }: DecisionParts, { caller }: Presence, request: AccessRequest, text: string | undefined): Principal {
  if (text === undefined) return actingPrincipal(caller);
  const found = qualifyPrincipal(text, issuers);
  const parts = found === undefined ? undefined : principalParts(found);
  if (found === undefined || parts === undefined || parts.kind === 'client' || !issuers.includes(parts.issuer)) {
    throw invalid('/reviewer', 'must be a person or a group of a configured issuer');
  }
  if (found === request.requester || found === request.actor) throw invalid('/reviewer', 'must be somebody else than who asked');
  return found;
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer, message }] });
}
