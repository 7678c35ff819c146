import { CompiledQuery } from 'kysely';
import type { DatabaseKind, Tx } from '../../database/database.ts';

/** Most rows of one statement, halved down to 1: so a few texts serve every number of rows, and each is prepared once. */
const MOST_ROWS = 256;

export interface BulkTable {
  readonly table: string;
  readonly columns: readonly string[];
  /** The first so many columns are the key. */
  readonly key: number;
}

/** Inserts rows or writes over those with the same key. Building statements anew for each row costs more than running them. */
export async function upsert(tx: Tx, kind: DatabaseKind, into: BulkTable, rows: readonly (readonly unknown[])[]): Promise<void> {
  let from = 0;
  for (let width = MOST_ROWS; width >= 1; width /= 2) {
    while (rows.length - from >= width) {
      const some = rows.slice(from, from + width);
      await tx.executeQuery(CompiledQuery.raw(textOf(kind, into, width), some.flat()));
      from += width;
    }
  }
}

const texts = new Map<string, string>();

function textOf(kind: DatabaseKind, { table, columns, key }: BulkTable, count: number): string {
  const name = `${kind} ${table} ${count}`;
  const known = texts.get(name);
  if (known !== undefined) return known;
  const row = (from: number): string => `(${columns.map((_, column) => (kind === 'postgres' ? `$${from + column + 1}` : '?')).join(', ')})`;
  const values = Array.from({ length: count }, (_, at) => row(at * columns.length)).join(', ');
  const changed = columns.slice(key).map((column) => `${column} = excluded.${column}`);
  const keys = columns.slice(0, key).join(', ');
  const text = `insert into ${table} (${columns.join(', ')}) values ${values} on conflict (${keys}) do update set ${changed.join(', ')}`;
  texts.set(name, text);
  return text;
}
