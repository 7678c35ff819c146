import { z } from 'zod';
import { AUDIT_KINDS } from '../../../core/ports/audit.ts';
import { ERROR_CODES } from '../../../core/errors.ts';
import { TRUSTS } from '../../../core/label.ts';
import {
  chunkSchema,
  digestSchema,
  labelSchema,
  manifestSchema,
  openedChunkSchema,
  removedSchema,
  sessionSeenSchema,
} from '../../entrance/schemas/released.ts';

const count = z.int().min(0);
const issues = z.array(z.strictObject({ pointer: z.string(), message: z.string() }));

export const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES as [string, ...string[]]),
    detail: z.string(),
    requestId: z.string(),
    errors: issues.optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. Decide on code; detail is for people.' });

const message = z.strictObject({ role: z.literal('user'), content: z.string() });
const textBlock = z.strictObject({ type: z.literal('text'), text: z.string() });
const searchResult = z.strictObject({
  type: z.literal('search_result'),
  source: z.string().meta({ description: 'The id of the chunk.' }),
  title: z.string().min(1),
  content: z.array(textBlock).length(1),
  citations: z.strictObject({ enabled: z.literal(true) }),
});
const context = z.union([
  z.strictObject({ format: z.enum(['xml', 'base64']), text: z.string(), digest: digestSchema }),
  z.strictObject({ format: z.literal('datamark'), marker: z.string().length(1), text: z.string(), digest: digestSchema }),
  z.strictObject({ format: z.literal('messages'), messages: z.array(message), digest: digestSchema }),
  z.strictObject({ format: z.literal('anthropic'), content: z.array(z.union([textBlock, searchResult])), digest: digestSchema }),
]);

export const retrieveAnswerSchema = z
  .strictObject({
    requestId: z.string(),
    chunks: z.array(chunkSchema),
    label: labelSchema.optional(),
    context: context.optional(),
    manifest: manifestSchema.optional(),
    session: sessionSeenSchema.optional(),
    limitedTo: z.int().optional().meta({ description: 'The limit that was applied, where the watch keeps answers to this caller short.' }),
  })
  .meta({ id: 'RetrieveAnswer' });

export const openAnswerSchema = z
  .strictObject({
    requestId: z.string(),
    chunks: z.array(openedChunkSchema),
    total: count.meta({ description: 'Chunks of the whole document.' }),
    next: count.optional().meta({ description: 'Where the next page begins; absent on the last one.' }),
    label: labelSchema.optional(),
    context: context.optional(),
    manifest: manifestSchema.optional(),
    session: sessionSeenSchema.optional(),
    limitedTo: z.int().optional(),
  })
  .meta({ id: 'OpenAnswer' });

export const countAnswerSchema = z.strictObject({ requestId: z.string(), chunks: count }).meta({ id: 'CountAnswer' });

export const sourceAnswerSchema = z
  .strictObject({
    source: z.string(),
    title: z.string(),
    owner: z.string().optional(),
    level: z.string().optional(),
    compartments: z.array(z.string()).optional(),
    trust: z.enum(TRUSTS).optional(),
    ceiling: z.array(z.string()).optional(),
    revision: z.int().optional(),
  })
  .meta({ id: 'Source', description: 'Whoever may only ask for access is told its id and title alone.' });

export const sourcesAnswerSchema = z.strictObject({ sources: z.array(sourceAnswerSchema) }).meta({ id: 'Sources' });

const receiptShape = {
  document: z.string(),
  version: digestSchema,
  chunks: count,
  zone: z.int().min(1),
  changed: z.boolean(),
  warnings: issues.optional(),
  pending: z.literal(true).optional(),
} as const;

export const receiptSchema = z.strictObject(receiptShape).meta({ id: 'DocumentReceipt' });

const { version, chunks, zone, ...always } = receiptShape;
export const patchReceiptSchema = z
  .strictObject({ ...always, version: version.optional(), chunks: chunks.optional(), zone: zone.optional() })
  .meta({ id: 'PatchReceipt', description: 'Version, chunks and zone are told to owners and to whoever wrote the document.' });

const lineNumber = z.int().min(1);
const lineError = z.strictObject({ code: z.string(), detail: z.string(), errors: issues.optional() });
export const batchAnswerSchema = z
  .union([
    z.strictObject({ line: lineNumber, ...receiptShape }),
    z.strictObject({ line: lineNumber, document: z.string(), deleted: z.literal(true) }),
    z.strictObject({ line: lineNumber, document: z.string().optional(), error: lineError }),
    z.strictObject({ done: z.boolean(), lines: count, failed: count, error: lineError.optional() }),
  ])
  .meta({ id: 'BatchAnswerLine', description: 'An answer without a last line {"done":…} was cut off.' });

const aclEntry = z.union([
  z.string(),
  z.strictObject({ principal: z.string(), from: z.string().optional(), until: z.string().optional() }),
]);

export const documentAnswerSchema = z
  .union([
    z.strictObject({ view: z.literal('writer'), source: z.string(), document: z.string() }),
    z.strictObject({
      view: z.enum(['owner', 'auditor', 'reader']),
      source: z.string(),
      document: z.string(),
      version: digestSchema,
      title: z.string(),
      uri: z.string().optional(),
      mediaType: z.string(),
      level: z.string(),
      compartments: z.array(z.string()),
      trust: z.enum(TRUSTS),
      metadata: z.record(z.string(), z.unknown()),
      validFrom: z.string().optional(),
      validUntil: z.string().optional(),
      chunks: count,
      updatedAt: z.string(),
      acl: z.strictObject({ gates: z.array(z.array(aclEntry)), deny: z.array(aclEntry) }).optional(),
      state: z.enum(['live', 'quarantined']).optional(),
      because: z.array(z.enum(['unknown_denies', 'hidden_characters'])).optional(),
      removed: removedSchema.optional(),
      hygiene: z
        .strictObject({
          action: z.enum(['lowerTrust', 'quarantine']),
          counted: removedSchema,
          accepted: z.boolean(),
          trust: z.enum(TRUSTS),
        })
        .optional(),
      honey: z.literal(true).optional(),
      marker: z.string().optional(),
    }),
  ])
  .meta({ id: 'Document', description: 'How much is shown depends on the right that the caller holds.' });

export const originalSchema = z
  .strictObject({
    source: z.string(),
    document: z.string(),
    version: digestSchema,
    removed: removedSchema,
    original: z
      .strictObject({ title: z.string().optional(), text: z.string().optional(), chunks: z.array(z.string()).optional() })
      .optional()
      .meta({ description: 'Absent where nothing was taken out.' }),
  })
  .meta({ id: 'Original', description: 'What was handed in, with everything that was taken out of it.' });

export const listingSchema = z
  .strictObject({
    documents: z.array(z.strictObject({ document: z.string(), writeDigest: digestSchema.optional() })),
    next: z.string().optional(),
  })
  .meta({ id: 'DocumentListing' });

export const traceSchema = z
  .strictObject({
    requestId: z.string(),
    events: z.array(
      z.strictObject({
        kind: z.enum(AUDIT_KINDS),
        at: z.string(),
        index: count,
        leaf: z.string(),
        body: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'RequestTrace' });

export const readinessSchema = z
  .strictObject({
    ready: z.boolean(),
    parts: z.array(z.strictObject({ part: z.string(), ready: z.boolean(), reason: z.string().optional() })),
  })
  .meta({ id: 'Readiness' });
