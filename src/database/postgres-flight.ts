import type { QueryResult } from 'kysely';
import type pg from 'pg';

export interface FlightStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Worth being prepared once on the connection. */
  readonly often?: boolean;
}

/** `command`: what the server says it did, such as COMMIT, or ROLLBACK in place of it. */
export interface Landed extends QueryResult<unknown> {
  readonly command: string;
}

/** Of one connection. */
export interface Prepared {
  /** By text. */
  readonly names: Map<string, string>;
  /** Names that the server is known to have. */
  readonly ready: Set<string>;
}

/** How a value comes, by the number of its type. */
export type TypeParser = (type: number) => (value: string) => unknown;
type Value = string | Buffer | null;

interface Column {
  readonly name: string;
  readonly parse: (value: string) => unknown;
}

/** What pg calls on a query of one's own, beside `submit`. It puts a callback with a deadline in place of ours. */
export interface Flight extends pg.Submittable {
  readonly statements: readonly FlightStatement[];
  callback: (error: Error | null, landed?: readonly Landed[]) => void;
  handleRowDescription(message: { readonly fields: readonly pg.FieldDef[] }): void;
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void;
  handleCommandComplete(message: { readonly text: string }): void;
  handleEmptyQuery(): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}

/** A prepared statement holds its plan in the memory of the server, for as long as the connection lives. */
const MOST_PREPARED = 100;
const CHANGES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/**
 * Sends statements together, in one write and with one answer. The server runs them one after the other, each with a snapshot of its
 * own, and after one that fails it runs none of the others: they share one Sync ("Pipelining" in the protocol of PostgreSQL).
 */
export function fly(
  client: pg.ClientBase,
  prepared: Prepared,
  typeParser: TypeParser,
  statements: readonly FlightStatement[],
): Promise<readonly Landed[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Landed[]>();
  // Before anything is sent: half a flight would leave the connection waiting for its end.
  const values = statements.map(({ parameters }) => parameters.map(valueOf));
  const results = resultsOf(typeParser);
  const flight: Flight = {
    statements,
    callback: (error, landed = []) => (error === null ? resolve(landed) : reject(error)),
    submit(connection) {
      connection.stream.cork();
      for (const [position, statement] of statements.entries()) send(connection, prepared, statement, values[position] ?? []);
      connection.sync();
      connection.stream.uncork();
    },
    handleRowDescription: ({ fields }) => results.describe(fields),
    handleDataRow: ({ fields }) => results.row(fields),
    handleCommandComplete({ text }) {
      const statement = statements[results.landed.length];
      const name = statement?.often === true ? prepared.names.get(statement.sql) : undefined;
      if (name !== undefined) prepared.ready.add(name);
      results.complete(text);
    },
    handleEmptyQuery: () => results.complete(''),
    handleError(error) {
      // The server may have forgotten what was prepared, or may no longer run it: all of it is prepared again.
      prepared.ready.clear();
      this.callback(error);
    },
    handleReadyForQuery() {
      this.callback(results.unreadable() ?? null, results.landed);
    },
  };
  client.query(flight);
  return promise;
}

function resultsOf(typeParser: TypeParser) {
  const landed: Landed[] = [];
  let columns: readonly Column[] = [];
  let rows: unknown[] = [];
  let unreadable: Error | undefined;
  return {
    landed,
    /** Of the first row that was not one. */
    unreadable: () => unreadable,
    describe(fields: readonly pg.FieldDef[]) {
      columns = fields.map(({ name, dataTypeID }) => ({ name, parse: typeParser(dataTypeID) }));
    },
    row(fields: readonly (string | null)[]) {
      try {
        rows.push(rowOf(columns, fields));
      } catch (error) {
        unreadable ??= asError(error);
      }
    },
    complete(tag: string) {
      landed.push({ ...told(tag), rows });
      rows = [];
    },
  };
}

function send(connection: pg.Connection, prepared: Prepared, { sql, often = false }: FlightStatement, values: Value[]): void {
  const name = often ? nameOf(prepared, sql) : '';
  if (!prepared.ready.has(name)) {
    // It may be there all the same, where what was run with it failed. To close one that is not there is no error.
    if (name !== '') connection.close({ type: 'S', name }, true);
    connection.parse({ name, text: sql, types: [] }, true);
  }
  connection.bind({ statement: name, values }, true);
  connection.describe({ type: 'P' }, true);
  connection.execute(null, true);
}

function nameOf({ names }: Prepared, text: string): string {
  const known = names.get(text);
  if (known !== undefined || names.size >= MOST_PREPARED) return known ?? '';
  const name = `s${names.size}`;
  names.set(text, name);
  return name;
}

/** As pg would, but for what no column of ours takes. */
function valueOf(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError('a value that no column takes');
}

function rowOf(columns: readonly Column[], fields: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [position, { name, parse }] of columns.entries()) {
    const field = fields[position] ?? null;
    row[name] = field === null ? null : parse(field);
  }
  return row;
}

/** `UPDATE 3`, `INSERT 0 3`, `COMMIT`. */
function told(tag: string): { readonly command: string; readonly numAffectedRows?: bigint } {
  const [command = '', ...numbers] = tag.split(' ');
  const count = numbers.at(-1);
  return CHANGES.has(command) && count !== undefined ? { command, numAffectedRows: BigInt(count) } : { command };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a row could not be read', { cause: thrown });
}
