import { digestOf } from '../core/digest.ts';
import type { TenantId } from '../core/ids.ts';
import type { SwitchTarget, TenantAdmin } from '../core/ports/catalog.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from './context.ts';
import { EVERYTHING, moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';

type Switches = Pick<TenantAdmin, 'throwSwitch' | 'liftSwitch'>;

interface Place {
  readonly scope: TenantId | typeof EVERYTHING;
  readonly target: string;
  /** Switches of documents are read with each hit, the others with the view. */
  readonly inView: boolean;
}

function place(tenant: TenantId, target: SwitchTarget): Place {
  switch (target.kind) {
    case 'document':
      return { scope: tenant, target: target.id, inView: false };
    case 'source':
    case 'client':
    case 'user':
      return { scope: tenant, target: target.id, inView: true };
    case 'tenant':
      return { scope: tenant, target: tenant, inView: true };
    case 'all':
      return { scope: EVERYTHING, target: EVERYTHING, inView: true };
  }
}

export function switches(context: CatalogContext): Switches {
  const { database } = context;
  return {
    throwSwitch: (tenant, what, reason, change) =>
      database.transaction(async (tx) => {
        const { scope, target, inView } = place(tenant, what);
        await moveEpoch(tx, scope, { epoch: true, generation: inView });
        const at = await databaseNow(tx, context);
        const inserted = await tx
          .insertInto('switches')
          .values({ scope, kind: what.kind, target, reason, ...changedBy(change), recorded_from: at, recorded_to: null, lifted_by: null })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow();
        demandOne(inserted.numInsertedOrUpdatedRows, 'it is switched off already');
        await context.auditSink(tx, changeEvent(tenant, 'switch.thrown', change, { kind: what.kind, target, reason: digestOf(reason) }));
      }),
    liftSwitch: (tenant, what, change) =>
      database.transaction(async (tx) => {
        const { scope, target, inView } = place(tenant, what);
        await moveEpoch(tx, scope, { epoch: false, generation: inView });
        const at = await databaseNow(tx, context);
        const lifted = await tx
          .updateTable('switches')
          .set({ recorded_to: at, lifted_by: change.by })
          .where('scope', '=', scope)
          .where('kind', '=', what.kind)
          .where('target', '=', target)
          .where('recorded_to', 'is', null)
          .executeTakeFirstOrThrow();
        demandOne(lifted.numUpdatedRows, 'it is not switched off');
        await context.auditSink(tx, changeEvent(tenant, 'switch.lifted', change, { kind: what.kind, target }));
      }),
  };
}
