import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { auditContract } from './audit.contract.ts';

let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-audit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

function fresh(): Promise<DatabaseConfig> {
  made += 1;
  return Promise.resolve({ kind: 'sqlite', path: join(folder, `${made}.db`) });
}

auditContract('SQLite', fresh);

describe('audit on a SQLite file that cannot be written', () => {
  const tenant = 'acme' as TenantId;

  it.each([
    ['is full', 'pragma max_page_count = 1', 'pragma max_page_count = 1000000'],
    ['is read-only', 'pragma query_only = on', 'reopen'],
  ])('answers audit_unavailable while the disk %s, and goes on afterwards', async (_name, spoil, mend) => {
    const config = await fresh();
    let database = await openDatabase(config);
    try {
      await migrate(database);
      let audit = createAudit({ database, telemetry: silentTelemetry });
      const append = (requestId: string): Promise<unknown> =>
        audit.append({ tenant, kind: 'intent', requestId, body: { pad: 'x'.repeat(20_000) } });
      await append('before');
      await database.transaction((tx) => sql.raw(spoil).execute(tx));
      await expect(append('spoilt')).rejects.toMatchObject({ code: 'audit_unavailable' });
      const neighbours = await Promise.allSettled([append('spoilt'), append('spoilt')]);
      expect(neighbours.map((result) => result.status)).toEqual(['rejected', 'rejected']);
      if (mend === 'reopen') {
        await database.close();
        database = await openDatabase(config);
        audit = createAudit({ database, telemetry: silentTelemetry });
      } else {
        await database.transaction((tx) => sql.raw(mend).execute(tx));
      }
      await append('after');
      expect(await audit.byRequest(tenant, 'spoilt')).toEqual([]);
      expect(await audit.verifyChain(tenant)).toMatchObject({ kind: 'intact', size: 2 });
    } finally {
      await database.close();
    }
  });
});
