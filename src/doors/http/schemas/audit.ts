import { z } from 'zod';
import { AUDIT_KINDS } from '../../../core/ports/audit.ts';
import { EXPORT_FORMATS } from '../../../evidence/export.ts';
import { labelSchema } from '../../entrance/schemas/released.ts';
import { instantSchema, principalTextSchema } from './common.ts';

const MAX_CURSOR = 256;
const MAX_PAGE = 1_000;
const MAX_NAME = 1_024;
const LIMIT = `1 to ${MAX_PAGE}.`;

const filters = {
  document: z.string().min(1).max(MAX_NAME).optional().meta({ description: 'source/document, or the id alone with source beside it.' }),
  subject: principalTextSchema.optional().meta({ description: 'A person or an application: what it asked, did, and was done to it.' }),
  source: z.string().min(1).max(MAX_NAME).optional().meta({ description: 'The id of a source.' }),
  client: principalTextSchema.optional().meta({ description: 'The application through which it came.' }),
  kind: z.string().min(1).max(MAX_NAME).optional().meta({ description: 'Kinds of events, separated by commas; document.* for a group.' }),
  from: instantSchema.optional().meta({ description: 'ISO 8601 with an offset; events of this moment are in.' }),
  to: instantSchema.optional().meta({ description: 'ISO 8601 with an offset; events of this moment are not in.' }),
} as const;

const cursor = z.string().min(1).max(MAX_CURSOR).optional().meta({ description: 'The `next` of the page before, of the same question.' });
const count = z.int().min(0);
const position = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,14})$/)
  .transform(Number);
const pageSize = z
  .string()
  .regex(/^[1-9]\d{0,3}$/)
  .transform(Number)
  .pipe(z.int().max(MAX_PAGE));

export const eventsQuerySchema = z.strictObject({ ...filters, cursor, limit: pageSize.default(100).meta({ description: LIMIT }) });
const { kind: _kind, ...released } = filters;
export const summaryQuerySchema = z.strictObject({ ...released, cursor });
export const exportQuerySchema = z.strictObject({
  ...filters,
  format: z.enum(EXPORT_FORMATS).default('sluice').meta({ description: '`sluice` can be verified, and takes `from` and `to` alone.' }),
});
export const checkpointQuerySchema = z.strictObject({
  fresh: z.enum(['true', 'false']).optional().meta({ description: '`true`: one of everything that is in the log now.' }),
});
export const checkpointsQuerySchema = z.strictObject({
  after: position.default(0).meta({ description: 'Checkpoints of a larger size than this.' }),
  limit: pageSize.default(100).meta({ description: LIMIT }),
});
export const inclusionQuerySchema = z.strictObject({
  index: position.meta({ description: 'The position of an event, from 0.' }),
  size: position.optional().meta({ description: 'Of the checkpoint; the newest where absent.' }),
});
export const consistencyQuerySchema = z.strictObject({
  from: position.meta({ description: 'Size of the earlier log.' }),
  to: position.meta({ description: 'Size of the later log.' }),
});
const { from: _from, to: _to, ...timeless } = filters;
export const completeQuerySchema = z.strictObject({
  ...timeless,
  what: z
    .enum(['released', 'changed', 'asked', 'done', 'concerned'])
    .optional()
    .meta({ description: 'Which list of it; where absent `released` of a document or a source, `asked` of a person or an application.' }),
});

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const eventSchema = z
  .strictObject({
    index: count,
    at: z.string(),
    kind: z.enum(AUDIT_KINDS),
    requestId: z.string(),
    leaf: z.string(),
    body: z.record(z.string(), z.unknown()),
  })
  .meta({
    id: 'AuditEvent',
    description: 'With the names that are known; `erased:…` for what was erased. `leaf` is its RFC 6962 leaf hash.',
  });

export const eventsAnswerSchema = z
  .strictObject({ events: z.array(eventSchema), next: z.string().optional() })
  .meta({ id: 'AuditEvents', description: 'Oldest first. Where `next` stands there may be more, even after a page without events.' });

export const summaryAnswerSchema = z
  .strictObject({
    releases: count,
    chunks: count,
    answers: z.array(z.strictObject({ label: labelSchema.nullable(), releases: count })),
    sources: z.array(z.strictObject({ source: z.string(), declared: labelSchema.nullable(), chunks: count, releases: count })),
    next: z.string().optional(),
  })
  .meta({ id: 'AuditSummary', description: 'Counts of one page; those of all pages are added up.' });

export const checkpointSchema = z
  .strictObject({ note: z.string(), size: count, root: hash, map: hash, at: z.string() })
  .meta({ id: 'AuditCheckpoint', description: '`note` is a signed note (C2SP).' });
export const checkpointsAnswerSchema = z
  .strictObject({ checkpoints: z.array(checkpointSchema) })
  .meta({ id: 'AuditCheckpoints', description: 'In the order of their sizes.' });

export const inclusionAnswerSchema = z
  .strictObject({ index: count, size: count, leaf: hash, path: z.array(hash), checkpoint: checkpointSchema })
  .meta({ id: 'InclusionProof', description: 'RFC 6962, hex: `path` leads from `leaf` to the root of `checkpoint`.' });
export const consistencyAnswerSchema = z
  .strictObject({ from: count, to: count, hashes: z.array(hash) })
  .meta({ id: 'ConsistencyProof', description: 'RFC 6962, hex.' });

export const completeAnswerSchema = z
  .strictObject({
    proofs: z.array(
      z.strictObject({
        log: z.strictObject({ about: z.string(), what: z.string(), name: z.string() }),
        pseudonym: z.strictObject({ kind: z.enum(['person', 'document']), name: z.string(), key: hash }).optional(),
        proof: z.strictObject({
          checkpoint: checkpointSchema,
          key: hash,
          positions: z.array(count),
          leaves: z.array(hash),
          map: z.strictObject({ bucket: z.array(z.strictObject({ key: hash, value: hash })), path: z.array(hash) }),
        }),
      }),
    ),
  })
  .meta({ id: 'CompletenessProofs', description: 'One for each name that events have for it: plain, and the pseudonym.' });
