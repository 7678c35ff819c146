import { z } from 'zod';
import { isRunnable, MAX_URI } from '../../../core/addresses.ts';
import type { Digest } from '../../../core/digest.ts';
import { AppError } from '../../../core/errors.ts';
import type { AclBody, ContentBody, DocumentBody, DocumentPatch, HoneyPatch } from '../../../ingestion/types.ts';
import { aclEntriesSchema, instantSchema, metadataSchema, namesSchema, titleSchema, vectorSchema } from './common.ts';
import { levelSchema, trustSchema } from '../../entrance/schemas/reading.ts';

const MAX_CHUNKS = 5_000;
/** A chunk is released whole, up to a hundred in one answer: without a bound one document could make answers that no memory holds. */
const MAX_CHUNK_TEXT = 16_384;
const ETAG = /^sha256:[0-9a-f]{64}$/;

export const aclSchema = z
  .strictObject({
    allow: aclEntriesSchema.optional(),
    gates: z.array(aclEntriesSchema).max(1_000).optional(),
    deny: aclEntriesSchema.optional(),
  })
  .refine((acl) => (acl.allow === undefined) !== (acl.gates === undefined), 'exactly one of allow and gates')
  .meta({
    id: 'Acl',
    description: 'Gates are an AND of ORs; allow is the short form of one gate. A deny entry beats every grant.',
    oneOf: [{ required: ['allow'] }, { required: ['gates'] }],
    examples: [
      { allow: ['everyone'] },
      { allow: ['group:audit', { principal: 'user:bob', until: '2027-01-01T00:00:00Z' }] },
      { gates: [['group:people-team'], ['everyone-except-guests']], deny: ['user:mallory'] },
    ],
  });

const uriSchema = z
  .string()
  .min(1)
  .max(MAX_URI)
  .refine((text) => !isRunnable(text), 'not an address that a browser would run');

const documentShape = {
  title: titleSchema.optional(),
  uri: uriSchema.optional(),
  mediaType: z.string().min(1).max(127).meta({ description: 'text/markdown, text/plain or text/html.' }),
  language: z
    .string()
    .max(35)
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/)
    .optional(),
  text: z.string().optional(),
  contentBase64: z.string().optional().meta({ contentEncoding: 'base64' }),
  chunks: z
    .array(z.strictObject({ text: z.string().min(1).max(MAX_CHUNK_TEXT), vector: vectorSchema.optional() }))
    .min(1)
    .max(MAX_CHUNKS)
    .optional(),
  acl: aclSchema.optional().meta({ description: 'Needed: a document without one is refused with acl_required.' }),
  level: levelSchema.optional(),
  compartments: namesSchema.optional(),
  trust: trustSchema.optional(),
  metadata: metadataSchema.optional(),
  validFrom: instantSchema.optional(),
  validUntil: instantSchema.optional(),
  connector: z
    .string()
    .max(64)
    .regex(/^[a-z0-9][a-z0-9._@-]*$/)
    .optional(),
  run: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/)
    .optional(),
  etag: z
    .custom<Digest>((value) => typeof value === 'string' && ETAG.test(value), 'sha256: and 64 hexadecimal digits')
    .optional()
    .meta({ type: 'string', pattern: ETAG.source, description: 'What a connector saw; listed back to it as writeDigest.' }),
} as const;

const ONE_CONTENT = 'exactly one of text, contentBase64 and chunks';
const CONTENT_CHOICE = [{ required: ['text'] }, { required: ['contentBase64'] }, { required: ['chunks'] }];

function hasOneContent(body: { text?: unknown; contentBase64?: unknown; chunks?: unknown }): boolean {
  return [body.text, body.contentBase64, body.chunks].filter((content) => content !== undefined).length === 1;
}

export const documentSchema = z
  .strictObject(documentShape)
  .refine(hasOneContent, ONE_CONTENT)
  .meta({
    id: 'DocumentBody',
    oneOf: CONTENT_CHOICE,
    examples: [
      { title: 'Parental leave', mediaType: 'text/markdown', text: '# Parental leave\n\nSixteen weeks.', acl: { allow: ['everyone'] } },
    ],
  });

const documentName = z.string().min(1).max(512);

export const documentLineSchema = z
  .strictObject({ document: documentName, ...documentShape })
  .refine(hasOneContent, ONE_CONTENT)
  .meta({ id: 'DocumentLine', oneOf: CONTENT_CHOICE });

export const deleteLineSchema = z.strictObject({ document: documentName, delete: z.literal(true) }).meta({ id: 'DeleteLine' });

export const documentPatchSchema = z
  .strictObject({
    title: titleSchema.optional(),
    uri: uriSchema.nullable().optional(),
    acl: aclSchema.optional(),
    level: levelSchema.optional(),
    compartments: namesSchema.optional(),
    trust: trustSchema.optional(),
    metadata: metadataSchema.optional(),
    validFrom: instantSchema.nullable().optional(),
    validUntil: instantSchema.nullable().optional(),
    state: z.literal('live').optional().meta({ description: 'Ends a quarantine; needs `label`.' }),
    honey: z.boolean().optional().meta({ description: 'Makes it bait, or ends that; needs `label`, and stands alone.' }),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'nothing to change')
  .refine((patch) => patch.honey === undefined || Object.keys(patch).length === 1, 'honey stands alone')
  .meta({ id: 'DocumentPatch', minProperties: 1, examples: [{ acl: { allow: ['group:people-team'] }, validUntil: null }] });

/** Strict: one spelling a byte string, so padding, alphabet and trailing bits are all checked by writing it again. */
function bytesOf(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) {
    throw new AppError('invalid_request', { issues: [{ pointer: '/contentBase64', message: 'not base64' }] });
  }
  return bytes;
}

function contentOf(input: z.output<typeof documentSchema>): ContentBody {
  if (input.text !== undefined) return { kind: 'text', text: input.text };
  if (input.contentBase64 !== undefined) return { kind: 'bytes', bytes: bytesOf(input.contentBase64) };
  return { kind: 'chunks', chunks: input.chunks ?? [] };
}

export function aclOf(acl: z.output<typeof aclSchema>): AclBody {
  return acl.gates === undefined ? { allow: acl.allow ?? [], deny: acl.deny } : { gates: acl.gates, deny: acl.deny };
}

export function toDocumentBody(input: z.output<typeof documentSchema>): DocumentBody {
  return {
    title: input.title,
    uri: input.uri,
    mediaType: input.mediaType,
    language: input.language,
    content: contentOf(input),
    acl: input.acl === undefined ? undefined : aclOf(input.acl),
    level: input.level,
    compartments: input.compartments,
    trust: input.trust,
    metadata: input.metadata ?? {},
    validFrom: input.validFrom,
    validUntil: input.validUntil,
    connector: input.connector,
    run: input.run,
    etag: input.etag,
  };
}

export function toDocumentPatch(input: z.output<typeof documentPatchSchema>): DocumentPatch | HoneyPatch {
  const { acl, honey, ...rest } = input;
  if (honey !== undefined) return { honey };
  return acl === undefined ? rest : { ...rest, acl: aclOf(acl) };
}
