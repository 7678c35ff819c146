import type { AppError } from '../../core/errors.ts';
import type { Attributes, Counter, Gauge } from '../../core/ports/telemetry.ts';
import type { EvidencePort } from '../../core/ports/evidence.ts';
import type { DatabaseLimits } from '../../database/database.ts';
import type { DatabaseConfig } from '../../database/open-database.ts';
import type { SequencerSettings } from '../checkpoints/settings.ts';

/** Everything here crosses between threads, so it is plain data. */
export interface WorkerSetup {
  readonly database: DatabaseConfig;
  readonly limits: Partial<DatabaseLimits>;
  readonly sequencer: SequencerSettings;
}

/** What the thread is asked; `export` alone answers in parts. An AbortSignal does not cross: it goes as a message of its own. */
export type CallName = Exclude<keyof EvidencePort, 'export'>;

export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly method: CallName; readonly args: readonly unknown[] }
  | { readonly kind: 'open'; readonly id: number; readonly args: readonly unknown[] }
  /** For the next part of what was opened. */
  | { readonly kind: 'next'; readonly id: number }
  /** The caller no longer waits. */
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'undone'; readonly id: number; readonly detail: string }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'part'; readonly id: number; readonly lines: readonly string[]; readonly last: boolean }
  | ({ readonly kind: 'failed'; readonly id: number; readonly detail: string } & Pick<AppError, 'code' | 'issues' | 'retryAfter'>)
  /** Something that only the other side can do. */
  | { readonly kind: 'do'; readonly id: number; readonly what: keyof Deeds; readonly args: readonly unknown[] }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly fields: Attributes; readonly message: string }
  | { readonly kind: 'count'; readonly counter: Counter; readonly labels: Attributes; readonly by: number }
  | { readonly kind: 'gauge'; readonly gauge: Gauge; readonly value: number };

/** A signature over a checkpoint and the key that made it. */
export interface CheckpointSignature {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** What the thread has done on the side of the service: private keys and the writing of events stay there. */
export interface Deeds {
  /** With the key in force, and after a change of keys with the one before it. */
  sign(text: string): Promise<readonly CheckpointSignature[]>;
  /** All keys that sign or signed, 32 bytes each. */
  keys(): Promise<readonly Uint8Array[]>;
  /** Ends intents without release or error; returns how many got an `error` event now. */
  sweep(tenant: string, intents: readonly OrphanedIntent[]): Promise<number>;
}

export interface OrphanedIntent {
  readonly index: number;
  readonly requestId: string;
}
