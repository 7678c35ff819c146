import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './schema.ts';

export type DatabaseKind = 'sqlite' | 'postgres';
export type Tx = Transaction<Schema>;

export interface Database {
  readonly kind: DatabaseKind;
  /** For reads. On SQLite it refuses writes; every write goes through `transaction`. */
  readonly db: Kysely<Schema>;
  /**
   * Durable when it resolves. Nothing is written when it rejects, but for a PostgreSQL connection lost during COMMIT and for SQLite's
   * log that could not be synced after it (in time), where nobody can know. `run` must touch the database only through `tx` and must not
   * call `transaction` again. It may run more than once (PostgreSQL: serialisation failures and deadlocks), so it has no other effects.
   */
  transaction<T>(run: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Several reads of one state: neither sees what commits meanwhile. Read-only. */
  snapshot<T>(run: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Overwrites what was deleted and may still stand in a file beside the tables: SQLite's write-ahead log. False where somebody who
   * reads keeps it from that: ask again. Nothing to do on PostgreSQL, whose own upkeep does it in its time.
   */
  scrub(): Promise<boolean>;
  /** Waits for transactions under way, then closes. Later calls reject. */
  close(): Promise<void>;
}

export interface TransactionOptions {
  /** Milliseconds from the call to the commit, waiting included. Default: the database's `transactionTimeoutMs`. */
  readonly timeoutMs?: number;
}

/** Milliseconds; every wait on the database ends. */
export interface DatabaseLimits {
  /** Getting a connection, or SQLite's write lock from another process. */
  readonly connectTimeoutMs: number;
  /** One statement on PostgreSQL, waiting for locks included. */
  readonly statementTimeoutMs: number;
  /** A transaction, waiting for its turn included. */
  readonly transactionTimeoutMs: number;
  /** PostgreSQL connections. */
  readonly poolSize: number;
}
