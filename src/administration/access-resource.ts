import type { AccessRequest } from '../core/ports/access-requests.ts';

/** Times are ISO 8601. */
export interface AccessRequestResource {
  readonly id: string;
  readonly state: AccessRequest['state'];
  readonly requester: string;
  readonly through: string;
  readonly actor?: string;
  readonly source: string;
  readonly document?: string;
  readonly reason: string;
  readonly wantedUntil?: string;
  readonly askedAt: string;
  readonly lapsesAt: string;
  readonly decision?: {
    readonly decision: 'approve' | 'deny';
    readonly by: string;
    readonly through: string;
    readonly at: string;
    readonly reason: string;
    readonly until?: string;
    readonly reviewer?: string;
    readonly reviewBy?: string;
    readonly owner?: string;
  };
  readonly ended?: { readonly at: string; readonly by: string; readonly reason?: string };
}

const iso = (moment: number): string => new Date(moment).toISOString();

export function accessResource(found: AccessRequest): AccessRequestResource {
  const { id, state, requester, through, actor, source, document, reason, wantedUntil, askedAt, lapsesAt, ended } = found;
  return {
    id,
    state,
    requester,
    through,
    ...(actor === undefined ? {} : { actor }),
    source,
    ...(document === undefined ? {} : { document }),
    reason,
    ...(wantedUntil === undefined ? {} : { wantedUntil: iso(wantedUntil) }),
    askedAt: iso(askedAt),
    lapsesAt: iso(lapsesAt),
    ...decisionOf(found),
    ...(ended.kind === 'none'
      ? {}
      : { ended: { at: iso(ended.at), by: ended.by, ...(ended.reason === undefined ? {} : { reason: ended.reason }) } }),
  };
}

function decisionOf({ decision }: AccessRequest): Pick<AccessRequestResource, 'decision'> {
  if (decision.kind === 'none') return {};
  const { by, through, at, reason } = decision;
  const decided = { by, through, at: iso(at), reason };
  if (decision.kind === 'denied') return { decision: { decision: 'deny', ...decided } };
  const { until, reviewer, reviewAt, owner } = decision;
  return { decision: { decision: 'approve', ...decided, until: iso(until), reviewer, reviewBy: iso(reviewAt), owner } };
}
