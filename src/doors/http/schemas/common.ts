import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import type { AclEntryBody } from '../../../ingestion/types.ts';

export const MAX_VECTOR = 8_192;
const MAX_METADATA_KEYS = 64;
const MAX_METADATA_KEY = 128;
const MAX_METADATA_DEPTH = 5;
const MAX_METADATA_BYTES = 16_384;
const MAX_NAME = 1_024;

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value);
}

/** One check and at most one issue, whatever came: a million wrong entries do not make a million issues. */
export const vectorSchema = z
  .custom<readonly number[]>(
    (value) => Array.isArray(value) && value.length > 0 && value.length <= MAX_VECTOR && value.every(isNumber),
    `1 to ${MAX_VECTOR} finite numbers`,
  )
  .meta({ type: 'array', items: { type: 'number' }, minItems: 1, maxItems: MAX_VECTOR });

/** Of a list that is read a page at a time. */
export const pageLimitSchema = z
  .string()
  .regex(/^(?:[1-9]\d{0,2}|1000)$/)
  .optional()
  .meta({ description: '1 to 1,000; 100 where absent.' });

export const pageSchema = z.strictObject({
  after: z.string().min(1).max(MAX_NAME).optional().meta({ description: 'The `next` of the page before.' }),
  limit: pageLimitSchema,
});

/** A list of names such as principals or compartments. What a name means, and how many may be, is judged further in. */
export const namesSchema = z
  .custom<readonly string[]>(
    (value) => Array.isArray(value) && value.every((item) => typeof item === 'string' && item.length <= MAX_NAME),
    `a list of texts of at most ${MAX_NAME} characters`,
  )
  .meta({ type: 'array', items: { type: 'string', maxLength: MAX_NAME } });

export const instantSchema = z.iso.datetime({ offset: true }).meta({ description: 'ISO 8601 with an offset.' });

const timedEntrySchema = z.strictObject({
  principal: z.string().max(MAX_NAME),
  from: instantSchema.optional(),
  until: instantSchema.optional(),
});

function isEntry(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= MAX_NAME;
  return timedEntrySchema.safeParse(value).success;
}

/** Entries of an ACL: principals, some of them only for a time. What a name means, and how many may be, is judged further in. */
export const aclEntriesSchema = z
  .custom<readonly AclEntryBody[]>(
    (value) => Array.isArray(value) && value.every(isEntry),
    `a list of principals of at most ${MAX_NAME} characters, or of {principal, from, until}`,
  )
  .meta({
    type: 'array',
    items: {
      anyOf: [
        { type: 'string', maxLength: MAX_NAME },
        {
          type: 'object',
          required: ['principal'],
          additionalProperties: false,
          properties: {
            principal: { type: 'string', maxLength: MAX_NAME },
            from: { type: 'string', format: 'date-time' },
            until: { type: 'string', format: 'date-time' },
          },
        },
      ],
    },
  });

export const titleSchema = z.string().min(1).max(MAX_NAME);
export const principalTextSchema = z.string().min(1).max(MAX_NAME).meta({
  description: 'user:<issuer>|<sub>, group:<issuer>|<id> or client:<issuer>|<id>; the issuer may be left out where there is one.',
});

/** Of a list that is paged by a `next`: wishes, holds. */
export const pageQuerySchema = z.strictObject({
  after: z.string().min(1).max(8_192).optional().meta({ description: 'The `next` of the page before.' }),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|100)$/)
    .transform(Number)
    .default(50)
    .meta({ description: '1 to 100.' }),
});

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depthOf(item)), 0);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON already, since it came through `parseJson`; only its size is left to bound. */
export const metadataSchema = z
  .custom<JsonObject>(isObject, 'expected an object')
  .superRefine((metadata, context) => {
    const keys = Object.keys(metadata);
    if (keys.length > MAX_METADATA_KEYS) context.addIssue(`at most ${MAX_METADATA_KEYS} keys`);
    if (keys.some((key) => key.length === 0 || key.length > MAX_METADATA_KEY))
      context.addIssue(`keys of 1 to ${MAX_METADATA_KEY} characters`);
    if (depthOf(metadata) > MAX_METADATA_DEPTH) context.addIssue(`at most ${MAX_METADATA_DEPTH} levels`);
    if (Buffer.byteLength(JSON.stringify(metadata)) > MAX_METADATA_BYTES) context.addIssue(`at most ${MAX_METADATA_BYTES} bytes of JSON`);
  })
  .meta({ type: 'object', description: 'At most 64 keys, 5 levels and 16,384 bytes of JSON.' });
