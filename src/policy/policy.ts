import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { Authorization } from '../core/filter.ts';
import { grantsFor } from '../core/grants.ts';
import { trustRank, TRUSTS, type LabelScheme, type Trust } from '../core/label.ts';
import type { Action, PolicyRevision } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort, Purpose, Verdict } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { PolicyObject } from '../core/zone.ts';
import { grantTerm, mintFilter, numbersOf, withinRestriction } from './authorized-filter.ts';
import { checkLines } from './check-lines.ts';
import { policyFunctions } from './functions.ts';
import { loadModel } from './model.ts';
import { revisionRoom, type RevisionRoom } from './revision-room.ts';
import type { TenantId } from '../core/ids.ts';
import { viewRoom, type ViewRoom } from './view-room.ts';
import type { Vocabulary } from './vocabulary.ts';
import type { ZoneSets } from './zone-sets.ts';
import { wholeTenantVerdict } from './whole-tenant.ts';

export interface PolicyOptions {
  /** The text of `model.conf`. */
  readonly model: string;
  readonly purposes: Vocabulary['purposes'];
  readonly scheme: LabelScheme;
  readonly telemetry: Telemetry;
}

interface Rooms {
  readonly room: ViewRoom;
  readonly revision: RevisionRoom;
}

const TRUST_DOWNWARDS = [...TRUSTS].sort((a, b) => trustRank(b) - trustRank(a));

function requireSameScheme(scheme: LabelScheme, view: TenantView): void {
  const same = scheme.levels.length === view.scheme.levels.length && scheme.levels.every((l, i) => view.scheme.levels[i] === l);
  if (!same) throw new AppError('policy_unavailable', { detail: 'the view has another label scheme than the policy' });
}

function roomsByView(options: PolicyOptions, vocabulary: Vocabulary): (view: TenantView) => Rooms {
  const model = loadModel(options.model);
  const functions = policyFunctions(options.scheme);
  const revisions = new WeakMap<PolicyRevision, Map<string, RevisionRoom>>();
  const rooms = new WeakMap<TenantView, Rooms>();
  // As many as there are tenants, like the views that the catalog keeps. What it holds belongs to one tenant and to no view.
  const newest = new Map<TenantId, ZoneSets>();

  const revisionOf = ({ tenant, policy }: TenantView): RevisionRoom => {
    const byTenant = revisions.get(policy) ?? new Map<string, RevisionRoom>();
    revisions.set(policy, byTenant);
    const known = byTenant.get(tenant) ?? revisionRoom({ model, functions, vocabulary, telemetry: options.telemetry }, tenant, policy);
    byTenant.set(tenant, known);
    return known;
  };

  return (view) => {
    const known = rooms.get(view);
    if (known !== undefined) return known;
    requireSameScheme(options.scheme, view);
    const revision = revisionOf(view);
    const room = viewRoom(view, revision, functions, newest.get(view.tenant));
    const made = { revision, room };
    rooms.set(view, made);
    newest.set(view.tenant, room.sets);
    return made;
  };
}

function authorizer(roomsOf: (view: TenantView) => Rooms): PolicyPort['authorize'] {
  return ({ view, caller, decision, restriction, numbers, now, without = { kind: 'none' } }): Authorization => {
    if (decision.kind === 'none') return { kind: 'none' };
    const { room, revision } = roomsOf(view);
    if (!room.isOwn(decision, caller, 'retrieve')) {
      throw new AppError('policy_unavailable', { detail: 'a decision that was not made for this view, caller and action' });
    }
    const zones = decision.zones.filter((id) => {
      const zone = room.table.objects[room.table.positionOf.get(id) ?? -1];
      return zone !== undefined && withinRestriction(view.scheme, restriction, zone);
    });
    if (zones.length === 0) return { kind: 'none' };
    const { acl } = revision.standing(caller);
    const filter = mintFilter({
      tenant: view.tenant,
      zones,
      gate: numbersOf(acl.gate, numbers),
      deny: numbersOf(acl.deny, numbers),
      now,
      metadata: restriction.filter === undefined ? { kind: 'none' } : { kind: 'filter', filter: restriction.filter },
      grants: grantTerm(grantsFor(view.grants, caller, now * 1_000), zones),
      without,
    });
    return { kind: 'filter', filter };
  };
}

/**
 * Both keys of the two-key rule, for any tenant. Throws at once where the model is not the one this version compiles.
 * Every method fails with `policy_unavailable` where the view's revision cannot be judged by, and `decide` and `confirm`
 * with `invalid_request` for a purpose outside the closed list.
 */
export function createPolicy(options: PolicyOptions): PolicyPort {
  const { purposes, scheme } = options;
  const vocabulary: Vocabulary = { scheme, purposes };
  const roomsOf = roomsByView(options, vocabulary);
  const [usual] = purposes;

  const requirePurpose = (purpose: Purpose): void => {
    if (purposes.includes(purpose)) return;
    throw new AppError('invalid_request', { issues: [{ pointer: '/purpose', message: `must be one of: ${purposes.join(', ')}` }] });
  };
  const permits = (view: TenantView, caller: Caller, action: Action, object: PolicyObject): Verdict =>
    roomsOf(view).room.permits(caller, action, object, usual);

  return {
    purposes,
    decide(view, caller, action, purpose) {
      requirePurpose(purpose);
      return roomsOf(view).room.decide(caller, action, purpose);
    },
    authorize: authorizer(roomsOf),
    confirm(view, caller, zone, action, purpose) {
      requirePurpose(purpose);
      return roomsOf(view).room.confirm(caller, zone, action, purpose);
    },
    permits,
    permitsTenant(view, caller, action) {
      const { room, revision } = roomsOf(view);
      return wholeTenantVerdict(view, room, revision.standing(caller), caller, action, usual);
    },
    writerTrust(view, caller, object) {
      const as = (trust: Trust): PolicyObject => ({ ...object, label: { ...object.label, trust } });
      const trust = TRUST_DOWNWARDS.find((candidate) => permits(view, caller, 'ingest', as(candidate)).kind === 'permit');
      return trust === undefined ? { kind: 'none' } : { kind: 'trust', trust };
    },
    check: (tenant, lines) => checkLines(vocabulary, tenant, lines),
  };
}
