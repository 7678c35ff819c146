import type { PolicyRevision } from '../core/policy-lines.ts';
import { membershipOf, ruleOf, type Rule } from './line.ts';

/** One revision of one tenant, its lines found by the name they speak of. */
export interface RevisionIndex {
  rules(action: string, who: string): readonly Rule[];
  /** The names given and every role reached from them: one breadth-first walk, however long the chain. */
  reach(names: readonly string[]): ReadonlySet<string>;
}

const NO_RULES: readonly Rule[] = [];

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

/** The lines must have passed `checkLines`. Lines of another tenant are left out all the same. */
export function indexRevision(tenant: string, revision: PolicyRevision): RevisionIndex {
  const byAction = new Map<string, Map<string, Rule[]>>();
  const rolesOf = new Map<string, string[]>();
  for (const line of revision.lines) {
    const rule = ruleOf(line);
    if (rule?.tenant === tenant) {
      const byName = byAction.get(rule.act) ?? new Map<string, Rule[]>();
      byAction.set(rule.act, byName);
      push(byName, rule.who, rule);
    }
    const membership = membershipOf(line);
    if (membership?.tenant === tenant) push(rolesOf, membership.member, membership.role);
  }
  return {
    rules: (action, who) => byAction.get(action)?.get(who) ?? NO_RULES,
    reach(names) {
      // A Set keeps the order of insertion and visits what is added during the walk, so it is the queue as well.
      const held = new Set<string>(names);
      for (const name of held) {
        for (const role of rolesOf.get(name) ?? []) held.add(role);
      }
      return held;
    },
  };
}
