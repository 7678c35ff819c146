import type { Membership } from './line.ts';

interface Node {
  readonly edges: Membership[];
  state: 'new' | 'open' | 'done';
  next: number;
}

/**
 * The `g` lines that close a circle of roles. Walks without recursion, since a chain may be as long as the file. Names of two
 * tenants are two names.
 */
export function cyclicMemberships(memberships: readonly Membership[]): readonly Membership[] {
  const tenants = new Map<string, Map<string, Node>>();
  for (const membership of memberships) {
    const nodes = tenants.get(membership.tenant) ?? new Map<string, Node>();
    tenants.set(membership.tenant, nodes);
    const known = nodes.get(membership.member);
    if (known === undefined) nodes.set(membership.member, { edges: [membership], state: 'new', next: 0 });
    else known.edges.push(membership);
  }
  return [...tenants.values()].flatMap(closing);
}

function closing(nodes: ReadonlyMap<string, Node>): readonly Membership[] {
  const found: Membership[] = [];
  for (const start of nodes.values()) {
    const stack: Node[] = [];
    const enter = (node: Node): void => {
      node.state = 'open';
      stack.push(node);
    };
    if (start.state === 'new') enter(start);
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const edge = node.edges[node.next];
      node.next += 1;
      if (edge === undefined) {
        node.state = 'done';
        stack.pop();
        continue;
      }
      // A role without memberships of its own is no node: nothing goes on from it.
      const target = nodes.get(edge.role);
      if (target?.state === 'open') found.push(edge);
      if (target?.state === 'new') enter(target);
    }
  }
  return found;
}
