import { StatementSync } from 'node:sqlite';
import pg from 'pg';
import type { Flight } from '../../src/database/postgres-flight.ts';

/** Every statement by which the log changes, and the commit: after each of them a process may die. */
export const WRITE_POINTS = [
  'insert into "audit_keys"',
  'insert into audit_events',
  'insert into audit_sealed',
  'insert into audit_texts',
  'update audit_heads',
  'update "audit_events"',
  'delete from "audit_keys"',
  'delete from "audit_texts"',
  'insert into "audit_tombstones"',
  'update "audit_heads"',
  'commit',
] as const;
export type WritePoint = (typeof WRITE_POINTS)[number];

/**
 * Calls `then` after each statement that the database has carried out, before whoever asked for it knows. For a process that is to die:
 * it changes both drivers for all of it.
 */
export function afterStatements(then: (statement: string) => void): void {
  for (const method of ['run', 'all'] as const) {
    const real = StatementSync.prototype[method] as (this: StatementSync, ...values: unknown[]) => unknown;
    StatementSync.prototype[method] = function (this: StatementSync, ...values: unknown[]) {
      const result = real.apply(this, values);
      then(this.sourceSQL);
      return result;
    } as never;
  }
  const query = pg.Client.prototype.query as unknown as (this: pg.Client, ...values: unknown[]) => unknown;
  pg.Client.prototype.query = function (this: pg.Client, ...values: unknown[]) {
    const [flight] = values;
    if (isFlight(flight)) watched(flight, then);
    return query.apply(this, values);
  } as never;
}

function isFlight(query: unknown): query is Flight {
  return typeof query === 'object' && query !== null && 'statements' in query;
}

/** The server may have carried out those behind it too, up to the end of its flight. */
function watched(flight: Flight, then: (statement: string) => void): void {
  let done = 0;
  const complete = flight.handleCommandComplete;
  flight.handleCommandComplete = function (this: Flight, message) {
    complete.call(this, message);
    then(flight.statements[done]?.sql ?? '');
    done += 1;
  };
}
