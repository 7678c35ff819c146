import { closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { withDeadline } from './deadline.ts';
import type { Database, DatabaseLimits, TransactionOptions, Tx } from './database.ts';
import type { Schema } from './schema.ts';
import { sqliteAdapter, type SqliteAdapter } from './sqlite-adapter.ts';
import { kyselyOver } from './sqlite-kysely.ts';
import { walFile, walSync, type FileSync, type WalSync } from './wal-sync.ts';

interface Connection {
  /** Writes the whole write-ahead log into the file and empties it; false where a reader keeps it from that. */
  checkpoint(): boolean;
  readonly adapter: SqliteAdapter;
  readonly kysely: Kysely<Schema>;
}

const SQLITE_BUSY = 5;
/** SQLite waits on the thread, so a write lock held by another process is waited for in short steps. */
const BUSY_STEP_MS = 25;

/**
 * One writer, one reader, one reader for snapshots, all on one file. A commit is synced to disk before its transaction resolves, but the
 * thread does not wait for the disk: SQLite only writes, and `log` syncs what it wrote.
 */
export function openSqlite(path: string, limits: DatabaseLimits, log: FileSync = walFile(path)): Promise<Database> {
  return Promise.resolve().then(() => {
    makeFile(path);
    const sync = walSync(log);
    const reading = (): Connection => connect(path, 'read', limits.connectTimeoutMs, sync);
    const writer = lane(() => connect(path, 'write', BUSY_STEP_MS, sync), limits, sync);
    const snapshots = lane(reading, limits);
    const reader = reading();
    return {
      kind: 'sqlite',
      db: reader.kysely,
      transaction: (run, options) => writer.run(run, options),
      snapshot: (run, options) => snapshots.run(run, options),
      scrub: () => writer.scrub(),
      async close() {
        await Promise.all([writer.close(), snapshots.close()]);
        await sync.close();
        reader.adapter.close();
      },
    };
  });
}

/**
 * Readable by the service alone: it holds all text. The -wal and -shm files take over the mode of this one. One that is there is not
 * opened: to close any descriptor of a file gives up every lock that this process has on it, also those of connections that were opened
 * before. Another process that came and went would then take itself for the last one, and remove the log from under us.
 */
function makeFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) closeSync(openSync(path, 'a', 0o600));
}

function connect(path: string, access: 'read' | 'write', busyTimeoutMs: number, { demandSound }: WalSync): Connection {
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  try {
    const mode = db.prepare('pragma journal_mode = wal').get()?.['journal_mode'];
    if (mode !== 'wal') throw new Error(`SQLite cannot use a write-ahead log here (journal_mode ${String(mode)}); use a local disk`);
    // The log is synced by whoever commits, see `lane`. SQLite itself syncs it before it moves pages into the file, and then the file.
    db.exec('pragma synchronous = normal');
    db.exec('pragma trusted_schema = off');

    // What is deleted is overwritten with zeros in the file: an erasure is one, and not a note that the place is free.
    if (access === 'write') db.exec('pragma secure_delete = on');
    if (access === 'read') db.exec('pragma query_only = on');
  } catch (error) {
    db.close();
    throw error;
  }
  const adapter = sqliteAdapter(db, access, demandSound);
  const checkpoint = (): boolean => db.prepare('pragma wal_checkpoint(truncate)').get()?.['busy'] === 0;
  return { adapter, checkpoint, kysely: kyselyOver(adapter) };
}

interface Lane {
  run<T>(run: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Between two transactions. */
  scrub(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * One connection on which transactions run one after the other, in the order of their calls. The next one runs while the one before is
 * synced: it may build on what is not on the disk yet, and then is on the disk after it, since both are in one log.
 */
function lane(open: () => Connection, limits: DatabaseLimits, sync?: WalSync): Lane {
  const { turn, discard, checkpoint } = replaceable(open, limits);
  let last: Promise<unknown> = Promise.resolve();
  const syncing = new Set<Promise<unknown>>();
  let closed = false;

  async function durable<T>(committed: Promise<T>): Promise<T> {
    const result = await committed;
    await sync?.synced();
    return result;
  }

  return {
    run(run, options) {
      if (closed) return Promise.reject(new Error('the database is closed'));
      const timeoutMs = options?.timeoutMs ?? limits.transactionTimeoutMs;
      const abandoned = Promise.withResolvers<void>();
      let state: 'waiting' | 'running' | 'committed' | 'expired' = 'waiting';
      const committed = last.then(async () => {
        if (state === 'expired') throw new Error('abandoned before it began');
        state = 'running';
        const result = await turn(run);
        state = 'committed';
        return result;
      });
      // The next one does not wait for an abandoned run, which may never end; the connection it ran on is gone.
      last = Promise.race([committed.catch(() => undefined), abandoned.promise]);
      const work = durable(committed);
      const over = Promise.race([work.catch(() => undefined), abandoned.promise]).finally(() => syncing.delete(over));
      syncing.add(over);
      return withDeadline('a database transaction', timeoutMs, work, () => {
        if (state === 'running') {
          discard();
          abandoned.resolve();
        }
        state = 'expired';
      });
    },
    scrub() {
      if (closed) return Promise.reject(new Error('the database is closed'));
      const work = last.then(checkpoint);
      last = work.catch(() => undefined);
      return work;
    },
    async close() {
      closed = true;
      await last;
      await Promise.all(syncing);
      discard();
    },
  };
}

/** A connection that is opened anew once it was discarded. */
function replaceable(open: () => Connection, limits: DatabaseLimits) {
  let connection: Connection | undefined = open();

  /** Closing rolls back, and whatever still holds the old transaction can no longer write, not even outside of one. */
  function discard(): void {
    connection?.adapter.close();
    connection = undefined;
  }

  async function turn<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
    const mine = (connection ??= open());
    try {
      return await beginPatiently(mine.kysely, run, limits.connectTimeoutMs);
    } finally {
      if (mine.adapter.inTransaction()) discard();
    }
  }

  return { turn, discard, checkpoint: (): boolean => (connection ??= open()).checkpoint() };
}

/** Repeats BEGIN while another process holds the write lock. `run` itself is started once. */
async function beginPatiently<T>(kysely: Kysely<Schema>, run: (tx: Tx) => Promise<T>, timeoutMs: number): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    let begun = false;
    try {
      return await kysely.transaction().execute((tx) => {
        begun = true;
        return run(tx);
      });
    } catch (error) {
      if (begun || !isBusy(error) || performance.now() >= giveUpAt) throw error;
    }
    await sleep(BUSY_STEP_MS);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
