import { namedDocument } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentId, DocumentKey, SourceId, TenantId } from '../core/ids.ts';
import type { HoneyCatalog, HoneyMarkers } from '../core/ports/honey.ts';
import type { Tx } from '../database/database.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from './context.ts';
import { documentRow } from './document-rows.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';

/** Making bait takes the document from everybody who could read it, so it moves the epoch; ending that gives it back. */
export function createMarkHoney(context: CatalogContext): HoneyCatalog['markHoney'] {
  return (key, tenant, expected, marker, change) =>
    context.database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: marker !== undefined, generation: false });
      const at = await databaseNow(tx, context);
      await demandRevision(tx, tenant, key, expected);
      const row = await documentRow(tx, tenant, key);
      if (row === undefined) throw new AppError('conflict', { detail: 'the document has moved on' });
      const { source, document, revision } = row;
      const now = await tx
        .selectFrom('honey_documents')
        .select('marker')
        .where('tenant', '=', tenant)
        .where('key', '=', key)
        .where('recorded_to', 'is', null)
        .executeTakeFirst();
      if ((now !== undefined) === (marker !== undefined)) return { changed: false };
      if (marker === undefined) await endHoney(tx, tenant, key, at);
      else {
        const row = { tenant, key, marker, ...changedBy(change), recorded_from: at, recorded_to: null };
        await tx.insertInto('honey_documents').values(row).execute();
      }
      const body = { source, document: namedDocument(source, document), revision, honey: marker !== undefined };
      await context.auditSink(tx, changeEvent(tenant, 'honey.changed', change, body));
      return { changed: true };
    });
}

/** Holds the row as well, so that nobody changes the label whose owner was asked about until this is committed. */
async function demandRevision(tx: Tx, tenant: TenantId, key: DocumentKey, expected: number): Promise<void> {
  const held = await tx
    .updateTable('documents')
    .set((row) => ({ updated_at: row.ref('updated_at') }))
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('revision', '=', expected)
    .where('state', '<>', 'deleted')
    .executeTakeFirstOrThrow();
  demandOne(held.numUpdatedRows, 'the document has moved on');
}

/** The row stays with its marker: an answer of a model may be compared with it long after. */
export async function endHoney(tx: Tx, tenant: TenantId, key: DocumentKey, at: number): Promise<void> {
  await tx
    .updateTable('honey_documents')
    .set({ recorded_to: at })
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('recorded_to', 'is', null)
    .execute();
}

export function createHoneyMarkers({ database }: CatalogContext): HoneyMarkers['honeyMarkers'] {
  return async (tenant, after, limit) => {
    const rows = await database.db
      .selectFrom('honey_documents as h')
      .innerJoin('documents as d', (join) => join.onRef('d.tenant', '=', 'h.tenant').onRef('d.key', '=', 'h.key'))
      .select(['h.marker', 'h.key', 'd.source', 'd.document'])
      .where('h.tenant', '=', tenant)
      .where('h.marker', '>', after ?? '')
      .orderBy('h.marker')
      .limit(limit)
      .execute();
    return rows.map(({ marker, key, source, document }) => ({
      marker,
      key: key as DocumentKey,
      source: source as SourceId,
      document: document as DocumentId,
    }));
  };
}
