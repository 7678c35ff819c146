import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as pause, setTimeout as sleep } from 'node:timers/promises';
import { createAudit, type Audit } from '../src/audit/audit.ts';
import type { AuditEvent } from '../src/core/ports/audit.ts';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import type { Database } from '../src/database/database.ts';
import { migrate } from '../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../src/database/open-database.ts';
import { ACME, AT_ZERO } from '../test/support/audit-events.ts';
import { postgresForTests } from '../test/support/postgres.ts';
import { releaseMaker } from './support/audit-releases.ts';
import { NO_AUDIT, querier, SEARCH_MS } from './support/audited-query.ts';
import { median, ms, quantile, table } from './support/table.ts';

const CALLERS = [1, 64];
const ROUNDS = 5;
const ROUND_MS = 600;
const WARM_UP = 600;
const ADDED_MS = 6_000;
/** Of 64 callers together. */
const QUERIES_A_SECOND = 200;

interface Measured {
  /** Of the rounds. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time in this process, for one release. */
  readonly cpu: number;
}

/** `npm run bench:audit`: what the durable audit adds to a query, and how many releases of ten chunks are appended; medians of five rounds. */
async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-audit-'));
  const server = await postgresForTests();
  const configOf = async (kind: 'sqlite' | 'postgres', name: string): Promise<DatabaseConfig> =>
    kind === 'sqlite' ? { kind, path: join(folder, `${name}.db`) } : { kind, url: await server.url() };
  try {
    await appended(configOf);
    console.log(
      `\nWhat it adds to a query: ten chunks, xml, a manifest; an index that answers after ${SEARCH_MS} ms; audit on and off in turn\n`,
    );
    const rows: string[][] = [];
    for (const [kind, target] of [
      ['sqlite', '<= 1 ms'],
      ['postgres', '<= 2 ms'],
    ] as const) {
      for (const callers of CALLERS) rows.push([kind, ...(await added(await configOf(kind, `added-${callers}`), callers)), target]);
    }
    console.log(table(['database', 'callers', 'queries/s', 'p50 without', 'p50 with', 'added', 'target'], rows));
    console.log(
      `load: ${loadavg()
        .map((load) => load.toFixed(1))
        .join(' ')}`,
    );
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type ConfigOf = (kind: 'sqlite' | 'postgres', name: string) => Promise<DatabaseConfig>;

async function appended(configOf: ConfigOf): Promise<void> {
  const rows: string[][] = [];
  for (const kind of ['sqlite', 'postgres'] as const) {
    for (const sealed of [false, true]) {
      for (const callers of CALLERS) {
        const { perSecond, p50, p99, cpu } = await measured(await configOf(kind, `${sealed}-${callers}`), callers, sealed);
        const what = sealed ? 'names and sealed parts' : 'names';
        const rate = Math.round(perSecond).toLocaleString('en');
        rows.push([kind, what, String(callers), rate, ms(p50), ms(p99), `${Math.round(cpu)} µs`, callers === 1 ? '' : '>= 5,000']);
      }
    }
  }
  const both = await twoProcesses(await configOf('postgres', 'two'));
  rows.push(['postgres, two processes', 'names and sealed parts', '2 x 64', Math.round(both).toLocaleString('en'), '', '', '', '>= 5,000']);
  console.log(table(['database', 'with', 'callers', 'releases/s', 'p50', 'p99', 'processor time', 'target'], rows));
}

/** Both write to one log, as two replicas do. */
async function twoProcesses(config: DatabaseConfig): Promise<number> {
  await (await opened(config)).close();
  const rates = await Promise.all([writer(config), writer(config)]);
  return rates.reduce((sum, rate) => sum + rate, 0);
}

function writer(config: DatabaseConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [import.meta.filename, JSON.stringify(config)], (error, stdout) =>
      error === null ? resolve(Number(stdout)) : reject(new Error('a writer failed', { cause: error })),
    );
  });
}

/** Callers pause between questions so that together they ask as often as the table says: else each would wait for all others, audit or not. */
async function added(config: DatabaseConfig, callers: number): Promise<readonly string[]> {
  const database = await opened(config);
  try {
    const audit = createAudit({ database, telemetry: silentTelemetry });
    const ask = querier();
    const pauseMs = callers === 1 ? 0 : (callers * 1_000) / QUERIES_A_SECOND;
    for (let n = 0; n < WARM_UP / 2; n += 1) await ask(n % 2 === 0 ? audit : NO_AUDIT);
    const times: readonly [number[], number[]] = [[], []];
    let asked = 0;
    const began = performance.now();
    const end = began + ADDED_MS;
    await Promise.all(
      Array.from({ length: callers }, async () => {
        await sleep(Math.random() * pauseMs);
        for (let n = 0; performance.now() < end; n += 1) {
          times[n % 2 === 0 ? 0 : 1].push(await ask(n % 2 === 0 ? NO_AUDIT : audit));
          asked += 1;
          if (pauseMs > 0) await sleep(pauseMs * (0.5 + Math.random()));
        }
      }),
    );
    const perSecond = Math.round((asked * 1_000) / (performance.now() - began));
    const [without, withAudit] = [median(times[0]), median(times[1])];
    return [String(callers), String(perSecond), ms(without), ms(withAudit), ms(withAudit - without)];
  } finally {
    await database.close();
  }
}

async function opened(config: DatabaseConfig): Promise<Database> {
  const database = await openDatabase(config);
  await migrate(database);
  await database.transaction((tx) =>
    tx
      .insertInto('epochs')
      .values({ scope: ACME, epoch: 0, generation: 0 })
      .onConflict((conflict) => conflict.column('scope').doNothing())
      .execute(),
  );
  return database;
}

async function measured(config: DatabaseConfig, callers: number, sealed: boolean): Promise<Measured> {
  const database = await opened(config);
  try {
    const audit = createAudit({ database, telemetry: silentTelemetry, limits: { deadlineMs: 60_000 } });
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

const config = process.argv[2];
if (config === undefined) await main();
else console.log((await measured(JSON.parse(config) as DatabaseConfig, 64, true)).perSecond);
