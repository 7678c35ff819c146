import type { ChainLink } from '../core/ports/explain.ts';
import type { PolicyRevision } from '../core/policy-lines.ts';
import { membershipOf, ruleOf, type Membership, type Rule } from './line.ts';

/** One revision as explanations read it: beside the lines by name, the line that gave each role, and every name that occurs. */
export interface ExplainIndex {
  rules(action: string, who: string): readonly Rule[];
  /** Every principal and role that a line names. */
  readonly names: ReadonlySet<string>;
  /** Everything reached from the names, each with the shortest way there; of equal ones the first in the policy. */
  reach(names: Iterable<string>): ReadonlyMap<string, Way>;
  text(line: number): string;
}

export interface Way {
  readonly from: string | undefined;
  readonly line: number | undefined;
}

const NO_RULES: readonly Rule[] = [];

export function explainIndex(tenant: string, revision: PolicyRevision): ExplainIndex {
  const rules = new Map<string, Rule[]>();
  const roles = new Map<string, Membership[]>();
  const names = new Set<string>();
  const texts = new Map(revision.lines.map(({ type, columns, line }) => [line, [type, ...columns].join(', ')]));
  const push = <T>(map: Map<string, T[]>, key: string, value: T): void => {
    const known = map.get(key);
    if (known === undefined) map.set(key, [value]);
    else known.push(value);
  };
  for (const line of revision.lines) {
    const rule = ruleOf(line);
    if (rule?.tenant === tenant) push(rules, `${rule.act}\n${rule.who}`, rule);
    const membership = membershipOf(line);
    if (membership?.tenant === tenant) push(roles, membership.member, membership);
    const who = line.columns[0];
    if (who !== undefined) names.add(who);
  }
  return {
    rules: (action, who) => rules.get(`${action}\n${who}`) ?? NO_RULES,
    names,
    text: (line) => texts.get(line) ?? '',
    reach(from) {
      const found = new Map<string, Way>([...from].map((name) => [name, { from: undefined, line: undefined }]));
      // A Map visits what is added during the walk, so it is the queue as well.
      for (const name of found.keys()) {
        for (const { role, line } of roles.get(name) ?? []) if (!found.has(role)) found.set(role, { from: name, line });
      }
      return found;
    },
  };
}

/** The way from a principal to a name, the principal first. */
export function chainTo(ways: ReadonlyMap<string, Way>, name: string): readonly ChainLink[] {
  const chain: ChainLink[] = [];
  for (let at: string | undefined = name; at !== undefined;) {
    const way: Way | undefined = ways.get(at);
    chain.unshift(way?.line === undefined ? { name: at } : { name: at, line: way.line });
    at = way?.from;
  }
  return chain;
}
