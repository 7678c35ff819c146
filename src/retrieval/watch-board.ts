import type { TenantId } from '../core/ids.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { WatchBoard, WatchedSubject, WatchReading } from '../core/ports/watching.ts';
import { rulesFor, type WatchingPolicy, type WatchRule } from '../core/watching.ts';
import { concerns, valueOf } from './watch-rules.ts';
import type { Hold, Subject, Subjects } from './watch-subjects.ts';

/** Of a threshold: from here on somebody is close to it. */
const NEAR = 0.8;

/** What of all this is shown and forgotten. */
export function boardOf(subjects: Subjects, watching: WatchingPolicy, clock: Clock): WatchBoard {
  return {
    subjects(tenant, after, limit) {
      const now = clock.now();
      const found = new Map<string, WatchedSubject>();
      const rules = rulesFor(watching, tenant);
      for (const subject of subjects.all()) {
        if (subject.tenant !== tenant || (after !== undefined && subject.principal <= after)) continue;
        const readings = near(subject, rules, now);
        if (readings.length > 0) found.set(subject.principal, { subject: subject.principal, readings });
      }
      for (const held of holdsOf(subjects, tenant, now)) {
        if (after !== undefined && held.principal <= after) continue;
        const readings = found.get(held.principal)?.readings ?? [];
        found.set(held.principal, { subject: held.principal, readings, ...holding(held, now) });
      }
      return [...found.values()].sort((a, b) => (a.subject < b.subject ? -1 : 1)).slice(0, limit);
    },
    knows: (tenant, subject) => subjects.knows(tenant, subject),
    forget: (tenant, subject) => subjects.forget(tenant, subject),
  };
}

function* holdsOf(subjects: Subjects, tenant: TenantId, now: number): Generator<Hold> {
  for (const held of subjects.holds()) {
    if (held.tenant === tenant && Math.max(held.blockedUntil, held.limitedUntil) > now) yield held;
  }
}

function holding({ blockedUntil, limitedUntil }: Hold, now: number): Pick<WatchedSubject, 'blockedUntil' | 'limitedUntil'> {
  return { ...(blockedUntil > now ? { blockedUntil } : {}), ...(limitedUntil > now ? { limitedUntil } : {}) };
}

function near(subject: Subject, rules: readonly WatchRule[], now: number): readonly WatchReading[] {
  return rules.flatMap((rule) => {
    const value = concerns(rule, subject) ? valueOf(subject, rule, now) : 'unknown';
    if (value === 'unknown' || value === 0 || value < NEAR * rule.over) return [];
    return [{ kind: rule.kind, window: rule.in, action: rule.action, over: rule.over, value }];
  });
}
