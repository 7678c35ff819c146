import { z } from 'zod';

const MAX_POLICY = 16 * 1_024 * 1_024;

export const revisionNameSchema = z.string().min(1).max(64);

export const publishPolicySchema = z
  .strictObject({
    policy: z.string().min(1).max(MAX_POLICY).meta({ description: 'Lines as in policy.csv; see docs/policy-language.md.' }),
    parent: revisionNameSchema.meta({ description: 'The revision it was written against, as GET tells it.' }),
    activate: z.boolean().optional().meta({ description: 'false: check and store it, and leave in force what is.' }),
  })
  .meta({ id: 'PublishPolicy' });

export const activatePolicySchema = z
  .strictObject({ replaces: revisionNameSchema.meta({ description: 'The revision that is in force.' }) })
  .meta({ id: 'ActivatePolicy' });

export const policyRevisionSchema = z.strictObject({ revision: z.string(), policy: z.string() }).meta({ id: 'PolicyRevision' });

export const revisionPageQuery = z.strictObject({
  after: revisionNameSchema.optional().meta({ description: 'The `next` of the page before.' }),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|100)$/)
    .optional()
    .meta({ description: '1 to 100; 20 where absent.' }),
});

const summaryShape = {
  revision: z.string(),
  parent: z.string().nullable(),
  author: z.string(),
  at: z.string(),
  active: z.boolean(),
  activations: z.int(),
} as const;

export const revisionPageSchema = z
  .strictObject({
    revision: z.string().meta({ description: 'The one in force.' }),
    policy: z.string().optional().meta({ description: 'Its lines; on the first page only.' }),
    revisions: z.array(z.strictObject(summaryShape)),
    next: z.string().optional(),
  })
  .meta({ id: 'PolicyRevisions' });

export const revisionDetailSchema = z
  .strictObject({
    ...summaryShape,
    policy: z.string(),
    shadow: z.boolean(),
    history: z.array(z.strictObject({ from: z.string(), to: z.string().optional(), by: z.string() })),
  })
  .meta({ id: 'PolicyRevisionDetail' });

const counts = { gains: z.int(), loses: z.int() } as const;

export const shadowReportSchema = z
  .strictObject({
    revision: z.string(),
    running: z.boolean(),
    from: z.string(),
    to: z.string().optional(),
    by: z.string(),
    decisions: z.record(z.string(), z.int()),
    zones: z.array(z.strictObject({ zone: z.int(), source: z.string().optional(), level: z.string().optional(), ...counts })),
    principals: z.array(z.strictObject({ principal: z.string(), ...counts })),
    lines: z.array(z.strictObject({ revision: z.string(), line: z.int(), text: z.string().optional(), ...counts })),
    more: z.strictObject({ zones: z.int(), principals: z.int(), lines: z.int() }),
  })
  .meta({ id: 'ShadowReport' });
