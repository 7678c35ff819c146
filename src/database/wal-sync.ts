import { close, closeSync, fdatasync, fsyncSync, open, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export interface WalSync {
  /** Resolves once everything that was committed before this call is on the disk. Rejects where a sync ever failed. */
  synced(): Promise<void>;
  /** Throws where a sync ever failed. */
  demandSound(): void;
  /** After the syncs under way. */
  close(): Promise<void>;
}

/** Syncs one file's data to the disk. */
export interface FileSync {
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Syncs a write-ahead log beside the thread that commits. A sync under way does not cover what is committed meanwhile, so that
 * waits for the next one, together with all who came until it begins.
 *
 * A failed sync is final: the kernel may take what it could not write for written, and the next sync would say that all is well.
 */
export function walSync(file: FileSync): WalSync {
  let underWay: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  let failure: Error | undefined;

  async function begin(): Promise<void> {
    await underWay.catch(() => undefined);
    next = undefined;
    demandSound();
    underWay = file.sync();
    try {
      await underWay;
    } catch (error) {
      failure = new Error('the write-ahead log could not be synced to the disk; nothing is written or read until a restart', {
        cause: error,
      });
      throw failure;
    }
  }

  function demandSound(): void {
    if (failure !== undefined) throw failure;
  }

  return {
    demandSound,
    synced: () => (next ??= begin()),
    async close() {
      await Promise.allSettled([underWay, next]);
      await file.close();
    },
  };
}

const opened = promisify(open);
const syncData = promisify(fdatasync);
const closed = promisify(close);

/** The write-ahead log of an open database. It is not deleted while a connection is open, and SQLite locks another file, so it may be closed. */
export function walFile(databasePath: string): FileSync {
  let file: number | undefined;
  return {
    async sync() {
      if (file === undefined) {
        file = await opened(`${databasePath}-wal`, 'r+');
        syncDirectory(dirname(databasePath));
      }
      await syncData(file);
    },
    async close() {
      if (file !== undefined) await closed(file);
      file = undefined;
    },
  };
}

/** The log's name is in its directory's file, which a sync of the log does not cover. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
