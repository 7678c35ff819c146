import type { Database, DatabaseLimits } from './database.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

export type DatabaseConfig = { readonly kind: 'sqlite'; readonly path: string } | { readonly kind: 'postgres'; readonly url: string };

const DEFAULTS: DatabaseLimits = { connectTimeoutMs: 5_000, statementTimeoutMs: 10_000, transactionTimeoutMs: 30_000, poolSize: 10 };

/** Opens and checks the database; rejects where it cannot be reached or cannot promise durable commits. Does not migrate. */
export function openDatabase(config: DatabaseConfig, options: Partial<DatabaseLimits> = {}): Promise<Database> {
  const limits = { ...DEFAULTS, ...options };
  return config.kind === 'sqlite' ? openSqlite(config.path, limits) : openPostgres(config.url, limits);
}
