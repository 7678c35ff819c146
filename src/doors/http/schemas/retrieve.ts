import { z } from 'zod';
import { AppError } from '../../../core/errors.ts';
import type { Restriction } from '../../../core/filter.ts';
import { parseSourceId, type SourceId } from '../../../core/ids.ts';
import type { LabelScheme } from '../../../core/label.ts';
import { parseMetadataFilter } from '../../../core/metadata-filter.ts';
import { CONTEXT_FORMATS } from '../../../core/provenance.ts';
import type { RetrieveRequest } from '../../../retrieval/types.ts';
import { levelSchema, trustSchema, vectorSchema } from './common.ts';
import { sessionNameSchema } from './sessions.ts';

const MAX_QUERY = 8_192;
const MAX_SOURCES = 1_000;

const sourceNameSchema = z.custom<SourceId>(
  (value) => typeof value === 'string' && parseSourceId(value) !== undefined,
  'not a possible id',
);

/** What narrows a request, the same for every route that reads. */
const restrictionShape = {
  filter: z.unknown().optional().meta({ type: 'object', description: "Qdrant's filter language over metadata.* only." }),
  // An empty list would read as "no source" to one reader and "any source" to the next.
  sources: z
    .array(sourceNameSchema.meta({ type: 'string' }))
    .min(1)
    .max(MAX_SOURCES)
    .optional(),
  minTrust: trustSchema.optional(),
  maxLevel: levelSchema.optional(),
  purpose: z.string().min(1).max(63).optional(),
} as const;

export const retrieveSchema = z
  .strictObject({
    query: z.string().min(1).max(MAX_QUERY).optional(),
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

export const countSchema = z.strictObject(restrictionShape).meta({ id: 'CountRequest', examples: [{ sources: ['people-handbook'] }] });
export type CountInput = z.output<typeof countSchema>;

/** Fails with `unknown_level` or `unsupported_filter`. */
export function restrictionOf(input: Omit<CountInput, 'purpose'>, labels: LabelScheme): Restriction {
  const maxLevel = input.maxLevel === undefined ? undefined : labels.parse(input.maxLevel);
  if (input.maxLevel !== undefined && maxLevel === undefined) {
    throw new AppError('unknown_level', { issues: [{ pointer: '/maxLevel', message: 'unknown level' }] });
  }
  return {
    ...(input.sources === undefined ? {} : { sources: input.sources }),
    ...(input.minTrust === undefined ? {} : { minTrust: input.minTrust }),
    ...(maxLevel === undefined ? {} : { maxLevel }),
    ...(input.filter === undefined ? {} : { filter: parseMetadataFilter(input.filter) }),
  };
}

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
