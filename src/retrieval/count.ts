import { earliest } from '../core/validity.ts';
import { purposeOf } from '../core/purpose.ts';
import { aclSubject, userPrincipals, actorPrincipals, type Caller } from '../core/caller.ts';
import type { Restriction } from '../core/filter.ts';
import { grantsFor } from '../core/grants.ts';
import type { AggregateCatalog } from '../core/ports/aggregates.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { EpochStamp, ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort, Purpose } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { VectorIndex } from '../core/ports/vectors.ts';
import type { Watch } from '../core/ports/watch.ts';
import { presence, type Presence } from '../core/presence.ts';
import { countIntentEvent, countReleaseEvent } from './count-events.ts';
import { demandAdmission } from './watch-admission.ts';
import { settle, stillSettled, unstable, type Settled } from './unsettled.ts';

export interface CountParts {
  readonly catalog: ReadCatalog & AggregateCatalog;
  readonly policy: PolicyPort;
  readonly vectors: Pick<VectorIndex, 'count'>;
  readonly audit: AuditPort;
  readonly telemetry: Telemetry;
  readonly watch: Watch;
}

export interface CountRequest {
  readonly requestId: string;
  readonly traceId: string | undefined;
  readonly restriction: Restriction;
  readonly purpose: string | undefined;
}

export interface CountAnswer {
  readonly requestId: string;
  readonly chunks: number;
}

interface Counted {
  readonly stamp: EpochStamp;
  readonly here: Presence;
  readonly chunks: number;
  readonly until: number | 'forever';
}

const MAX_COUNTS = 12;

/**
 * How many chunks the caller may read now, under the restriction. What is unsettled between catalog and index is left out, and
 * the number leaves only under an epoch that did not move since, so it never counts what was taken from the caller before.
 * Fails like `retrieve`, and with `aggregate_unstable` where too much is unsettled.
 */
export async function countChunks(parts: CountParts, caller: Caller, request: CountRequest, signal: AbortSignal): Promise<CountAnswer> {
  const { telemetry, audit } = parts;
  const purpose = purposeOf(parts.policy, request.purpose);
  // Before anything is written: a token may assert a tenant that was never made, and must not start a log for it.
  await presence(parts.catalog, caller);
  demandAdmission(parts.watch, caller);
  await audit.append(countIntentEvent(caller, request, purpose));
  for (let attempt = 0; attempt < MAX_COUNTS; attempt++) {
    signal.throwIfAborted();
    const counted = await telemetry.span('count', {}, () => countOnce(parts, caller, request, purpose, signal));
    if (counted === undefined) continue;
    const { here, stamp, chunks, until } = counted;
    const event = countReleaseEvent(here, request, purpose, chunks);
    const outcome = await telemetry.span('release', {}, () => audit.release(event, stamp, until));
    if (outcome.kind === 'released') return { requestId: request.requestId, chunks };
    telemetry.count('rejudged');
  }
  throw unstable('texts or rights changed while it was counted, every time');
}

/** Undefined where a text came or went meanwhile, of which the index may have counted points that are nobody's yet. */
async function countOnce(
  parts: CountParts,
  asking: Caller,
  request: CountRequest,
  purpose: Purpose,
  signal: AbortSignal,
): Promise<Counted | undefined> {
  const { catalog, policy, vectors } = parts;
  const here = await presence(catalog, asking);
  const { stamp, view, caller } = here;
  const nothing: Counted = { stamp, here, chunks: 0, until: 'forever' };
  const decision = policy.decide(view, caller, 'retrieve', purpose);
  if (decision.kind === 'none') return nothing;
  const principals = [...userPrincipals(caller), caller.client, ...actorPrincipals(caller)];
  const numbers = await catalog.numbers(caller.tenant, principals, stamp);
  const subject = aclSubject(caller);
  const settled: Settled = await settle(catalog, caller.tenant, 'own', subject);
  const { restriction } = request;
  // Database time, since there is no hit whose validity could be judged again.
  const now = Math.floor(settled.at / 1_000);
  const authorization = policy.authorize({ view, caller, decision, restriction, numbers, now, without: settled.without });
  if (authorization.kind === 'none') return nothing;
  const chunks = await vectors.count(authorization.filter, signal);
  const afterwards = await settle(catalog, caller.tenant, 'own', subject);
  if (!stillSettled(settled, afterwards)) return undefined;
  // What a grant opened was counted as the caller's: it must not be told after the grant has ended.
  const ends = grantsFor(view.grants, caller, settled.at).map(({ validUntil }) => validUntil);
  return { stamp, here, chunks, until: earliest([settled.until, afterwards.until, ...ends]) };
}
