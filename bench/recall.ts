import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { FilterSpec } from '../src/core/filter.ts';
import type { ChunkId, DocumentKey, PrincipalNumber, TenantId, ZoneId } from '../src/core/ids.ts';
import { systemClock } from '../src/core/ports/clock.ts';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import type { DenseVector, Point } from '../src/core/ports/vectors.ts';
import { DENSE } from '../src/vectors/collection.ts';
import { toQdrantFilter } from '../src/vectors/filter.ts';
import { planParams, type SearchPlan } from '../src/vectors/plan.ts';
import { createVectorIndex, type StartableVectorIndex } from '../src/vectors/vector-index.ts';
import { mintFilterForTests } from '../test/support/authorized-filter.ts';
import { qdrantForTests, type TestQdrant } from '../test/support/qdrant.ts';
import { seededRandom, type Random } from '../test/support/random.ts';
import { median, ms, quantile, table } from './support/table.ts';

const POINTS = Number(process.argv[2] ?? 200_000);
const DIMENSION = 384;
const CLUSTERS = 400;
const SPREAD = 0.35;
const ZONES = 100;
const GROUPS = 100;
const QUERIES = 200;
const BATCH = 500;
const TOP = 10;
const TENANT = 'acme' as TenantId;
const signal = new AbortController().signal;

interface Case {
  readonly name: string;
  readonly zones: number;
  readonly groups: number;
  readonly target: string;
}

/** A chunk's zone and its one group are drawn apart, so a caller with z of 100 zones and g of 100 groups reads z · g / 10,000. */
const CASES: readonly Case[] = [
  { name: '50 % (all zones, half the groups)', zones: 100, groups: 50, target: '>= 0.98' },
  { name: '50 % (some zones, some groups)', zones: 71, groups: 70, target: '>= 0.98' },
  { name: '25 % (half the zones, half the groups)', zones: 50, groups: 50, target: '' },
  { name: '10 % (all zones, few groups)', zones: 100, groups: 10, target: '>= 0.99' },
  { name: '10 % (few zones, some groups)', zones: 25, groups: 40, target: '>= 0.99' },
  { name: '1 %', zones: 10, groups: 10, target: '1.00' },
  { name: '0.1 %', zones: 3, groups: 3, target: '1.00' },
];

/**
 * `npm run bench:recall [-- points]`: recall@10 and latency of a dense search under a caller's filter, by the share of the
 * collection the caller may read: every plan, and the one Sluice chooses. The reference is an exact search under the same filter.
 */
async function main(): Promise<void> {
  const qdrant = await qdrantForTests();
  const collection = qdrant.freshCollection();
  const identity = { sparse: 'bm25@1', dense: { kind: 'caller', model: 'clusters', dimension: DIMENSION } } as const;
  const deadlines = { searchDeadlineMs: 60_000, writeDeadlineMs: 120_000 };
  const index = createVectorIndex({
    endpoint: qdrant.endpoint,
    collection,
    identity,
    telemetry: silentTelemetry,
    clock: systemClock,
    ...deadlines,
  });
  try {
    await index.start(signal);
    const random = seededRandom(20_261_121);
    const centres = Array.from({ length: CLUSTERS }, () => gaussian(random, 1));
    await fill(index, random, centres);
    await indexed(qdrant, collection);
    const rows: string[][] = [];
    for (const one of CASES) rows.push(...(await measure({ qdrant, collection, index, random, centres }, one)));
    console.log(`\n${POINTS} chunks, ${DIMENSION} dimensions, ${CLUSTERS} clusters, ${QUERIES} queries a row\n`);
    console.log(table(['readable', 'search', 'recall@10', 'target', 'worst query', 'under-filled', 'p50', 'p99'], rows));
  } finally {
    await index.close();
    await qdrant.stop();
  }
}

function gaussian(random: Random, deviation: number): DenseVector {
  return Array.from({ length: DIMENSION }, () => {
    // Box and Muller.
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    return Math.round(deviation * radius * Math.cos(2 * Math.PI * random.next()) * 1e4) / 1e4;
  });
}

function near(random: Random, centres: readonly DenseVector[]): DenseVector {
  const centre = centres[Math.floor(random.next() * centres.length)] ?? [];
  const noise = gaussian(random, SPREAD);
  return centre.map((value, i) => Math.round((value + (noise[i] ?? 0)) * 1e4) / 1e4);
}

function pointNear(random: Random, centres: readonly DenseVector[]): Point {
  return {
    chunk: randomUUID() as string as ChunkId,
    access: {
      tenant: TENANT,
      document: randomUUID() as string as DocumentKey,
      zone: (1 + Math.floor(random.next() * ZONES)) as ZoneId,
      revision: 1,
      acl: { gates: [[(1 + Math.floor(random.next() * GROUPS)) as PrincipalNumber]], deny: [] },
      validFrom: 'always',
      validUntil: 'forever',
      metadata: {},
    },
    sparse: { indices: [], values: [] },
    dense: { kind: 'vector', vector: near(random, centres) },
  };
}

async function fill(index: StartableVectorIndex, random: Random, centres: readonly DenseVector[]): Promise<void> {
  const started = performance.now();
  for (let done = 0; done < POINTS; done += BATCH) {
    const points = Array.from({ length: Math.min(BATCH, POINTS - done) }, () => pointNear(random, centres));
    await index.upsert(points, signal);
    if (done % 20_000 === 0) console.error(`${done} of ${POINTS}`);
  }
  console.error(`written in ${((performance.now() - started) / 1_000).toFixed(0)} s`);
}

/** A segment under Qdrant's threshold has no graph and is compared point by point, as in any collection that is written to. */
const SEGMENTS_WITHOUT_GRAPH = 2 * 6_700;

/** The graph is built in the background; a search before it is done would be exact. */
async function indexed(qdrant: TestQdrant, collection: string): Promise<void> {
  const started = performance.now();
  for (;;) {
    const { result } = (await ask(qdrant, 'GET', `/collections/${collection}`)) as {
      readonly result: { readonly status: string; readonly indexed_vectors_count: number };
    };
    if (result.status === 'green' && result.indexed_vectors_count >= POINTS - SEGMENTS_WITHOUT_GRAPH) break;
    await sleep(2_000);
  }
  console.error(`indexed in ${((performance.now() - started) / 1_000).toFixed(0)} s`);
}

async function ask(qdrant: TestQdrant, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
  const answer = await request(`${qdrant.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${await answer.body.text()}`);
  return answer.body.json();
}

interface Bench {
  readonly qdrant: TestQdrant;
  readonly collection: string;
  readonly index: StartableVectorIndex;
  readonly random: Random;
  readonly centres: readonly DenseVector[];
}

async function measure(bench: Bench, one: Case): Promise<readonly string[][]> {
  const { qdrant, collection, index, random, centres } = bench;
  const zones = Array.from({ length: one.zones }, (_, i) => (i + 1) as ZoneId);
  const gate = Array.from({ length: one.groups }, (_, i) => i + 1);
  const spec: Partial<FilterSpec> = { tenant: TENANT, zones: { kind: 'flat', ids: zones }, gate };
  const queries = Array.from({ length: QUERIES }, () => near(random, centres));
  const by = async (query: DenseVector, plan: SearchPlan): Promise<readonly string[]> => {
    const filter = toQdrantFilter(mintFilterForTests(spec));
    const body = { query, using: DENSE, filter, limit: TOP, params: planParams(plan, TOP), with_payload: false };
    const answer = (await ask(qdrant, 'POST', `/collections/${collection}/points/query`, body)) as {
      readonly result: { readonly points: readonly { readonly id: string }[] };
    };
    return answer.result.points.map(({ id }) => id);
  };
  const chosen = async (query: DenseVector): Promise<readonly string[]> =>
    (await index.search(mintFilterForTests(spec), { name: 'dense', kind: 'dense', vector: query }, TOP, signal)).map(({ chunk }) => chunk);
  const ways: readonly (readonly [string, (query: DenseVector) => Promise<readonly string[]>])[] = [
    ['exact', (query) => by(query, 'exact')],
    ['ACORN', (query) => by(query, 'acorn')],
    ['plain graph', (query) => by(query, 'graph')],
    ['Sluice', chosen],
  ];
  const truths: (readonly string[])[] = [];
  for (const query of queries) truths.push(await by(query, 'exact'));
  return interleaved(one, queries, truths, ways);
}

/** Each query goes every way before the next one does, so that noise of the machine falls on all alike. */
async function interleaved(
  one: Case,
  queries: readonly DenseVector[],
  truths: readonly (readonly string[])[],
  ways: readonly (readonly [string, (query: DenseVector) => Promise<readonly string[]>])[],
): Promise<readonly string[][]> {
  const results = ways.map(() => ({ recalls: [] as number[], times: [] as number[], short: 0 }));
  for (const [position, query] of queries.entries()) {
    const truth = new Set(truths[position]);
    for (const [way, [, search]] of ways.entries()) {
      const started = performance.now();
      const found = await search(query);
      const result = results[way];
      if (result === undefined) throw new Error('unreachable: one result a way');
      result.times.push(performance.now() - started);
      result.recalls.push(found.filter((id) => truth.has(id)).length / Math.max(truth.size, 1));
      if (found.length < truth.size) result.short += 1;
    }
  }
  return ways.map(([name], way) => {
    const { recalls = [], times = [], short = 0 } = results[way] ?? {};
    const mean = recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
    const target = name === 'Sluice' ? one.target : '';
    return [
      one.name,
      name,
      mean.toFixed(4),
      target,
      Math.min(...recalls).toFixed(1),
      String(short),
      ms(median(times)),
      ms(quantile(times, 0.99)),
    ];
  });
}

await main();
