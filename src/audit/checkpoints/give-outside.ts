import { consistencyProof } from '../../core/tlog/make-proofs.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import { onDisk } from '../../database/on-disk.ts';
import { readDatabaseTime } from '../../database/time.ts';
import { tileReader } from '../index/read-tiles.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import type { Lease } from './lease.ts';
import { addCosignatures, newestCheckpoint, type StoredCheckpoint } from './stored.ts';
import { HoldsLarger, NotTheSameTree, type Place } from './outside/place.ts';

export interface GivingParts {
  readonly databases: LogAndIndex;
  readonly places: readonly Place[];
  readonly telemetry: Telemetry;
  readonly placeMs: number;
  /** A place holds more of a log than there is, or another tree of it. */
  readonly contradicted: (tenant: string, error: HoldsLarger | NotTheSameTree) => void;
}

export interface GiveOutside {
  /** Gives the newest checkpoint of these tenants to every place that has it not. Never rejects; what fails is tried again later. */
  give(tenants: readonly string[], lease: Lease): void;
  /** Resolves when nothing is under way any more; what is, is given up. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Each place in its own time: one that is slow or away keeps neither the others nor a request waiting. */
export function createGiveOutside(parts: GivingParts): GiveOutside {
  const stopping = new AbortController();
  const lanes = parts.places.map((place) => lane(parts, place, stopping.signal));
  return {
    give(tenants, lease) {
      for (const each of lanes) each.give(tenants, lease);
    },
    async stop() {
      stopping.abort();
      await Promise.all(lanes.map(({ settled }) => settled()));
    },
  };
}

function lane(parts: GivingParts, place: Place, stopping: AbortSignal) {
  const waiting = new Set<string>();
  let running: Promise<void> | undefined;
  let pauseMs = 0;
  let notBefore = 0;
  async function run(lease: Lease): Promise<void> {
    for (const tenant of waiting) {
      if (stopping.aborted) return;
      try {
        await giveNewest(parts, place, tenant, lease, stopping);
        waiting.delete(tenant);
        pauseMs = 0;
      } catch (error) {
        if (stopping.aborted) return;
        failed(tenant, error);
        return;
      }
    }
  }
  function failed(tenant: string, error: unknown): void {
    pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    notBefore = performance.now() + pauseMs;
    // The next one first: what one log cannot be given must not keep the others from it.
    waiting.delete(tenant);
    waiting.add(tenant);
    parts.telemetry.count('checkpoint_failures', { part: 'outside' });
    parts.telemetry.log.error({ place: place.name }, 'a checkpoint could not be given outside', error);
    if (error instanceof HoldsLarger || error instanceof NotTheSameTree) parts.contradicted(tenant, error);
  }
  return {
    give(tenants: readonly string[], lease: Lease) {
      for (const tenant of tenants) waiting.add(tenant);
      if (waiting.size === 0 || running !== undefined || performance.now() < notBefore) return;
      running = run(lease).finally(() => {
        running = undefined;
      });
    },
    settled: () => running ?? Promise.resolve(),
  };
}

async function giveNewest(parts: GivingParts, place: Place, tenant: string, lease: Lease, stopping: AbortSignal): Promise<void> {
  const { log, index } = parts.databases;
  const checkpoint = await newestCheckpoint(log.db, tenant);
  if (checkpoint === undefined) return;
  const known = await knownSize(parts.databases, checkpoint, place);
  if (known >= checkpoint.size) return;
  // It may be stored this moment: nothing that a loss of power could take back is given away.
  await onDisk(log);
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(parts.placeMs)]);
  const consistency = (from: number): Promise<readonly Uint8Array[]> =>
    consistencyProof(from, checkpoint.size, tileReader(index.db, tenant));
  const { note } = await place.give({ checkpoint, known, consistency, signal });
  if (note !== undefined) await addCosignatures(log, lease, checkpoint, note);
  const at = await remember(parts.databases, checkpoint, place);
  parts.telemetry.gauge('audit_outside_last_seconds', Math.floor(at / 1_000));
}

async function knownSize({ log }: LogAndIndex, { origin }: StoredCheckpoint, place: Place): Promise<number> {
  const row = await log.db
    .selectFrom('audit_outside')
    .select('size')
    .where('origin', '=', origin)
    .where('place', '=', place.name)
    .executeTakeFirst();
  return row?.size ?? 0;
}

/** Database time, in milliseconds, as of all times of checkpoints. */
async function remember({ log }: LogAndIndex, { origin, size }: StoredCheckpoint, place: Place): Promise<number> {
  return log.transaction(async (tx) => {
    const at = await readDatabaseTime(tx, log.kind);
    await tx
      .insertInto('audit_outside')
      .values({ origin, place: place.name, size, at })
      .onConflict((conflict) => conflict.columns(['origin', 'place']).doUpdateSet({ size, at }).where('audit_outside.size', '<', size))
      .execute();
    return at;
  });
}
