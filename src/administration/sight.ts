import { usualPurpose } from '../core/purpose.ts';
import type { ZoneId } from '../core/ids.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Presence } from '../core/presence.ts';

/** The zones whose documents a report may name to whoever asks: those they hold `audit` or `label` on. */
export interface Sight {
  /** `tenant`: the right to audit everything, so that totals are of all there is. */
  readonly over: 'tenant' | 'some';
  readonly zones: ReadonlySet<ZoneId>;
  /** Casbin's own answer, for a zone whose documents are about to be named. */
  confirmed(zone: ZoneId): boolean;
}

const SEEING = ['audit', 'label'] as const;

export function sightOf(policy: PolicyPort, { view, caller }: Presence): Sight {
  const usual = usualPurpose(policy);
  const decisions = SEEING.map((action) => policy.decide(view, caller, action, usual));
  return {
    over: policy.permitsTenant(view, caller, 'audit').kind === 'permit' ? 'tenant' : 'some',
    zones: new Set(decisions.flatMap((decision) => (decision.kind === 'zones' ? [...decision.zones] : []))),
    confirmed: (zone) => SEEING.some((action) => policy.confirm(view, caller, zone, action, usual).kind === 'permit'),
  };
}
