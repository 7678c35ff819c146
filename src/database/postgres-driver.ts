import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import type pg from 'pg';
import { fly, type FlightStatement, type Landed, type Prepared, type TypeParser } from './postgres-flight.ts';
import { isTogether } from './together.ts';

/** PostgreSQL for Kysely in fewer journeys: BEGIN travels with the first statement of its transaction, and `together` is understood. */
export function postgresDialect(pool: pg.Pool, typeParser: TypeParser): Dialect {
  const connections = new WeakMap<pg.PoolClient, Connection>();
  return {
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createDriver: () => ({
      init: () => Promise.resolve(),
      async acquireConnection() {
        const client = await pool.connect();
        const connection = connections.get(client) ?? new Connection(client, typeParser);
        connections.set(client, connection);
        return connection;
      },
      beginTransaction: async (connection, settings) => ours(connection).begin(settings),
      commitTransaction: (connection) => ours(connection).commit(),
      rollbackTransaction: (connection) => ours(connection).rollback(),
      releaseConnection: async (connection) => ours(connection).release(),
      destroy: () => pool.end(),
    }),
  };
}

class Connection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  readonly #typeParser: TypeParser;
  readonly #prepared: Prepared = { names: new Map(), ready: new Set() };
  /** Of a transaction that the server has not heard of yet. */
  #begin: FlightStatement | undefined;
  /** The first journey of this transaction failed, perhaps before its BEGIN: what came now might be committed on its own. */
  #stillborn = false;
  /** The server may still be in a transaction. */
  #spoilt = false;

  constructor(client: pg.PoolClient, typeParser: TypeParser) {
    this.#client = client;
    this.#typeParser = typeParser;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (isTogether(query)) return { rows: (await this.#run(query.together)) as readonly unknown[] as R[] };
    const [landed] = await this.#run([query]);
    if (landed === undefined) throw new Error('a statement without a result');
    return landed as QueryResult<R>;
  }

  streamQuery(): never {
    throw new Error('results are read page by page');
  }

  begin({ isolationLevel = 'read committed', accessMode = 'read write' }: TransactionSettings): void {
    this.#begin = often(`start transaction isolation level ${isolationLevel} ${accessMode}`);
  }

  async commit(): Promise<void> {
    if (this.#forgotten()) return;
    const [landed] = await this.#run([often('commit')]);
    // What the server does where a statement failed before.
    if (landed?.command !== 'COMMIT') throw new Error('the transaction was rolled back instead of committed');
  }

  async rollback(): Promise<void> {
    if (this.#forgotten()) return;
    this.#stillborn = false;
    try {
      await this.#run([often('rollback')]);
    } catch (error) {
      this.#spoilt = true;
      throw error;
    }
  }

  release(): void {
    this.#begin = undefined;
    this.#stillborn = false;
    this.#client.release(this.#spoilt);
  }

  /** True for a transaction in which nothing was run: there is nothing to end. */
  #forgotten(): boolean {
    const unsent = this.#begin !== undefined;
    this.#begin = undefined;
    return unsent;
  }

  async #run(statements: readonly FlightStatement[]): Promise<readonly Landed[]> {
    if (this.#spoilt) throw new Error('this connection was given up');
    if (this.#stillborn) throw new Error('the first statement of this transaction failed');
    const before = this.#begin === undefined ? [] : [this.#begin];
    this.#begin = undefined;
    try {
      const landed = await fly(this.#client, this.#prepared, this.#typeParser, [...before, ...statements]);
      return landed.slice(before.length);
    } catch (error) {
      if (before.length > 0) this.#stillborn = true;
      // The stack that comes from the socket tells nothing of who asked.
      if (error instanceof Error) Error.captureStackTrace(error);
      throw error;
    }
  }
}

function ours(connection: DatabaseConnection): Connection {
  if (connection instanceof Connection) return connection;
  throw new TypeError('not a connection of this driver');
}

function often(sql: string): FlightStatement {
  return { sql, parameters: [], often: true };
}
