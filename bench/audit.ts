import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';
import { createAudit, type Audit } from '../src/audit/audit.ts';
import type { AuditEvent } from '../src/core/ports/audit.ts';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import { migrate } from '../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../src/database/open-database.ts';
import { ACME, AT_ZERO } from '../test/support/audit-events.ts';
import { postgresForTests } from '../test/support/postgres.ts';
import { releaseMaker } from './support/audit-releases.ts';
import { median, ms, quantile, table } from './support/table.ts';

const CALLERS = [1, 64];
const ROUNDS = 5;
const ROUND_MS = 600;
const WARM_UP = 600;

interface Measured {
  /** Of the rounds. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time in this process, for one release. */
  readonly cpu: number;
}

/** `npm run bench:audit`: releases of ten chunks appended durably, with and without what replay needs; medians of five rounds. */
async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-audit-'));
  const server = await postgresForTests();
  try {
    const rows: string[][] = [];
    for (const kind of ['sqlite', 'postgres'] as const) {
      for (const sealed of [false, true]) {
        for (const callers of CALLERS) {
          const name = `${kind}-${sealed}-${callers}`;
          const config: DatabaseConfig = kind === 'sqlite' ? { kind, path: join(folder, `${name}.db`) } : { kind, url: await server.url() };
          const { perSecond, p50, p99, cpu } = await measured(config, callers, sealed);
          const what = sealed ? 'names and sealed parts' : 'names';
          rows.push([kind, what, String(callers), Math.round(perSecond).toLocaleString('en'), ms(p50), ms(p99), `${Math.round(cpu)} µs`]);
        }
      }
    }
    console.log(table(['database', 'with', 'callers', 'releases/s', 'p50', 'p99', 'processor time'], rows));
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(config: DatabaseConfig, callers: number, sealed: boolean): Promise<Measured> {
  const database = await openDatabase(config);
  try {
    await migrate(database);
    await database.transaction((tx) => tx.insertInto('epochs').values({ scope: ACME, epoch: 0, generation: 0 }).execute());
    const audit = createAudit({ database, telemetry: silentTelemetry });
    const next = releaseMaker(sealed);
    // Until every name and text is known, as on a service that has run for a while.
    await Promise.all(Array.from({ length: WARM_UP }, () => audit.append(next())));
    const rates: number[] = [];
    const times: number[] = [];
    const before = process.cpuUsage();
    for (let n = 0; n < ROUNDS; n += 1) {
      const started = performance.now();
      const spent = await round(audit, callers, ROUND_MS, next);
      rates.push((spent.length * 1_000) / (performance.now() - started));
      times.push(...spent);
    }
    const { user, system } = process.cpuUsage(before);
    return { perSecond: median(rates), p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpu: (user + system) / times.length };
  } finally {
    await database.close();
  }
}

/** Milliseconds of each release. */
async function round(audit: Audit, callers: number, forMs: number, next: () => AuditEvent): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + forMs;
  const call = async (): Promise<void> => {
    while (performance.now() < end) {
      const event = next();
      const started = performance.now();
      const { kind } = await audit.release(event, AT_ZERO, 'forever');
      times.push(performance.now() - started);
      if (kind !== 'released') throw new Error(kind);
      await pause();
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return times;
}

await main();
