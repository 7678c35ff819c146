// A process to be killed: follows the log and signs as the thread of a service does, and kills itself at one of its writes.
import { openLogAndIndex } from '../../src/audit/index/open-index.ts';
import { createEvidence } from '../../src/audit/worker/evidence.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/open-database.ts';
import { testDeeds, testKey } from './evidence-parts.ts';

interface Task {
  readonly database: DatabaseConfig;
  readonly tenant: TenantId;
  readonly outside: string;
  /** Which write, from 1, and whether before or after its commit; 0 for none. */
  readonly killAt: number;
  readonly before: boolean;
}

const { database, tenant, outside, killAt, before } = JSON.parse(process.argv[2] ?? '') as Task;
let writes = 0;
/** `write` is that of the transaction itself: another one may have come to its own meanwhile. */
function point(write: number, moment: 'before' | 'after'): void {
  if (write === killAt && before === (moment === 'before')) process.kill(process.pid, 'SIGKILL');
}
function deadly(of: Database): Database {
  return {
    ...of,
    async transaction(run, options) {
      let mine = 0;
      const result = await of.transaction(async (tx) => {
        const made = await run(tx);
        mine = writes += 1;
        point(mine, 'before');
        return made;
      }, options);
      point(mine, 'after');
      return result;
    },
  };
}

const both = await openLogAndIndex(database);
const log = deadly(both.log);
const { evidence, start, stop } = createEvidence({
  databases: { ...both, log, index: both.index === both.log ? log : deadly(both.index) },
  settings: {
    holder: String(process.pid),
    host: 'sluice.test',
    checkpointSeconds: 0,
    outside: [{ kind: 'file', path: outside, name: 'file:test' }],
    // Whoever kills it lets the lease run out.
    timing: { tickMs: 10, leaseMs: 60_000, freshMs: 60_000 },
  },
  deeds: testDeeds([testKey(1)]),
  telemetry: silentTelemetry,
});
await start();
const made = await evidence.checkpoint(tenant, true);
// Given outside too, before it ends in peace.
while ((await both.log.db.selectFrom('audit_outside').select('size').executeTakeFirst())?.size !== made?.size) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await stop();
await both.close();
process.stdout.write(`${writes}\n`);
