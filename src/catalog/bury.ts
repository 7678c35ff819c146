import { AppError } from '../core/errors.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { demandOne } from './context.ts';
import { recordDeletion, type ChangeColumns } from './history.ts';
import { endHoney } from './honey.ts';

/** Leaves a tombstone with the next revision; the index has nothing to confirm, since its points are of dead chunks. */
export async function bury(
  tx: Tx,
  row: DocumentRow,
  change: ChangeColumns,
  at: number,
  as: DocumentRow['deleted_as'] = null,
): Promise<DocumentRow> {
  const revision = row.revision + 1;
  const tombstone = {
    ...row,
    state: 'deleted',
    deleted_as: as,
    released: null,
    revision,
    indexed_revision: revision,
    updated_at: at,
  } as const;
  await writeRow(tx, row, tombstone);
  await killChunks(tx, row.tenant as TenantId, [row.key as DocumentKey]);
  await endHoney(tx, row.tenant as TenantId, row.key as DocumentKey, at);
  await recordDeletion(tx, tombstone, change, at);
  return tombstone;
}

/** Compare and set on the revision; a tombstone is a row like any other. */
export async function writeRow(tx: Tx, before: DocumentRow | undefined, after: DocumentRow): Promise<void> {
  if (before === undefined) {
    return insertRows(tx, [after]);
  }
  const updated = await tx
    .updateTable('documents')
    .set(after)
    .where('tenant', '=', after.tenant)
    .where('key', '=', after.key)
    .where('revision', '=', before.revision)
    .where('state', '=', before.state)
    .executeTakeFirstOrThrow();
  return demandOne(updated.numUpdatedRows, 'the document has moved on');
}

/** `conflict` where one of them is there by now. */
export async function insertRows(tx: Tx, rows: readonly DocumentRow[]): Promise<void> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('documents')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows !== BigInt(rows.length)) throw new AppError('conflict', { detail: 'the document was made by someone else' });
}

export async function killChunks(tx: Tx, tenant: TenantId, keys: readonly DocumentKey[]): Promise<void> {
  await tx
    .updateTable('chunks')
    .set({ state: 'dead' })
    .where('tenant', '=', tenant)
    .where('key', 'in', keys)
    .where('state', '=', 'live')
    .execute();
}
