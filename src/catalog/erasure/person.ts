import type { TenantId } from '../../core/ids.ts';
import type { Principal } from '../../core/principal.ts';
import type { Tx } from '../../database/database.ts';
import { count } from '../directory/rows.ts';
import { leaveGroups, LIMITS } from '../directory/users.ts';
import { sessionPerson } from '../../core/session.ts';

/** In place of the name of whoever was erased. No principal looks like it. */
export const NOBODY = 'erased';

/**
 * A person's traces: who they are in the directory and in which groups, their sessions, what they asked for and why, and their name
 * beside what they did. What they did stays. Names in ACLs, policy lines, owners and switches in force are rules, not traces, and stay
 * too: docs/audit.md, "Erasure". False where there was nothing.
 */
export async function erasePerson(tx: Tx, tenant: TenantId, person: Principal, at: number): Promise<boolean> {
  const steps = [eraseFromDirectory, eraseSessions, eraseRequests, eraseReplays, eraseFindings, eraseSwitches, eraseNames];
  let found = false;
  for (const step of steps) found = (await step(tx, tenant, person, at)) || found;
  return found;
}

type Step = (tx: Tx, tenant: TenantId, person: Principal, at: number) => Promise<boolean>;

/** Members of groups are named by an id, which says nothing once the row that it names is gone. */
const eraseFromDirectory: Step = async (tx, tenant, person, at) => {
  const history = await tx
    .selectFrom('directory_user_history')
    .select('id')
    .distinct()
    .where('tenant', '=', tenant)
    .where('principal', '=', person)
    .execute();
  for (const { id } of history) {
    const live = await tx
      .selectFrom('directory_users')
      .select('issuer')
      .where('tenant', '=', tenant)
      .where('id', '=', id)
      .executeTakeFirst();
    if (live !== undefined) {
      await count(tx, tenant, live.issuer, { users: -1 }, LIMITS);
      const left = await leaveGroups(tx, tenant, id, at);
      await count(tx, tenant, live.issuer, { memberships: -left }, LIMITS);
      await tx.deleteFrom('directory_users').where('tenant', '=', tenant).where('id', '=', id).execute();
    }
    await tx.deleteFrom('memberships').where('tenant', '=', tenant).where('member_id', '=', id).execute();
    await tx.deleteFrom('directory_user_history').where('tenant', '=', tenant).where('id', '=', id).execute();
  }
  return history.length > 0;
};

/** The rows hold digests of names, which whoever guesses the name can make again. */
const eraseSessions: Step = async (tx, tenant, person) => {
  const gone = await tx
    .deleteFrom('sessions')
    .where('tenant', '=', tenant)
    .where('person', '=', sessionPerson(tenant, person))
    .executeTakeFirstOrThrow();
  return gone.numDeletedRows > 0n;
};

/** What an approval opened for them ends: nobody is left whom it could let in. */
const eraseRequests: Step = async (tx, tenant, person, at) => {
  await tx
    .updateTable('access_grants')
    .set({ principal: NOBODY, recorded_to: at })
    .where('tenant', '=', tenant)
    .where('principal', '=', person)
    .where('recorded_to', 'is', null)
    .execute();
  await tx.updateTable('access_grants').set({ principal: NOBODY }).where('tenant', '=', tenant).where('principal', '=', person).execute();
  await tx
    .updateTable('access_requests')
    .set({ state: 'withdrawn', ended_at: at, ended_by: NOBODY, end_reason: null })
    .where('tenant', '=', tenant)
    .where('requester', '=', person)
    .where('state', 'in', ['open', 'approved'])
    .execute();
  const asked = await tx
    .updateTable('access_requests')
    .set({ requester: NOBODY, requester_actor: null, reason: '', decision_reason: null, end_reason: null })
    .where('tenant', '=', tenant)
    .where('requester', '=', person)
    .executeTakeFirstOrThrow();
  return asked.numUpdatedRows > 0n;
};

const eraseReplays: Step = async (tx, tenant, person) => {
  const asked = await tx.deleteFrom('replay_approvals').where('tenant', '=', tenant).where('reader', '=', person).executeTakeFirstOrThrow();
  return asked.numDeletedRows > 0n;
};

const eraseFindings: Step = async (tx, tenant, person) => {
  await tx
    .deleteFrom('policy_shadow_findings')
    .where('tenant', '=', tenant)
    .where('kind', '=', 'principal')
    .where('name', '=', person)
    .execute();
  // A count in a report is no sign that anybody was here.
  return false;
};

/** One that is in force is a rule: it keeps them out if they come back. */
const eraseSwitches: Step = async (tx, tenant, person) => {
  await tx
    .deleteFrom('switch_lifts')
    .where('scope', '=', tenant)
    .where('target', '=', person)
    .where('recorded_to', 'is not', null)
    .execute();
  const lifted = await tx
    .updateTable('switches')
    .set({ target: NOBODY, reason: '' })
    .where('scope', '=', tenant)
    .where('kind', '=', 'user')
    .where('target', '=', person)
    .where('recorded_to', 'is not', null)
    .executeTakeFirstOrThrow();
  return lifted.numUpdatedRows > 0n;
};

/** Columns of one tenant's rows that say who did something. */
const ACTORS = [
  ['source_history', 'tenant', 'changed_by'],
  ['document_history', 'tenant', 'changed_by'],
  ['document_acls', 'tenant', 'changed_by'],
  ['document_labels', 'tenant', 'changed_by'],
  ['documents', 'tenant', 'written_by'],
  ['policy_revisions', 'tenant', 'author'],
  ['policy_activations', 'tenant', 'changed_by'],
  ['policy_shadows', 'tenant', 'changed_by'],
  ['policy_shadows', 'tenant', 'stopped_by'],
  ['directory_user_history', 'tenant', 'changed_by'],
  ['directory_group_history', 'tenant', 'changed_by'],
  ['honey_documents', 'tenant', 'changed_by'],
  ['collections', 'tenant', 'changed_by'],
  ['application_keys', 'tenant', 'changed_by'],
  ['switches', 'scope', 'changed_by'],
  ['switches', 'scope', 'lifted_by'],
  ['switch_lifts', 'scope', 'changed_by'],
  ['access_requests', 'tenant', 'requester_actor'],
  ['access_requests', 'tenant', 'decided_by'],
  ['access_requests', 'tenant', 'ended_by'],
  ['access_requests', 'tenant', 'reviewer'],
  ['access_requests', 'tenant', 'owner'],
  ['replay_approvals', 'tenant', 'approved_by'],
  ['reconciliations', 'scope', 'by'],
] as const;

const eraseNames: Step = async (tx, tenant, person) => {
  let found = false;
  for (const [table, scope, column] of ACTORS) {
    const { ref } = tx.dynamic;
    const changed = await tx
      .updateTable(table as 'switches')
      .set({ [column]: NOBODY })
      .where(ref<'scope'>(scope), '=', tenant)
      .where(ref<'changed_by'>(column), '=', person)
      .executeTakeFirstOrThrow();
    found ||= changed.numUpdatedRows > 0n;
  }
  return found;
};
