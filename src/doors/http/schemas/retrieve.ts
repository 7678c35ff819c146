import { z } from 'zod';
import type { LabelScheme } from '../../../core/label.ts';
import { CONTEXT_FORMATS } from '../../../core/provenance.ts';
import type { RetrieveRequest } from '../../../retrieval/types.ts';
import {
  documentNameSchema,
  pageLimitSchema,
  placeSchema,
  querySchema,
  restrictionOf,
  restrictionShape,
  sessionNameSchema,
  sourceNameSchema,
} from '../../entrance/schemas/reading.ts';
import { vectorSchema } from './common.ts';

export const retrieveSchema = z
  .strictObject({
    query: querySchema.optional(),
    vector: vectorSchema.optional(),
    limit: z.int().min(1).max(100).default(8),
    ...restrictionShape,
    session: sessionNameSchema.optional(),
    context: z.strictObject({ format: z.enum(CONTEXT_FORMATS) }).optional(),
  })
  .superRefine((body, context) => {
    if (body.query === undefined && body.vector === undefined) context.addIssue('query or vector is needed');
  })
  .meta({
    id: 'RetrieveRequest',
    anyOf: [{ required: ['query'] }, { required: ['vector'] }],
    examples: [{ query: 'how much parental leave do I get', limit: 8, sources: ['people-handbook'], context: { format: 'xml' } }],
  });

export type RetrieveInput = z.output<typeof retrieveSchema>;

export const openSchema = z
  .strictObject({
    source: sourceNameSchema.meta({ type: 'string' }),
    document: documentNameSchema,
    from: placeSchema,
    limit: pageLimitSchema,
    purpose: restrictionShape.purpose,
    session: sessionNameSchema.optional(),
    context: z.strictObject({ format: z.enum(CONTEXT_FORMATS) }).optional(),
  })
  .meta({ id: 'OpenRequest', examples: [{ source: 'people-handbook', document: 'leave/parental.md' }] });

export const countSchema = z.strictObject(restrictionShape).meta({ id: 'CountRequest', examples: [{ sources: ['people-handbook'] }] });

/** Fails with `unknown_level` or `unsupported_filter`. */
export function toRetrieveRequest(
  input: RetrieveInput,
  labels: LabelScheme,
  ids: { readonly requestId: string; readonly traceId: string | undefined },
): RetrieveRequest {
  return {
    requestId: ids.requestId,
    traceId: ids.traceId,
    query: input.query,
    vector: input.vector,
    limit: input.limit,
    restriction: restrictionOf(input, labels),
    purpose: input.purpose,
    context: input.context?.format,
    session: input.session,
  };
}
