import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAudit, type Audit } from '../../src/audit/audit.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { AuditEventRow } from '../../src/database/audit-tables.ts';
import type { Database } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { readDatabaseTime } from '../../src/database/time.ts';
import { ACME, ADA, AT_ZERO, event, releaseOf, textOf } from '../support/audit-events.ts';
import { postgresForTests, type PostgresForTests } from '../support/postgres.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { auditContract } from './audit.contract.ts';

let server: PostgresForTests;

beforeAll(async () => {
  server = await postgresForTests();
});
afterAll(() => server.stop());

async function fresh(): Promise<DatabaseConfig> {
  return { kind: 'postgres', url: await server.url() };
}

auditContract('PostgreSQL', fresh);

describe('a release on PostgreSQL', () => {
  let database: Database;
  let audit: Audit;
  beforeEach(async () => {
    database = await openDatabase(await fresh());
    await migrate(database);
    audit = createAudit({ database, telemetry: silentTelemetry });
    const scopes = [{ scope: ACME, epoch: 0, generation: 0 }];
    await database.transaction((tx) => tx.insertInto('epochs').values(scopes).execute());
    await audit.release(releaseOf('first', ADA, [textOf('one')]), AT_ZERO, 'forever');
  });
  afterEach(() => database.close());

  const waiting = async (): Promise<number> => {
    const query = sql<{
      n: number;
    }>`select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return (await query.execute(database.db)).rows[0]?.n ?? -1;
  };
  const rows = async (): Promise<readonly AuditEventRow[]> =>
    (await database.db.selectFrom('audit_events').selectAll().orderBy('idx').execute()).slice(1);
  const now = (): Promise<number> => readDatabaseTime(database.db, 'postgres');

  /** Holds the head of the log with an event of its own while `meanwhile` goes on. */
  async function underHead(meanwhile: () => Promise<void>): Promise<void> {
    await database.transaction(async (tx) => {
      await audit.sink(tx, event('holder'));
      await meanwhile();
    });
  }

  it('takes three journeys: locks and clock, rows, commit', async () => {
    const journeys = vi.spyOn(pg.Client.prototype, 'query');
    try {
      const { kind } = await audit.release(releaseOf('second', ADA, [textOf('one'), textOf('two')]), AT_ZERO, 'forever');
      expect([kind, journeys.mock.calls.length]).toEqual(['released', 3]);
    } finally {
      journeys.mockRestore();
    }
  });

  it('that waits for the head of its log holds its epochs already: a revocation waits behind it', async () => {
    const work: Promise<unknown>[] = [];
    await underHead(async () => {
      work.push(audit.release(event('read', { kind: 'release' }), AT_ZERO, 'forever'));
      await expect.poll(waiting).toBe(1);
      work.push(
        database.transaction(async (tx) => {
          await tx.updateTable('epochs').set({ epoch: 1 }).where('scope', '=', ACME).execute();
          await audit.sink(tx, event('revoke', { kind: 'document.changed' }));
        }),
      );
      await expect.poll(waiting).toBe(2);
    });
    expect(await Promise.all(work)).toMatchObject([{ kind: 'released' }, undefined]);
    expect((await rows()).map((row) => row.request_id)).toEqual(['holder', 'read', 'revoke']);
    expect(await audit.release(event('late', { kind: 'release' }), AT_ZERO, 'forever')).toEqual({ kind: 'epoch-moved' });
  });

  it('reads the clock once it holds its locks: its time is not that of its arrival, and a validity that ended meanwhile has ended', async () => {
    let until = 0;
    let endedAt = 0;
    const work: Promise<{ readonly kind: string }>[] = [];
    await underHead(async () => {
      until = (await now()) + 1;
      work.push(audit.release(event('forever', { kind: 'release' }), AT_ZERO, 'forever'));
      await expect.poll(waiting).toBe(1);
      const second = createAudit({ database, telemetry: silentTelemetry });
      work.push(second.release(event('short', { kind: 'release' }), AT_ZERO, until));
      await expect.poll(waiting).toBe(2);
      await expect.poll(now).toBeGreaterThan(until);
      endedAt = await now();
    });
    expect(await Promise.all(work)).toMatchObject([{ kind: 'released' }, { kind: 'validity-ended' }]);
    const written = await rows();
    expect(written.map((row) => row.request_id)).toEqual(['holder', 'forever']);
    expect(written[1]?.at).toBeGreaterThanOrEqual(endedAt);
  });
});

describe('audit on a PostgreSQL that is gone', () => {
  const tenant = 'acme' as TenantId;

  it.each(['cut', 'stall'] as const)('answers audit_unavailable when the network is %s, and goes on afterwards', async (trouble) => {
    const url = new URL(await server.url());
    const proxy = await tcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    const patient = await openDatabase({ kind: 'postgres', url: url.href });
    await migrate(patient);
    await patient.close();
    const limits = { connectTimeoutMs: 4_000, statementTimeoutMs: 2_000, transactionTimeoutMs: 10_000 };
    const database = await openDatabase({ kind: 'postgres', url: url.href }, limits);
    try {
      const audit = createAudit({ database, telemetry: silentTelemetry, limits: { deadlineMs: 4_000 } });
      const append = (requestId: string): Promise<unknown> => audit.append({ tenant, kind: 'intent', requestId, body: {} });
      await append('before');
      proxy[trouble]();
      await expect(append('during')).rejects.toMatchObject({ code: 'audit_unavailable' });
      proxy.mend();
      await expect
        .poll(() =>
          append('after').then(
            () => 'written',
            () => 'failed',
          ),
        )
        .toBe('written');
      expect(await audit.verifyChain(tenant)).toMatchObject({ kind: 'intact' });
      expect(await audit.byRequest(tenant, 'before')).toHaveLength(1);
    } finally {
      await database.close();
      await proxy.close();
    }
  });
});
