import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { ReleaseOutcome } from '../core/ports/audit.ts';
import type { Entry, Outcome } from './entry.ts';
import { isOwnFault } from './own-fault.ts';
import { writeEntries } from './write-entries.ts';

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

interface Waiting {
  readonly entry: Entry;
  readonly resolve: (outcome: ReleaseOutcome) => void;
  readonly reject: (error: AppError) => void;
  /** Its caller was told that it failed; it is not written any more, unless its commit is already under way. */
  expired: boolean;
}

/**
 * Writes entries durably. What arrives while a transaction is in flight goes together into the next one, so that the cost of a
 * sync to disk is shared; each entry keeps its own outcome. Fails with `audit_unavailable`.
 */
export function groupCommit(
  database: Database,
  telemetry: Telemetry,
  limits: GroupCommitLimits,
): (entry: Entry) => Promise<ReleaseOutcome> {
  let queue: Waiting[] = [];
  let held = 0;
  let heldText = 0;
  let flushing = false;

  async function flush(): Promise<void> {
    flushing = true;
    try {
      while (queue.length > 0) {
        const live = queue.filter((waiting) => !waiting.expired);
        queue = live.slice(limits.maxBatch);
        if (live.length > 0) await write(live.slice(0, limits.maxBatch));
      }
    } finally {
      flushing = false;
    }
  }

  async function write(batch: readonly Waiting[]): Promise<void> {
    const started = performance.now();
    try {
      const entries = batch.map((waiting) => waiting.entry);
      const isAbandoned = (position: number): boolean => batch[position]?.expired ?? false;
      const outcomes = await database.transaction((tx) => writeEntries(tx, database.kind, entries, isAbandoned), {
        timeoutMs: limits.deadlineMs,
      });
      batch.forEach((waiting, position) => settle(waiting, outcomes[position]));
      telemetry.observeStep('audit_commit', (performance.now() - started) / 1_000);
    } catch (error) {
      await failed(batch, error);
    }
  }

  /** Where one event or one tenant's log is at fault, the others are written without it; where the database is, all fail. */
  async function failed(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (batch.length > 1 && isOwnFault(error)) {
      for (const waiting of batch) if (!waiting.expired) await write([waiting]);
      return;
    }
    telemetry.log.error({ events: batch.length }, 'the audit log could not be written', error);
    for (const waiting of batch) waiting.reject(unavailable('the audit log could not be written', error));
  }

  return (entry) => {
    if (held >= limits.maxQueue || heldText + entry.body.length > limits.maxQueuedText) {
      telemetry.count('audit_failures');
      return Promise.reject(unavailable('too many audit events are waiting'));
    }
    held += 1;
    heldText += entry.body.length;
    const { promise, resolve, reject } = Promise.withResolvers<ReleaseOutcome>();
    const waiting: Waiting = { entry, resolve, reject, expired: false };
    const timer = setTimeout(() => {
      waiting.expired = true;
      reject(unavailable('the audit log was not written in time'));
    }, limits.deadlineMs);
    queue.push(waiting);
    if (!flushing) void flush();
    return promise
      .catch((error: unknown) => {
        telemetry.count('audit_failures');
        throw error;
      })
      .finally(() => {
        clearTimeout(timer);
        held -= 1;
        heldText -= entry.body.length;
      });
  };
}

function settle(waiting: Waiting, outcome: Outcome | undefined): void {
  if (outcome === undefined || outcome.kind === 'abandoned') waiting.reject(unavailable('an audit event was not written'));
  else waiting.resolve(outcome);
}

function unavailable(detail: string, cause?: unknown): AppError {
  return new AppError('audit_unavailable', { detail, cause, retryAfter: 1 });
}
