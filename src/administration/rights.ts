import { AppError } from '../core/errors.ts';
import { parseSourceId } from '../core/ids.ts';
import { neutralLabel, type Label } from '../core/label.ts';
import type { Action } from '../core/policy-lines.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { DecidedUnder } from '../core/ports/switches.ts';
import type { Presence } from '../core/presence.ts';
import type { Principal } from '../core/principal.ts';
import { effectiveZone, type Source } from '../core/zone.ts';

/** Casbin's answer over a source as a whole, or with a document's declared label joined in. */
export function mayOver(policy: PolicyPort, { view, caller }: Presence, action: Action, source: Source, declared?: Label): boolean {
  const object = effectiveZone(view.scheme, source, declared ?? neutralLabel(view.scheme));
  return policy.permits(view, caller, action, object).kind === 'permit';
}

/** The live source; undefined where there is none of that name. */
export function liveSource({ view }: Presence, text: string): Source | undefined {
  const id = parseSourceId(text);
  const source = id === undefined ? undefined : view.sources.get(id);
  return source?.state === 'live' ? source : undefined;
}

/** The user, the client and the actor of a request. */
export function partiesOf({ caller }: Pick<Presence, 'caller'>): readonly Principal[] {
  const user = caller.user.kind === 'user' ? [caller.user.principal] : [];
  const actor = caller.actor.kind === 'actor' ? caller.actor.principals : [];
  return [...user, caller.client, ...actor];
}

/** For what no policy is asked about: `forbidden` where the user, the client or the actor is switched off. */
export function demandNotOff(here: Presence): void {
  if (partiesOf(here).some((party) => here.view.off.principals.has(party))) throw new AppError('forbidden', { detail: 'switched off' });
}

export function decidedUnder(here: Presence): DecidedUnder {
  return { policy: here.view.policy.id, parties: partiesOf(here) };
}
