import { afterEach, beforeEach } from 'vitest';
import { createAudit, type Audit } from '../../src/audit/audit.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { AuditEventRow } from '../../src/database/audit-tables.ts';
import type { Database } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { ACME, OTHER, PATIENT } from './audit-events.ts';

export interface AuditWorld {
  readonly config: DatabaseConfig;
  readonly database: Database;
  readonly audit: Audit;
  rows(tenant?: TenantId): Promise<readonly AuditEventRow[]>;
}

/** A fresh database before each test, with epochs of two tenants. */
export function auditWorld(fresh: () => Promise<DatabaseConfig>): () => AuditWorld {
  let world: AuditWorld | undefined;
  beforeEach(async () => {
    const config = await fresh();
    const database = await openDatabase(config);
    await migrate(database);
    await database.transaction(async (tx) => {
      for (const scope of [ACME, OTHER]) await tx.insertInto('epochs').values({ scope, epoch: 0, generation: 0 }).execute();
    });
    world = {
      config,
      database,
      audit: createAudit({ database, telemetry: silentTelemetry, limits: PATIENT }),
      rows: (tenant = ACME) => database.db.selectFrom('audit_events').selectAll().where('tenant', '=', tenant).orderBy('idx').execute(),
    };
  });
  afterEach(() => world?.database.close());
  return () => {
    if (world === undefined) throw new Error('the world was not made');
    return world;
  };
}

/** A second replica of the service over the same database, for the time of `run`. */
export async function withReplica<T>(
  config: DatabaseConfig,
  run: (replica: Pick<AuditWorld, 'database' | 'audit'>) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(config);
  try {
    return await run({ database, audit: createAudit({ database, telemetry: silentTelemetry, limits: PATIENT }) });
  } finally {
    await database.close();
  }
}
