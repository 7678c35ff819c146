import type { Caller } from '../core/caller.ts';
import type { SourceId } from '../core/ids.ts';
import { joinLabels, type Label } from '../core/label.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Verdict } from '../core/ports/policy.ts';
import type { PolicyObject } from '../core/zone.ts';
import { refuse } from './second-key.ts';
import type { Standing } from './standing.ts';
import type { ViewRoom } from './view-room.ts';

/** Covered by no pattern but `*` itself. Not a source id, so no source can be mistaken for it. */
const WHOLE = '*' as SourceId;

/** The tenant as an object: highest level of the scheme and the joint label of everything in it, so a ceiling must cover all. */
function wholeTenant(view: TenantView): PolicyObject {
  const { levels } = view.scheme;
  const top: Label = { level: levels.at(-1) ?? levels[0], compartments: [], trust: 'trusted' };
  const labels = [...[...view.sources.values()].map((source) => source.label), ...[...view.zones.values()].map((zone) => zone.declared)];
  return { tenant: view.tenant, source: WHOLE, label: labels.reduce((a, b) => joinLabels(view.scheme, a, b), top) };
}

function isDeniedSomewhere(standing: Standing, action: 'administer' | 'audit'): boolean {
  const others = [standing.user, standing.actor].flatMap((one) => (one.kind === 'party' ? [one.party] : []));
  return [standing.client, ...others].some((party) => party.rules(action).some((rule) => rule.eft === 'deny'));
}

/** A right over the whole tenant: a line with source `*` grants it, a deny on any part of the tenant takes it away. */
export function wholeTenantVerdict(
  view: TenantView,
  room: ViewRoom,
  standing: Standing,
  caller: Caller,
  action: 'administer' | 'audit',
  purpose: string,
): Verdict {
  const verdict = room.permits(caller, action, wholeTenant(view), purpose);
  return verdict.kind === 'permit' && isDeniedSomewhere(standing, action) ? refuse('denied') : verdict;
}
