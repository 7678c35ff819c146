import type { Database } from './database.ts';

/**
 * Resolves once what was read here before is on the disk: on SQLite a reader sees a commit while it is being synced. Rejects where it
 * could not be. Costs nothing on PostgreSQL, where a transaction in which nothing is run is never begun.
 */
export async function onDisk(database: Database): Promise<void> {
  await database.transaction(() => Promise.resolve());
}
