import { named, namedDocument } from '../core/audit-names.ts';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { SwitchTarget, TenantAdmin } from '../core/ports/tenants.ts';
import type { DecidedUnder, LiftOutcome, LiftProposal, SwitchCatalog, TwoPersonTarget } from '../core/ports/switches.ts';
import type { Principal } from '../core/principal.ts';
import type { SwitchLiftRow } from '../database/enforcement-tables.ts';
import type { Tx } from '../database/database.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from './context.ts';
import { documentRow } from './document-rows.ts';
import { demandStill } from './decided-under.ts';
import { EVERYTHING, moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';

type Switches = Pick<TenantAdmin, 'throwSwitch' | 'liftSwitch'> & Pick<SwitchCatalog, 'liftByTwo' | 'withdrawLift'>;

export interface Place {
  readonly scope: TenantId | typeof EVERYTHING;
  readonly target: string;
  /** Switches of documents are read with each hit, the others with the view. */
  readonly inView: boolean;
}

export function place(tenant: TenantId, target: SwitchTarget): Place {
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

/** What every change of a switch happens in: the epoch row of its scope is locked first, then the right is looked at again. */
interface Changing {
  readonly tx: Tx;
  readonly context: CatalogContext;
  readonly tenant: TenantId;
  readonly what: SwitchTarget;
  readonly change: Change;
  readonly at: number;
}

export function switches(context: CatalogContext): Switches {
  const changing = <T>(
    tenant: TenantId,
    what: SwitchTarget,
    change: Change,
    under: DecidedUnder | undefined,
    run: (changing: Changing) => Promise<T>,
    revokes = false,
  ): Promise<T> =>
    context.database.transaction(async (tx) => {
      const { scope, inView } = place(tenant, what);
      await moveEpoch(tx, scope, { epoch: revokes, generation: inView });
      await demandStill(tx, tenant, under);
      return run({ tx, context, tenant, what, change, at: await databaseNow(tx, context) });
    });

  return {
    throwSwitch: (tenant, what, reason, change, under) => changing(tenant, what, change, under, (here) => throwIt(here, reason), true),
    liftSwitch: (tenant, what, change, under) => changing(tenant, what, change, under, (here) => lift(here)),
    liftByTwo: (tenant, what, change, windowMs, under) =>
      changing(tenant, what, change, under, (here) => proposeOrLift({ ...here, what }, windowMs)),
    withdrawLift: (tenant, what, change, under) =>
      changing(tenant, what, change, under, async (here) => {
        const open = await openProposal(here);
        if (open === undefined) throw new AppError('conflict', { detail: 'nobody proposed to lift it' });
        await endProposals(here, 'withdrawn');
        await record(here, 'switch.lift-withdrawn', { proposedBy: named(open.changed_by) });
      }),
  };
}

async function throwIt(here: Changing, reason: string): Promise<void> {
  const { tx, tenant, what, change, at } = here;
  const { scope, target } = place(tenant, what);
  const inserted = await tx
    .insertInto('switches')
    .values({ scope, kind: what.kind, target, reason, ...changedBy(change), recorded_from: at, recorded_to: null, lifted_by: null })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  demandOne(inserted.numInsertedOrUpdatedRows, 'it is switched off already');
  await record(here, 'switch.thrown', { reason: digestOf(reason) });
}

async function lift(here: Changing, proposedBy?: string): Promise<void> {
  const { tx, tenant, what, change, at } = here;
  const { scope, target } = place(tenant, what);
  const lifted = await tx
    .updateTable('switches')
    .set({ recorded_to: at, lifted_by: change.by })
    .where('scope', '=', scope)
    .where('kind', '=', what.kind)
    .where('target', '=', target)
    .where('recorded_to', 'is', null)
    .executeTakeFirstOrThrow();
  demandOne(lifted.numUpdatedRows, 'it is not switched off');
  await endProposals(here, 'lifted');
  await record(here, 'switch.lifted', proposedBy === undefined ? {} : { proposedBy: named(proposedBy) });
}

/** The epoch row is locked, so of two who ask at once the second finds the proposal of the first. */
async function proposeOrLift(here: Changing & { readonly what: TwoPersonTarget }, windowMs: number): Promise<LiftOutcome> {
  const { tx, tenant, what, change, at } = here;
  const { scope, target } = place(tenant, what);
  const off = await tx
    .selectFrom('switches')
    .select('recorded_from')
    .where('scope', '=', scope)
    .where('kind', '=', what.kind)
    .where('target', '=', target)
    .where('recorded_to', 'is', null)
    .executeTakeFirst();
  if (off === undefined) throw new AppError('conflict', { detail: 'it is not switched off' });
  const open = await openProposal(here);
  if (open !== undefined && open.thrown_at === off.recorded_from) {
    if (open.changed_by === change.by) return { kind: 'same-person', proposal: proposalOf(open) };
    await lift(here, open.changed_by);
    return { kind: 'lifted' };
  }
  await endProposals(here, 'expired');
  const row: SwitchLiftRow = {
    scope,
    kind: what.kind,
    target,
    thrown_at: off.recorded_from,
    expires_at: at + windowMs,
    ended: null,
    ...changedBy(change),
    recorded_from: at,
    recorded_to: null,
  };
  await tx.insertInto('switch_lifts').values(row).execute();
  await record(here, 'switch.lift-proposed', { until: row.expires_at });
  return { kind: 'proposed', proposal: proposalOf(row) };
}

/** The one that has not lapsed by now. */
async function openProposal({ tx, tenant, what, at }: Changing): Promise<SwitchLiftRow | undefined> {
  const { scope, target } = place(tenant, what);
  return tx
    .selectFrom('switch_lifts')
    .selectAll()
    .where('scope', '=', scope)
    .where('kind', '=', what.kind)
    .where('target', '=', target)
    .where('recorded_to', 'is', null)
    .where('expires_at', '>', at)
    .executeTakeFirst();
}

async function endProposals({ tx, tenant, what, at }: Changing, ended: NonNullable<SwitchLiftRow['ended']>): Promise<void> {
  const { scope, target } = place(tenant, what);
  await tx
    .updateTable('switch_lifts')
    .set({ recorded_to: at, ended })
    .where('scope', '=', scope)
    .where('kind', '=', what.kind)
    .where('target', '=', target)
    .where('recorded_to', 'is', null)
    .execute();
}

export function proposalOf(row: Pick<SwitchLiftRow, 'changed_by' | 'changed_through' | 'recorded_from' | 'expires_at'>): LiftProposal {
  return { by: row.changed_by as Principal, through: row.changed_through as Principal, at: row.recorded_from, until: row.expires_at };
}

async function record(
  { tx, context, tenant, what, change }: Changing,
  kind: 'switch.thrown' | 'switch.lifted' | 'switch.lift-proposed' | 'switch.lift-withdrawn',
  facts: JsonObject,
): Promise<void> {
  const target = await targetInEvent(tx, tenant, what);
  await context.auditSink(tx, changeEvent(tenant, kind, change, { kind: what.kind, ...target, ...facts }));
}

async function targetInEvent(tx: Tx, tenant: TenantId, what: SwitchTarget): Promise<JsonObject> {
  switch (what.kind) {
    case 'document': {
      const row = await documentRow(tx, tenant, what.id);
      return row === undefined ? {} : { source: row.source, document: namedDocument(row.source, row.document) };
    }
    case 'source':
      return { source: what.id };
    case 'user':
    case 'client':
      return { target: named(what.id) };
    case 'tenant':
    case 'all':
      return { target: place(tenant, what).target };
  }
}
