import { sql, type Kysely } from 'kysely';

type Columns = Readonly<Record<string, 'text' | 'bigint' | 'text?' | 'bigint?'>>;

const CHANGED_BY = { changed_by: 'text', changed_through: 'text', request_id: 'text' } as const;
const RECORDED = { recorded_from: 'bigint', recorded_to: 'bigint?' } as const;

/**
 * `switch_lifts`: proposals to switch the tenant or everything on again, which a second person confirms. `access_requests`: who
 * asked for what and why, who decided and why. `access_grants`: what an approval opened, for whom, from when until when.
 */
export async function up(db: Kysely<unknown>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const text = kind === 'postgres' ? sql`text collate "C"` : ('text' as const);
  async function table(name: string, key: readonly string[], columns: Columns): Promise<void> {
    let builder = db.schema.createTable(name);
    for (const [column, type] of Object.entries(columns)) {
      const nullable = type.endsWith('?');
      builder = builder.addColumn(column, type.startsWith('text') ? text : 'bigint', (made) => (nullable ? made : made.notNull()));
    }
    await (key.length === 0 ? builder : builder.addPrimaryKeyConstraint(`${name}_key`, [...key] as never[])).execute();
  }
  const current = sql<boolean>`recorded_to is null`;

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
  await db.schema
    .createIndex('switch_lifts_by_target')
    .unique()
    .on('switch_lifts')
    .columns(['scope', 'kind', 'target'])
    .where(current)
    .execute();

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
  await db.schema.createIndex('access_requests_by_requester').on('access_requests').columns(['tenant', 'requester', 'asked_at']).execute();
  await db.schema.createIndex('access_requests_by_source').on('access_requests').columns(['tenant', 'source', 'asked_at']).execute();

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
  await db.schema.createIndex('access_grants_by_tenant').on('access_grants').columns(['tenant', 'valid_until']).where(current).execute();
}
