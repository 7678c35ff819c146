import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

const CACHED_STATEMENTS = 256;

export interface SqliteAdapter {
  prepare(text: string): PreparedStatement;
  /** True between BEGIN and COMMIT or ROLLBACK. False once closed. */
  inTransaction(): boolean;
  close(): void;
}

export interface PreparedStatement {
  /** It gives rows. */
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  run(parameters: readonly unknown[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
}

/**
 * node:sqlite with its statements kept. A write connection begins with the write lock already taken: a transaction that reads first
 * and writes later would otherwise fail half-way when another process wrote in between. `demandSound` throws where what is read may not
 * be on the disk, and nobody can bring it there.
 */
export function sqliteAdapter(db: DatabaseSync, access: 'read' | 'write', demandSound: () => void): SqliteAdapter {
  const statements = new Map<string, PreparedStatement>();
  return {
    prepare(text) {
      demandSound();
      const known = statements.get(text);
      if (known !== undefined) {
        // Re-inserting keeps the map in order of use.
        statements.delete(text);
        statements.set(text, known);
        return known;
      }
      const statement = adaptStatement(db, access === 'write' && text === 'begin' ? 'begin immediate' : text);
      statements.set(text, statement);
      for (const oldest of statements.keys()) {
        if (statements.size <= CACHED_STATEMENTS) break;
        statements.delete(oldest);
      }
      return statement;
    },
    inTransaction: () => db.isOpen && db.isTransaction,
    close() {
      statements.clear();
      if (db.isOpen) db.close();
    },
  };
}

function adaptStatement(db: DatabaseSync, text: string): PreparedStatement {
  const statement: StatementSync = db.prepare(text);
  const columns = statement.columns().map(({ name }) => name);
  // The objects that it would make itself are dictionaries: slow to make, and slow to read.
  statement.setReturnArrays(true);
  return {
    reader: columns.length > 0,
    all: (parameters) =>
      (statement.all(...(parameters as readonly SQLInputValue[])) as unknown as Values[]).map((row) => rowOf(columns, row)),
    run(parameters) {
      // SQLite itself rolls back when the disk is full; a second rollback would hide that error behind its own.
      if (text === 'rollback' && !db.isTransaction) return { changes: 0, lastInsertRowid: 0 };
      return statement.run(...(parameters as readonly SQLInputValue[]));
    },
  };
}

type Values = readonly unknown[];

function rowOf(columns: readonly string[], values: Values): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i++) row[columns[i] ?? ''] = values[i];
  return row;
}
