import { z } from 'zod';
import { TRUSTS } from '../../../core/label.ts';

const count = z.int().min(0);
export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** Invisible characters taken out at ingestion. */
export const removedSchema = z.strictObject({ tag: count, bidi: count, zeroWidth: count });

export const labelSchema = z
  .strictObject({ level: z.string(), compartments: z.array(z.string()), trust: z.enum(TRUSTS) })
  .meta({ id: 'Label' });

export const provenanceSchema = z
  .strictObject({
    v: z.literal(1),
    source: z.strictObject({ id: z.string(), title: z.string(), owner: z.string() }),
    document: z.strictObject({ id: z.string(), version: digestSchema, title: z.string(), uri: z.string().optional() }),
    span: z.strictObject({ start: count, end: count, unit: z.literal('utf16'), path: z.array(z.string()) }),
    digest: digestSchema,
    rendered: digestSchema.optional(),
    normalised: z.strictObject({ removed: removedSchema }),
    lineage: z.record(z.string(), z.string()),
    label: labelSchema,
    decision: z.strictObject({ policyRevision: z.string(), rules: z.array(z.string()), aclVersion: z.int(), at: z.string() }),
  })
  .meta({ id: 'Provenance' });

export const chunkSchema = z
  .strictObject({ id: z.string(), rank: z.int().min(1), score: z.number(), text: z.string(), provenance: provenanceSchema })
  .meta({ id: 'Chunk' });

export const openedChunkSchema = z
  .strictObject({ id: z.string(), place: count, text: z.string(), provenance: provenanceSchema })
  .meta({ id: 'OpenedChunk', description: 'A chunk at its place in the document, from 0.' });

export const manifestSchema = z
  .strictObject({
    payloadType: z.string(),
    payload: z.string(),
    signatures: z.array(z.strictObject({ keyid: z.string(), sig: z.string() })).min(1),
  })
  .meta({ id: 'Manifest', description: 'DSSE over an in-toto Statement v1. Absent where there is neither a chunk nor a context.' });

export const sessionSeenSchema = z
  .strictObject({ turns: count, label: labelSchema.optional() })
  .meta({ description: 'Everything this session has seen, this answer included. Absent label: nothing so far.' });
