import { digestOf } from '../core/digest.ts';
import type { Label } from '../core/label.ts';
import type { DocumentHistoryRow, DocumentRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { labelColumns } from './rows.ts';
import { slices } from './slices.ts';

/** Who made a change, as the columns of a history row. */
export interface ChangeColumns {
  readonly changed_by: string;
  readonly changed_through: string;
  readonly request_id: string;
}

type Versioned = 'document_history' | 'document_acls' | 'document_labels';

interface Recorded {
  readonly before: DocumentRow | undefined;
  readonly after: DocumentRow;
  readonly declared: Label;
}

/** One document; see `recordDocuments`. */
export function recordDocument(tx: Tx, input: Recorded, change: ChangeColumns, at: number): Promise<void> {
  return recordDocuments(tx, [{ ...input, change }], at);
}

/**
 * Ends the row of each history that no longer holds and begins the one that does, so that at any time `t` what was so is the row
 * with recorded_from <= t < recorded_to. Called in the transaction that writes `after`. All of one tenant.
 */
export async function recordDocuments(
  tx: Tx,
  inputs: readonly (Recorded & { readonly change: ChangeColumns })[],
  at: number,
): Promise<void> {
  for (const some of slices(inputs)) {
    const rows = some.map(({ after }) => after);
    await end(tx, 'document_history', rows, at);
    await tx
      .insertInto('document_history')
      .values(some.map(({ after, change }) => revisionRow(after, change, at)))
      .execute();
    await recordAcls(tx, some, at);
    await recordLabels(tx, some, at);
  }
}

/** The tombstone before a new beginning has ended these already, and every new ACL or label has a version of its own. */
async function recordAcls(tx: Tx, inputs: readonly (Recorded & { readonly change: ChangeColumns })[], at: number): Promise<void> {
  const begun = inputs.filter(({ before, after }) => before?.acl_version !== after.acl_version);
  if (begun.length === 0) return;
  await end(
    tx,
    'document_acls',
    begun.map(({ after }) => after),
    at,
  );
  const rows = begun.map(({ after: { tenant, key, acl_version, acl }, change }) => {
    const facts = { tenant, key, acl_version, acl, digest: digestOf(acl) };
    return { ...facts, ...change, recorded_from: at, recorded_to: null };
  });
  await tx.insertInto('document_acls').values(rows).execute();
}

async function recordLabels(tx: Tx, inputs: readonly (Recorded & { readonly change: ChangeColumns })[], at: number): Promise<void> {
  const begun = inputs.filter(({ before, after }) => before?.label_version !== after.label_version);
  if (begun.length === 0) return;
  await end(
    tx,
    'document_labels',
    begun.map(({ after }) => after),
    at,
  );
  const rows = begun.map(({ after: { tenant, key, label_version, zone }, declared, change }) => {
    const facts = { tenant, key, label_version, zone, ...labelColumns(declared) };
    return { ...facts, ...change, recorded_from: at, recorded_to: null };
  });
  await tx.insertInto('document_labels').values(rows).execute();
}

/** Ends all three histories; the revision of the tombstone itself is recorded too. */
export async function recordDeletion(tx: Tx, tombstone: DocumentRow, change: ChangeColumns, at: number): Promise<void> {
  await end(tx, 'document_history', [tombstone], at);
  await end(tx, 'document_acls', [tombstone], at);
  await end(tx, 'document_labels', [tombstone], at);
  await tx
    .insertInto('document_history')
    .values(revisionRow(tombstone, change, at))
    .execute();
}

async function end(tx: Tx, table: Versioned, rows: readonly DocumentRow[], at: number): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  await tx
    .updateTable(table)
    .set({ recorded_to: at })
    .where('tenant', '=', first.tenant)
    .where(
      'key',
      'in',
      rows.map(({ key }) => key),
    )
    .where('recorded_to', 'is', null)
    .execute();
}

function revisionRow(row: DocumentRow, change: ChangeColumns, at: number): DocumentHistoryRow {
  const { tenant, key, revision, state, content, acl_version, label_version } = row;
  const { valid_from, valid_until, write_digest, title, uri, metadata } = row;
  return {
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
  };
}
