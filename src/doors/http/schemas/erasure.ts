import { z } from 'zod';
import type { NamedErasable } from '../../../evidence/erasables.ts';
import { principalTextSchema as principal } from './common.ts';
import { evidenceReason } from './replay.ts';

const name = z.string().min(1).max(512);
const version = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const caller = { kind: z.literal('caller'), principal } as const;
const content = { kind: z.literal('content'), source: name, document: name, version: version.optional() } as const;

const named = z.discriminatedUnion('kind', [z.strictObject(caller), z.strictObject(content)]);
const withReason = z.discriminatedUnion('kind', [
  z.strictObject({ ...caller, reason: evidenceReason }),
  z.strictObject({ ...content, reason: evidenceReason }),
]);

export const eraseSchema = withReason.meta({
  id: 'Erase',
  description: 'A caller: a person, or an application with its own rights. Content: a document, all of its versions or one.',
  examples: [{ kind: 'content', source: 'people-handbook', document: 'leave', reason: 'a request to be forgotten' }],
});

export const holdSchema = withReason.meta({ id: 'PlaceHold', description: 'What may not be erased, whether it exists or not, and why.' });

/** In a query everything is optional to the parser; the shape is checked whole. */
export const liftHoldQuery = z
  .strictObject({
    kind: z.enum(['caller', 'content']).meta({ description: '`caller` takes `principal`; `content` takes `source` and `document`.' }),
    principal: principal.optional(),
    source: name.optional().meta({ description: 'The id of a source.' }),
    document: name.optional().meta({ description: 'The id of a document in it.' }),
    version: version.optional().meta({ description: 'One version of it alone.' }),
    reason: evidenceReason,
  })
  .refine(
    ({ kind, principal: who, source, document, version: which }) =>
      kind === 'caller'
        ? who !== undefined && source === undefined && document === undefined && which === undefined
        : who === undefined && source !== undefined && document !== undefined,
    'a caller is named by principal; content by source and document, and perhaps version',
  );

export const erasureSchema = z
  .strictObject({ erased: named, receipt: z.strictObject({ index: z.int().min(0), leaf: z.string() }) })
  .meta({ id: 'Erasure', description: 'What is gone, and the event of the log that tells of it.' });

export const holdsSchema = z
  .strictObject({
    holds: z.array(z.strictObject({ what: named, reason: z.string(), by: z.string(), since: z.string() })),
    next: z.string().optional(),
  })
  .meta({ id: 'LegalHolds', description: 'What is held, why, by whom and since when.' });

export const heldSchema = z.strictObject({ held: named }).meta({ id: 'LegalHold', description: 'What is held.' });

/** What a request names, without the reason. */
export function namedOf(input: { readonly kind: 'caller' | 'content' } & Partial<Record<string, string | undefined>>): NamedErasable {
  const { kind, principal: who = '', source = '', document = '', version: which } = input;
  return kind === 'caller' ? { kind, principal: who } : { kind, source, document, ...(which === undefined ? {} : { version: which }) };
}
