import { AppError } from '../core/errors.ts';
import type { LabelScheme } from '../core/label.ts';
import type { AuditEvent } from '../core/ports/audit.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { AuditSink, AuditSinkAll } from '../database/audit-sink.ts';
import type { ErasureSink } from '../database/erasure-sink.ts';
import type { Database, Tx } from '../database/database.ts';
import { readDatabaseTime } from '../database/time.ts';

/** What every part of the catalog works with. */
export interface CatalogContext {
  readonly database: Database;
  /** Writes an event in the transaction of the change it tells of. */
  readonly auditSink: AuditSink;
  /** Writes many of one tenant at once; without it they are written one after the other. */
  readonly auditSinkAll?: AuditSinkAll;
  /** Erases in the log what is erased here; without it nothing is erased. */
  readonly erasureSink?: ErasureSink;
  readonly scheme: LabelScheme;
  readonly telemetry: Telemetry;
}

/** The events of many changes, in the transaction of the changes. */
export async function auditAll(tx: Tx, { auditSink, auditSinkAll }: CatalogContext, events: readonly AuditEvent[]): Promise<void> {
  if (auditSinkAll !== undefined) return auditSinkAll(tx, events);
  for (const event of events) await auditSink(tx, event);
}

/** Makes every failure of the database `catalog_unavailable`; an AppError passes. */
export function guard<A extends readonly unknown[], T>(telemetry: Telemetry, run: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  return async (...args) => {
    try {
      return await run(...args);
    } catch (error) {
      if (error instanceof AppError) throw error;
      telemetry.count('outbound_failures', { part: 'database' });
      throw new AppError('catalog_unavailable', { cause: withoutValues(error) });
    }
  };
}

/** PostgreSQL quotes rows in `detail` and `where`, and causes are logged: keep the message, the code and the stack alone. */
function withoutValues(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('something that is no Error was thrown');
  const bare = new Error('code' in error && typeof error.code === 'string' ? `${error.code}: ${error.message}` : error.message);
  bare.name = error.name;
  if (error.stack !== undefined) bare.stack = error.stack;
  return bare;
}

/** Milliseconds on the database's clock. One reading a transaction, so that what ends and what begins meet. */
export function databaseNow(tx: Tx, context: CatalogContext): Promise<number> {
  return readDatabaseTime(tx, context.database.kind);
}

/** `conflict`, unless the statement touched exactly one row. */
export function demandOne(rows: bigint | undefined, detail: string): void {
  if (rows !== 1n) throw new AppError('conflict', { detail });
}

export function changedBy(change: Change): {
  readonly changed_by: string;
  readonly changed_through: string;
  readonly request_id: string;
} {
  return { changed_by: change.by, changed_through: change.through, request_id: change.requestId };
}
