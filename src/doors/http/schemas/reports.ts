import { z } from 'zod';
import { TRUSTS } from '../../../core/label.ts';
import { principalTextSchema } from './common.ts';
import { describedShape, membershipsSchema, purposeSchema } from './explain.ts';
import { revisionNameSchema } from './policy.ts';

const MAX_POLICY = 16 * 1_024 * 1_024;
const MAX_NAMED = 1_000;
const count = z.int().min(0);

export const blastRadiusSchema = z
  .strictObject({
    ...describedShape,
    purpose: purposeSchema,
    limit: z.int().min(1).max(1_000).optional().meta({ description: 'Documents to name, most sensitive first; 20 where absent.' }),
    after: z.string().min(1).max(8_192).optional().meta({ description: 'The `next` of the page before.' }),
  })
  .meta({
    id: 'BlastRadiusRequest',
    examples: [{ user: 'user:idp|alice', client: 'client:idp|assistant', groups: ['group:idp|staff'], guest: false }],
  });

const label = z.strictObject({ level: z.string(), compartments: z.array(z.string()), trust: z.enum(TRUSTS) });

export const blastRadiusAnswerSchema = z
  .strictObject({
    at: z.string(),
    user: z.string().nullable(),
    client: z.string(),
    purpose: z.string(),
    memberships: membershipsSchema,
    revision: z.string(),
    sight: z.enum(['tenant', 'some']),
    documents: count,
    readable: count,
    unknown: count,
    sources: z.array(z.strictObject({ source: z.string(), documents: count, readable: count, unknown: count })),
    labels: z.array(z.strictObject({ label, readable: count, unknown: count })),
    more: z.strictObject({ sources: count, labels: count }),
    examples: z.array(z.strictObject({ source: z.string(), document: z.string(), label, unknown: z.literal(true).optional() })),
    next: z.string().optional(),
  })
  .meta({ id: 'BlastRadius' });

export const policyDiffSchema = z
  .strictObject({
    policy: z.string().min(1).max(MAX_POLICY).optional().meta({ description: 'Lines as in policy.csv.' }),
    revision: revisionNameSchema.optional().meta({ description: 'A stored revision, in place of `policy`.' }),
    against: revisionNameSchema.optional().meta({ description: 'A stored revision; the one in force where absent.' }),
    sources: z.array(z.string().min(1).max(128)).min(1).max(MAX_NAMED).optional(),
    principals: z.array(principalTextSchema).min(1).max(MAX_NAMED).optional(),
    client: principalTextSchema.optional().meta({ description: 'Compare people through this application.' }),
    purpose: purposeSchema,
    limit: z.int().min(1).max(500).optional().meta({ description: 'Principals on a page; 50 where absent.' }),
    after: z.string().min(1).max(1_024).optional(),
    examples: z.int().min(0).max(20).optional().meta({ description: 'Documents to name for each; 3 where absent.' }),
  })
  .superRefine((body, context) => {
    if ((body.policy === undefined) === (body.revision === undefined)) context.addIssue('either policy or revision');
  })
  .meta({ id: 'PolicyDiffRequest' });

const changes = { gained: count, lost: count, unclear: count } as const;
const examples = z.array(z.strictObject({ source: z.string(), document: z.string() }));

export const policyDiffAnswerSchema = z
  .strictObject({
    at: z.string(),
    revision: z.string(),
    against: z.string(),
    purpose: z.string(),
    documents: count,
    principals: z.strictObject({ compared: count, affected: count, membershipsUnknown: count }),
    sources: z.array(z.strictObject({ source: z.string(), ...changes, principals: count })),
    moreSources: count,
    changes: z.array(
      z.strictObject({
        principal: z.string(),
        kind: z.enum(['user', 'group', 'everyone', 'client']),
        memberships: z.enum(['directory', 'issuer-names-none', 'unknown', 'itself']),
        ...changes,
        sources: z.array(z.strictObject({ source: z.string(), ...changes })),
        moreSources: count,
        examples: z.strictObject({ gained: examples, lost: examples, unclear: examples }),
      }),
    ),
    next: z.string().optional(),
  })
  .meta({ id: 'PolicyDiff' });
