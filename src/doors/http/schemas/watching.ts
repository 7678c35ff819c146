import { z } from 'zod';
import { WATCH_ACTIONS, WATCH_KINDS, WATCH_WINDOWS } from '../../../core/watching.ts';

const reading = z.strictObject({
  kind: z.enum(WATCH_KINDS),
  window: z.enum(WATCH_WINDOWS),
  action: z.enum(WATCH_ACTIONS),
  over: z.number(),
  value: z.number(),
});

const watchedSchema = z
  .strictObject({
    subject: z.string(),
    readings: z.array(reading),
    blockedUntil: z.string().optional(),
    limitedUntil: z.string().optional(),
  })
  .meta({ id: 'Watched', description: 'Somebody at 80 % of a threshold or more, or held by one that they passed.' });

export const watchingSchema = z.strictObject({ subjects: z.array(watchedSchema), next: z.string().optional() }).meta({ id: 'Watching' });
