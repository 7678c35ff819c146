import { z } from 'zod';
import { TRUSTS } from '../../../core/label.ts';
import type { ExplainRequest } from '../../../administration/explain.ts';
import { instantSchema, namesSchema, principalTextSchema } from './common.ts';

/** Whom a report is about. All absent: who asks. */
export const describedShape = {
  user: principalTextSchema.nullable().optional().meta({ description: 'null: an application with nobody behind it.' }),
  client: principalTextSchema.optional(),
  actor: principalTextSchema.optional(),
  groups: namesSchema.optional().meta({ description: 'All groups of `user`; where they are in the directory, leave them out.' }),
  guest: z.boolean().optional(),
} as const;

export const purposeSchema = z.string().min(1).max(63).optional();

export const explainSchema = z
  .strictObject({
    document: z.strictObject({ source: z.string().min(1).max(128), document: z.string().min(1).max(2_048) }).optional(),
    chunk: z.uuid().optional(),
    ...describedShape,
    purpose: purposeSchema,
    at: instantSchema.optional().meta({ description: 'A past time; what was changed since does not alter the answer.' }),
  })
  .superRefine((body, context) => {
    if ((body.document === undefined) === (body.chunk === undefined)) context.addIssue('either document or chunk');
  })
  .meta({
    id: 'ExplainRequest',
    examples: [{ document: { source: 'people-handbook', document: 'leave.md' }, user: 'user:idp|alice', client: 'client:idp|assistant' }],
  });

export function toExplainRequest({ at, ...rest }: z.output<typeof explainSchema>): ExplainRequest {
  return { ...rest, at: at === undefined ? undefined : Date.parse(at) };
}

const outcome = z.enum(['pass', 'refuse', 'unknown']);
const entries = z.array(
  z.strictObject({
    principal: z.string(),
    standing: z.enum(['held', 'possible', 'ended', 'to-come']),
    from: z.string().optional(),
    until: z.string().optional(),
  }),
);
const line = z.strictObject({
  line: z.int(),
  effect: z.enum(['allow', 'deny']),
  text: z.string().optional(),
  chain: z.array(z.strictObject({ name: z.string(), line: z.int().optional() })).optional(),
  possible: z.literal(true).optional(),
});

export const membershipsSchema = z
  .strictObject({
    from: z.enum(['token', 'given', 'directory', 'issuer-names-none', 'no-user', 'unknown']),
    groups: z.array(z.string()),
    groupCount: z.int(),
    guest: z.enum(['guest', 'member', 'unknown', 'no-user']),
  })
  .meta({ id: 'Memberships' });

export const explanationSchema = z
  .strictObject({
    view: z.enum(['owner', 'auditor', 'reader']),
    source: z.string(),
    document: z.string(),
    at: z.string(),
    past: z.boolean(),
    user: z.string().nullable(),
    client: z.string(),
    purpose: z.string(),
    memberships: membershipsSchema,
    revision: z.string(),
    aclVersion: z.int(),
    label: z.strictObject({ level: z.string(), compartments: z.array(z.string()), trust: z.enum(TRUSTS) }),
    decision: outcome,
    stages: z.array(
      z.strictObject({
        stage: z.string(),
        outcome,
        because: z.array(z.string()),
        gates: z.array(z.strictObject({ outcome, entries: entries.optional() })).optional(),
        entries: entries.optional(),
        grant: z.strictObject({ request: z.string(), until: z.string() }).optional(),
        lines: z.array(line).optional(),
        speaking: z.int().optional(),
      }),
    ),
  })
  .meta({ id: 'Explanation' });
