import { digestOf } from '../core/digest.ts';
import type { Label } from '../core/label.ts';
import type { DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { labelColumns } from './rows.ts';

/** Who made a change, as the columns of a history row. */
export interface ChangeColumns {
  readonly changed_by: string;
  readonly changed_through: string;
  readonly request_id: string;
}

type Versioned = 'document_history' | 'document_acls' | 'document_labels';

/**
 * Ends the row of each history that no longer holds and begins the one that does, so that at any time `t` what was so is the row
 * with recorded_from <= t < recorded_to. Called in the transaction that writes `after`.
 */
export async function recordDocument(
  tx: Tx,
  input: { readonly before: DocumentRow | undefined; readonly after: DocumentRow; readonly declared: Label },
  change: ChangeColumns,
  at: number,
): Promise<void> {
  const { before, after, declared } = input;
  const { tenant, key, acl_version, label_version } = after;
  await end(tx, 'document_history', after, at);
  await insertRevision(tx, after, change, at);
  // The tombstone before a new beginning has ended these already, and every new ACL or label has a version of its own.
  if (before?.acl_version !== acl_version) {
    await end(tx, 'document_acls', after, at);
    const facts = { tenant, key, acl_version, acl: after.acl, digest: digestOf(after.acl) };
    await tx
      .insertInto('document_acls')
      .values({ ...facts, ...change, recorded_from: at, recorded_to: null })
      .execute();
  }
  if (before?.label_version !== label_version) {
    await end(tx, 'document_labels', after, at);
    const facts = { tenant, key, label_version, zone: after.zone, ...labelColumns(declared) };
    await tx
      .insertInto('document_labels')
      .values({ ...facts, ...change, recorded_from: at, recorded_to: null })
      .execute();
  }
}

/** Ends all three histories; the revision of the tombstone itself is recorded too. */
export async function recordDeletion(tx: Tx, tombstone: DocumentRow, change: ChangeColumns, at: number): Promise<void> {
  await end(tx, 'document_history', tombstone, at);
  await end(tx, 'document_acls', tombstone, at);
  await end(tx, 'document_labels', tombstone, at);
  await insertRevision(tx, tombstone, change, at);
}

async function end(tx: Tx, table: Versioned, { tenant, key }: DocumentRow, at: number): Promise<void> {
  await tx
    .updateTable(table)
    .set({ recorded_to: at })
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('recorded_to', 'is', null)
    .execute();
}

async function insertRevision(tx: Tx, row: DocumentRow, change: ChangeColumns, at: number): Promise<void> {
  const { tenant, key, revision, state, content, acl_version, label_version } = row;
  const { valid_from, valid_until, write_digest, title, uri, metadata } = row;
  await tx
    .insertInto('document_history')
    .values({
      tenant,
      key,
      revision,
      state,
      content,
      acl_version,
      label_version,
      valid_from,
      valid_until,
      write_digest,
      title,
      uri,
      metadata,
      ...change,
      recorded_from: at,
      recorded_to: null,
    })
    .execute();
}
