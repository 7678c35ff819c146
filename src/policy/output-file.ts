import { z } from 'zod';
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
import { byTenant, readPolicyFile } from './policy-file.ts';

const MAX_RULES = 64;

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
  return z.strictObject({
    ...shape,
    tenants: byTenant(z.strictObject(shape)),
  });
}

/** `output.yaml`; the defaults where there is none. Throws with the place and what to do. */
export function parseOutputPolicy(text: string | undefined, scheme: LabelScheme): OutputPolicy {
  if (text === undefined) return DEFAULT_OUTPUT_POLICY;
  const { tenants, ...all } = readPolicyFile('output.yaml', text, policySchema(scheme));
  return { ...all, tenants: new Map(Object.entries(tenants)) };
}
