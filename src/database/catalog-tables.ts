/** The catalog's tables as of the last migration. One row type a table; timestamps are milliseconds, flags 0 or 1, JSON is text. */
export interface CatalogTables {
  /** One row a tenant and one for scope `*` (the whole deployment). See EpochStamp. */
  readonly epochs: { readonly scope: string; readonly epoch: number; readonly generation: number };
}
