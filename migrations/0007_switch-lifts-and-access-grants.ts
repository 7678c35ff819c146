import type { Kysely } from 'kysely';
import { CHANGED_BY, RECORDED, tableTool, type TableTool } from './support/tables.ts';

const CURRENT = 'recorded_to is null';

/**
 * `switch_lifts`: proposals to switch the tenant or everything on again, which a second person confirms. `access_requests`: who
 * asked for what and why, who decided and why. `access_grants`: what an approval opened, for whom, from when until when.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const tool = tableTool(db, kind);
  await lifts(tool);
  await requests(tool);
  await grants(tool);
}

async function lifts({ table, index }: TableTool): Promise<void> {
  // `thrown_at` names the throw that is to be lifted: a proposal never outlives it. `ended`: lifted, withdrawn or expired.
  await table('switch_lifts', [], {
    scope: 'text',
    kind: 'text',
    target: 'text',
    thrown_at: 'bigint',
    expires_at: 'bigint',
    ended: 'text?',
    ...CHANGED_BY,
    ...RECORDED,
  });
  await index('switch_lifts', ['scope', 'kind', 'target'], { unique: true, where: CURRENT, name: 'switch_lifts_by_target' });
}

async function requests({ table, index }: TableTool): Promise<void> {
  await table('access_requests', ['tenant', 'id'], {
    tenant: 'text',
    id: 'text',
    state: 'text',
    requester: 'text',
    requester_through: 'text',
    requester_actor: 'text?',
    source: 'text',
    document: 'text?',
    wanted_until: 'bigint?',
    asked_at: 'bigint',
    lapses_at: 'bigint',
    decided_at: 'bigint?',
    decided_by: 'text?',
    decided_through: 'text?',
    valid_until: 'bigint?',
    reviewer: 'text?',
    review_at: 'bigint?',
    owner: 'text?',
    ended_at: 'bigint?',
    ended_by: 'text?',
    reason: 'text',
    decision_reason: 'text?',
    end_reason: 'text?',
  });
  await index('access_requests', ['tenant', 'requester', 'asked_at'], { name: 'access_requests_by_requester' });
  await index('access_requests', ['tenant', 'source', 'asked_at'], { name: 'access_requests_by_source' });
}

async function grants({ table, index }: TableTool): Promise<void> {
  // `zones`: JSON array, the zones that the approver might approve at that moment. `key`: one document, null for all of the zones.
  await table('access_grants', ['tenant', 'request'], {
    tenant: 'text',
    request: 'text',
    principal: 'text',
    source: 'text',
    key: 'text?',
    valid_from: 'bigint',
    valid_until: 'bigint',
    recorded_from: 'bigint',
    recorded_to: 'bigint?',
    zones: 'text',
  });
  await index('access_grants', ['tenant', 'valid_until'], { where: CURRENT, name: 'access_grants_by_tenant' });
}
