import { z } from 'zod';
import type { SwitchKind } from '../../../core/ports/catalog.ts';
import { pageLimitSchema } from './common.ts';

const KINDS = ['document', 'source', 'client', 'user', 'tenant', 'all'] as const satisfies readonly SwitchKind[];
/** A source, a slash and a document, or the longest principal. */
const MAX_ID = 1_024;
const CONTROL = /\p{Cc}/u;

export const MAX_REASON = 1_000;

/** Kept as it is and shown to people, so one line of text. */
export const reasonSchema = z
  .string()
  .min(1)
  .max(MAX_REASON)
  .refine((text) => text.isWellFormed() && !CONTROL.test(text) && text.trim() !== '', 'one line of text')
  .meta({ description: 'Why, in one line; kept, and shown to those who may see the record.' });

const kind = z.enum(KINDS);
const id = z.string().min(1).max(MAX_ID).meta({
  description: '`<source>/<document>`, a source, or `user:<issuer>|<sub>` or `client:<issuer>|<id>`; left out for `tenant` and `all`.',
});

export const throwSwitchSchema = z
  .strictObject({ kind, id: id.optional(), reason: reasonSchema })
  .meta({ id: 'ThrowSwitch', examples: [{ kind: 'source', id: 'people-handbook', reason: 'salaries were uploaded by mistake' }] });

export const switchNameSchema = z.strictObject({ kind, id: id.optional() });
export const twoPersonNameSchema = z.strictObject({ kind: z.enum(['tenant', 'all']) });

export const switchPageSchema = z.strictObject({
  after: z.string().min(1).max(4_096).optional().meta({ description: 'The `next` of the page before.' }),
  limit: pageLimitSchema,
});

const proposal = z.strictObject({ by: z.string(), at: z.string(), until: z.string() });

export const switchSchema = z
  .strictObject({
    kind,
    id: z.string().optional(),
    reason: z.string().optional(),
    by: z.string().optional(),
    through: z.string().optional(),
    at: z.string(),
    proposal: proposal.optional(),
  })
  .meta({
    id: 'Switch',
    description: 'Something that is switched off. `proposal`: somebody wants it on again, and another has to confirm.',
  });

export const switchesSchema = z.strictObject({ switches: z.array(switchSchema), next: z.string().optional() }).meta({ id: 'Switches' });

export const liftSchema = z
  .union([
    z.strictObject({ state: z.literal('lifted'), kind, id: z.string().optional() }),
    z.strictObject({ state: z.literal('proposed'), kind, proposal }),
  ])
  .meta({ id: 'SwitchLift' });
