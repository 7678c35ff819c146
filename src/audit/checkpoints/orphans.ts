import type { Telemetry } from '../../core/ports/telemetry.ts';
import { orphansBefore, type OpenIntent } from '../index/open-intents.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import type { Deeds, OrphanedIntent } from '../worker/protocol.ts';
import type { LeaseKeeper } from './lease-keeper.ts';

export interface OrphanParts {
  readonly databases: LogAndIndex;
  readonly deeds: Deeds;
  readonly telemetry: Telemetry;
  readonly keeper: LeaseKeeper;
  readonly sweepAfterMs: number;
}

/** Intents that stayed alone, as the index knows them. */
export interface Orphans {
  /** Ends the next few. `now`: database time. Rejects with `LeaseLost`, and where the index cannot be read. */
  sweep(now: number): Promise<void>;
}

const AT_ONCE = 200;

/**
 * Goes round all of them, a few at a time: the index of a log that is halted remembers intents that ended long ago, and they must not be
 * looked at again for ever in place of those of other tenants.
 */
export function createOrphans({ databases: { index }, deeds, telemetry, keeper, sweepAfterMs }: OrphanParts): Orphans {
  let after: OpenIntent | undefined;
  return {
    async sweep(now) {
      const found = await orphansBefore(index.db, now - sweepAfterMs, AT_ONCE, after);
      after = found.length < AT_ONCE ? undefined : found.at(-1);
      for (const [tenant, intents] of byTenant(found)) {
        await keeper.hold();
        try {
          const swept = await deeds.sweep(tenant, intents);
          if (swept > 0) telemetry.count('intents_swept', {}, swept);
        } catch (error) {
          // One tenant's failure is not the others'.
          telemetry.count('checkpoint_failures', { part: 'index' });
          telemetry.log.error({ tenant }, 'intents that stayed alone could not be ended', error);
        }
      }
    },
  };
}

function byTenant(found: readonly OpenIntent[]): ReadonlyMap<string, readonly OrphanedIntent[]> {
  return Map.groupBy(found, ({ tenant }) => tenant);
}
