import type { Caller } from '../core/caller.ts';
import type { TenantId, ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { EntitlementCatalog } from '../core/ports/watching.ts';
import type { Subject } from './watch-subjects.ts';

export interface EntitlementParts {
  readonly catalog: EntitlementCatalog;
  readonly policy: Pick<PolicyPort, 'decide' | 'purposes'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

interface Counts {
  readonly at: number;
  readonly generation: number;
  readonly byZone: ReadonlyMap<ZoneId, number>;
}

/** Counting reads every live document of a tenant, so not for every change of it. */
const RENEW_MS = 60_000;
const AT_MOST_EVERY_MS = 5_000;
const MAX_TENANTS = 1_000;

/**
 * How many documents somebody may read, by the zones that policy opens to them: their ACLs are not asked, so it is never too low
 * while the counts are fresh, and being too high only delays.
 */
export function createEntitlements(parts: EntitlementParts): {
  /** Brings the subject's up to date, as far as it is counted already. */
  renew(subject: Subject, view: TenantView, caller: Caller): void;
  settled(): Promise<void>;
} {
  const known = new Map<TenantId, Counts>();
  const running = new Map<TenantId, Promise<void>>();

  const refresh = (tenant: TenantId, generation: number): void => {
    const counts = known.get(tenant);
    const age = counts === undefined ? Infinity : parts.clock.now() - counts.at;
    const due = age >= RENEW_MS || (counts?.generation !== generation && age >= AT_MOST_EVERY_MS);
    if (!due || running.has(tenant)) return;
    const counting = parts.catalog
      .documentsByZone(tenant)
      .then((byZone) => {
        known.delete(tenant);
        known.set(tenant, { at: parts.clock.now(), generation, byZone });
        const [oldest] = known.keys();
        if (known.size > MAX_TENANTS && oldest !== undefined) known.delete(oldest);
      })
      .catch((error: unknown) => parts.telemetry.log.warn({ tenant, reason: String(error) }, 'documents could not be counted'))
      .finally(() => running.delete(tenant));
    running.set(tenant, counting);
  };

  return {
    renew(subject, view, caller) {
      refresh(view.tenant, view.generation);
      const counts = known.get(view.tenant);
      if (counts === undefined) return;
      const before = subject.entitlement;
      const same = before?.generation === view.generation && before.counts === counts;
      if (same && before.through === caller.client) return;
      // A client has what it may read by itself: its window spans all users that come through it.
      const asked: Caller = subject.kind === 'client' ? { ...caller, user: { kind: 'none' }, actor: { kind: 'none' } } : caller;
      const documents = widest(parts.policy, view, asked, counts.byZone);
      // Through another client they may see less; the window spans all of them.
      const most = same ? Math.max(documents, before.documents) : documents;
      subject.entitlement = { documents: most, generation: view.generation, through: caller.client, counts };
    },
    async settled() {
      await Promise.all(running.values());
    },
  };
}

function widest(
  { decide, purposes }: Pick<PolicyPort, 'decide' | 'purposes'>,
  view: TenantView,
  caller: Caller,
  byZone: ReadonlyMap<ZoneId, number>,
): number {
  const zones = new Set<ZoneId>();
  for (const purpose of purposes) {
    const decision = decide(view, caller, 'retrieve', purpose);
    if (decision.kind === 'zones') for (const zone of decision.zones) zones.add(zone);
  }
  let total = 0;
  for (const zone of zones) total += byZone.get(zone) ?? 0;
  return total;
}
