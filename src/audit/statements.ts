import type { QueryResult } from 'kysely';
import type { AuditEventRow, AuditHeadRow } from '../database/audit-tables.ts';
import type { DatabaseKind, Tx } from '../database/database.ts';
import { clockStatement, timeOf } from '../database/time.ts';
import { rowsOf, statement, together, type Statement } from '../database/together.ts';
import { EMPTY_HEAD } from './leaf.ts';

/** Nine columns a row; SQLite binds at most 32,766 values in one statement. */
const ROWS_PER_INSERT = 500;
const COLUMNS = [
  'tenant',
  'idx',
  'at',
  'kind',
  'request_id',
  'body',
  'salt',
  'leaf',
  'v',
] as const satisfies readonly (keyof AuditEventRow)[];

/**
 * The statements of an append. Written as text and kept, because building and compiling them anew cost more than running them,
 * twice a request. `audit.contract.ts` runs them on both databases.
 */
export function kept(text: (kind: DatabaseKind, count: number) => string, most = MOST_KEPT): (kind: DatabaseKind, count: number) => string {
  const texts = new Map<string, string>();
  return (kind, count) => {
    const key = `${kind} ${count}`;
    const known = texts.get(key) ?? text(kind, count);
    // The widest batches are rare and their texts long.
    if (count <= most) texts.set(key, known);
    return known;
  };
}

const MOST_KEPT = 64;
const MOST_PREPARED_ROWS = 8;

export function marks(kind: DatabaseKind, count: number, from = 1): string {
  return Array.from({ length: count }, (_, index) => (kind === 'postgres' ? `$${from + index}` : '?')).join(', ');
}

/** Shared locks on PostgreSQL; SQLite has one writer, and this is it. */
const epochsText = kept((kind, count) => {
  const lock = kind === 'postgres' ? ' for share' : '';
  return `select scope, epoch from epochs where scope in (${marks(kind, count)}) order by scope${lock}`;
});

const headsText = kept((kind, count) => {
  const lock = kind === 'postgres' ? ' for update' : '';
  return `select tenant, size, head, at, erasures from audit_heads where tenant in (${marks(kind, count)}) order by tenant${lock}`;
});

const insertText = kept((kind, count) => insertOf(kind, 'audit_events', COLUMNS, count));

export function insertOf(kind: DatabaseKind, table: string, columns: readonly string[], count: number): string {
  const values = Array.from({ length: count }, (_, row) => `(${marks(kind, columns.length, row * columns.length + 1)})`);
  return `insert into ${table} (${columns.join(', ')}) values ${values.join(', ')}`;
}

const emptyHeadText = kept(
  (kind) => `${insertOf(kind, 'audit_heads', ['tenant', 'size', 'head', 'at', 'erasures'], 1)} on conflict (tenant) do nothing`,
);

const moveText = kept((kind) => {
  const [size, head, at, tenant] = marks(kind, 4).split(', ');
  return `update audit_heads set size = ${size}, head = ${head}, at = ${at} where tenant = ${tenant}`;
});

export interface Locked {
  readonly epochs: ReadonlyMap<string, number>;
  readonly heads: Map<string, AuditHeadRow>;
  /** Database time, milliseconds. */
  readonly now: number;
}

/**
 * Locks the epoch rows of the scopes (shared), then the heads of the tenants, each in their order, then reads the clock. Three statements
 * and not one: each sees what was committed while the one before it waited, and a clock read beside a lock is read before it is held.
 */
export async function lock(tx: Tx, kind: DatabaseKind, scopes: readonly string[], tenants: readonly string[]): Promise<Locked> {
  const clock = clockStatement(kind);
  const epochs = scopes.length === 0 ? [] : [narrow(epochsText(kind, scopes.length), scopes, scopes.length)];
  const results = await together(tx, kind, [...epochs, headsStatement(kind, tenants), clock]);
  const [time, heads, epochRows] = results.toReversed();
  const known = new Map((rowsOf(epochRows) as readonly { scope: string; epoch: number }[]).map((row) => [row.scope, row.epoch]));
  const locked = byTenant(heads);
  if (locked.size === tenants.length) return { epochs: known, heads: locked, now: timeOf(time) };
  const again = await together(tx, kind, [...emptyHeads(kind, tenants), headsStatement(kind, tenants), clock]);
  const [later, made] = again.toReversed();
  return { epochs: known, heads: byTenant(made), now: timeOf(later) };
}

/** Heads of the tenants, locked in their order; a tenant without a log gets an empty one. */
export async function lockHeads(tx: Tx, kind: DatabaseKind, tenants: readonly string[]): Promise<Map<string, AuditHeadRow>> {
  return (await lock(tx, kind, [], tenants)).heads;
}

function headsStatement(kind: DatabaseKind, tenants: readonly string[]): Statement {
  return narrow(headsText(kind, tenants.length), tenants, tenants.length);
}

function emptyHeads(kind: DatabaseKind, tenants: readonly string[]): readonly Statement[] {
  return tenants.map((tenant) => statement(emptyHeadText(kind, 1), [tenant, 0, EMPTY_HEAD, 0, 0]));
}

function byTenant(result: QueryResult<unknown> | undefined): Map<string, AuditHeadRow> {
  return new Map((rowsOf(result) as readonly AuditHeadRow[]).map((row) => [row.tenant, row]));
}

export function eventInserts(kind: DatabaseKind, rows: readonly AuditEventRow[]): readonly Statement[] {
  return inserts(rows, (some) => {
    const values = some.flatMap((row) => COLUMNS.map((column) => row[column]));
    return narrow(insertText(kind, some.length), values, some.length);
  });
}

export function headMove(kind: DatabaseKind, { tenant, size, head, at }: AuditHeadRow): Statement {
  return narrow(moveText(kind, 1), [size, head, at, tenant], 1);
}

export function inserts<Row>(rows: readonly Row[], insert: (some: readonly Row[]) => Statement): readonly Statement[] {
  const statements: Statement[] = [];
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) statements.push(insert(rows.slice(start, start + ROWS_PER_INSERT)));
  return statements;
}

/** Prepared where it is of few rows: of these there are few, and they come often. */
export function narrow(text: string, values: readonly unknown[], rows: number): Statement {
  return statement(text, values, rows <= MOST_PREPARED_ROWS);
}
