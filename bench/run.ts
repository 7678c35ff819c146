import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { benchRetrieve } from './retrieve.ts';
import { makeBenchWorld, type BenchWorld } from './support/bench-world.ts';
import { ROOT, startSluice } from './support/process.ts';
import { median, table } from './support/table.ts';
import { ingest } from './support/workload.ts';

const STARTS = 5;

/** `npm run bench`: every figure of docs/performance.md, side by side in one run. Nothing here passes or fails. */
async function main(): Promise<void> {
  console.log(`${availableParallelism()} processors, Node ${process.versions.node}`);
  const { idleMegabytes, ingested } = await inWorld(benchRetrieve);
  const starts = await inWorld(startSeconds);
  const demo = await demoSeconds();
  const rate = `${(ingested.chunks / ingested.seconds).toFixed(0)} chunks/s (${ingested.documents} documents, ${ingested.chunks} chunks)`;
  const rows = [
    ['ingestion', rate, '>= 150'],
    ['start on an existing directory', `${median(starts).toFixed(2)} s, Qdrant included`, '<= 2 s'],
    ['idle, without Qdrant', `${idleMegabytes.toFixed(0)} MB resident`, '<= 150 MB'],
    ['npm run demo', `${demo.toFixed(1)} s`, '<= 45 s'],
  ];
  console.log(`\nThe service as a whole\n\n${table(['what', 'measured', 'target'], rows)}`);
}

async function inWorld<T>(run: (world: BenchWorld) => Promise<T>): Promise<T> {
  const world = await makeBenchWorld();
  try {
    return await run(world);
  } finally {
    await world.close();
  }
}

/** With the Qdrant that Sluice starts itself. The first start makes the collection and is not counted. */
async function startSeconds(world: BenchWorld): Promise<readonly number[]> {
  const starts: number[] = [];
  for (let n = 0; n <= STARTS; n++) {
    const sluice = await startSluice(world.env);
    if (n === 0) await ingest(sluice.url, world.loader);
    else starts.push(sluice.readySeconds);
    await sluice.stop();
  }
  return starts;
}

function demoSeconds(): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['bin/sluice.js', 'demo', '--json'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve((performance.now() - started) / 1_000) : reject(new Error(`the demo ended with ${code}`)),
    );
  });
}

await main();
