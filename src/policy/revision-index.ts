import type { PolicyRevision } from '../core/policy-lines.ts';
import type { PolicyFunctions } from './functions.ts';
import { membershipOf, ruleOf, type Rule } from './line.ts';

/**
 * Lines that name one name with one action and serve one purpose, in order. The object stands for its contents, since it never
 * changes: what is compiled from it is found by it.
 */
export type ServingLines = readonly Rule[];

/** A name that the revision speaks of, as `who` of a rule or in a membership. */
export interface NameNode {
  readonly name: string;
  rules(action: string): readonly Rule[];
  /** Those of them that serve the purpose; undefined where there are none. */
  serving(action: string, purpose: string): ServingLines | undefined;
}

/** One revision of one tenant, its lines found by the name they speak of. */
export interface RevisionIndex {
  /** Those of the names that the revision speaks of, and every role reached from them: one breadth-first walk, however long the chain. */
  reach(names: readonly string[]): readonly NameNode[];
}

const NO_RULES: readonly Rule[] = [];

class Node implements NameNode {
  readonly name: string;
  readonly roles: Node[] = [];
  /** The last walk that came by. Walks only ever count up, so none can take a node for seen that it has not seen. */
  seenBy = 0;
  readonly #rules = new Map<string, Rule[]>();
  readonly #serving = new Map<string, ServingLines>();
  readonly #serves: PolicyFunctions['serves'];

  constructor(name: string, serves: PolicyFunctions['serves']) {
    this.name = name;
    this.#serves = serves;
  }

  add(rule: Rule): void {
    const known = this.#rules.get(rule.act);
    if (known === undefined) this.#rules.set(rule.act, [rule]);
    else known.push(rule);
  }

  rules(action: string): readonly Rule[] {
    return this.#rules.get(action) ?? NO_RULES;
  }

  serving(action: string, purpose: string): ServingLines | undefined {
    const rules = this.rules(action);
    if (rules.length === 0) return undefined;
    const key = `${action}\n${purpose}`;
    let lines = this.#serving.get(key);
    if (lines === undefined) {
      const serving = rules.filter((rule) => this.#serves(rule.purpose, purpose));
      // Most lines serve any purpose, and what is compiled from them is then the same for all.
      lines = serving.length === rules.length ? rules : serving;
      this.#serving.set(key, lines);
    }
    return lines.length === 0 ? undefined : lines;
  }
}

/** The lines must have passed `checkLines`. Lines of another tenant are left out all the same. */
export function indexRevision(tenant: string, revision: PolicyRevision, serves: PolicyFunctions['serves']): RevisionIndex {
  const nodes = new Map<string, Node>();
  const nodeOf = (name: string): Node => {
    const known = nodes.get(name);
    if (known !== undefined) return known;
    const made = new Node(name, serves);
    nodes.set(name, made);
    return made;
  };
  for (const line of revision.lines) {
    const rule = ruleOf(line);
    if (rule?.tenant === tenant) nodeOf(rule.who).add(rule);
    const membership = membershipOf(line);
    if (membership?.tenant === tenant) nodeOf(membership.member).roles.push(nodeOf(membership.role));
  }
  let walks = 0;
  return {
    reach(names) {
      walks += 1;
      const found: Node[] = [];
      const visit = (node: Node): void => {
        if (node.seenBy === walks) return;
        node.seenBy = walks;
        found.push(node);
      };
      for (const name of names) {
        const node = nodes.get(name);
        if (node !== undefined) visit(node);
      }
      // Grows while it is walked: it is the queue as well.
      for (const node of found) for (const role of node.roles) visit(role);
      return found;
    },
  };
}
