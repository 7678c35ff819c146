import { named, namedDocument } from '../core/audit-names.ts';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, TenantId, ZoneId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { AccessCatalog, AccessDecision, AccessLimits, AccessRequest, NewAccessRequest } from '../core/ports/access-requests.ts';
import type { Change } from '../core/ports/catalog.ts';
import type { Tx } from '../database/database.ts';
import { accessReads, readRequest } from './access-reads.ts';
import { databaseNow, demandOne, type CatalogContext } from './context.ts';
import { demandStill } from './decided-under.ts';
import { moveEpoch } from './epochs.ts';
import { changeEvent } from './events.ts';

const DAY_MS = 24 * 60 * 60_000;

/** What every change of a request happens in. */
interface Changing {
  readonly tx: Tx;
  readonly context: CatalogContext;
  readonly tenant: TenantId;
  readonly id: string;
  readonly change: Change;
  readonly at: number;
}

export function accessRequests(context: CatalogContext): AccessCatalog {
  const { database } = context;
  const reads = accessReads(context);
  return {
    ...reads,
    askAccess: (tenant, asked, limits, change) =>
      database.transaction(async (tx) => {
        await lockTenant(tx, tenant);
        const here = { tx, context, tenant, id: asked.id, change, at: await databaseNow(tx, context) };
        await demandWithinLimits(here, asked, limits);
        await insertRequest(here, asked, limits);
        const { source, document, reason } = asked;
        await record(here, 'access.requested', { source, document: documentOf(source, document), reason: digestOf(reason) });
        return readBack(here);
      }),
    decideAccess: (tenant, id, decision, limits, change, under) =>
      database.transaction(async (tx) => {
        // Somebody gains by an approval, and nobody loses by a refusal: no release has to be judged again.
        await (decision.kind === 'approve' ? moveEpoch(tx, tenant, { epoch: false, generation: true }) : lockTenant(tx, tenant));
        await demandStill(tx, tenant, under);
        const here = { tx, context, tenant, id, change, at: await databaseNow(tx, context) };
        const open = await readBack(here);
        if (open.state !== 'open') throw new AppError('conflict', { detail: 'the request is not open any more' });
        await (decision.kind === 'approve' ? approve(here, open, decision, limits) : deny(here, decision.reason));
        await record(here, 'access.decided', decided(open, decision));
        return readBack(here);
      }),
    withdrawAccess: createWithdraw(context, reads.accessRequest),
  };
}

function createWithdraw(context: CatalogContext, read: AccessCatalog['accessRequest']): AccessCatalog['withdrawAccess'] {
  return async (tenant, id, reason, change, under) => {
    const found = await read(tenant, id);
    const granted = found?.state === 'approved';
    return context.database.transaction(async (tx) => {
      await (granted ? moveEpoch(tx, tenant, { epoch: true, generation: true }) : lockTenant(tx, tenant));
      await demandStill(tx, tenant, under);
      const here = { tx, context, tenant, id, change, at: await databaseNow(tx, context) };
      const { state, source } = await readBack(here);
      // Decided since it was read: without the epoch a release under way would go out under the grant.
      if (state !== (granted ? 'approved' : 'open')) throw new AppError('conflict', { detail: 'it is neither open nor in force' });
      await tx
        .updateTable('access_requests')
        .set({ state: 'withdrawn', ended_at: here.at, ended_by: change.by, end_reason: reason ?? null })
        .where('tenant', '=', tenant)
        .where('id', '=', id)
        .execute();
      await tx.updateTable('access_grants').set({ recorded_to: here.at }).where('tenant', '=', tenant).where('request', '=', id).execute();
      await record(here, 'access.withdrawn', { source, granted, reason: reason === undefined ? null : digestOf(reason) });
      return readBack(here);
    });
  };
}

/** The row that every change of the tenant's rights takes first, without moving it. */
async function lockTenant(tx: Tx, tenant: TenantId): Promise<void> {
  await tx
    .updateTable('epochs')
    .set((row) => ({ epoch: row.ref('epoch') }))
    .where('scope', '=', tenant)
    .execute();
}

async function readBack({ tx, context, tenant, id }: Changing): Promise<AccessRequest> {
  const found = await readRequest(tx, context.database.kind, tenant, id);
  if (found === undefined) throw new AppError('not_found');
  return found;
}

function exceeded(pointer: string, message: string): AppError {
  return new AppError('limit_exceeded', { issues: [{ pointer, message }] });
}

async function demandWithinLimits({ tx, tenant, at }: Changing, asked: NewAccessRequest, limits: AccessLimits): Promise<void> {
  const own = await tx
    .selectFrom('access_requests')
    .select(['source', 'document', 'state', 'asked_at', 'lapses_at'])
    .where('tenant', '=', tenant)
    .where('requester', '=', asked.requester)
    .where('asked_at', '>', at - Math.max(DAY_MS, limits.openFor))
    .execute();
  const open = own.filter(({ state, lapses_at }) => state === 'open' && at < lapses_at);
  if (open.some(({ source, document }) => source === asked.source && document === (asked.document ?? null))) {
    throw new AppError('conflict', { detail: 'the same is asked already' });
  }
  if (open.length >= limits.openRequests) throw exceeded('', `at most ${limits.openRequests} open requests of one person`);
  const today = own.filter(({ asked_at }) => asked_at > at - DAY_MS);
  if (today.length >= limits.requestsADay) throw exceeded('', `at most ${limits.requestsADay} requests of one person within a day`);
  if (asked.wantedUntil !== undefined) demandEnd(asked.wantedUntil, at, limits);
}

function demandEnd(until: number, at: number, { longestGrant }: AccessLimits): void {
  if (until <= at) throw exceeded('/until', 'must lie in the future');
  if (until > at + longestGrant) throw exceeded('/until', `at most ${Math.floor(longestGrant / DAY_MS)} days from now`);
}

async function insertRequest({ tx, tenant, change, at }: Changing, asked: NewAccessRequest, limits: AccessLimits): Promise<void> {
  const undecided = { decided_at: null, decided_by: null, decided_through: null, decision_reason: null };
  const unapproved = { valid_until: null, reviewer: null, review_at: null, owner: null };
  await tx
    .insertInto('access_requests')
    .values({
      tenant,
      id: asked.id,
      state: 'open',
      requester: asked.requester,
      requester_through: change.through,
      requester_actor: asked.actor ?? null,
      source: asked.source,
      document: asked.document ?? null,
      wanted_until: asked.wantedUntil ?? null,
      asked_at: at,
      lapses_at: at + limits.openFor,
      ...undecided,
      ...unapproved,
      ended_at: null,
      ended_by: null,
      end_reason: null,
      reason: asked.reason,
    })
    .execute();
}

async function deny({ tx, tenant, id, change, at }: Changing, reason: string): Promise<void> {
  await tx
    .updateTable('access_requests')
    .set({ state: 'denied', decided_at: at, decided_by: change.by, decided_through: change.through, decision_reason: reason })
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .execute();
}

type Approval = Extract<AccessDecision, { readonly kind: 'approve' }>;

async function approve(here: Changing, request: AccessRequest, approval: Approval, limits: AccessLimits): Promise<void> {
  const { tx, tenant, id, change, at } = here;
  const { reason, until, reviewer, reviewAt = until, owner, zones, key } = approval;
  if (zones.length === 0 || until % 1_000 !== 0)
    throw new AppError('internal', { detail: 'a grant of nothing, or one that ends within a second' });
  demandEnd(until, at, limits);
  if (reviewAt <= at || reviewAt > until) throw exceeded('/reviewBy', 'must lie before the end, in the future');
  await demandSameSource(here, request, approval.sourceRevision);
  if (key !== undefined) await demandSameDocument(here, key, zones);
  await demandRoom(here, request, limits);
  const decision = { decided_at: at, decided_by: change.by, decided_through: change.through, decision_reason: reason };
  const updated = await tx
    .updateTable('access_requests')
    .set({ state: 'approved', ...decision, valid_until: until, reviewer, review_at: reviewAt, owner })
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  demandOne(updated.numUpdatedRows, 'the request is gone');
  const bounds = { valid_from: at, valid_until: until, recorded_from: at, recorded_to: null };
  await tx
    .insertInto('access_grants')
    .values({
      tenant,
      request: id,
      principal: request.requester,
      source: request.source,
      key: key ?? null,
      ...bounds,
      zones: JSON.stringify(zones),
    })
    .execute();
}

/** A source that was relabelled since its zones were judged may be more than the approver may give. */
async function demandSameSource({ tx, tenant }: Changing, { source }: AccessRequest, revision: number): Promise<void> {
  const row = await tx
    .selectFrom('sources')
    .select(['revision', 'state'])
    .where('tenant', '=', tenant)
    .where('source', '=', source)
    .executeTakeFirst();
  if (row?.state !== 'live' || row.revision !== revision) throw new AppError('conflict', { detail: 'the source has changed' });
}

/** A document that was deleted since it was judged would be covered as what comes after it, whatever that says. */
async function demandSameDocument({ tx, tenant }: Changing, key: DocumentKey, zones: readonly ZoneId[]): Promise<void> {
  const row = await tx
    .selectFrom('documents')
    .select(['zone', 'state'])
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .executeTakeFirst();
  if (row === undefined || row.state === 'deleted' || !zones.some((zone) => zone === row.zone)) {
    throw new AppError('conflict', { detail: 'the document has changed' });
  }
}

/** Grants are held in memory with the view of the tenant, and some go into every filter of their person. */
async function demandRoom({ tx, tenant, at }: Changing, { requester }: AccessRequest, limits: AccessLimits): Promise<void> {
  const inForce = () =>
    tx
      .selectFrom('access_grants')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('tenant', '=', tenant)
      .where('recorded_to', 'is', null)
      .where('valid_until', '>', at);
  const { count: own } = await inForce().where('principal', '=', requester).executeTakeFirstOrThrow();
  if (own >= limits.grants) throw exceeded('', `at most ${limits.grants} grants of one person at a time`);
  const { count: all } = await inForce().executeTakeFirstOrThrow();
  if (all >= limits.grantsOfTenant) throw exceeded('', `at most ${limits.grantsOfTenant} grants of a tenant at a time`);
}

function documentOf(source: string, document: string | undefined): Json {
  return document === undefined ? null : namedDocument(source, document);
}

function decided(request: AccessRequest, decision: AccessDecision): JsonObject {
  const { source } = request;
  const asked = { source, requester: named(request.requester), document: documentOf(source, request.document) };
  const reason = digestOf(decision.reason);
  if (decision.kind === 'deny') return { ...asked, decision: 'deny', reason };
  const { zones, until, reviewer, reviewAt = until, owner } = decision;
  return { ...asked, decision: 'approve', reason, zones, until, reviewer: named(reviewer), reviewAt, owner: named(owner) };
}

async function record(
  { tx, context, tenant, id, change }: Changing,
  kind: 'access.requested' | 'access.decided' | 'access.withdrawn',
  facts: JsonObject,
): Promise<void> {
  await context.auditSink(tx, changeEvent(tenant, kind, change, { request: id, ...facts }));
}
