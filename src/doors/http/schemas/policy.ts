import { z } from 'zod';

const MAX_POLICY = 16 * 1_024 * 1_024;

export const publishPolicySchema = z
  .strictObject({
    policy: z.string().min(1).max(MAX_POLICY).meta({ description: 'Lines as in policy.csv; see docs/policy-language.md.' }),
    parent: z.string().min(1).max(64).meta({ description: 'The revision it was written against, as GET tells it.' }),
  })
  .meta({ id: 'PublishPolicy' });

export const policyRevisionSchema = z.strictObject({ revision: z.string(), policy: z.string() }).meta({ id: 'PolicyRevision' });
