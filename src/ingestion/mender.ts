import type { ChunkId, CollectionKey, TenantId } from '../core/ids.ts';
import type { DeadChunk } from '../core/ports/catalog.ts';
import type { CollectionCatalog } from '../core/ports/collections.ts';
import type { HostedIndex } from '../core/ports/points.ts';
import { syncAccess, type SyncParts } from './sync-access.ts';

export interface Mender {
  /** Does all the work that is left over now; resolves when there is none. Failures are left for the next time. */
  mend(): Promise<void>;
  /** Asks for `mend` soon, without waiting. */
  kick(): void;
  close(): Promise<void>;
}

export interface MenderParts extends SyncParts {
  /** Lets documents out of quarantine whose denies name somebody known by now. */
  readonly resolveQuarantined?: (signal: AbortSignal) => Promise<number>;
  /** Erases labels of sessions that have ended, up to `limit` at once; how many. */
  readonly sweepSessions?: (limit: number) => Promise<number>;
  /** Drops what deleted collections leave: their points, then their documents. */
  readonly hosted?: {
    readonly catalog: Pick<CollectionCatalog, 'deletedCollections' | 'emptyCollection' | 'forgetCollection'>;
    readonly index: Pick<HostedIndex, 'drop'>;
  };
  /** Overwrites what erasures left in files beside the tables; false where it has to be tried again. */
  readonly scrub?: () => Promise<boolean>;
}

const BATCH = 200;
const INTERVAL_MS = 15_000;
const KICK_DELAY_MS = 20;
/** Longer than any write may take between staging and publishing. */
const STAGED_FOR_MS = 10 * 60_000;

/**
 * Finishes what a crash, or an index that was away, left undone: access that the index does not have yet, points of dead
 * chunks, documents of deleted sources. Several replicas may mend at once: every step can be repeated.
 */
export function createMender(parts: MenderParts, stagedForMs = STAGED_FOR_MS): Mender {
  const stop = new AbortController();
  const { signal } = stop;
  let running: Promise<void> | undefined;
  let again = false;

  async function passes(): Promise<void> {
    do {
      again = false;
      try {
        await pass(parts, signal, stagedForMs);
      } catch (error) {
        if (!signal.aborted) parts.telemetry.log.error({}, 'mending stopped; it will be tried again', error);
      }
      // Also after a failure: whoever asked meanwhile may have asked because the index is back.
    } while (again && !signal.aborted);
  }

  function mend(): Promise<void> {
    if (running !== undefined) {
      again = true;
      return running;
    }
    running = passes().finally(() => (running = undefined));
    return running;
  }

  const schedule = repeatedly(mend, signal);
  return {
    mend,
    kick: schedule.kick,
    async close() {
      stop.abort();
      schedule.stop();
      await running;
    },
  };
}

/** Runs now, and again `INTERVAL_MS` after each end, sooner after a kick. */
function repeatedly(run: () => Promise<void>, signal: AbortSignal): { kick(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let kicked = false;

  function schedule(delay: number): void {
    clearTimeout(timer);
    if (signal.aborted) return;
    timer = setTimeout(() => {
      kicked = false;
      void run().finally(() => {
        if (!kicked) schedule(INTERVAL_MS);
      });
    }, delay);
    timer.unref();
  }

  schedule(0);
  return {
    // A second kick does not put the first one off, or a stream of writes would keep it waiting for ever.
    kick() {
      if (kicked) return;
      kicked = true;
      schedule(KICK_DELAY_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

async function pass(parts: MenderParts, signal: AbortSignal, stagedForMs: number): Promise<void> {
  // First, so that the index hears of it in the same pass.
  await parts.resolveQuarantined?.(signal);
  await mendAccess(parts, signal);
  while (!signal.aborted && (await parts.writes.purgeSources(BATCH))) {
    // Each call turns one more batch of documents into dead chunks.
  }
  await dropCollections(parts, signal);
  await sweepChunks(parts, signal, stagedForMs);
  while (!signal.aborted && ((await parts.sweepSessions?.(BATCH)) ?? 0) >= BATCH) {
    // A full batch: there may be more.
  }
  await parts.scrub?.();
}

async function mendAccess(parts: SyncParts, signal: AbortSignal): Promise<void> {
  for (;;) {
    const pending = await parts.writes.pendingDocuments(BATCH);
    let mended = 0;
    for (const { tenant, key } of pending) {
      signal.throwIfAborted();
      if (await syncAccess(parts, tenant, key, signal)) mended += 1;
    }
    parts.telemetry.count('index_repairs', {}, mended);
    // Without progress the index is away: wait for the next round.
    if (pending.length < BATCH || mended === 0) return;
  }
}

/**
 * The points first, all at once: nobody reads them any more, and a document without its tombstone is found again in the next round.
 * One collection that cannot be dropped keeps no other from it.
 */
async function dropCollections({ hosted, telemetry }: MenderParts, signal: AbortSignal): Promise<void> {
  if (hosted === undefined) return;
  const { catalog, index } = hosted;
  for (const { tenant, key } of await catalog.deletedCollections(BATCH)) {
    signal.throwIfAborted();
    try {
      await index.drop(key, signal);
      while (!signal.aborted && (await catalog.emptyCollection(key, BATCH))) {
        // Each call sets one more batch of tombstones.
      }
      signal.throwIfAborted();
      await catalog.forgetCollection(key);
    } catch (error) {
      signal.throwIfAborted();
      telemetry.log.warn({ tenant, collection: key }, 'a deleted collection could not be dropped; it will be tried again');
      telemetry.log.debug({ error: error instanceof Error ? error.message : 'unknown' }, 'why it could not be dropped');
    }
  }
}

/** Index first, catalog after: a crash between leaves rows whose points are gone, and deleting those again is harmless. */
async function sweepChunks(parts: SyncParts, signal: AbortSignal, stagedForMs: number): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const dead = await parts.writes.deadChunks(BATCH, stagedForMs);
    for (const { tenant, collection, chunks } of byPlace(dead)) {
      await parts.vectors.deleteChunks(tenant, chunks, signal, collection);
      await parts.writes.purgeChunks(tenant, chunks);
    }
    if (dead.length < BATCH) return;
  }
}

interface DeadInOnePlace {
  readonly tenant: TenantId;
  readonly collection: CollectionKey | undefined;
  readonly chunks: ChunkId[];
}

function byPlace(dead: readonly DeadChunk[]): readonly DeadInOnePlace[] {
  const groups = new Map<string, DeadInOnePlace>();
  for (const { tenant, chunk, collection } of dead) {
    const place = `${tenant} ${collection ?? ''}`;
    const group = groups.get(place) ?? { tenant, collection, chunks: [] };
    group.chunks.push(chunk);
    groups.set(place, group);
  }
  return [...groups.values()];
}
