import { named, namedDocument } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { digestOf } from '../core/digest.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { ReadCatalog, WriteCatalog } from '../core/ports/catalog.ts';
import type { SwitchTarget, TenantAdmin } from '../core/ports/tenants.ts';
import type { DecidedUnder, LiftProposal, SwitchCatalog, ThrownSwitch, TwoPersonTarget } from '../core/ports/switches.ts';
import { presence, type Presence } from '../core/presence.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import { again } from './again.ts';
import { decidedUnder, demandNotOff, liveSource, mayOver, partiesOf } from './rights.ts';
import { isAdministrator, isOperator, locksOut, switchTarget, type SwitchName, type SwitchRights } from './switch-targets.ts';

/** How long a second person has to confirm. */
export const LIFT_WINDOW_MS = 60 * 60_000;
const MIN_PAGE = 200;

export interface SwitchParts extends SwitchRights {
  readonly catalog: ReadCatalog & TenantAdmin & SwitchCatalog & Pick<WriteCatalog, 'document'>;
  readonly audit: AuditPort;
}

export interface SwitchResource {
  readonly kind: SwitchName['kind'];
  readonly id?: string;
  /** Who threw it and why are not told of a switch that another tenant's operator threw over everything. */
  readonly reason?: string;
  readonly by?: string;
  readonly through?: string;
  /** ISO 8601, database time. */
  readonly at: string;
  readonly proposal?: ProposalResource;
}

export interface ProposalResource {
  readonly by: string;
  readonly at: string;
  readonly until: string;
}

export type LiftResource =
  | { readonly state: 'lifted'; readonly kind: SwitchName['kind']; readonly id?: string }
  | { readonly state: 'proposed'; readonly kind: SwitchName['kind']; readonly proposal: ProposalResource };

export interface SwitchService {
  /** What is off and the caller may know of, `limit` at most, with a place to go on from. */
  list(
    context: RequestContext,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly switches: readonly SwitchResource[]; readonly next?: string }>;
  /** Effective for every request that starts afterwards. Thrown already: nothing changes. Fails with `would_lock_out` too. */
  throw(
    context: RequestContext,
    name: SwitchName,
    reason: string,
  ): Promise<{ readonly thrown: boolean; readonly resource: SwitchResource }>;
  /** `not_found` where it is not off. Tenant and everything take two people: `second_person_required`. */
  lift(context: RequestContext, name: SwitchName): Promise<LiftResource>;
  /** Takes a proposal to lift back. `not_found` where there is none. */
  withdrawLift(context: RequestContext, name: SwitchName): Promise<void>;
}

export function createSwitches(parts: SwitchParts): SwitchService {
  const { catalog } = parts;
  return {
    list: (context, after, limit) => list(parts, context, after, limit),

    throw: (context, name, reason) =>
      recorded(parts, context, name, () =>
        again(async () => {
          const here = await presence(catalog, context.caller);
          const target = await switchTarget(parts, here, name);
          const known = await catalog.thrownSwitch(here.view.tenant, target);
          if (known !== undefined) return { thrown: false, resource: shown(known) };
          if (locksOut(parts, here, target)) throw new AppError('would_lock_out');
          await catalog.throwSwitch(here.view.tenant, target, reason, changeBy(context), underOf(here, target));
          const made = await catalog.thrownSwitch(here.view.tenant, target);
          // Lifted again before it could be read.
          if (made === undefined) throw new AppError('conflict');
          return { thrown: true, resource: shown(made) };
        }),
      ),

    lift: (context, name) =>
      recorded(parts, context, name, () =>
        again(async () => {
          const here = await presence(catalog, context.caller);
          const target = await switchTarget(parts, here, name);
          const known = await catalog.thrownSwitch(here.view.tenant, target);
          if (known === undefined) throw new AppError('not_found');
          if (target.kind === 'tenant' || target.kind === 'all') return liftByTwo(parts, context, here, target);
          await catalog.liftSwitch(here.view.tenant, target, changeBy(context), underOf(here, target));
          return { state: 'lifted', ...nameOf(known.target) };
        }),
      ),

    withdrawLift: (context, name) =>
      recorded(parts, context, name, () =>
        again(async () => {
          const here = await presence(catalog, context.caller);
          const target = await switchTarget(parts, here, name);
          if (target.kind !== 'tenant' && target.kind !== 'all') throw new AppError('not_found');
          const known = await catalog.thrownSwitch(here.view.tenant, target);
          if (known?.proposal.kind !== 'open') throw new AppError('not_found');
          await catalog.withdrawLift(here.view.tenant, target, changeBy(context), underOf(here, target));
        }),
      ),
  };
}

/** An operator's right does not come from the tenant's policy, so no revision of it takes it away. */
function underOf(here: Presence, target: SwitchTarget): DecidedUnder {
  return target.kind === 'all' ? { parties: partiesOf(here) } : decidedUnder(here);
}

/** A person, by their own hand: an application alone is nobody, and one that acts for somebody may act for both. */
async function liftByTwo(parts: SwitchParts, context: RequestContext, here: Presence, target: TwoPersonTarget): Promise<LiftResource> {
  const { caller, view } = here;
  if (caller.user.kind !== 'user' || caller.actor.kind !== 'none') throw new AppError('second_person_required');
  const change = changeBy(context);
  const outcome = await parts.catalog.liftByTwo(view.tenant, target, change, LIFT_WINDOW_MS, underOf(here, target));
  switch (outcome.kind) {
    case 'lifted':
      return { state: 'lifted', kind: target.kind };
    case 'proposed':
      return { state: 'proposed', kind: target.kind, proposal: proposal(outcome.proposal) };
    case 'same-person':
      throw new AppError('second_person_required');
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['forbidden', 'not_found', 'would_lock_out', 'second_person_required']);

/** A refusal is an event too: who tries to switch others off, or on again, is worth knowing. */
async function recorded<T>({ audit }: SwitchParts, context: RequestContext, { kind, id }: SwitchName, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof AppError) || !REFUSALS.has(error.code)) throw error;
    const { by, through } = changeBy(context);
    const body = { by: named(by), through, kind, target: targetNamed(kind, id ?? ''), code: error.code };
    await audit.append({ tenant: context.caller.tenant, kind: 'switch.refused', requestId: context.requestId, body });
    throw error;
  }
}

/** It may be anything that somebody wrote there. */
function targetNamed(kind: SwitchName['kind'], id: string): Json {
  const [source = '', ...document] = id.split('/');
  if (kind === 'document' && document.length > 0) return namedDocument(source, document.join('/'));
  return kind === 'user' && id.startsWith('user:') ? named(id) : digestOf(id);
}

async function list(
  parts: SwitchParts,
  context: RequestContext,
  after: string | undefined,
  limit: number,
): ReturnType<SwitchService['list']> {
  const here = await presence(parts.catalog, context.caller);
  demandNotOff(here);
  const page = Math.max(limit + 1, MIN_PAGE);
  const found: { readonly cursor: string; readonly resource: SwitchResource }[] = [];
  const show = shownTo(parts, here);
  for (let from = after; ;) {
    const read = await parts.catalog.thrownSwitches(here.view.tenant, from, page);
    for (const one of read) {
      const resource = show(one);
      if (resource !== undefined) found.push({ cursor: one.cursor, resource });
    }
    from = read.at(-1)?.cursor;
    if (found.length > limit || read.length < page) break;
  }
  const last = found[limit - 1];
  return {
    switches: found.slice(0, limit).map(({ resource }) => resource),
    ...(found.length > limit && last !== undefined ? { next: last.cursor } : {}),
  };
}

/** What of a switch the caller is told: everything where they may throw it, that it is off where it stops their own tenant. */
function shownTo(parts: SwitchParts, here: Presence): (one: ThrownSwitch) => SwitchResource | undefined {
  const administers = isAdministrator(parts, here);
  const operates = isOperator(parts, here);
  return (one) => {
    switch (one.target.kind) {
      case 'all':
        return operates ? shown(one) : administers ? { kind: 'all', at: new Date(one.at).toISOString() } : undefined;
      case 'tenant':
      case 'user':
      case 'client':
        return administers ? shown(one) : undefined;
      case 'source': {
        const source = liveSource(here, one.target.id);
        return source !== undefined && mayOver(parts.policy, here, 'label', source) ? shown(one) : undefined;
      }
      case 'document': {
        const source = liveSource(here, one.target.source);
        return source !== undefined && mayOver(parts.policy, here, 'label', source, one.target.declared) ? shown(one) : undefined;
      }
    }
  };
}

function shown(one: ThrownSwitch): SwitchResource {
  const { reason, by, through, at } = one;
  return {
    ...nameOf(one.target),
    reason,
    by,
    through,
    at: new Date(at).toISOString(),
    ...(one.proposal.kind === 'open' ? { proposal: proposal(one.proposal) } : {}),
  };
}

function nameOf(target: ThrownSwitch['target']): { readonly kind: SwitchName['kind']; readonly id?: string } {
  switch (target.kind) {
    case 'tenant':
    case 'all':
      return { kind: target.kind };
    case 'document':
      return { kind: target.kind, id: `${target.source}/${target.document}` };
    case 'source':
    case 'user':
    case 'client':
      return { kind: target.kind, id: target.id };
  }
}

function proposal({ by, at, until }: LiftProposal): ProposalResource {
  return { by, at: new Date(at).toISOString(), until: new Date(until).toISOString() };
}
