import { z } from 'zod';
import { AppError } from '../../../core/errors.ts';
import { MAX_COMPARTMENTS, type LabelScheme } from '../../../core/label.ts';
import { SINK_REASONS, type Sink } from '../../../core/session.ts';
import { levelSchema, trustSchema } from '../../entrance/schemas/reading.ts';
import { labelSchema } from '../../entrance/schemas/released.ts';

export const checkSessionSchema = z
  .strictObject({
    sink: z.strictObject({
      level: levelSchema,
      compartments: z.array(z.string().min(1).max(63)).max(MAX_COMPARTMENTS).default([]),
      minTrust: trustSchema.optional(),
    }),
  })
  .meta({ id: 'CheckSession', examples: [{ sink: { level: 'internal', compartments: ['people'], minTrust: 'internal' } }] });

export const sinkAnswerSchema = z
  .strictObject({ allowed: z.boolean(), label: labelSchema.optional(), reasons: z.array(z.enum(SINK_REASONS)) })
  .meta({ id: 'SinkAnswer' });

/** Fails with `unknown_level`. */
export function toSink({ sink }: z.output<typeof checkSessionSchema>, labels: LabelScheme): Sink {
  const level = labels.parse(sink.level);
  if (level === undefined) throw new AppError('unknown_level', { issues: [{ pointer: '/sink/level', message: 'unknown level' }] });
  return { level, compartments: sink.compartments, minTrust: sink.minTrust };
}
