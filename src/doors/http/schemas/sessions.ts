import { z } from 'zod';
import { AppError } from '../../../core/errors.ts';
import { MAX_COMPARTMENTS, type LabelScheme } from '../../../core/label.ts';
import { parseSessionName, SINK_REASONS, type SessionName, type Sink } from '../../../core/session.ts';
import { labelSchema } from './answers.ts';
import { levelSchema, trustSchema } from './common.ts';

export const sessionNameSchema = z
  .custom<SessionName>((value) => typeof value === 'string' && parseSessionName(value) !== undefined, 'not a possible name of a session')
  .meta({
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$',
    description: 'Chosen by the caller. The same name by another user or application is another session.',
  });

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
