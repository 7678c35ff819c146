import type { WatchRule } from '../core/watching.ts';
import type { Subject } from './watch-subjects.ts';
import { distinctCount, novelty, tickCount, touchedSince, windowMs } from './watch-window.ts';

/** `unknown` where it is a share of something that is not counted yet, or of too little to say anything. */
export function valueOf(subject: Subject, rule: WatchRule, now: number): number | 'unknown' {
  const window = subject[rule.in];
  switch (rule.kind) {
    case 'documents':
      return distinctCount(window, now);
    case 'share': {
      const seen = distinctCount(window, now);
      const all = subject.entitlement?.documents ?? 0;
      return seen < rule.atLeast || all === 0 ? 'unknown' : Math.min(1, seen / all);
    }
    case 'novelty':
      return distinctCount(window, now) < rule.atLeast ? 'unknown' : novelty(window, now);
    case 'near-misses':
      return tickCount(subject.nearMisses, rule.in, now);
    case 'bait':
      return touchedSince(subject.bait, now - windowMs(rule.in));
  }
}

export function concerns(rule: WatchRule, { kind }: Subject): boolean {
  return rule.of === 'both' || rule.of === kind;
}

export interface Tripped {
  readonly rule: WatchRule;
  readonly value: number;
}

export function tripped(subject: Subject, rules: readonly WatchRule[], now: number): readonly Tripped[] {
  const found: Tripped[] = [];
  for (const rule of rules) {
    if (!concerns(rule, subject)) continue;
    const value = valueOf(subject, rule, now);
    if (value !== 'unknown' && value > rule.over) found.push({ rule, value });
  }
  return found;
}
