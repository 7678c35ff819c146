import type { TenantId } from './ids.ts';

/** What of somebody's reading is measured. `share`: of the documents they are entitled to; `novelty`: of what they saw, not seen before. */
export const WATCH_KINDS = ['documents', 'share', 'novelty', 'near-misses', 'bait'] as const;
export type WatchKind = (typeof WATCH_KINDS)[number];

export const WATCH_ACTIONS = ['alert', 'limit', 'block', 'switch'] as const;
export type WatchAction = (typeof WATCH_ACTIONS)[number];

export const WATCH_WINDOWS = ['hour', 'day', 'week'] as const;
export type WatchWindow = (typeof WATCH_WINDOWS)[number];

/** One threshold and what happens to whoever is over it. Every action alerts too. */
export interface WatchRule {
  readonly of: 'user' | 'client' | 'both';
  readonly kind: WatchKind;
  /** Tripped by more than this; a count, or a share between 0 and 1. */
  readonly over: number;
  readonly in: WatchWindow;
  /** Shares of fewer documents than this say nothing. */
  readonly atLeast: number;
  readonly action: WatchAction;
  /** Chunks an answer may have under `limit`. */
  readonly limit: number;
  /** How long `limit` and `block` hold. */
  readonly minutes: number;
}

export interface WatchingPolicy {
  readonly rules: readonly WatchRule[];
  /** In place of `rules` for these tenants. */
  readonly tenants: ReadonlyMap<string, readonly WatchRule[]>;
}

export function rulesFor(policy: WatchingPolicy, tenant: TenantId): readonly WatchRule[] {
  return policy.tenants.get(tenant) ?? policy.rules;
}

/** The same in every revision of the file and on every replica. */
export function ruleName({ kind, in: window, of, action, over }: WatchRule): string {
  return `${kind}/${window}/${of}/${over}/${action}`;
}

const BASE = { of: 'both', atLeast: 0, action: 'alert', limit: 3, minutes: 60 } as const satisfies Partial<WatchRule>;

/** Where there is no `watching.yaml`: nobody is hindered, somebody is told. */
export const DEFAULT_WATCHING: WatchingPolicy = {
  rules: [
    { ...BASE, of: 'user', kind: 'share', over: 0.1, in: 'day', atLeast: 50 },
    { ...BASE, of: 'user', kind: 'share', over: 0.15, in: 'week', atLeast: 50 },
    { ...BASE, of: 'user', kind: 'documents', over: 500, in: 'hour' },
    { ...BASE, of: 'client', kind: 'share', over: 0.5, in: 'day', atLeast: 50 },
    { ...BASE, kind: 'near-misses', over: 100, in: 'hour' },
    { ...BASE, kind: 'bait', over: 1, in: 'day' },
  ],
  tenants: new Map(),
};
