import {
  DefaultQueryExecutor,
  Kysely,
  SqliteAdapter as SqliteFeatures,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type ConnectionProvider,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely';
import type { Schema } from './schema.ts';
import type { SqliteAdapter } from './sqlite-adapter.ts';

/**
 * Kysely over one connection, for one transaction at a time. Kysely lends out a connection for each statement and takes it back, which
 * takes more turns and memory than most statements do; here the connection is the only one, and SQLite answers at once.
 */
export function kyselyOver(adapter: SqliteAdapter): Kysely<Schema> {
  const connection = connectionOver(adapter);
  const driver = driverOf(adapter, connection);
  const dialect: Dialect = {
    createAdapter: () => new SqliteFeatures(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createDriver: () => driver,
  };
  return new Kysely<Schema>({ config: { dialect }, dialect, driver, executor: new OneConnection(dialect, connection) });
}

class OneConnection extends DefaultQueryExecutor {
  readonly #connection: DatabaseConnection;

  constructor(dialect: Dialect, connection: DatabaseConnection) {
    const provider: ConnectionProvider = { provideConnection: (consumer) => consumer(connection) };
    super(dialect.createQueryCompiler(), dialect.createAdapter(), provider);
    this.#connection = connection;
  }

  override executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#connection.executeQuery<R>(query);
  }

  /** A transaction asks for its connection's own executor, which this is. */
  override withConnectionProvider(): this {
    return this;
  }
}

function connectionOver(adapter: SqliteAdapter): DatabaseConnection {
  return {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const statement = adapter.prepare(sql);
      if (statement.reader) return { rows: statement.all(parameters) as R[] };
      const { changes, lastInsertRowid } = statement.run(parameters);
      return { insertId: BigInt(lastInsertRowid), numAffectedRows: BigInt(changes), rows: [] };
    },
    streamQuery() {
      throw new Error('results are read page by page');
    },
  };
}

function driverOf(adapter: SqliteAdapter, connection: DatabaseConnection): Driver {
  const run = async (text: string): Promise<void> => void adapter.prepare(text).run([]);
  return {
    init: () => Promise.resolve(),
    acquireConnection: () => Promise.resolve(connection),
    beginTransaction: () => run('begin'),
    commitTransaction: () => run('commit'),
    rollbackTransaction: () => run('rollback'),
    releaseConnection: () => Promise.resolve(),
    destroy: async () => adapter.close(),
  };
}
