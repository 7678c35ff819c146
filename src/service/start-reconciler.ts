import { randomUUID } from 'node:crypto';
import type { Config } from '../config.ts';
import type { EmbeddingPort } from '../core/ports/embedding.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { createReconciler, type Reconciler } from '../ingestion/reconciler.ts';
import type { StartableVectorIndex } from '../vectors/vector-index.ts';
import type { Closers } from './closers.ts';
import type { ServiceLimits } from './limits.ts';
import type { Stores } from './open-stores.ts';

export interface ReconcilerParts {
  readonly config: Pick<Config, 'index'>;
  readonly stores: Pick<Stores, 'catalog' | 'audit'>;
  readonly vectors: StartableVectorIndex;
  readonly embedding: EmbeddingPort;
  readonly telemetry: Telemetry;
  readonly closers: Closers;
  readonly limits: ServiceLimits['reconciler'];
}

/** Runs in the background until the closers stop it. */
export function startReconciler({ config, stores, vectors, embedding, telemetry, closers, limits }: ReconcilerParts): Reconciler {
  const parts = { catalog: stores.catalog, audit: stores.audit, index: vectors.inspection, vectors, embedding, telemetry };
  const reconciler = createReconciler(parts, {
    holder: randomUUID(),
    everyMs: config.index.reconcileMinutes * 60_000,
    newId: randomUUID,
    ...(limits === undefined ? {} : { limits }),
  });
  closers.add(() => reconciler.close());
  return reconciler;
}
