import { CompiledQuery } from 'kysely';
import type { AuditEventRow, AuditHeadRow } from '../database/audit-tables.ts';
import type { DatabaseKind, Tx } from '../database/database.ts';
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

const moveText = kept((kind) => {
  const [size, head, at, tenant] = marks(kind, 4).split(', ');
  return `update audit_heads set size = ${size}, head = ${head}, at = ${at} where tenant = ${tenant}`;
});

export async function lockEpochs(tx: Tx, kind: DatabaseKind, scopes: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const query = CompiledQuery.raw(epochsText(kind, scopes.length), [...scopes]);
  const { rows } = await tx.executeQuery<{ scope: string; epoch: number }>(query);
  return new Map(rows.map((row) => [row.scope, row.epoch]));
}

/** Heads of the tenants, locked in their order; a tenant without a log gets an empty one. */
export async function lockHeads(tx: Tx, kind: DatabaseKind, tenants: readonly string[]): Promise<Map<string, AuditHeadRow>> {
  const read = CompiledQuery.raw(headsText(kind, tenants.length), [...tenants]);
  let { rows } = await tx.executeQuery<AuditHeadRow>(read);
  if (rows.length < tenants.length) {
    const first = tenants.map((tenant) => ({ tenant, size: 0, head: EMPTY_HEAD, at: 0, erasures: 0 }));
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
    const parameters = some.flatMap((row) => COLUMNS.map((column) => row[column]));
    await tx.executeQuery(CompiledQuery.raw(insertText(kind, some.length), parameters));
  }
}

export async function moveHead(tx: Tx, kind: DatabaseKind, { tenant, size, head, at }: AuditHeadRow): Promise<void> {
  await tx.executeQuery(CompiledQuery.raw(moveText(kind, 1), [size, head, at, tenant]));
}
