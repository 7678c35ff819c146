import { CompiledQuery, type QueryResult } from 'kysely';
import type { DatabaseKind, Tx } from './database.ts';

/** Text with its values. One that comes `often` is prepared once on each connection to PostgreSQL. */
export interface Statement extends CompiledQuery {
  readonly often: boolean;
}

/** Several in one, as only our driver of PostgreSQL understands it: its rows are their results. */
export interface Together extends CompiledQuery {
  readonly together: readonly Statement[];
}

export function statement(text: string, values: readonly unknown[], often = false): Statement {
  return { ...CompiledQuery.raw(text, [...values]), often };
}

/**
 * Runs statements in their order, each after the one before it has ended; on PostgreSQL they are sent in one journey. Where one fails,
 * none after it is run, and the transaction can only be rolled back.
 */
export async function together(tx: Tx, kind: DatabaseKind, statements: readonly Statement[]): Promise<readonly QueryResult<unknown>[]> {
  if (statements.length === 0) return [];
  if (kind === 'postgres') {
    const query: Together = { ...CompiledQuery.raw(''), together: statements };
    return (await tx.executeQuery<QueryResult<unknown>>(query)).rows;
  }
  const results: QueryResult<unknown>[] = [];
  for (const one of statements) results.push(await tx.executeQuery(one));
  return results;
}

/** Nothing where the statement was not among them. */
export function rowsOf(result: QueryResult<unknown> | undefined): readonly unknown[] {
  return result?.rows ?? [];
}

export function isTogether(query: CompiledQuery): query is Together {
  return 'together' in query;
}
