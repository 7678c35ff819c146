import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { PolicyRevision } from '../core/policy-lines.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { TenantAdmin } from '../core/ports/tenants.ts';
import type { Tx } from '../database/database.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from './context.ts';
import { demandStill } from './decided-under.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';
import { policyColumns } from './rows.ts';
import { readPolicy } from './view.ts';

type Tenants = Pick<TenantAdmin, 'createTenant' | 'tenants' | 'activePolicy' | 'activatePolicy'>;

export function tenantAdmin(context: CatalogContext): Tenants {
  const { database } = context;
  return {
    createTenant: (tenant, policy, change) => database.transaction((tx) => createTenant(context, tx, tenant, policy, change)),
    async tenants() {
      const rows = await database.db.selectFrom('tenants').select('tenant').orderBy('tenant').execute();
      return rows.map((row) => row.tenant as TenantId);
    },
    activePolicy: (tenant) => database.snapshot((tx) => readPolicy(tx, tenant)),
    activatePolicy: (tenant, revision, parent, change) =>
      database.transaction(async (tx) => {
        await moveEpoch(tx, tenant, { epoch: true, generation: true });
        // Whoever was switched off meanwhile must not take the right away from whoever did it.
        await demandStill(tx, tenant, { parties: [change.by, change.through] });
        const at = await databaseNow(tx, context);
        await endActive(tx, tenant, parent, at);
        const isNew = await storeRevision(tx, tenant, revision, parent, change, at);
        await beginActive(tx, tenant, revision.id, change, at);
        if (isNew) await auditRevision('policy.published', context, tx, tenant, revision, parent, change);
        await auditRevision('policy.activated', context, tx, tenant, revision, parent, change);
      }),
  };
}

async function createTenant(context: CatalogContext, tx: Tx, tenant: TenantId, policy: PolicyRevision, change: Change): Promise<void> {
  const epoch = await tx
    .insertInto('epochs')
    .values({ scope: tenant, epoch: 1, generation: 1 })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  demandOne(epoch.numInsertedOrUpdatedRows, 'the tenant exists');
  const at = await databaseNow(tx, context);
  await tx.insertInto('tenants').values({ tenant, recorded_from: at }).execute();
  await storeRevision(tx, tenant, policy, null, change, at);
  await beginActive(tx, tenant, policy.id, change, at);
  const { digest } = policyColumns(policy);
  await context.auditSink(
    tx,
    changeEvent(tenant, 'tenant.created', change, { tenant, policy: { revision: policy.id, digest, lines: policy.lines.length } }),
  );
}

async function endActive(tx: Tx, tenant: TenantId, parent: string, at: number): Promise<void> {
  const ended = await tx
    .updateTable('policy_activations')
    .set({ recorded_to: at })
    .where('tenant', '=', tenant)
    .where('revision', '=', parent)
    .where('recorded_to', 'is', null)
    .executeTakeFirstOrThrow();
  demandOne(ended.numUpdatedRows, 'another policy revision is active');
}

async function beginActive(tx: Tx, tenant: TenantId, revision: string, change: Change, at: number): Promise<void> {
  await tx
    .insertInto('policy_activations')
    .values({ tenant, revision, ...changedBy(change), recorded_from: at, recorded_to: null })
    .execute();
}

/** True where it was not there. An earlier revision may come into force again; the same id with other lines is `conflict`. */
export async function storeRevision(
  tx: Tx,
  tenant: TenantId,
  revision: PolicyRevision,
  parent: string | null,
  change: Change,
  at: number,
): Promise<boolean> {
  const columns = policyColumns(revision);
  const inserted = await tx
    .insertInto('policy_revisions')
    .values({ tenant, parent, ...columns, author: change.by, recorded_from: at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  const stored = await tx
    .selectFrom('policy_revisions')
    .select('digest')
    .where('tenant', '=', tenant)
    .where('revision', '=', revision.id)
    .executeTakeFirst();
  if (stored?.digest !== columns.digest) throw new AppError('conflict', { detail: 'a policy revision of that id holds other lines' });
  return inserted.numInsertedOrUpdatedRows === 1n;
}

export async function auditRevision(
  kind: 'policy.published' | 'policy.activated',
  context: CatalogContext,
  tx: Tx,
  tenant: TenantId,
  revision: PolicyRevision,
  parent: string,
  change: Change,
): Promise<void> {
  const { digest } = policyColumns(revision);
  const body = { revision: revision.id, parent, digest, lines: revision.lines.length };
  await context.auditSink(tx, changeEvent(tenant, kind, change, body));
}
