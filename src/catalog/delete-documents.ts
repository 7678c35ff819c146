import { namedDocument } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { AuditEvent } from '../core/ports/audit.ts';
import type { Change, WriteCatalog } from '../core/ports/catalog.ts';
import type { BatchCatalog, DeletedDocument } from '../core/ports/document-batches.ts';
import type { Tx } from '../database/database.ts';
import { bury } from './bury.ts';
import { auditAll, changedBy, databaseNow, type CatalogContext } from './context.ts';
import { documentRows } from './document-rows.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';
import { endGrants } from './grants.ts';

export function createDeleteDocument(context: CatalogContext): WriteCatalog['deleteDocument'] {
  return (key, tenant, expected, change, as = 'writer') =>
    context.database.transaction((tx) => deleteIn(tx, context, tenant, [{ key, expected, as }], change));
}

/** Many at once, all or none, each with its own tombstone and event. */
export function createDeleteAll(context: CatalogContext): BatchCatalog['deleteAll'] {
  return async (tenant, documents, change) => {
    if (documents.length === 0) return;
    await context.database.transaction((tx) => deleteIn(tx, context, tenant, documents, change));
  };
}

async function deleteIn(
  tx: Tx,
  context: CatalogContext,
  tenant: TenantId,
  documents: readonly DeletedDocument[],
  change: Change,
): Promise<void> {
  await moveEpoch(tx, tenant, { epoch: true, generation: false });
  const at = await databaseNow(tx, context);
  const rows = await documentRows(
    tx,
    tenant,
    documents.map(({ key }) => key),
  );
  const events: AuditEvent[] = [];
  let granted = false;
  for (const { key, expected, as } of documents) {
    const row = rows.get(key);
    if (row?.revision !== expected || row.state === 'deleted') throw new AppError('conflict', { detail: 'the document has moved on' });
    const { revision } = await bury(tx, row, changedBy(change), at, as);
    const { source, document } = row;
    const grants = await endGrants(tx, tenant, { kind: 'document', source, key }, change.by, at);
    granted ||= grants > 0;
    const body = { source, document: namedDocument(source, document), revision, as, ...(grants > 0 ? { grants } : {}) };
    events.push(changeEvent(tenant, 'document.deleted', change, body));
  }
  if (granted) await moveEpoch(tx, tenant, { epoch: false, generation: true });
  await auditAll(tx, context, events);
}
