import { parse } from 'yaml';
import { z } from 'zod';
import { parseTenantId } from '../core/ids.ts';
import { COMPARTMENT, MAX_COMPARTMENTS, TRUSTS, type LabelScheme, type Level } from '../core/label.ts';
import {
  DEFAULT_OUTPUT_POLICY,
  DEFAULT_OUTPUT_RULES,
  DEFAULT_QUOTE_LENGTH,
  LABELLED_FINDINGS,
  OUTPUT_DECISIONS,
  OUTPUT_FINDINGS,
  type OutputPolicy,
  type OutputRule,
} from '../core/output-policy.ts';

const MAX_RULES = 64;
const MAX_TENANTS = 1_000;

function ruleSchema(scheme: LabelScheme) {
  return z
    .strictObject({
      finding: z.enum(OUTPUT_FINDINGS),
      action: z.enum(['flag', 'block']),
      level: z
        .custom<Level>((name) => typeof name === 'string' && scheme.parse(name) !== undefined, 'not a level of labels.json')
        .optional(),
      compartments: z.array(z.string().regex(COMPARTMENT)).min(1).max(MAX_COMPARTMENTS).optional(),
      trust: z.enum(TRUSTS).optional(),
    })
    .refine(
      ({ finding, level, compartments, trust }) =>
        LABELLED_FINDINGS.includes(finding) || (level === undefined && compartments === undefined && trust === undefined),
      `level, compartments and trust are for: ${LABELLED_FINDINGS.join(', ')}`,
    )
    .transform(({ finding, action, level, compartments, trust }): OutputRule => ({ finding, action, level, compartments, trust }));
}

function policySchema(scheme: LabelScheme) {
  const shape = {
    marker: z.enum(OUTPUT_DECISIONS).default('block'),
    quoteLength: z.int().min(16).max(256).default(DEFAULT_QUOTE_LENGTH),
    rules: z
      .array(ruleSchema(scheme))
      .max(MAX_RULES, `at most ${MAX_RULES} rules`)
      .default(() => [...DEFAULT_OUTPUT_RULES]),
  };
  const tenant = z.string().refine((name) => parseTenantId(name) !== undefined, 'not the name of a tenant');
  return z.strictObject({
    ...shape,
    tenants: z
      .record(tenant, z.strictObject(shape))
      .refine((all) => Object.keys(all).length <= MAX_TENANTS, `at most ${MAX_TENANTS} tenants`)
      .default({}),
  });
}

/** `output.yaml`; the defaults where there is none. Throws with the place and what to do. */
export function parseOutputPolicy(text: string | undefined, scheme: LabelScheme): OutputPolicy {
  if (text === undefined) return DEFAULT_OUTPUT_POLICY;
  const parsed = policySchema(scheme).safeParse(yamlOf(text));
  if (!parsed.success) throw new Error(`output.yaml: ${z.prettifyError(parsed.error)}`);
  const { tenants, ...all } = parsed.data;
  return { ...all, tenants: new Map(Object.entries(tenants)) };
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { uniqueKeys: true, maxAliasCount: 0 });
  } catch (error) {
    throw new Error('output.yaml is not YAML', { cause: error });
  }
}
