import { setImmediate as turn } from 'node:timers/promises';
import type { ReleaseOutcome } from '../core/ports/audit.ts';
import { batchWriter, unavailable, type Waiting, type WriterParts } from './batch-writer.ts';
import type { Entry } from './entry.ts';
import { prepare } from './prepare.ts';

export interface GroupCommitLimits {
  /** Milliseconds from the call to the answer. */
  readonly deadlineMs: number;
  /** Events waiting or being written; beyond it: `audit_unavailable`. */
  readonly maxQueue: number;
  /** UTF-16 units of bodies waiting or being written; beyond it: `audit_unavailable`. */
  readonly maxQueuedText: number;
  /** Events in one transaction. */
  readonly maxBatch: number;
}

/**
 * Writes entries durably. What arrives while a transaction is in flight goes together into the next one, so that the cost of a
 * sync to disk is shared; each entry keeps its own outcome. Fails with `audit_unavailable`.
 */
export function groupCommit(parts: WriterParts, limits: GroupCommitLimits): (entry: Entry) => Promise<ReleaseOutcome> {
  const { telemetry, keyring, sealer } = parts;
  const write = batchWriter(parts, limits.deadlineMs);
  let queue: Waiting[] = [];
  let held = 0;
  let heldText = 0;
  let flushing = false;

  async function flush(): Promise<void> {
    flushing = true;
    while (queue.length > 0) {
      // SQLite commits without ever going back to the event loop: without this turn nobody could join, and each would pay for its own sync.
      await turn();
      const live = queue.filter((waiting) => !waiting.expired);
      queue = live.slice(limits.maxBatch);
      if (live.length > 0) await write(live.slice(0, limits.maxBatch));
    }
    flushing = false;
  }

  /** What can be done before any lock is taken is done here, so that the lock is held for short. */
  async function enqueue(waiting: Waiting): Promise<void> {
    const ready = prepare(waiting.entry, keyring, sealer);
    // Without a wait where everything is known: events stay in the order of their calls.
    waiting.entry = ready instanceof Promise ? await ready : ready;
    queue.push(waiting);
    if (!flushing) void flush();
  }

  return async (entry) => {
    try {
      if (held >= limits.maxQueue || heldText + entry.size > limits.maxQueuedText) {
        throw unavailable('too many audit events are waiting');
      }
      held += 1;
      heldText += entry.size;
      try {
        return await answered(entry, limits.deadlineMs, enqueue);
      } finally {
        held -= 1;
        heldText -= entry.size;
      }
    } catch (error) {
      telemetry.count('audit_failures');
      throw error;
    }
  };
}

/** The answer to one entry, or `audit_unavailable` when its time is over. */
async function answered(entry: Entry, deadlineMs: number, enqueue: (waiting: Waiting) => Promise<void>): Promise<ReleaseOutcome> {
  const { promise, resolve, reject } = Promise.withResolvers<ReleaseOutcome>();
  const waiting: Waiting = { entry, resolve, reject, expired: false };
  const timer = setTimeout(() => {
    waiting.expired = true;
    reject(unavailable('the audit log was not written in time'));
  }, deadlineMs);
  try {
    enqueue(waiting).catch((error: unknown) => reject(unavailable('the keys of the audit log could not be read', error)));
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
