import { sql, type RawBuilder } from 'kysely';
import type { DatabaseKind } from './database.ts';

/** The database's own clock, milliseconds since 1970, at the moment the statement runs. Validity is judged on it, not on a replica's. */
export function databaseTime(kind: DatabaseKind): RawBuilder<number> {
  return kind === 'sqlite'
    ? sql<number>`cast(round(unixepoch('subsec') * 1000) as integer)`
    : sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`;
}
