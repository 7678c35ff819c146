import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QdrantClient } from '@qdrant/js-client-rest';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import { startLocalQdrant, type LocalQdrant } from '../src/vectors/local-qdrant.ts';
import { makeBenchWorld } from './support/bench-world.ts';
import { doorPoints, DIMENSION, fillDoor, fillTwin, type DoorPoint } from './support/door-points.ts';
import { fsyncTimes } from './support/fsync.ts';
import { cpuSeconds, freePort, startSluice } from './support/process.ts';
import { rawClient } from './support/raw-client.ts';
import { median, ms, quantile, table } from './support/table.ts';

const SMALL = 2_000;
const LARGE = Number(process.argv[2] ?? 200_000);
const LIMITS = [5, 8, 10, 20];
const CONNECTIONS = [1, 8, 64];
const WARM_UP = 100;
const COUNTED = 400;
const LOAD_MS = 4_000;

const DOOR = 'sluice, undici';
const DOOR_STOCK = 'sluice, stock client';
const BEST = 'direct, undici';
const STOCK_IDENTITY = 'direct, stock client, identity';
const STOCK = 'direct, stock client';

interface Place {
  readonly url: string;
  readonly apiKey: string;
  readonly collection: string;
}

interface Contender {
  readonly name: string;
  ask(vector: readonly number[], limit: number): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * `npm run bench:door [-- points]`: the same questions to the Qdrant-compatible door and straight to a Qdrant that holds the same points,
 * with payloads, side by side in one run. Nothing here passes or fails.
 */
async function main(): Promise<void> {
  const world = await makeBenchWorld();
  const qdrant = await startLocalQdrant({ dataDir: join(world.dataDir, 'qdrant'), log: silentTelemetry.log });
  const port = String(await freePort());
  const env = { ...world.env, QDRANT_URL: qdrant.url, QDRANT_API_KEY: qdrant.apiKey, SLUICE_QDRANT_DOOR_PORT: port };
  const sluice = await startSluice(env);
  const door = `http://127.0.0.1:${port}`;
  try {
    const fsync = median(await fsyncTimes(world.dataDir));
    const grown: string[][] = [];
    for (const count of [SMALL, LARGE]) {
      const collection = `points-${count}`;
      const points = doorPoints(count);
      const filled = await fillDoor({ api: sluice.url, door, collection, loader: world.loader }, points);
      await fillTwin({ url: qdrant.url, apiKey: qdrant.apiKey, collection }, points);
      await settled(qdrant);
      console.log(`\n${count} points of ${DIMENSION} dimensions; written through the door at ${filled.toFixed(0)} points/s`);
      const here: Place = { url: door, apiKey: world.reader, collection };
      const there: Place = { url: qdrant.url, apiKey: qdrant.apiKey, collection };
      await demandSame(here, there, points);
      for (const limit of LIMITS) report(limit, await compare(here, there, limit, points), fsync);
      grown.push(await growth(count, here, there, points));
      if (count === SMALL) await reportCpu(sluice.pid, here, points);
      await reportThroughput(here, there, points);
    }
    console.log(`\nGrowth with the number of points, limit 10\n\n${table(['points', 'direct p50', 'sluice p50', 'added'], grown)}`);
  } finally {
    await sluice.stop();
    await qdrant.stop();
    await world.close();
  }
}

/** Until no collection is being optimised: a graph under construction answers at another speed. */
async function settled({ url, apiKey }: LocalQdrant): Promise<void> {
  const client = new QdrantClient({ url, apiKey, checkCompatibility: false });
  for (let calm = 0; calm < 3;) {
    await sleep(500);
    const { collections } = await client.getCollections();
    const states = await Promise.all(collections.map(({ name }) => client.getCollection(name)));
    calm = states.every(({ status }) => status === 'green') ? calm + 1 : 0;
  }
}

const bodyOf = (vector: readonly number[], limit: number): string => JSON.stringify({ query: vector, limit, with_payload: true });

function undiciContender(name: string, { url, apiKey, collection }: Place): Contender {
  const client = rawClient(url, apiKey);
  const path = `/collections/${collection}/points/query`;
  return {
    name,
    ask: async (vector, limit): Promise<unknown> => JSON.parse(await client.post(path, bodyOf(vector, limit))) as unknown,
    close: () => client.close(),
  };
}

function stockContender(name: string, { url, apiKey, collection }: Place, headers: Record<string, string> = {}): Contender {
  const client = new QdrantClient({ url, apiKey, headers, checkCompatibility: false });
  return {
    name,
    ask: (vector, limit) => client.query(collection, { query: [...vector], limit, with_payload: true }),
    close: () => Promise.resolve(),
  };
}

interface Answer {
  readonly result: { readonly points: readonly { readonly id: string | number; readonly score: number; readonly payload: unknown }[] };
}

/** A benchmark of answers that differ would measure nothing. */
async function demandSame(here: Place, there: Place, points: readonly DoorPoint[]): Promise<void> {
  const [door, direct] = [undiciContender(DOOR, here), undiciContender(BEST, there)];
  const plain = (answer: unknown) => (answer as Answer).result.points.map(({ id, payload }) => [id, payload]);
  let same = 0;
  for (const { vector } of points.slice(0, 20)) {
    const [mine, theirs] = [plain(await door.ask(vector, 10)), plain(await direct.ask(vector, 10))];
    if (JSON.stringify(mine) === JSON.stringify(theirs)) same += 1;
  }
  // A graph is built anew for each collection, so a neighbour at the edge may differ between two large ones.
  if (same < 15) throw new Error(`only ${same} of 20 answers are the same as those of Qdrant alone`);
  await Promise.all([door.close(), direct.close()]);
}

/** All in turn, question by question, so that a slow moment hits each of them. */
async function alternate(contenders: readonly Contender[], limit: number, points: readonly DoorPoint[]): Promise<Times> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let n = 0; n < WARM_UP + COUNTED; n++) {
    const { vector } = points[(n * 7) % points.length] ?? { vector: [] };
    const first = n % contenders.length;
    for (const one of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const started = performance.now();
      await one.ask(vector, limit);
      if (n >= WARM_UP) times.get(one.name)?.push(performance.now() - started);
    }
  }
  return times;
}

type Times = ReadonlyMap<string, readonly number[]>;

/** The stock client with its defaults waits some 40 ms for some answers, in which caches go cold: it comes after the others. */
async function compare(here: Place, there: Place, limit: number, points: readonly DoorPoint[]): Promise<Times> {
  const quick = [
    undiciContender(DOOR, here),
    stockContender(DOOR_STOCK, here),
    undiciContender(BEST, there),
    stockContender(STOCK_IDENTITY, there, { 'accept-encoding': 'identity' }),
  ];
  const slow = [stockContender(STOCK, there)];
  const times = new Map([...(await alternate(quick, limit, points)), ...(await alternate(slow, limit, points))]);
  await Promise.all([...quick, ...slow].map((one) => one.close()));
  return times;
}

function report(limit: number, times: Times, fsync: number): void {
  const of = (name: string): number => median(times.get(name) ?? []);
  const best = of(BEST);
  const rows = [...times].map(([name, all]) => [name, ms(median(all)), ms(quantile(all, 0.95)), (median(all) / best).toFixed(2)]);
  console.log(`\npoints/query, limit ${limit}, one connection, ${COUNTED} questions each\n`);
  console.log(table(['client', 'p50', 'p95', 'p50 / best direct'], rows));
  const bound = 1.5 * best + 2 * fsync;
  console.log(`1.5 x best direct + 2 fsync (${ms(fsync)} each) = ${ms(bound)}${best < 2 ? ' (asked for where direct takes 2 ms)' : ''}`);
  console.log(`stock client through the door / stock client straight to Qdrant: ${(of(DOOR_STOCK) / of(STOCK)).toFixed(2)}`);
}

async function growth(count: number, here: Place, there: Place, points: readonly DoorPoint[]): Promise<string[]> {
  const pair = [undiciContender(DOOR, here), undiciContender(BEST, there)];
  const times = await alternate(pair, 10, points);
  await Promise.all(pair.map((one) => one.close()));
  const [door, direct] = [median(times.get(DOOR) ?? []), median(times.get(BEST) ?? [])];
  return [String(count), ms(direct), ms(door), ms(door - direct)];
}

/** Processor time of the service for one request, client and Qdrant not counted. */
async function reportCpu(pid: number, here: Place, points: readonly DoorPoint[]): Promise<void> {
  const one = undiciContender(DOOR, here);
  const ask = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await one.ask(points[n % points.length]?.vector ?? [], 8);
  };
  await ask(1_000);
  const before = cpuSeconds(pid);
  await ask(2_000);
  console.log(`\nprocessor time of the service: ${(((cpuSeconds(pid) - before) * 1e6) / 2_000).toFixed(0)} µs a request (target 800)`);
  await one.close();
}

async function load({ url, apiKey, collection }: Place, connections: number, points: readonly DoorPoint[]): Promise<number> {
  const client = rawClient(url, apiKey, connections);
  const path = `/collections/${collection}/points/query`;
  const end = performance.now() + LOAD_MS;
  const started = performance.now();
  let answered = 0;
  const worker = async (first: number): Promise<void> => {
    for (let n = first; performance.now() < end; n += connections) {
      await client.post(path, bodyOf(points[n % points.length]?.vector ?? [], 10));
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, n) => worker(n)));
  const rate = (answered * 1_000) / (performance.now() - started);
  await client.close();
  return rate;
}

/** In turns, twice, since two processors are shared by everything that runs here. */
async function reportThroughput(here: Place, there: Place, points: readonly DoorPoint[]): Promise<void> {
  const rows: string[][] = [];
  for (const connections of CONNECTIONS) {
    const rates = { door: [] as number[], direct: [] as number[] };
    for (let round = 0; round < 2; round++) {
      rates.direct.push(await load(there, connections, points));
      rates.door.push(await load(here, connections, points));
    }
    const [door, direct] = [median(rates.door), median(rates.direct)];
    rows.push([String(connections), direct.toFixed(0), door.toFixed(0), (door / direct).toFixed(2)]);
  }
  console.log(`\nRequests a second, limit 10\n\n${table(['connections', 'direct', 'sluice', 'ratio'], rows)}`);
}

await main();
