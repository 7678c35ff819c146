import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
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
