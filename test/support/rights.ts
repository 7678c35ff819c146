import type { TestService } from './service.ts';

/** Every action that a tenant's policy can grant, and `none` for somebody who holds nothing. */
export const HELD = ['ingest', 'label', 'request', 'approve', 'audit', 'retrieve', 'replay', 'administer', 'none'] as const;
export type Held = (typeof HELD)[number];

const TOP = 'upto:restricted+people+finance';

export function allow(who: string, tenant: string, action: string, source = '*', label = TOP, trust = '*'): string {
  const columns = action === 'administer' ? ['*', action, '*', '*'] : [source, action, label, trust];
  return `p, ${who}, ${tenant}, ${columns.join(', ')}, *, allow`;
}

/** A person and an application who hold everything. A subject named like its client would be an application alone. */
export const FULL = { sub: 'fay', client_id: 'full' } as const;

/**
 * A policy of one tenant with a person and an application `only-<action>` for each action, who hold that action alone over
 * everything, and the two of `FULL`.
 */
export function policyOfHolders(tenant: string): string {
  const held = HELD.filter((action) => action !== 'none');
  const lines = held.flatMap((action) => [
    ...['user', 'client'].map((kind) => allow(`${kind}:test|only-${action}`, tenant, action)),
    allow(`user:test|${FULL.sub}`, tenant, action),
    allow(`client:test|${FULL.client_id}`, tenant, action),
  ]);
  return lines.join('\n');
}

/** How a right can be held: by the person, by the application, or by an application with nobody behind it. */
export const MODES = ['person', 'application', 'application alone'] as const;
export type Mode = (typeof MODES)[number];

/** A token whose effective right is exactly `held`. */
export function tokenHolding(test: TestService, held: Held, mode: Mode, scope?: string): Promise<string> {
  const only = `only-${held}`;
  const names = {
    person: { ...FULL, sub: only },
    application: { ...FULL, client_id: only },
    'application alone': { sub: only, client_id: only },
  }[mode];
  return test.token({ ...names, ...(scope === undefined ? {} : { scope }) });
}
