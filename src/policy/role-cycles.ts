import type { Membership } from './line.ts';

interface Frame {
  readonly name: string;
  next: number;
}

/** The `g` lines that close a circle of roles. Walks without recursion, since a chain may be as long as the file. */
export function cyclicMemberships(memberships: readonly Membership[]): readonly Membership[] {
  const edges = new Map<string, Membership[]>();
  for (const membership of memberships) {
    const key = `${membership.tenant}\n${membership.member}`;
    const known = edges.get(key);
    if (known === undefined) edges.set(key, [membership]);
    else known.push(membership);
  }
  const state = new Map<string, 'open' | 'done'>();
  const closing: Membership[] = [];
  for (const start of edges.keys()) {
    if (state.has(start)) continue;
    const stack: Frame[] = [{ name: start, next: 0 }];
    state.set(start, 'open');
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const edge = edges.get(frame.name)?.[frame.next];
      if (edge === undefined) {
        state.set(frame.name, 'done');
        stack.pop();
        continue;
      }
      frame.next += 1;
      const target = `${edge.tenant}\n${edge.role}`;
      const seen = state.get(target);
      if (seen === 'open') closing.push(edge);
      if (seen !== undefined) continue;
      state.set(target, 'open');
      stack.push({ name: target, next: 0 });
    }
  }
  return closing;
}
