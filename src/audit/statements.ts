import { CompiledQuery } from 'kysely';
import type { AuditEventRow, AuditHeadRow } from '../database/audit-tables.ts';
import type { DatabaseKind, Tx } from '../database/database.ts';
import { EMPTY_HEAD } from './leaf.ts';

/** Eight columns a row; SQLite binds at most 32,766 values in one statement. */
const ROWS_PER_INSERT = 500;
const COLUMNS = ['tenant', 'idx', 'at', 'kind', 'request_id', 'body', 'salt', 'leaf'] as const satisfies readonly (keyof AuditEventRow)[];

/**
 * The statements of an append. Written as text, because building and compiling them anew cost more than running them, twice a
 * request. `audit.contract.ts` runs them on both databases.
 */
function marks(kind: DatabaseKind, count: number, from = 1): string {
  return Array.from({ length: count }, (_, index) => (kind === 'postgres' ? `$${from + index}` : '?')).join(', ');
}

/** Shared locks on PostgreSQL; SQLite has one writer, and this is it. */
export async function lockEpochs(tx: Tx, kind: DatabaseKind, scopes: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const lock = kind === 'postgres' ? ' for share' : '';
  const text = `select scope, epoch from epochs where scope in (${marks(kind, scopes.length)}) order by scope${lock}`;
  const { rows } = await tx.executeQuery<{ scope: string; epoch: number }>(CompiledQuery.raw(text, [...scopes]));
  return new Map(rows.map((row) => [row.scope, row.epoch]));
}

/** Heads of the tenants, locked in their order; a tenant without a log gets an empty one. */
export async function lockHeads(tx: Tx, kind: DatabaseKind, tenants: readonly string[]): Promise<Map<string, AuditHeadRow>> {
  const lock = kind === 'postgres' ? ' for update' : '';
  const text = `select tenant, size, head from audit_heads where tenant in (${marks(kind, tenants.length)}) order by tenant${lock}`;
  const read = CompiledQuery.raw(text, [...tenants]);
  let { rows } = await tx.executeQuery<AuditHeadRow>(read);
  if (rows.length < tenants.length) {
    const first = tenants.map((tenant) => ({ tenant, size: 0, head: EMPTY_HEAD }));
    await tx
      .insertInto('audit_heads')
      .values(first)
      .onConflict((conflict) => conflict.column('tenant').doNothing())
      .execute();
    ({ rows } = await tx.executeQuery<AuditHeadRow>(read));
  }
  return new Map(rows.map((row) => [row.tenant, row]));
}

export async function insertEvents(tx: Tx, kind: DatabaseKind, rows: readonly AuditEventRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const some = rows.slice(start, start + ROWS_PER_INSERT);
    const values = some.map((_row, index) => `(${marks(kind, COLUMNS.length, index * COLUMNS.length + 1)})`).join(', ');
    const text = `insert into audit_events (${COLUMNS.join(', ')}) values ${values}`;
    const parameters = some.flatMap((row) => COLUMNS.map((column) => row[column]));
    await tx.executeQuery(CompiledQuery.raw(text, parameters));
  }
}

export async function moveHead(tx: Tx, kind: DatabaseKind, { tenant, size, head }: AuditHeadRow): Promise<void> {
  const [first, second, third] = marks(kind, 3).split(', ');
  const text = `update audit_heads set size = ${first}, head = ${second} where tenant = ${third}`;
  await tx.executeQuery(CompiledQuery.raw(text, [size, head, tenant]));
}
