import { setTimeout as sleep } from 'node:timers/promises';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import { readDatabaseTime } from '../../database/time.ts';
import { FencedOff } from '../index/fence.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import type { Deeds } from '../worker/protocol.ts';
import { createAdvanceLogs, type AdvanceLogs } from './advance-log.ts';
import { createGiveOutside, type GiveOutside } from './give-outside.ts';
import { createHalts } from './halts.ts';
import { LeaseLost } from './lease.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';
import type { Place } from './outside/place.ts';
import { createOrphans, type Orphans } from './orphans.ts';
import { SEQUENCER_TIMING, type SequencerSettings, type SequencerTiming } from './settings.ts';
import { forgetWanted, wantedSizes } from './wanted.ts';

export interface SequencerParts {
  readonly databases: LogAndIndex;
  readonly settings: SequencerSettings;
  readonly places: readonly Place[];
  readonly deeds: Deeds;
  readonly telemetry: Telemetry;
}

export interface Sequencer {
  /** Looks at once instead of at the next tick. */
  kick(): void;
  /** Why nothing is signed for this tenant; undefined where all is well, as far as this process knows. */
  halted(tenant: string): string | undefined;
  /** Finishes the step under way and gives the lease up. */
  stop(): Promise<void>;
}

interface Steps extends SequencerParts {
  readonly timing: SequencerTiming;
  readonly keeper: LeaseKeeper;
  readonly logs: AdvanceLogs;
  readonly outside: GiveOutside;
  readonly orphans: Orphans;
  readonly stopping: () => boolean;
}

/** Builds the index, signs and gives checkpoints outside, while this process holds the lease; otherwise it waits to take it over. */
export function startSequencer(parts: SequencerParts): Sequencer {
  const { databases, settings, places, telemetry } = parts;
  const timing = { ...SEQUENCER_TIMING, ...settings.timing };
  const halts = createHalts(databases.log, telemetry);
  const keeper = createLeaseKeeper(databases.log, settings.holder, timing.leaseMs, () => logs.forget());
  const checkpointMs = settings.checkpointSeconds * 1_000;
  const shared = { databases, places, telemetry, placeMs: timing.outsideMs, computedUpTo: settings.computedUpTo };
  const logs = createAdvanceLogs({ ...shared, deeds: parts.deeds, keeper, halts, host: settings.host, checkpointMs });
  const contradicted = (tenant: string, error: Error): void => void halts.halt(tenant, error.message).catch(() => undefined);
  const outside = createGiveOutside({ ...shared, contradicted });
  const orphans = createOrphans({ ...parts, keeper, sweepAfterMs: timing.sweepAfterMs });
  let isStopping = false;
  let wake = new AbortController();
  const steps: Steps = { ...parts, timing, keeper, logs, outside, orphans, stopping: () => isStopping };

  async function run(): Promise<void> {
    while (!isStopping) {
      const { signal } = wake;
      const result = await tick(steps).catch((error: unknown) => failed(steps, error));
      // Between two batches whoever asks gets a turn.
      await sleep(result === 'more' ? 0 : timing.tickMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) wake = new AbortController();
    }
  }
  const running = run();
  return {
    kick: () => wake.abort(),
    halted: halts.message,
    async stop() {
      isStopping = true;
      wake.abort();
      await running;
      await outside.stop();
      await keeper.giveUp().catch(() => undefined);
    },
  };
}

/** A step of every log, then what became of it: outside, and intents that stayed alone. */
async function tick(steps: Steps): Promise<'reached' | 'more'> {
  const { databases, telemetry, keeper, logs, outside, orphans, stopping } = steps;
  const { log, index } = databases;
  const lease = await keeper.hold();
  const heads = await log.db.selectFrom('audit_heads').select(['tenant', 'size', 'head']).where('size', '>', 0).orderBy('tenant').execute();
  const wanted = await wantedSizes(log.db);
  const now = await readDatabaseTime(log.db, log.kind);
  let result: 'reached' | 'more' = 'reached';
  for (const head of heads) {
    if (stopping()) return 'reached';
    if ((await logs.advance(head, now, wanted.get(head.tenant) ?? 0)) === 'more') result = 'more';
  }
  const indexed = await index.db
    .selectFrom('audit_index_logs')
    .select(({ fn }) => fn.sum<number | string>('size').as('size'))
    .executeTakeFirst();
  telemetry.gauge('audit_index_behind', heads.reduce((sum, { size }) => sum + size, 0) - Number(indexed?.size ?? 0));
  if (wanted.size > 0) await forgetWanted(log, wanted);
  outside.give(logs.signed(), lease);
  if (result === 'reached') await orphans.sweep(now);
  return result;
}

function failed({ keeper, telemetry }: Steps, error: unknown): 'reached' {
  if (error instanceof LeaseLost || error instanceof FencedOff) {
    keeper.lost();
  } else {
    telemetry.count('checkpoint_failures', { part: 'index' });
    telemetry.log.error({}, 'the audit log could not be followed', error);
  }
  return 'reached';
}
