import { z } from 'zod';
import { DEFAULT_HYGIENE, HYGIENE_ACTIONS, HYGIENE_KINDS, type HygienePolicy } from '../core/hygiene.ts';
import { byTenant, readPolicyFile } from './policy-file.ts';

const MAX_RULES = 32;

const rule = z.strictObject({
  kind: z.enum(HYGIENE_KINDS),
  over: z.int().min(0).max(10_000_000).default(0),
  share: z.number().min(0).max(1).default(0),
  action: z.enum(HYGIENE_ACTIONS),
});
const rules = z.array(rule).max(MAX_RULES, `at most ${MAX_RULES} rules`);
const schema = z.strictObject({
  rules,
  tenants: byTenant(z.strictObject({ rules })),
});

/** `hygiene.yaml`; the defaults where there is none. Throws with the place and what to do. */
export function parseHygiene(text: string | undefined): HygienePolicy {
  if (text === undefined) return DEFAULT_HYGIENE;
  const { rules: all, tenants } = readPolicyFile('hygiene.yaml', text, schema);
  const own = Object.entries(tenants).map(([name, { rules: theirs }]) => [name, theirs] as const);
  return { rules: all, tenants: new Map(own) };
}
