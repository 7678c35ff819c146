import { AppError } from '../core/errors.ts';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { PolicyRevision } from '../core/policy-lines.ts';
import type { EpochStamp, ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { Principal } from '../core/principal.ts';
import type { Source, Zone } from '../core/zone.ts';
import type { SwitchRow } from '../database/enforcement-tables.ts';
import type { Tx } from '../database/database.ts';
import { databaseNow, type CatalogContext } from './context.ts';
import { EVERYTHING } from './epochs.ts';
import { readCollections } from './hosted/collection-rows.ts';
import { readGrants } from './grants.ts';
import { policyOf, sourceOf, zoneOf } from './rows.ts';

/** Keeps the newest view of each tenant; loads one at a time a tenant, from one snapshot, when a stamp asks for a newer one. */
export function createViews(context: CatalogContext): ReadCatalog['view'] {
  const newest = new Map<TenantId, TenantView>();
  const loading = new Map<TenantId, Promise<void>>();

  async function load(tenant: TenantId): Promise<void> {
    const previous = newest.get(tenant);
    const view = await context.database.snapshot((tx) => readView(context, tx, tenant, previous));
    newest.set(tenant, view);
  }

  function joinOrLoad(tenant: TenantId): { readonly own: boolean; readonly done: Promise<void> } {
    const underWay = loading.get(tenant);
    if (underWay !== undefined) return { own: false, done: underWay };
    const done = load(tenant).finally(() => loading.delete(tenant));
    loading.set(tenant, done);
    return { own: true, done };
  }

  return async (tenant: TenantId, stamp: EpochStamp): Promise<TenantView> => {
    for (;;) {
      const view = newest.get(tenant);
      if (view !== undefined && view.generation >= stamp.generation) return view;
      const { own, done } = joinOrLoad(tenant);
      await done;
      const loaded = newest.get(tenant);
      // A load that was under way may have read before the stamp; one begun after it may not.
      if (own && (loaded === undefined || loaded.generation < stamp.generation)) throw new AppError('epoch_rolled_back');
    }
  };
}

async function readView(context: CatalogContext, tx: Tx, tenant: TenantId, previous: TenantView | undefined): Promise<TenantView> {
  const epochs = await tx.selectFrom('epochs').select(['generation']).where('scope', 'in', [EVERYTHING, tenant]).execute();
  const policy = await readPolicy(tx, tenant, previous?.policy);
  if (policy === undefined) throw new AppError('policy_unavailable', { detail: 'the tenant has no active policy revision' });
  const sources = await readSources(context, tx, tenant);
  const shadow = await readShadow(context, tx, tenant, previous);
  return {
    tenant,
    generation: epochs.reduce((sum, { generation }) => sum + generation, 0),
    scheme: context.scheme,
    policy,
    ...(shadow === undefined ? {} : { shadow }),
    sources,
    zones: await readZones(context, tx, tenant, sources, previous),
    off: await readSwitches(tx, tenant),
    grants: await readGrants(tx, tenant, await databaseNow(tx, context), 'now'),
    collections: await readCollections(tx, tenant),
  };
}

/** A revision never changes, so the one already parsed is kept where it is still in force. */
export async function readPolicy(tx: Tx, tenant: TenantId, known?: PolicyRevision): Promise<PolicyRevision | undefined> {
  const active = await tx
    .selectFrom('policy_activations')
    .select('revision')
    .where('tenant', '=', tenant)
    .where('recorded_to', 'is', null)
    .executeTakeFirst();
  if (active === undefined) return undefined;
  if (active.revision === known?.id) return known;
  const row = await tx
    .selectFrom('policy_revisions')
    .select(['revision', 'digest', 'lines'])
    .where('tenant', '=', tenant)
    .where('revision', '=', active.revision)
    .executeTakeFirstOrThrow();
  return policyOf(row);
}

/** A shadow that cannot be read is none: it must never keep the active revision from deciding. */
async function readShadow(
  { telemetry }: CatalogContext,
  tx: Tx,
  tenant: TenantId,
  previous: TenantView | undefined,
): Promise<TenantView['shadow']> {
  const row = await tx
    .selectFrom('policy_shadows as s')
    .innerJoin('policy_revisions as r', (join) => join.onRef('r.tenant', '=', 's.tenant').onRef('r.revision', '=', 's.revision'))
    .select(['s.shadow', 'r.revision', 'r.digest'])
    .where('s.tenant', '=', tenant)
    .where('s.recorded_to', 'is', null)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (previous?.shadow?.run === row.shadow) return previous.shadow;
  try {
    const { lines } = await tx
      .selectFrom('policy_revisions')
      .select('lines')
      .where('tenant', '=', tenant)
      .where('revision', '=', row.revision)
      .executeTakeFirstOrThrow();
    return { run: row.shadow, revision: policyOf({ ...row, lines }) };
  } catch (error) {
    telemetry.log.error({ tenant, revision: row.revision }, 'the revision in shadow cannot be read', error);
    return undefined;
  }
}

async function readSources(context: CatalogContext, tx: Tx, tenant: TenantId): Promise<ReadonlyMap<SourceId, Source>> {
  const rows = await tx.selectFrom('sources').selectAll().where('tenant', '=', tenant).where('state', '=', 'live').execute();
  return new Map(rows.map((row) => [row.source as SourceId, sourceOf(context.scheme, row)]));
}

/** Zones of sources that are live. A zone never changes, so the parsed ones of the last view are used again. */
async function readZones(
  context: CatalogContext,
  tx: Tx,
  tenant: TenantId,
  sources: ReadonlyMap<SourceId, Source>,
  previous: TenantView | undefined,
): Promise<ReadonlyMap<ZoneId, Zone>> {
  const rows = await tx
    .selectFrom('zones')
    .select(['zone', 'source', 'level', 'compartments', 'trust'])
    .where('tenant', '=', tenant)
    .orderBy('zone')
    .execute();
  const zones = new Map<ZoneId, Zone>();
  for (const row of rows) {
    if (!sources.has(row.source as SourceId)) continue;
    zones.set(row.zone as ZoneId, previous?.zones.get(row.zone as ZoneId) ?? zoneOf(context.scheme, row));
  }
  return zones;
}

async function readSwitches(tx: Tx, tenant: TenantId): Promise<TenantView['off']> {
  const rows = await tx
    .selectFrom('switches')
    .select(['kind', 'target'])
    .where('scope', 'in', [EVERYTHING, tenant])
    .where('recorded_to', 'is', null)
    .where('kind', '<>', 'document')
    .execute();
  const targets = (...kinds: readonly SwitchRow['kind'][]): readonly string[] =>
    rows.filter((row) => kinds.includes(row.kind)).map((row) => row.target);
  return {
    everything: targets('tenant', 'all').length > 0,
    sources: new Set(targets('source') as readonly SourceId[]),
    principals: new Set(targets('user', 'client') as readonly Principal[]),
  };
}
