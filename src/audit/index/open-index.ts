import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import type { Database, DatabaseLimits } from '../../database/database.ts';
import { migrateIndex } from '../../database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../database/open-database.ts';

/** The log and what is derived from it. On PostgreSQL both are one database. */
export interface LogAndIndex {
  /** Events, heads, keys, checkpoints. */
  readonly log: Database;
  /** Tables of `IndexTables`. */
  readonly index: Database;
  close(): Promise<void>;
}

/** Beside the database: its writes never hold up a release, and deleting it loses nothing. */
export function indexPath(databasePath: string): string {
  return join(dirname(databasePath), 'sluice-index.sqlite');
}

/** Opens connections of their own to both; the index is made or migrated, the log is expected to be. Rejects where either cannot be opened. */
export async function openLogAndIndex(config: DatabaseConfig, limits: Partial<DatabaseLimits> = {}): Promise<LogAndIndex> {
  const log = await openDatabase(config, limits);
  if (config.kind === 'postgres') {
    try {
      await migrateIndex(log);
    } catch (error) {
      await log.close();
      throw error;
    }
    return { log, index: log, close: () => log.close() };
  }
  const index = await openDatabase({ kind: 'sqlite', path: indexPath(config.path) }, limits).catch(async (error: unknown) => {
    await log.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    await Promise.all([log.close(), index.close()]);
  };
  try {
    await migrateIndex(index);
    // Heads of sub-logs lie in the order of their hashes: a batch touches pages everywhere. It is the writing connection's own.
    await index.transaction((tx) => sql`pragma cache_size = -32768`.execute(tx));
  } catch (error) {
    await close();
    throw error;
  }
  return { log, index, close };
}
