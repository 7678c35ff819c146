import type { OrderByItemBuilder } from 'kysely';
import { uuidOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { MAX_FINDINGS, type Finding, type RevisionCatalog, type RevisionFacts } from '../core/ports/revisions.ts';
import type { Principal } from '../core/principal.ts';
import type { PolicyShadowRow } from '../database/enforcement-tables.ts';
import type { Tx } from '../database/database.ts';
import { changedBy, databaseNow, demandOne, type CatalogContext } from './context.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';
import { policyOf } from './rows.ts';
import { auditRevision, storeRevision } from './tenants.ts';

const MAX_ACTIVATIONS = 100;
const MAX_DRAFTS_A_DAY = 100;
const DAY_MS = 24 * 60 * 60_000;
/** Of what began in one millisecond, what goes on came last. The databases disagree about where null belongs. */
const latestEnd = (order: OrderByItemBuilder): OrderByItemBuilder => order.desc().nullsFirst();

export function revisions(context: CatalogContext): RevisionCatalog {
  const { database } = context;
  return {
    listRevisions: (tenant, after, limit) => database.snapshot((tx) => listRevisions(tx, tenant, after, limit)),
    revision: (tenant, id) =>
      database.snapshot(async (tx) => {
        const row = await selectRevisions(tx, tenant).select(['r.digest', 'r.lines']).where('r.revision', '=', id).executeTakeFirst();
        if (row === undefined) return undefined;
        const history = await tx
          .selectFrom('policy_activations')
          .select(['recorded_from', 'recorded_to', 'changed_by'])
          .where('tenant', '=', tenant)
          .where('revision', '=', id)
          .orderBy('recorded_from', 'desc')
          .orderBy('recorded_to', latestEnd)
          .limit(MAX_ACTIVATIONS)
          .execute();
        return {
          facts: factsOf(row),
          revision: policyOf(row),
          history: history.map((one) => ({
            from: one.recorded_from,
            to: one.recorded_to ?? ('still' as const),
            by: one.changed_by as Principal,
          })),
        };
      }),
    publishRevision: (tenant, revision, parent, change) =>
      database.transaction(async (tx) => {
        const at = await databaseNow(tx, context);
        if ((await selectRevisions(tx, tenant).where('r.revision', '=', parent).executeTakeFirst()) === undefined) {
          throw new AppError('conflict', { detail: 'the parent is no revision of this tenant' });
        }
        const isNew = await storeRevision(tx, tenant, revision, parent, change, at);
        if (isNew) await demandFewDrafts(tx, tenant, at);
        if (isNew) await auditRevision('policy.published', context, tx, tenant, revision, parent, change);
      }),
    ...shadows(context),
  };
}

/** A revision may be megabytes and is kept for ever: whoever may administer must not fill the disk of everybody with drafts. */
async function demandFewDrafts(tx: Tx, tenant: TenantId, at: number): Promise<void> {
  const { count } = await tx
    .selectFrom('policy_revisions as r')
    .leftJoin('policy_activations as a', (join) => join.onRef('a.tenant', '=', 'r.tenant').onRef('a.revision', '=', 'r.revision'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('r.tenant', '=', tenant)
    .where('r.recorded_from', '>', at - DAY_MS)
    .where('a.revision', 'is', null)
    .executeTakeFirstOrThrow();
  if (count <= MAX_DRAFTS_A_DAY) return;
  const message = `at most ${MAX_DRAFTS_A_DAY} revisions a day that do not come into force`;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '/activate', message }] });
}

type FactsRow = Awaited<ReturnType<ReturnType<typeof selectRevisions>['execute']>>[number];

function selectRevisions(tx: Tx, tenant: TenantId) {
  return tx
    .selectFrom('policy_revisions as r')
    .select(['r.revision', 'r.parent', 'r.author', 'r.recorded_from'])
    .select((eb) => [
      eb
        .selectFrom('policy_activations as a')
        .select((inner) => inner.fn.countAll<number>().as('times'))
        .whereRef('a.tenant', '=', 'r.tenant')
        .whereRef('a.revision', '=', 'r.revision')
        .as('times'),
      eb
        .selectFrom('policy_activations as a')
        .select('a.recorded_from')
        .whereRef('a.tenant', '=', 'r.tenant')
        .whereRef('a.revision', '=', 'r.revision')
        .where('a.recorded_to', 'is', null)
        .as('in_force'),
    ])
    .where('r.tenant', '=', tenant);
}

function factsOf(row: FactsRow): RevisionFacts {
  return {
    id: row.revision,
    ...(row.parent === null ? {} : { parent: row.parent }),
    author: row.author as Principal,
    at: row.recorded_from,
    active: row.in_force !== null,
    activations: row.times ?? 0,
  };
}

async function listRevisions(tx: Tx, tenant: TenantId, after: string | undefined, limit: number): Promise<readonly RevisionFacts[]> {
  const last = after === undefined ? undefined : await selectRevisions(tx, tenant).where('r.revision', '=', after).executeTakeFirst();
  if (after !== undefined && last === undefined) return [];
  const rows = await selectRevisions(tx, tenant)
    .$if(last !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('r.recorded_from', '<', last?.recorded_from ?? 0),
          eb.and([eb('r.recorded_from', '=', last?.recorded_from ?? 0), eb('r.revision', '>', last?.revision ?? '')]),
        ]),
      ),
    )
    .orderBy('r.recorded_from', 'desc')
    .orderBy('r.revision')
    .limit(limit)
    .execute();
  return rows.map(factsOf);
}

type Shadows = Pick<RevisionCatalog, 'startShadow' | 'stopShadow' | 'shadowRun' | 'addFindings' | 'findings'>;

function shadows(context: CatalogContext): Shadows {
  const { database } = context;
  return {
    startShadow: (tenant, revision, change) =>
      database.transaction(async (tx) => {
        await moveEpoch(tx, tenant, { epoch: false, generation: true });
        const at = await databaseNow(tx, context);
        const stored = await selectRevisions(tx, tenant).where('r.revision', '=', revision).executeTakeFirst();
        if (stored === undefined) throw new AppError('not_found');
        if (stored.in_force !== null) throw new AppError('conflict', { detail: 'the revision is in force itself' });
        const shadow = uuidOf('shadow', tenant, revision, at, change.requestId);
        const begun = await tx
          .insertInto('policy_shadows')
          .values({ tenant, shadow, revision, ...changedBy(change), recorded_from: at, recorded_to: null, stopped_by: null })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow();
        demandOne(begun.numInsertedOrUpdatedRows, 'a revision runs in shadow already');
        await context.auditSink(tx, changeEvent(tenant, 'policy.shadow-started', change, { revision, shadow }));
      }),
    stopShadow: (tenant, revision, change) =>
      database.transaction(async (tx) => {
        await moveEpoch(tx, tenant, { epoch: false, generation: true });
        const at = await databaseNow(tx, context);
        const stopped = await tx
          .updateTable('policy_shadows')
          .set({ recorded_to: at, stopped_by: change.by })
          .where('tenant', '=', tenant)
          .where('revision', '=', revision)
          .where('recorded_to', 'is', null)
          .executeTakeFirstOrThrow();
        demandOne(stopped.numUpdatedRows, 'the revision does not run in shadow');
        await context.auditSink(tx, changeEvent(tenant, 'policy.shadow-stopped', change, { revision }));
      }),
    ...shadowReads(context),
  };
}

function shadowReads({ database }: CatalogContext): Pick<RevisionCatalog, 'shadowRun' | 'addFindings' | 'findings'> {
  return {
    async shadowRun(tenant, revision) {
      const rows = await database.db
        .selectFrom('policy_shadows')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('revision', '=', revision)
        .orderBy('recorded_from', 'desc')
        .orderBy('recorded_to', latestEnd)
        .limit(1)
        .execute();
      return rows.map(runOf)[0];
    },
    addFindings: (tenant, run, found) => database.transaction((tx) => addFindings(tx, tenant, run, found)),
    async findings(tenant, run) {
      const rows = await database.db
        .selectFrom('policy_shadow_findings')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('shadow', '=', run)
        .execute();
      return rows.map(({ kind, name, gains, loses }) => ({ kind, name, gains, loses }));
    },
  };
}

function runOf({ shadow, revision, recorded_from, recorded_to, changed_by }: PolicyShadowRow) {
  return { id: shadow, revision, from: recorded_from, to: recorded_to ?? ('still' as const), by: changed_by as Principal };
}

/** Adds to what other replicas have found. A name that would be one too many of its kind is added to ''. */
async function addFindings(tx: Tx, tenant: TenantId, shadow: string, found: readonly Finding[]): Promise<void> {
  const known = await tx
    .selectFrom('policy_shadow_findings')
    .select(['kind', 'name'])
    .where('tenant', '=', tenant)
    .where('shadow', '=', shadow)
    .execute();
  const names = Map.groupBy(known, ({ kind }) => kind);
  const taken = new Map([...names].map(([kind, rows]) => [kind, new Set(rows.map(({ name }) => name))]));
  for (const { kind, name: wanted, gains, loses } of found) {
    const own = taken.get(kind) ?? new Set<string>();
    taken.set(kind, own);
    const name = own.has(wanted) || own.size < MAX_FINDINGS ? wanted : '';
    own.add(name);
    await tx
      .insertInto('policy_shadow_findings')
      .values({ tenant, shadow, kind, name, gains, loses })
      .onConflict((conflict) =>
        conflict.columns(['tenant', 'shadow', 'kind', 'name']).doUpdateSet((eb) => ({
          gains: eb('policy_shadow_findings.gains', '+', gains),
          loses: eb('policy_shadow_findings.loses', '+', loses),
        })),
      )
      .execute();
  }
}
