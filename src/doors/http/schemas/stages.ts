import { z } from 'zod';
import type { Digest } from '../../../core/digest.ts';
import { OUTPUT_DECISIONS, OUTPUT_FINDINGS } from '../../../core/output-policy.ts';
import type { StageReport } from '../../../evidence/stages.ts';

const MAX_CHUNKS = 100;

const reportedChunks = z
  .array(z.string().min(1).max(64))
  .max(MAX_CHUNKS)
  .refine((ids) => new Set(ids).size === ids.length, 'each chunk once');
const digestSchema = z.custom<Digest>((value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value), 'not a digest');

export const admittedSchema = z
  .strictObject({
    chunks: reportedChunks.meta({ description: 'Ids of the chunks that went into the prompt, in its order.' }),
    prompt: z.string().min(1).optional().meta({ description: 'Its text. A digest of it is kept, sealed; the text is not.' }),
    promptDigest: digestSchema.optional().meta({ description: 'In place of the text.', type: 'string', pattern: '^sha256:[0-9a-f]{64}$' }),
  })
  .refine(({ prompt, promptDigest }) => prompt === undefined || promptDigest === undefined, 'prompt or promptDigest, not both')
  .meta({
    id: 'AdmittedReport',
    description: 'A claim of the application.',
    examples: [{ chunks: ['8c0b3f9e-41d2-8b7a-9c55-0d1e2f3a4b5c'], prompt: 'Answer from …' }],
  });

export const citedSchema = z
  .strictObject({ chunks: reportedChunks.meta({ description: 'Ids of the chunks that the answer cites.' }) })
  .meta({
    id: 'CitedReport',
    description: 'A claim of the application.',
    examples: [{ chunks: ['8c0b3f9e-41d2-8b7a-9c55-0d1e2f3a4b5c'] }],
  });

export const stageAnswerSchema = z
  .strictObject({
    requestId: z.string(),
    stage: z.enum(['admitted', 'cited']),
    recorded: z.boolean().meta({ description: 'False where the same report was there already.' }),
  })
  .meta({ id: 'StageAnswer', description: 'That the report is in the log.' });

export const outputSchema = z
  .strictObject({ output: z.string().meta({ description: 'What the model wrote. It is compared and not kept.' }) })
  .meta({ id: 'OutputCheck', description: 'At most 262,144 characters.', examples: [{ output: 'Parental leave is twelve weeks [1].' }] });

const count = z.int().min(0);
const place = { start: count, end: count };
const by = z.enum(['id', 'rank', 'number']);

export const outputReportSchema = z
  .strictObject({
    requestId: z.string(),
    decision: z.enum(OUTPUT_DECISIONS),
    reasons: z.array(z.enum([...OUTPUT_FINDINGS, 'switched-off', 'too-many-findings', 'withheld'])),
    findings: z
      .strictObject({
        cited: z.array(z.strictObject({ chunk: z.string(), by, ...place })),
        quoted: z.array(z.strictObject({ chunk: z.string(), ...place, cited: z.boolean() })),
        unknown: z.array(z.strictObject({ by, ...place })),
        unreadable: z.array(z.string()),
      })
      .optional(),
  })
  .meta({ id: 'OutputReport', description: 'Places are [start, end) in UTF-16 units of the output.' });

export function toPrompt({ prompt, promptDigest }: z.output<typeof admittedSchema>): StageReport['prompt'] {
  if (prompt !== undefined) return { kind: 'text', text: prompt };
  return promptDigest === undefined ? { kind: 'none' } : { kind: 'digest', digest: promptDigest };
}
