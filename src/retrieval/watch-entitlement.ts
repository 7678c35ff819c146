import { setImmediate } from 'node:timers/promises';
import { judgeAcl } from '../core/acl.ts';
import { aclSubject, type Caller } from '../core/caller.ts';
import type { TenantId, ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { DocumentCount, EntitlementCatalog } from '../core/ports/watching.ts';
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
  readonly rows: readonly DocumentCount[];
}

/** Counting reads every live document of a tenant, so not for every change of it. */
const RENEW_MS = 600_000;
const AT_MOST_EVERY_MS = 60_000;
const MAX_TENANTS = 1_000;
/** Rows beyond are left out: a share then comes out larger, and an alarm earlier. */
const MAX_ROWS = 50_000;
/** ACLs judged before others have their turn. */
const SLICE = 500;

/** What each tenant holds, counted anew in the background where it is due. */
function createCounted({ catalog, clock, telemetry }: EntitlementParts): {
  of(tenant: TenantId, generation: number): Counts | undefined;
  settled(): Promise<void>;
} {
  const known = new Map<TenantId, Counts>();
  const counting = new Map<TenantId, Promise<void>>();

  const count = async (tenant: TenantId, generation: number): Promise<void> => {
    try {
      const rows = await catalog.documentCounts(tenant, MAX_ROWS);
      known.delete(tenant);
      known.set(tenant, { at: clock.now(), generation, rows });
      const [oldest] = known.keys();
      if (known.size > MAX_TENANTS && oldest !== undefined) known.delete(oldest);
    } catch (error) {
      telemetry.log.warn({ tenant, reason: String(error) }, 'documents could not be counted');
    } finally {
      counting.delete(tenant);
    }
  };

  return {
    of(tenant, generation) {
      const counts = known.get(tenant);
      const age = counts === undefined ? Infinity : clock.now() - counts.at;
      const due = age >= RENEW_MS || (counts?.generation !== generation && age >= AT_MOST_EVERY_MS);
      if (due && !counting.has(tenant)) counting.set(tenant, count(tenant, generation));
      return counts;
    },
    async settled() {
      await Promise.all(counting.values());
    },
  };
}

/**
 * How many documents somebody may read: by the zones that policy opens to them and, for a person, by each document's ACL, so that
 * whoever may read little of a large source is measured by that little. A client is measured by its zones alone, since its window
 * spans all the people who come through it. Grants to one person are left out.
 */
export function createEntitlements(parts: EntitlementParts): {
  /** Brings the subject's up to date in the background, from what is counted already. */
  renew(subject: Subject, view: TenantView, caller: Caller): void;
  settled(): Promise<void>;
} {
  const counted = createCounted(parts);
  const judging = new Map<Subject, Promise<void>>();

  const note = (subject: Subject, view: TenantView, { client }: Caller, counts: Counts, documents: number): void => {
    const before = subject.entitlement;
    const same = before?.generation === view.generation && before.counts === counts;
    // Through another client they may see less; the window spans all of them.
    const most = same ? Math.max(documents, before.documents) : documents;
    subject.entitlement = { documents: most, generation: view.generation, through: client, counts };
  };

  return {
    renew(subject, view, caller) {
      const counts = counted.of(view.tenant, view.generation);
      if (counts === undefined || judging.has(subject)) return;
      const { entitlement } = subject;
      if (entitlement?.generation === view.generation && entitlement.counts === counts && entitlement.through === caller.client) return;
      const sum = readable(parts, subject, view, caller);
      if (counts.rows.length <= SLICE) return note(subject, view, caller, counts, sum(counts.rows));
      const run = inSlices(counts.rows, sum)
        .then((documents) => note(subject, view, caller, counts, documents))
        .catch((error: unknown) => parts.telemetry.log.warn({ reason: String(error) }, 'an entitlement could not be counted'))
        .finally(() => judging.delete(subject));
      judging.set(subject, run);
    },
    async settled() {
      await counted.settled();
      await Promise.all(judging.values());
    },
  };
}

/** Adds up what they may read of some rows. */
function readable(
  parts: EntitlementParts,
  { kind }: Subject,
  view: TenantView,
  caller: Caller,
): (rows: readonly DocumentCount[]) => number {
  const asked: Caller = kind === 'client' ? { ...caller, user: { kind: 'none' }, actor: { kind: 'none' } } : caller;
  const zones = zonesOf(parts.policy, view, asked);
  const person = aclSubject(asked);
  const now = parts.clock.now();
  const reads = ({ zone, acl }: DocumentCount): boolean =>
    zones.has(zone) && (kind === 'client' || judgeAcl(acl, person, now).kind === 'permit');
  return (rows) => rows.reduce((sum, row) => sum + (reads(row) ? row.documents : 0), 0);
}

async function inSlices(rows: readonly DocumentCount[], sum: (rows: readonly DocumentCount[]) => number): Promise<number> {
  let total = 0;
  for (let start = 0; start < rows.length; start += SLICE) {
    total += sum(rows.slice(start, start + SLICE));
    await setImmediate();
  }
  return total;
}

/** Over all purposes: which one a caller names is theirs to choose. */
function zonesOf({ decide, purposes }: EntitlementParts['policy'], view: TenantView, caller: Caller): ReadonlySet<ZoneId> {
  const decisions = purposes.map((purpose) => decide(view, caller, 'retrieve', purpose));
  return new Set(decisions.flatMap((decision) => (decision.kind === 'zones' ? decision.zones : [])));
}
