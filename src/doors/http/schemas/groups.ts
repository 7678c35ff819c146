import { z } from 'zod';
import { MAX_GROUP_MEMBERS } from '../../../core/ports/directory.ts';
import { namesSchema, pageLimitSchema, titleSchema } from './common.ts';

const issuer = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,30}$/)
  .meta({ description: 'Short name; needed where the tenant has several directories.' });

export const groupBodySchema = z
  .strictObject({ issuer: issuer.optional(), members: namesSchema, title: titleSchema.optional() })
  .meta({ id: 'GroupBody', examples: [{ members: ['user:idp|alice', 'group:idp|leads'], title: 'People team' }] });

export const groupQuerySchema = z.strictObject({ issuer: issuer.optional() });

export const groupPageSchema = z.strictObject({
  issuer: issuer.optional(),
  after: z.string().min(1).max(600).optional().meta({ description: 'The `next` of the page before.' }),
  limit: pageLimitSchema,
});

const summary = {
  group: z.string(),
  issuer: z.string(),
  title: z.string(),
  size: z.int().min(0).max(MAX_GROUP_MEMBERS),
  updatedAt: z.string(),
} as const;
export const groupSummarySchema = z.strictObject(summary).meta({ id: 'GroupSummary' });
export const groupSchema = z.strictObject({ ...summary, members: z.array(z.string()) }).meta({ id: 'Group' });
export const groupListingSchema = z
  .strictObject({ groups: z.array(groupSummarySchema), next: z.string().optional() })
  .meta({ id: 'GroupListing' });
