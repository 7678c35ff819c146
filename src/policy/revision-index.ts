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

interface ActionLines {
  readonly rules: Rule[];
  /** A purpose is one of a closed list by the time it comes here. */
  readonly byPurpose: Map<string, ServingLines>;
  anyPurpose: boolean;
}

class Node implements NameNode {
  readonly name: string;
  readonly roles: Node[] = [];
  /** The last walk that came by. Walks only ever count up, so none can take a node for seen that it has not seen. */
  seenBy = 0;
  readonly #lines = new Map<string, ActionLines>();
  readonly #serves: PolicyFunctions['serves'];

  constructor(name: string, serves: PolicyFunctions['serves']) {
    this.name = name;
    this.#serves = serves;
  }

  add(rule: Rule): void {
    const known = this.#lines.get(rule.act) ?? { rules: [], byPurpose: new Map<string, ServingLines>(), anyPurpose: true };
    this.#lines.set(rule.act, known);
    known.rules.push(rule);
    if (rule.purpose !== '*') known.anyPurpose = false;
  }

  rules(action: string): readonly Rule[] {
    return this.#lines.get(action)?.rules ?? NO_RULES;
  }

  serving(action: string, purpose: string): ServingLines | undefined {
    const lines = this.#lines.get(action);
    // Most lines serve any purpose, and what is compiled from them is then the same for all.
    if (lines === undefined || lines.anyPurpose) return lines?.rules;
    const known = lines.byPurpose.get(purpose) ?? lines.rules.filter((rule) => this.#serves(rule.purpose, purpose));
    lines.byPurpose.set(purpose, known);
    return known.length === 0 ? undefined : known;
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
  const texts = new Map<string, string>();
  const share = (text: string): string => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
  for (const line of revision.lines) {
    const rule = ruleOf(line, share);
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
