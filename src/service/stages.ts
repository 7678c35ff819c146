import type { OutputPolicy } from '../core/output-policy.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Watch } from '../core/ports/watch.ts';
import { createStageService, type StageService } from '../evidence/stage-service.ts';
import type { Stores } from './open-stores.ts';

/** Applications report within a day of a release, or what the limits say. */
const WINDOW_MS = 24 * 3_600_000;

export interface StageServiceParts {
  readonly stores: Pick<Stores, 'catalog' | 'audit'>;
  readonly policy: OutputPolicy;
  readonly watch: Watch;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly windowMs: number | undefined;
}

export function stageService({ stores: { catalog, audit }, windowMs = WINDOW_MS, ...parts }: StageServiceParts): StageService {
  return createStageService({
    ...parts,
    catalog,
    audit,
    sealed: audit,
    markers: catalog,
    windowMs,
    seed: Math.random,
  });
}
