import { sql, type QueryResult, type RawBuilder } from 'kysely';
import type { DatabaseKind, Tx } from './database.ts';
import { rowsOf, statement, type Statement } from './together.ts';

const CLOCK: Readonly<Record<DatabaseKind, string>> = {
  sqlite: "cast(round(unixepoch('subsec') * 1000) as integer)",
  postgres: 'floor(extract(epoch from clock_timestamp()) * 1000)::bigint',
};

/** The database's own clock, milliseconds since 1970, at the moment the statement runs. Validity is judged on it, not on a replica's. */
export function databaseTime(kind: DatabaseKind): RawBuilder<number> {
  return sql.raw<number>(CLOCK[kind]);
}

/** The same in a statement of its own. */
export async function readDatabaseTime(db: Pick<Tx, 'executeQuery'>, kind: DatabaseKind): Promise<number> {
  return timeOf(await db.executeQuery(clockStatement(kind)));
}

export function clockStatement(kind: DatabaseKind): Statement {
  return statement(`select ${CLOCK[kind]} as now`, [], true);
}

export function timeOf(result: QueryResult<unknown> | undefined): number {
  const [row] = rowsOf(result) as readonly { now: number }[];
  if (row === undefined) throw new Error('the database did not tell its time');
  return row.now;
}
