import { mkdir } from 'node:fs/promises';
import { createAudit, type Audit } from '../audit/audit.ts';
import { createCatalog, type Catalog } from '../catalog/catalog.ts';
import { createSessionSink } from '../catalog/sessions.ts';
import type { Config } from '../config.ts';
import type { LabelScheme } from '../core/label.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Database } from '../database/database.ts';
import { migrate } from '../database/migrate.ts';
import { openDatabase } from '../database/open-database.ts';
import type { ServiceLimits } from './limits.ts';

/** What is kept in the database, opened and migrated. */
export interface Stores {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly audit: Audit;
}

export async function openStores(
  config: Pick<Config, 'database' | 'dataDir'>,
  scheme: LabelScheme,
  telemetry: Telemetry,
  limits: Pick<ServiceLimits, 'database' | 'audit'> = {},
): Promise<Stores> {
  if (config.database.kind === 'sqlite') await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const database = await openDatabase(config.database, limits.database);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  const audit = createAudit({ database, telemetry, sessionSink: createSessionSink(scheme), limits: limits.audit ?? {} });
  return {
    database,
    audit,
    catalog: createCatalog({
      database,
      auditSink: audit.sink,
      auditSinkAll: audit.sinkAll,
      erasureSink: audit.erasureSink,
      scheme,
      telemetry,
    }),
  };
}
