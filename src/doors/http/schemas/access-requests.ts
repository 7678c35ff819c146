import { z } from 'zod';
import { instantSchema, principalTextSchema } from './common.ts';
import { reasonSchema, switchPageSchema } from './switches.ts';

const STATES = ['open', 'lapsed', 'denied', 'approved', 'expired', 'withdrawn'] as const;

export const askAccessSchema = z
  .strictObject({
    source: z.string().min(1).max(128),
    document: z.string().min(1).max(512).optional().meta({ description: 'One document; absent: whatever in the source may be given.' }),
    reason: reasonSchema,
    until: instantSchema.optional(),
  })
  .meta({ id: 'AskAccess', examples: [{ source: 'people-handbook', reason: 'preparing the audit', until: '2026-12-24T00:00:00Z' }] });

export const decideAccessSchema = z
  .strictObject({
    decision: z.enum(['approve', 'deny']),
    reason: reasonSchema,
    until: instantSchema.optional().meta({ description: 'When it ends, at most 90 days from now; what was asked for where absent.' }),
    reviewer: principalTextSchema.optional(),
    reviewBy: instantSchema.optional(),
  })
  .meta({ id: 'DecideAccess' });

export const withdrawAccessSchema = z.strictObject({ reason: reasonSchema.optional() });

export const accessPageSchema = switchPageSchema.extend({
  role: z.enum(['requester', 'approver', 'auditor']).optional().meta({ description: '`requester`, one’s own, where absent.' }),
  source: z.string().min(1).max(128).optional(),
});

const decided = z.strictObject({
  decision: z.enum(['approve', 'deny']),
  by: z.string(),
  through: z.string(),
  at: z.string(),
  reason: z.string(),
  until: z.string().optional(),
  reviewer: z.string().optional(),
  reviewBy: z.string().optional(),
  owner: z.string().optional(),
});

export const accessRequestSchema = z
  .strictObject({
    id: z.string(),
    state: z.enum(STATES),
    requester: z.string(),
    through: z.string(),
    actor: z.string().optional(),
    source: z.string(),
    document: z.string().optional(),
    reason: z.string(),
    wantedUntil: z.string().optional(),
    askedAt: z.string(),
    lapsesAt: z.string(),
    decision: decided.optional(),
    ended: z.strictObject({ at: z.string(), by: z.string(), reason: z.string().optional() }).optional(),
  })
  .meta({ id: 'AccessRequest' });

export const accessRequestsSchema = z
  .strictObject({ requests: z.array(accessRequestSchema), next: z.string().optional() })
  .meta({ id: 'AccessRequests' });
