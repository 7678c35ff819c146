import { AppError } from '../core/errors.ts';
import type { ReleaseOutcome } from '../core/ports/audit.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Database } from '../database/database.ts';
import type { SessionSink } from '../database/session-sink.ts';
import type { Entry, Outcome } from './entry.ts';
import type { Keyring } from './names/keyring.ts';
import { isOwnFault } from './own-fault.ts';
import type { Sealer } from './sealed/seal.ts';
import { writeEntries, type Written } from './write-entries.ts';

/** An entry and the caller who waits for it. */
export interface Waiting {
  entry: Entry;
  readonly resolve: (outcome: ReleaseOutcome) => void;
  readonly reject: (error: AppError) => void;
  /** Its caller was told that it failed; it is not written any more, unless its commit is already under way. */
  expired: boolean;
}

export interface WriterParts {
  readonly database: Database;
  readonly telemetry: Telemetry;
  readonly sessionSink: SessionSink;
  readonly keyring: Keyring;
  readonly sealer: Sealer;
}

/** Writes a batch in one transaction and answers each of its callers. Never rejects. */
export function batchWriter(
  { database, telemetry, sessionSink, keyring, sealer }: WriterParts,
  deadlineMs: number,
): (batch: readonly Waiting[]) => Promise<void> {
  async function write(batch: readonly Waiting[]): Promise<void> {
    const started = performance.now();
    try {
      const entries = batch.map((waiting) => waiting.entry);
      const isAbandoned = (position: number): boolean => batch[position]?.expired ?? false;
      const run = (tx: Parameters<typeof writeEntries>[0]): Promise<Written> =>
        writeEntries(tx, database.kind, entries, { isAbandoned, sessionSink, sealer });
      const { outcomes, settled, texts } = await database.transaction(run, { timeoutMs: deadlineMs });
      for (const { tenant, erasures, keys } of settled) keyring.learn(tenant, erasures, keys.values());
      for (const text of texts) text.content = undefined;
      for (const [position, waiting] of batch.entries()) settle(waiting, outcomes[position]);
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
    for (const waiting of batch) waiting.reject(unavailable('the audit log could not be written', error));
    telemetry.log.error({ events: batch.length }, 'the audit log could not be written', error);
  }

  return write;
}

function settle(waiting: Waiting, outcome: Outcome | undefined): void {
  if (outcome === undefined || outcome.kind === 'abandoned') waiting.reject(unavailable('an audit event was not written'));
  else if (outcome.kind === 'erased-since') waiting.reject(new AppError('conflict', { detail: 'something was erased meanwhile' }));
  else waiting.resolve(outcome);
}

export function unavailable(detail: string, cause?: unknown): AppError {
  return new AppError('audit_unavailable', { detail, cause, retryAfter: 1 });
}
