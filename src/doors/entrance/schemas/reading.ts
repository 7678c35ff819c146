import { z } from 'zod';
import { AppError } from '../../../core/errors.ts';
import type { Restriction } from '../../../core/filter.ts';
import { parseDocumentId, parseSourceId, type DocumentId, type SourceId } from '../../../core/ids.ts';
import { TRUSTS, type LabelScheme } from '../../../core/label.ts';
import { parseMetadataFilter } from '../../../core/metadata-filter.ts';
import { parseSessionName, type SessionName } from '../../../core/session.ts';

const MAX_QUERY = 8_192;
const MAX_SOURCES = 1_000;

export const trustSchema = z.enum(TRUSTS).meta({ description: 'How far the text may be trusted as input to a model.' });
export const levelSchema = z.string().min(1).max(63).meta({ description: 'A level of the label scheme of this deployment.' });

export const sessionNameSchema = z
  .custom<SessionName>((value) => typeof value === 'string' && parseSessionName(value) !== undefined, 'not a possible name of a session')
  .meta({
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$',
    description: 'Chosen by the caller. The same name by another user or application is another session.',
  });

export const querySchema = z.string().min(1).max(MAX_QUERY);

export const sourceNameSchema = z.custom<SourceId>(
  (value) => typeof value === 'string' && parseSourceId(value) !== undefined,
  'not a possible id',
);

export const documentNameSchema = z
  .custom<DocumentId>((value) => typeof value === 'string' && parseDocumentId(value) !== undefined, 'not a possible id')
  .meta({ type: 'string', description: 'The id of a document in its source.' });

/** Of a document that is read in pages. */
export const placeSchema = z.int().min(0).max(1_000_000).default(0).meta({ description: 'Chunks of the document to pass over.' });
export const pageLimitSchema = z.int().min(1).max(100).default(20).meta({ description: 'Chunks in one answer at most.' });

/** What narrows a request, the same for every route that reads. */
export const restrictionShape = {
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

type RestrictionInput = Partial<Omit<z.output<z.ZodObject<typeof restrictionShape>>, 'purpose'>>;

/** Fails with `unknown_level` or `unsupported_filter`. */
export function restrictionOf(input: RestrictionInput, labels: LabelScheme): Restriction {
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
