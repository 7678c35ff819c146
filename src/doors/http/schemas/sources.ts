import { z } from 'zod';
import type { SourceBody, SourcePatch } from '../../../ingestion/types.ts';
import { levelSchema, trustSchema } from '../../entrance/schemas/reading.ts';
import { namesSchema, principalTextSchema, titleSchema } from './common.ts';

export const sourceSchema = z
  .strictObject({
    title: titleSchema,
    owner: principalTextSchema,
    level: levelSchema,
    compartments: namesSchema.optional(),
    trust: trustSchema,
    ceiling: namesSchema.optional(),
  })
  .meta({
    id: 'SourceBody',
    examples: [
      {
        title: 'People handbook',
        owner: 'group:people-team',
        level: 'internal',
        compartments: [],
        trust: 'internal',
        ceiling: ['everyone'],
      },
    ],
  });

export const sourcePatchSchema = z
  .strictObject({
    title: titleSchema.optional(),
    owner: principalTextSchema.optional(),
    level: levelSchema.optional(),
    compartments: namesSchema.optional(),
    trust: trustSchema.optional(),
    ceiling: namesSchema.nullable().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'nothing to change')
  .meta({ id: 'SourcePatch', minProperties: 1, examples: [{ level: 'confidential' }] });

export function toSourceBody(input: z.output<typeof sourceSchema>): SourceBody {
  const { title, owner, level, compartments = [], trust, ceiling } = input;
  return { title, owner, level, compartments, trust, ceiling };
}

export function toSourcePatch(input: z.output<typeof sourcePatchSchema>): SourcePatch {
  return input;
}
