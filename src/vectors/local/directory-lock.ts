import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../core/errors.ts';

export interface DirectoryLock {
  release(): void;
}

/** Held here too, since a collected connection would let go of its lock. */
const held = new Set<DatabaseSync>();

function holder(path: string): string {
  try {
    return `process ${readFileSync(path, 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}

/**
 * Lets one service at a time work on a directory. The lock is the kernel's, taken through an exclusive SQLite transaction, so it
 * dies with the process, and there is no stale file to judge or to race for. Fails with `index_unavailable`, naming the holder.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const holderPath = join(directory, 'lock.pid');
  const database = new DatabaseSync(join(directory, 'lock.sqlite'));
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    const detail = `${directory} is in use by ${holder(holderPath)}. Stop it, or set SLUICE_DATA_DIR to another directory.`;
    throw new AppError('index_unavailable', { detail, cause: error });
  }
  // For the message above only; the lock is not in it.
  writeFileSync(holderPath, String(process.pid), { mode: 0o600 });
  held.add(database);
  return {
    release() {
      if (held.delete(database)) database.close();
    },
  };
}
