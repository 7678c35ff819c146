// A process to be killed: appends without end, eight at a time, with new names and texts all along, erases a person now and then, and
// prints each index once it is acknowledged. With a write point it kills itself right after that statement.
import { createAudit } from '../../src/audit/audit.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { Principal } from '../../src/core/principal.ts';
import type { Database, Tx } from '../../src/database/database.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { changeOf, event, releaseOf, textOf } from './audit-fixture-data.ts';
import type { WritePoint } from './write-points.ts';

const config = JSON.parse(process.argv[2] ?? '') as DatabaseConfig;
const tenant = process.argv[3];
const point = (process.argv[4] ?? 'any') as WritePoint | 'any';
if (tenant !== event('').tenant) throw new Error('append-loop <database config> acme [write point]');
/** So many are acknowledged before it dies at its point. */
const FIRST = 20;
let acknowledged = 0;

const real = await openDatabase(config);
const audit = createAudit({ database: point === 'any' ? real : dyingAt(real, point), telemetry: silentTelemetry });

/** After the statement, before whoever asked for it knows: nothing that follows is done. */
function dyingAt(database: Database, fatal: WritePoint): Database {
  const die = (): void => {
    if (acknowledged >= FIRST) process.kill(process.pid, 'SIGKILL');
  };
  const watched = (tx: Tx): Tx =>
    tx.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: ({ result }) => Promise.resolve(result),
    }) as Tx;
  return {
    ...database,
    async transaction(run, options) {
      const result = await database.transaction((tx) => run(watching(watched(tx), fatal, die)), options);
      if (fatal === 'commit') die();
      return result;
    },
  };
}
