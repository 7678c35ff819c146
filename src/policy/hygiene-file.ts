import { parse } from 'yaml';
import { z } from 'zod';
import { DEFAULT_HYGIENE, HYGIENE_ACTIONS, HYGIENE_KINDS, type HygienePolicy } from '../core/hygiene.ts';
import { parseTenantId } from '../core/ids.ts';

const MAX_RULES = 32;
const MAX_TENANTS = 1_000;

const rule = z.strictObject({
  kind: z.enum(HYGIENE_KINDS),
  over: z.int().min(0).max(10_000_000).default(0),
  share: z.number().min(0).max(1).default(0),
  action: z.enum(HYGIENE_ACTIONS),
});
const rules = z.array(rule).max(MAX_RULES, `at most ${MAX_RULES} rules`);
const tenant = z.string().refine((name) => parseTenantId(name) !== undefined, 'not the name of a tenant');
const schema = z.strictObject({
  rules,
  tenants: z
    .record(tenant, z.strictObject({ rules }))
    .refine((all) => Object.keys(all).length <= MAX_TENANTS, `at most ${MAX_TENANTS} tenants`)
    .default({}),
});

/** `hygiene.yaml`; the defaults where there is none. Throws with the place and what to do. */
export function parseHygiene(text: string | undefined): HygienePolicy {
  if (text === undefined) return DEFAULT_HYGIENE;
  const parsed = schema.safeParse(yamlOf(text));
  if (!parsed.success) throw new Error(`hygiene.yaml: ${z.prettifyError(parsed.error)}`);
  const own = Object.entries(parsed.data.tenants).map(([name, { rules: theirs }]) => [name, theirs] as const);
  return { rules: parsed.data.rules, tenants: new Map(own) };
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { uniqueKeys: true, maxAliasCount: 0 });
  } catch (error) {
    throw new Error('hygiene.yaml is not YAML', { cause: error });
  }
}
