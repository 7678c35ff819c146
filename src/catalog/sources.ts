import { named } from '../core/audit-names.ts';
import { AppError } from '../core/errors.ts';
import type { SourceId, TenantId } from '../core/ids.ts';
import { MAX_COMPARTMENTS } from '../core/label.ts';
import type { ExpectedRevision, SourceAttributes, WriteCatalog } from '../core/ports/catalog.ts';
import type { SourceRow } from '../database/catalog-tables.ts';
import type { Tx } from '../database/database.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from './context.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';
import { endGrants } from './grants.ts';
import type { ChangeColumns } from './history.ts';
import { digests } from './publish.ts';
import { labelColumns, labelDigest, labelOf, sourceOf } from './rows.ts';
import type { Kysely } from 'kysely';
import type { Schema } from '../database/schema.ts';

/** A new label or ceiling moves the epoch, whichever way it goes: who gains what is policy's to say, not ours. */
export function createPutSource(context: CatalogContext): WriteCatalog['putSource'] {
  return async (tenant, source, attributes, expected, change) => {
    demandWithinLimits(attributes);
    const found = await sourceRow(context.database.db, tenant, source);
    demandExpected(found, expected);
    const columns = attributeColumns(attributes);
    const relabelled = found?.state === 'live' && rights(found) !== rights(columns);
    return context.database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: relabelled, generation: true });
      const at = await databaseNow(tx, context);
      const revision = (found?.revision ?? 0) + 1;
      const after: SourceRow = { tenant, source, revision, ...columns, state: 'live', recorded_from: at };
      await writeSource(tx, found, after, changedBy(change), at);
      const before = found && labelDigest(labelOf(context.scheme, found));
      await context.auditSink(
        tx,
        changeEvent(tenant, 'source.put', change, {
          source,
          revision,
          owner: named(attributes.owner),
          label: digests(before, labelDigest(attributes.label)),
          ceiling: attributes.ceiling.kind === 'none' ? 0 : attributes.ceiling.principals.length,
        }),
      );
      return sourceOf(context.scheme, after);
    });
  };
}

export function createDeleteSource(context: CatalogContext): WriteCatalog['deleteSource'] {
  return async (tenant, source, expected, change) => {
    const found = await sourceRow(context.database.db, tenant, source);
    demandExpected(found, expected);
    if (found === undefined) throw new AppError('conflict');
    await context.database.transaction(async (tx) => {
      await moveEpoch(tx, tenant, { epoch: true, generation: true });
      const at = await databaseNow(tx, context);
      const after: SourceRow = { ...found, revision: found.revision + 1, state: 'deleting', recorded_from: at };
      await writeSource(tx, found, after, changedBy(change), at);
      const grants = await endGrants(tx, tenant, { kind: 'source', source }, change.by, at);
      const ended = grants > 0 ? { grants } : {};
      await context.auditSink(tx, changeEvent(tenant, 'source.deleted', change, { source, revision: after.revision, ...ended }));
    });
  };
}

function sourceRow(db: Kysely<Schema>, tenant: TenantId, source: SourceId): Promise<SourceRow | undefined> {
  return db.selectFrom('sources').selectAll().where('tenant', '=', tenant).where('source', '=', source).executeTakeFirst();
}

/** A deleted source may be made again, but not before the last of its documents is gone. */
function demandExpected(found: SourceRow | undefined, expected: ExpectedRevision): void {
  if (found?.state === 'deleting') throw new AppError('conflict', { detail: 'the source is being deleted' });
  const revision = found?.state === 'live' ? found.revision : 'absent';
  if (revision !== expected) throw new AppError('conflict', { detail: 'the source has moved on' });
}

function demandWithinLimits({ label }: SourceAttributes): void {
  if (label.compartments.length <= MAX_COMPARTMENTS) return;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '/compartments', message: `at most ${MAX_COMPARTMENTS} compartments` }] });
}

type AttributeColumns = Pick<SourceRow, 'title' | 'owner' | 'level' | 'compartments' | 'trust' | 'ceiling'>;

function attributeColumns({ title, owner, label, ceiling }: SourceAttributes): AttributeColumns {
  return { title, owner, ...labelColumns(label), ceiling: ceiling.kind === 'none' ? null : JSON.stringify(ceiling.principals) };
}

function rights({ level, compartments, trust, ceiling }: AttributeColumns): string {
  return JSON.stringify([level, compartments, trust, ceiling]);
}

/** Compare and set; what was known until now ends in the history and what holds from now begins. */
async function writeSource(tx: Tx, before: SourceRow | undefined, after: SourceRow, change: ChangeColumns, at: number): Promise<void> {
  const { tenant, source } = after;
  if (before === undefined) {
    const inserted = await tx
      .insertInto('sources')
      .values(after)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    demandOne(inserted.numInsertedOrUpdatedRows, 'the source was made by someone else');
  } else {
    const updated = await tx
      .updateTable('sources')
      .set(after)
      .where('tenant', '=', tenant)
      .where('source', '=', source)
      .where('revision', '=', before.revision)
      .where('state', '=', before.state)
      .executeTakeFirstOrThrow();
    demandOne(updated.numUpdatedRows, 'the source has moved on');
    await tx
      .updateTable('source_history')
      .set({ recorded_to: at })
      .where('tenant', '=', tenant)
      .where('source', '=', source)
      .where('recorded_to', 'is', null)
      .execute();
  }
  await tx
    .insertInto('source_history')
    .values({ ...after, ...change, recorded_to: null })
    .execute();
}
