import { z } from 'zod';

const count = z.int().min(0);
const counts = z.strictObject({ missing: count, extra: count, stale: count });

export const reconcileSchema = z
  .strictObject({ check: z.boolean().default(false).meta({ description: 'Only find and count; change nothing.' }) })
  .meta({ id: 'Reconcile' });

export const reconciliationSchema = z
  .strictObject({
    id: z.string(),
    check: z.boolean(),
    state: z.enum(['running', 'done', 'failed']),
    chunks: count,
    total: count,
    found: counts,
    mended: counts,
    lost: z
      .record(z.string(), count)
      .meta({ description: 'Points missing from hosted collections, by name: only their applications can write them again.' }),
    startedAt: z.string(),
    endedAt: z.string().optional(),
  })
  .meta({ id: 'Reconciliation' });
