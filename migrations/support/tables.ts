import { sql, type CreateTableBuilder, type Kysely } from 'kysely';

type Column = 'text' | 'integer' | 'bigint' | 'blob';
/** A trailing `?` makes a column nullable. */
export type Columns = Readonly<Record<string, Column | `${Column}?`>>;

export interface TableTool {
  /** `clustered`: SQLite keeps the rows in the tree of their key, without a second one; for small rows under random keys. */
  table(name: string, key: readonly string[], columns: Columns, options?: { readonly clustered?: boolean }): Promise<void>;
  /** Named `<table>_by_<columns>` unless said otherwise. */
  index(
    table: string,
    columns: readonly string[],
    options?: { readonly unique?: boolean; readonly where?: string; readonly name?: string },
  ): Promise<void>;
}

/** Columns of every history: who changed it under which request, and from when until when it was so. */
export const CHANGED_BY = { changed_by: 'text', changed_through: 'text', request_id: 'text' } as const satisfies Columns;
export const RECORDED = { recorded_from: 'bigint', recorded_to: 'bigint?' } as const satisfies Columns;

/** Migrations that were released mean what they meant: this may gain, and never change. */
export function tableTool(db: Kysely<unknown>, dialect: 'sqlite' | 'postgres'): TableTool {
  // Text orders by code point on both, so that a page of documents ends at the same one whatever the server's locale.
  const text = dialect === 'postgres' ? sql`text collate "C"` : ('text' as const);
  const blob = dialect === 'postgres' ? ('bytea' as const) : ('blob' as const);
  return {
    async table(name, key, columns, { clustered = false } = {}) {
      let builder: CreateTableBuilder<string, string> = db.schema.createTable(name);
      for (const [column, written] of Object.entries(columns)) {
        const type = written.replace('?', '') as Column;
        const made = type === 'text' ? text : type === 'blob' ? blob : type;
        builder = builder.addColumn(column, made, (c) => (written.endsWith('?') ? c : c.notNull()));
      }
      if (key.length > 0) builder = builder.addPrimaryKeyConstraint(`${name}_key`, [...key]);
      await (clustered && dialect === 'sqlite' ? builder.modifyEnd(sql`without rowid`) : builder).execute();
    },
    async index(table, columns, { unique = false, where, name = `${table}_by_${columns.join('_')}` } = {}) {
      let builder = db.schema
        .createIndex(name)
        .on(table)
        .columns([...columns]);
      if (unique) builder = builder.unique();
      await (where === undefined ? builder : builder.where(sql<boolean>`${sql.raw(where)}`)).execute();
    },
  };
}
