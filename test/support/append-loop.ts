// A process to be killed: appends without end, eight at a time, and prints each index once it is acknowledged.
import { createAudit } from '../../src/audit/audit.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';

const config = JSON.parse(process.argv[2] ?? '') as DatabaseConfig;
const tenant = parseTenantId(process.argv[3] ?? '');
if (tenant === undefined) throw new Error('append-loop <database config> <tenant>');
const database = await openDatabase(config);
const audit = createAudit({ database, telemetry: silentTelemetry });

async function appendForever(worker: number): Promise<void> {
  for (let n = 0; ; n += 1) {
    const requestId = `w${worker}-${n}`;
    const { index } = await audit.append({ tenant: tenant as NonNullable<typeof tenant>, kind: 'intent', requestId, body: { n } });
    process.stdout.write(`${index} ${requestId}\n`);
  }
}
await Promise.all(Array.from({ length: 8 }, (_, worker) => appendForever(worker)));
