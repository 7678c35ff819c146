import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely } from 'kysely';
import pg from 'pg';
import { withDeadline } from './deadline.ts';
import type { Database, DatabaseLimits, TransactionOptions, Tx } from './database.ts';
import { postgresDialect } from './postgres-driver.ts';
import type { Schema } from './schema.ts';

const MAX_ATTEMPTS = 6;
/** serialization_failure and deadlock_detected: the transaction was rolled back and may be repeated. */
const REPEATABLE = new Set(['40001', '40P01']);

/** A pool of connections, each checked when it is made: a primary, with fsync, that confirms commits only when they are durable. */
export async function openPostgres(url: string, limits: DatabaseLimits): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'sluice',
    max: limits.poolSize,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    statement_timeout: limits.statementTimeoutMs,
    // The server's own timeout answers first; this one is for a server that no longer answers.
    query_timeout: limits.statementTimeoutMs + 1_000,
    idle_in_transaction_session_timeout: limits.transactionTimeoutMs,
    keepAlive: true,
    types: { getTypeParser: typeParser },
    // The pool waits for what it returns and gives up the connection where that rejects, though its type says void.
    onConnect: (client): unknown => demandDurability(client),
  });
  // A connection that breaks fails its query and is dropped by the pool; without listeners, idle or in use, it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Schema>({ dialect: postgresDialect(pool, typeParser) });
  try {
    await pool.query('select 1');
  } catch (error) {
    await pool.end();
    throw error;
  }
  const deadline = (options: TransactionOptions | undefined): number => options?.timeoutMs ?? limits.transactionTimeoutMs;
  let closing: Promise<void> | undefined;
  return {
    kind: 'postgres',
    db,
    transaction: (run, options) =>
      attempt(deadline(options), (guarded) => db.transaction().setIsolationLevel('read committed').execute(guarded), run),
    snapshot: (run, options) =>
      attempt(
        deadline(options),
        (guarded) => db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(guarded),
        run,
      ),
    scrub: () => Promise.resolve(true),
    close: () => (closing ??= pool.end()),
  };
}

type Run<T> = (tx: Tx) => Promise<T>;

function attempt<T>(timeoutMs: number, execute: (run: Run<T>) => Promise<T>, run: Run<T>): Promise<T> {
  let expired = false;
  // Where the caller was already told that it failed, it must not commit after all.
  const guarded: Run<T> = async (tx) => {
    const result = await run(tx);
    if (expired) throw new Error('the deadline of this transaction has passed');
    return result;
  };
  async function repeat(): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await execute(guarded);
      } catch (error) {
        if (expired || tries === MAX_ATTEMPTS || !isRepeatable(error)) throw error;
      }
      await sleep(Math.random() * 5 * 2 ** tries);
    }
  }
  return withDeadline('a database transaction', timeoutMs, repeat(), () => {
    expired = true;
  });
}

function isRepeatable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && REPEATABLE.has(error.code);
}

async function demandDurability(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ commit: string; fsync: string; standby: boolean }>(
    `select current_setting('fsync') as fsync, pg_is_in_recovery() as standby,
       set_config('synchronous_commit', case when current_setting('synchronous_commit') in ('off', 'local')
         then 'on' else current_setting('synchronous_commit') end, false) as commit`,
  );
  const [found] = rows;
  if (found === undefined || found.standby) throw new Error('this PostgreSQL server is a standby; DATABASE_URL must name the primary');
  if (found.fsync !== 'on') throw new Error('this PostgreSQL server runs with fsync off, so a confirmed commit may be lost');
  if (!['on', 'remote_write', 'remote_apply'].includes(found.commit)) {
    throw new Error('this PostgreSQL server does not let us set synchronous_commit, so a confirmed commit may be lost');
  }
}

/** bigint as a number. Beyond 2^53 it would be rounded in silence, so it throws. */
const typeParser: typeof pg.types.getTypeParser = (oid, format): unknown => {
  return oid === pg.types.builtins.INT8 ? safeInteger : pg.types.getTypeParser(oid, format);
};

function safeInteger(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError('a bigint from the database is beyond 2^53');
  return number;
}
