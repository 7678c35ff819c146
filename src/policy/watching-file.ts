import { z } from 'zod';
import { DEFAULT_WATCHING, WATCH_ACTIONS, WATCH_KINDS, WATCH_WINDOWS, type WatchRule, type WatchingPolicy } from '../core/watching.ts';
import { byTenant, readPolicyFile } from './policy-file.ts';

const MAX_RULES = 32;
const isShare = ({ kind }: { readonly kind: string }): boolean => kind === 'share' || kind === 'novelty';

const rule = z
  .strictObject({
    of: z.enum(['user', 'client', 'both']).default('both'),
    kind: z.enum(WATCH_KINDS),
    over: z.number().min(0).max(10_000_000),
    in: z.enum(WATCH_WINDOWS),
    atLeast: z.int().min(0).max(1_000_000).optional(),
    action: z.enum(WATCH_ACTIONS),
    limit: z.int().min(1).max(100).optional(),
    minutes: z.int().min(1).max(10_080).default(60),
  })
  .refine((given) => (isShare(given) ? given.over < 1 : Number.isInteger(given.over)), 'over: a share is below 1, a count is whole')
  .refine((given) => given.kind !== 'novelty' || given.in !== 'week', 'novelty is measured against the week, so in: hour or day')
  .refine((given) => isShare(given) || given.atLeast === undefined, 'atLeast is for share and novelty')
  .refine((given) => (given.action === 'limit') === (given.limit !== undefined), 'limit goes with action: limit, and only with it')
  .transform((given): WatchRule => ({ ...given, atLeast: given.atLeast ?? (isShare(given) ? 50 : 0), limit: given.limit ?? 1 }));

const rules = z.array(rule).max(MAX_RULES, `at most ${MAX_RULES} rules`);
const schema = z.strictObject({
  rules,
  tenants: byTenant(z.strictObject({ rules })),
});

/** `watching.yaml`; the defaults, which only alert, where there is none. Throws with the place and what to do. */
export function parseWatching(text: string | undefined): WatchingPolicy {
  if (text === undefined) return DEFAULT_WATCHING;
  const { rules: all, tenants } = readPolicyFile('watching.yaml', text, schema);
  const own = Object.entries(tenants).map(([name, { rules: theirs }]) => [name, theirs] as const);
  return { rules: all, tenants: new Map(own) };
}
