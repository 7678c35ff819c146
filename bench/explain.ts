import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Caller } from '../src/core/caller.ts';
import { policyCsv, policyRevision } from '../src/core/policy-lines.ts';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import type { Principal } from '../src/core/principal.ts';
import type { RequestContext } from '../src/core/request-context.ts';
import { createPolicy } from '../src/policy/policy.ts';
import { openStores, type Stores } from '../src/service/open-stores.ts';
import { readPolicyFiles } from '../src/service/policy-files.ts';
import { policyTools, type PolicyTools } from '../src/service/policy-tools.ts';
import { benchPolicy, documentName, DOCUMENTS, fillCatalog, GROUPS, PEOPLE, sourceName, SOURCES, TENANT } from './support/explain-world.ts';
import { quantile, table } from './support/table.ts';

const ROOT = 'user:idp|root' as Principal;
const APP = 'client:idp|app' as Principal;
const CHANGE = { requestId: 'bench', by: ROOT, through: APP };

interface Measured {
  readonly seconds: number;
  /** Processor time of the whole process: what it would take on a machine with nothing else to do. */
  readonly cpu: number;
  /** The longest that nothing else could run, milliseconds. */
  readonly stall: number;
}

async function measured(run: () => Promise<unknown>): Promise<Measured> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const before = process.cpuUsage();
  await run();
  const seconds = (performance.now() - start) / 1_000;
  delay.disable();
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpu: (user + system) / 1e6, stall: delay.max / 1e6 };
}

function contextOf(): RequestContext {
  const caller: Caller = {
    tenant: TENANT,
    issuer: 'idp',
    user: { kind: 'user', principal: ROOT, groups: [], guest: false },
    client: APP,
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(['audit', 'admin', 'sources']),
    tokenDigest: 'bench',
    expiresAt: 0,
  };
  return { caller, requestId: 'bench', signal: new AbortController().signal };
}

/** `npm run bench:explain`: reports over a catalog of 100,000 documents in SQLite, without HTTP. Nothing here passes or fails. */
async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const files = await readPolicyFiles(new URL('../policies', import.meta.url).pathname);
  const { scheme, purposes } = files.vocabulary;
  const policy = createPolicy({ model: files.model, purposes, scheme, telemetry: silentTelemetry });
  const stores = await openStores(
    { dataDir: directory, database: { kind: 'sqlite', path: join(directory, 'sluice.sqlite') } },
    scheme,
    silentTelemetry,
  );
  const issuers = [{ name: 'idp', url: 'https://idp.example', groups: 'claim' as const, tenants: [TENANT] }];
  const tools = policyTools({ stores, policy, scheme, telemetry: silentTelemetry, issuers });
  try {
    await stores.catalog.createTenant(TENANT, policyRevision(benchPolicy()), CHANGE);
    const filled = await measured(() => fillCatalog(stores.database));
    console.log(
      `${DOCUMENTS} documents, ${SOURCES * 5} zones, ${GROUPS} groups, ${PEOPLE} people; filled in ${filled.seconds.toFixed(1)} s\n`,
    );
    await report(stores, tools);
  } finally {
    await tools.shadow.close();
    await stores.database.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function report(stores: Stores, { reports }: PolicyTools): Promise<void> {
  const context = contextOf();
  const rows: (readonly string[])[] = [];
  const note = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    const { seconds, cpu, stall } = await measured(run);
    rows.push([name, `${seconds.toFixed(2)} s`, `${cpu.toFixed(2)} s`, `${stall.toFixed(0)} ms`]);
    console.error(`${name}: ${seconds.toFixed(2)} s, ${cpu.toFixed(2)} s of processor`);
  };
  const groups = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `group:idp|g${n * 3}`);
  const who = { user: 'user:idp|u7', groups: groups(100), guest: false };
  const explainOnce = (n: number, more: object = {}): Promise<unknown> =>
    reports.explain(context, { document: { source: sourceName(n % SOURCES), document: documentName(n) }, ...who, ...more });
  await note('explain, the first one', () => explainOnce(3));
  const each: number[] = [];
  for (let n = 0; n < 200; n++) each.push((await measured(() => explainOnce(n * 37))).seconds * 1_000);
  rows.push(['explain, p50 / p99 of 200', `${quantile(each, 0.5).toFixed(1)} / ${quantile(each, 0.99).toFixed(1)} ms`, '', '']);
  const at = (await stores.catalog.databaseTime()) - 1;
  await note('explain at a past time', () => explainOnce(11, { at }));
  await note('blast radius, 100 groups', () => reports.blastRadius(context, who));
  await note('blast radius, groups not known', () => reports.blastRadius(context, { user: 'user:idp|u7' }));
  await note('blast radius, a page of 1,000', () => reports.blastRadius(context, { ...who, limit: 1_000 }));
  const active = benchPolicy();
  const line = `p, group:idp|g1, ${TENANT}, hr-*, retrieve, upto:confidential, *, *, allow\n`;
  await note('diff, one line more', () => reports.diff(context, { policy: policyCsv(active) + line, limit: 500 }));
  const everyone = `p, everyone, ${TENANT}, hr-*, retrieve, upto:confidential, *, *, allow\n`;
  await note('diff, a line that changes everybody', () => reports.diff(context, { policy: policyCsv(active) + everyone, limit: 500 }));
  await note('diff, another policy altogether', () => reports.diff(context, { policy: policyCsv(benchPolicy(9)), limit: 500 }));
  console.log(table(['report', 'took', 'processor time', 'longest stall'], rows));
}

await main();
