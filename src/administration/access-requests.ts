import { uuidOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { parseDocumentId, type SourceId } from '../core/ids.ts';
import type { AccessCatalog, AccessLimits, AccessRequest, AccessSelection } from '../core/ports/access-requests.ts';
import type { ReadCatalog, WriteCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import type { Principal } from '../core/principal.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import type { Source } from '../core/zone.ts';
import { decisionFor, wholeSecond, type DecisionBody } from './access-decision.ts';
import { accessResource, type AccessRequestResource } from './access-resource.ts';
import { again } from './again.ts';
import { decidedUnder, demandNotOff, liveSource, mayOver, partiesOf } from './rights.ts';

const DAY_MS = 24 * 60 * 60_000;
/** Documented in docs/api.md. */
export const ACCESS_LIMITS: AccessLimits = {
  openFor: 30 * DAY_MS,
  longestGrant: 90 * DAY_MS,
  openRequests: 20,
  requestsADay: 100,
  grants: 100,
  grantsOfTenant: 10_000,
};
/** More sources than this are listed one by one. */
const MAX_LISTED_SOURCES = 1_000;

export interface AccessParts {
  readonly catalog: ReadCatalog & AccessCatalog & Pick<WriteCatalog, 'document'>;
  readonly policy: PolicyPort;
  readonly issuers: readonly string[];
  readonly limits?: AccessLimits;
}

export interface AskBody {
  readonly source: string;
  readonly document?: string | undefined;
  readonly reason: string;
  /** ISO 8601. */
  readonly until?: string | undefined;
}

export interface AccessListing {
  /** In which role the caller asks: their own requests, those they may answer, or those they may audit. */
  readonly role: 'requester' | 'approver' | 'auditor';
  readonly source?: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
}

export interface AccessRequestService {
  /** `not_found` for a source that the caller may not ask about, there or not. Whether a document exists is not told. */
  ask(context: RequestContext, body: AskBody): Promise<AccessRequestResource>;
  get(context: RequestContext, id: string): Promise<AccessRequestResource>;
  list(
    context: RequestContext,
    listing: AccessListing,
  ): Promise<{ readonly requests: readonly AccessRequestResource[]; readonly next?: string }>;
  /** `second_person_required` for the requester and whoever acts for them, `beyond_authority` for what the approver may not give. */
  decide(context: RequestContext, id: string, body: DecisionBody): Promise<AccessRequestResource>;
  /** By the requester at any time; by an approver, with a reason, while its grant is in force. Holds from the next request on. */
  withdraw(context: RequestContext, id: string, reason: string | undefined): Promise<AccessRequestResource>;
}

export function createAccessRequests(parts: AccessParts): AccessRequestService {
  const { catalog, policy, limits = ACCESS_LIMITS } = parts;
  return {
    ask: (context, body) => ask(parts, context, body, limits),

    async get(context, id) {
      const { found } = await known(parts, context, id);
      return accessResource(found);
    },

    async list(context, { role, source, after, limit }) {
      const here = await presence(catalog, context.caller);
      demandNotOff(here);
      const selection = selectionOf(policy, here, role, source);
      const found = selection === 'nothing' ? [] : await catalog.accessRequests(here.view.tenant, selection, after, limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return { requests: page.map(accessResource), ...(found.length > limit && last !== undefined ? { next: last.cursor } : {}) };
    },

    decide: (context, id, body) =>
      again(async () => {
        const { here, found, source, approves } = await known(parts, context, id);
        if (!approves || source === undefined) throw new AppError('forbidden');
        demandAnother(here, found);
        if (found.state !== 'open') throw new AppError('conflict', { detail: 'the request is not open' });
        const decision = await decisionFor(parts, here, source, found, body);
        const change = changeBy(context);
        return accessResource(await catalog.decideAccess(here.view.tenant, found.id, decision, limits, change, decidedUnder(here)));
      }),

    withdraw: (context, id, reason) =>
      again(async () => {
        const { here, found, own, approves } = await known(parts, context, id);
        // The scope that deciding takes: a token for retrieving alone must not take access away from others.
        if (!own && !(approves && here.caller.scopes.has('sources'))) throw new AppError('forbidden');
        if (!own && found.state === 'open') throw new AppError('forbidden', { detail: 'an open request of somebody else is denied' });
        if (!own && reason === undefined) throw invalid('query/reason', 'whoever takes access away says why');
        const under = own ? { parties: partiesOf(here) } : decidedUnder(here);
        return accessResource(await catalog.withdrawAccess(here.view.tenant, found.id, reason, changeBy(context), under));
      }),
  };
}

async function ask(
  { catalog, policy }: AccessParts,
  context: RequestContext,
  body: AskBody,
  limits: AccessLimits,
): Promise<AccessRequestResource> {
  const here = await presence(catalog, context.caller);
  const source = liveSource(here, body.source);
  if (source === undefined || !mayOver(policy, here, 'request', source)) throw new AppError('not_found');
  const { caller } = here;
  if (caller.user.kind !== 'user') throw new AppError('forbidden', { detail: 'an application alone asks for nobody' });
  const document = body.document === undefined ? undefined : parseDocumentId(body.document);
  if (document === undefined && body.document !== undefined) throw invalid('/document', 'not a possible id');
  const asked = {
    id: uuidOf('access-request', caller.tenant, context.requestId),
    requester: caller.user.principal,
    // Its name as a person, where it may be one.
    actor: caller.actor.kind === 'actor' ? caller.actor.principals.at(-1) : undefined,
    source: source.id,
    document,
    reason: body.reason,
    wantedUntil: body.until === undefined ? undefined : wholeSecond(body.until),
  };
  return accessResource(await catalog.askAccess(caller.tenant, asked, limits, changeBy(context)));
}

interface Known {
  readonly here: Presence;
  readonly found: AccessRequest;
  readonly own: boolean;
  readonly source: Source | undefined;
  readonly approves: boolean;
}

/** A request that the caller may know of: their own, or on a source that they answer for or audit. `not_found` for any other. */
async function known({ catalog, policy }: AccessParts, context: RequestContext, id: string): Promise<Known> {
  const here = await presence(catalog, context.caller);
  demandNotOff(here);
  const found = await catalog.accessRequest(here.view.tenant, id);
  if (found === undefined) throw new AppError('not_found');
  const own = requesterOf(here) === found.requester;
  const source = liveSource(here, found.source);
  const approves = source !== undefined && mayOver(policy, here, 'approve', source);
  const audits = source !== undefined && mayOver(policy, here, 'audit', source);
  if (!own && !approves && !audits) throw new AppError('not_found');
  return { here, found, own, source, approves };
}

function requesterOf({ caller }: Presence): Principal | undefined {
  return caller.user.kind === 'user' ? caller.user.principal : undefined;
}

/** A person, by their own hand, who neither asked nor acted for whoever asked. */
function demandAnother(here: Presence, { requester, actor }: AccessRequest): void {
  const user = requesterOf(here);
  if (user === undefined || here.caller.actor.kind !== 'none' || user === requester || user === actor) {
    throw new AppError('second_person_required');
  }
}

function selectionOf(
  policy: PolicyPort,
  here: Presence,
  role: AccessListing['role'],
  name: string | undefined,
): AccessSelection | 'nothing' {
  if (role === 'requester') {
    const requester = requesterOf(here);
    const source = name === undefined ? undefined : (name as SourceId);
    return requester === undefined ? 'nothing' : { kind: 'requester', requester, source };
  }
  const named = name === undefined ? [...here.view.sources.values()] : [liveSource(here, name)];
  const action = role === 'approver' ? 'approve' : 'audit';
  const sources = named.flatMap((source) => (source?.state === 'live' && mayOver(policy, here, action, source) ? [source.id] : []));
  if (sources.length > MAX_LISTED_SOURCES) {
    throw new AppError('limit_exceeded', {
      issues: [{ pointer: 'query/source', message: `name one: there are more than ${MAX_LISTED_SOURCES}` }],
    });
  }
  return sources.length === 0 ? 'nothing' : { kind: 'sources', sources };
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer, message }] });
}
