import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { startLocalQdrant, type LocalQdrant } from '../src/vectors/local-qdrant.ts';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import type { BenchWorld } from './support/bench-world.ts';
import { addTexts, BEST_DIRECT, directClients, STOCK, type DirectClient } from './support/direct-clients.ts';
import { fsyncTimes } from './support/fsync.ts';
import { cpuSeconds, residentMegabytes, startSluice, type RunningSluice } from './support/process.ts';
import { startRecordingProxy } from './support/recording-proxy.ts';
import { median, ms, quantile, table } from './support/table.ts';
import { ingest, questions, type Ingested } from './support/workload.ts';

const COLLECTION = 'sluice';
const LIMITS = [5, 8, 20];
const WARM_UP = 150;
const COUNTED = 600;

interface Released {
  readonly chunks: readonly { readonly id: string; readonly text: string; readonly provenance: object }[];
}

function sluiceClient(url: string, token: string, limit: number): { ask(query: string): Promise<Released>; close(): Promise<void> } {
  const pool = new Pool(url, { connections: 1 });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return {
    async ask(query) {
      const answer = await pool.request({ method: 'POST', path: '/v1/retrieve', headers, body: JSON.stringify({ query, limit }) });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`retrieve answered ${answer.statusCode}: ${text}`);
      return JSON.parse(text) as Released;
    },
    close: () => pool.close(),
  };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

interface Asked {
  readonly query: string;
  /** What Sluice sent to Qdrant for it, with the payload asked for. */
  readonly search: string;
}

interface Contender {
  readonly name: string;
  ask(asked: Asked): Promise<unknown>;
}

/** All in turn, question by question, so that a slow moment hits each of them. */
async function alternate(
  contenders: readonly Contender[],
  asked: readonly Asked[],
): Promise<readonly (readonly [string, readonly number[]])[]> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let n = 0; n < WARM_UP + COUNTED; n++) {
    const question = asked[n % asked.length] ?? { query: '', search: '{}' };
    const first = n % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const time = await timed(() => contender.ask(question));
      if (n >= WARM_UP) times.get(contender.name)?.push(time);
    }
  }
  return [...times];
}

/**
 * The stock client waits some 40 ms for each compressed answer, in which processors go to sleep and caches cold: beside the
 * others it would measure that, so it comes after them.
 */
async function compare(
  sluice: RunningSluice,
  token: string,
  limit: number,
  direct: readonly DirectClient[],
  asked: readonly Asked[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const client = sluiceClient(sluice.url, token, limit);
  const contenders = direct.map((one): Contender => ({ name: one.name, ask: ({ search }) => one.ask(search) }));
  const waits = ({ name }: Contender): boolean => name === STOCK;
  const quick = await alternate([{ name: 'sluice', ask: ({ query }) => client.ask(query) }, ...contenders.filter((c) => !waits(c))], asked);
  const slow = await alternate(contenders.filter(waits), asked);
  await client.close();
  return new Map([...quick, ...slow]);
}

/** Processor time of the service for one request, client and Qdrant not counted. */
async function cpuPerRequest(sluice: RunningSluice, token: string, queries: readonly string[]): Promise<number> {
  const client = sluiceClient(sluice.url, token, 8);
  for (const query of queries) await client.ask(query);
  const before = cpuSeconds(sluice.pid);
  const rounds = Math.ceil(2_000 / queries.length);
  for (let round = 0; round < rounds; round++) for (const query of queries) await client.ask(query);
  const spent = cpuSeconds(sluice.pid) - before;
  await client.close();
  return (spent * 1e6) / (rounds * queries.length);
}

export interface RetrieveFigures {
  readonly ingested: Ingested;
  readonly idleMegabytes: number;
}

interface Recorded {
  readonly ingested: Ingested;
  readonly asked: ReadonlyMap<number, readonly Asked[]>;
  /** What was released, by chunk. */
  readonly texts: ReadonlyMap<string, object>;
}

/** Fills the index and asks everything once through a proxy, to learn what Sluice sends to Qdrant. */
async function record(world: BenchWorld, qdrant: LocalQdrant, queries: readonly string[]): Promise<Recorded> {
  const proxy = await startRecordingProxy(qdrant.url);
  const sluice = await startSluice({ ...world.env, QDRANT_API_KEY: qdrant.apiKey, QDRANT_URL: proxy.url });
  const asked = new Map<number, Asked[]>(LIMITS.map((limit) => [limit, []]));
  const texts = new Map<string, object>();
  try {
    const ingested = await ingest(sluice.url, world.loader);
    for (const limit of LIMITS) {
      proxy.take();
      const client = sluiceClient(sluice.url, world.reader, limit);
      for (const query of queries) {
        const { chunks } = await client.ask(query);
        for (const { id, text, provenance } of chunks) texts.set(id, { text, provenance });
        const [search] = proxy.take();
        if (search === undefined) continue;
        const body = { ...(JSON.parse(search) as object), limit, with_payload: ['text', 'provenance'] };
        asked.get(limit)?.push({ query, search: JSON.stringify(body) });
      }
      await client.close();
    }
    return { ingested, asked, texts };
  } finally {
    await sluice.stop();
    await proxy.close();
  }
}

function report(limit: number, times: ReadonlyMap<string, readonly number[]>, fsync: number): void {
  const best = median(times.get(BEST_DIRECT) ?? []);
  const p50 = median(times.get('sluice') ?? []);
  const bound = 2 * best + 2 * fsync;
  const rows = [...times].map(([name, all]) => [name, ms(median(all)), ms(quantile(all, 0.95)), (median(all) / best).toFixed(2)]);
  console.log(`\nPOST /v1/retrieve, limit ${limit}, one connection, ${COUNTED} questions each, in turn\n`);
  console.log(table(['client', 'p50', 'p95', 'p50 / best direct'], rows));
  const verdict = p50 <= bound ? 'within' : 'ABOVE';
  console.log(`bound: 2 x best direct + 2 fsync (${ms(fsync)} each) = ${ms(bound)}; sluice ${ms(p50)}: ${verdict}`);
}

export async function benchRetrieve(world: BenchWorld): Promise<RetrieveFigures> {
  const qdrant = await startLocalQdrant({ dataDir: join(world.dataDir, 'qdrant'), log: silentTelemetry.log });
  const server = { url: qdrant.url, apiKey: qdrant.apiKey, collection: COLLECTION };
  const queries = questions(200);
  const { ingested, asked, texts } = await record(world, qdrant, queries);
  await addTexts(server, texts);
  const sluice = await startSluice({ ...world.env, QDRANT_API_KEY: qdrant.apiKey, QDRANT_URL: qdrant.url });
  try {
    await sleep(2_000);
    const idleMegabytes = residentMegabytes(sluice.pid);
    const fsync = median(await fsyncTimes(world.dataDir));
    const clients = directClients(server);
    for (const limit of LIMITS) report(limit, await compare(sluice, world.reader, limit, clients, asked.get(limit) ?? []), fsync);
    await Promise.all(clients.map((client) => client.close()));
    const cpu = await cpuPerRequest(sluice, world.reader, queries);
    console.log(`\nprocessor time of the service: ${cpu.toFixed(0)} µs a request (target 600)`);
    return { ingested, idleMegabytes };
  } finally {
    await sluice.stop();
    await qdrant.stop();
  }
}
