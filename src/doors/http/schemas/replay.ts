import { z } from 'zod';
import { principalTextSchema } from './common.ts';

const MAX_REASON = 500;
const CONTROL = /\p{Cc}/u;

/** Sealed in the log, and shown to those who have to allow something. One line of text. */
export const evidenceReason = z
  .string()
  .min(1)
  .max(MAX_REASON)
  .refine((text) => text.isWellFormed() && !CONTROL.test(text) && text.trim() !== '', 'one line of text')
  .meta({ description: 'Why, in one line of at most 500 characters; kept, sealed in the log.' });

export const replayQuery = z.strictObject({ reason: evidenceReason });

const tombstone = z.strictObject({
  replay: z.literal('erased'),
  requestId: z.string(),
  erased: z.array(
    z.strictObject({
      what: z.enum(['caller', 'content']),
      index: z.int().min(0),
      at: z.string(),
      ranks: z.array(z.int().min(1)).optional(),
    }),
  ),
  chunks: z.array(
    z.strictObject({
      id: z.string(),
      rank: z.int().min(1),
      text: z.string().optional(),
      payload: z
        .string()
        .optional()
        .meta({ description: 'Instead of the text where the answer left by the Qdrant-compatible door: JSON.' }),
      provenance: z.record(z.string(), z.unknown()),
    }),
  ),
});

export const replaySchema = z
  .union([
    z.looseObject({ requestId: z.string(), chunks: z.array(z.unknown()) }),
    z.looseObject({ result: z.unknown(), status: z.unknown() }),
    tombstone,
    z.strictObject({ replay: z.literal('unrecorded'), requestId: z.string() }),
  ])
  .meta({ id: 'Replay', description: 'The bytes of the answer itself; or, with a member `replay`, why they are not there any more.' });

export const approveReplaySchema = z.strictObject({ reader: principalTextSchema, reason: evidenceReason }).meta({
  id: 'ApproveReplay',
  description: 'A wish as it was read: where its reason is another by now, nothing is allowed.',
  examples: [{ reader: 'user:idp|alice', reason: 'a complaint' }],
});

const wishShape = { request: z.string(), reader: z.string(), reason: z.string(), at: z.string() } as const;

export const replayApprovalSchema = z
  .strictObject({ ...wishShape, approvedBy: z.string(), until: z.string() })
  .meta({ id: 'ReplayApproval', description: 'The reader may replay this request until then.' });

export const replayWishesSchema = z
  .strictObject({ wishes: z.array(z.strictObject(wishShape)), next: z.string().optional() })
  .meta({ id: 'ReplayWishes', description: 'Open wishes that the caller could allow.' });

export const reevaluateSchema = z
  .strictObject({
    actor: principalTextSchema.optional(),
    groups: z.array(principalTextSchema).max(10_000).optional(),
    guest: z.boolean().optional(),
  })
  .meta({
    id: 'Reevaluate',
    description: 'What of the caller is not known any more: who acted for them, and their groups where they live in tokens.',
    examples: [{}, { groups: ['group:idp|staff'], guest: false }],
  });

const outcome = z.enum(['pass', 'refuse', 'unknown']);

export const reevaluationSchema = z
  .strictObject({
    counterfactual: z.literal(true),
    requestId: z.string(),
    releasedAt: z.string(),
    policyRevision: z.strictObject({ released: z.string(), now: z.string() }),
    at: z.string(),
    user: z.string().nullable(),
    client: z.string(),
    memberships: z.record(z.string(), z.unknown()),
    decision: outcome,
    hidden: z.int().min(0),
    chunks: z.array(
      z.strictObject({
        chunk: z.string(),
        rank: z.int().min(1),
        source: z.string(),
        document: z.string(),
        decision: outcome,
        refusedBy: z.array(z.string()),
        stages: z.array(z.record(z.string(), z.unknown())),
      }),
    ),
  })
  .meta({ id: 'Reevaluation', description: 'What policy would decide now. Nothing was released, and no text is shown.' });
