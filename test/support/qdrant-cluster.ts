import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkQdrantBinary, findQdrantBinary } from '../../src/vectors/local/binary.ts';
import { ownPort } from './own-port.ts';

export interface ClusterNode {
  /** Of its HTTP API; the same after it was started again. */
  readonly url: string;
  isUp(): boolean;
  /** SIGKILL, as a machine that loses its power. */
  kill(): Promise<void>;
  /** Resolves when it answers again; its shards catch up by themselves. */
  start(): Promise<void>;
}

/** A real Qdrant cluster of three on loopback, one key for all. */
export interface QdrantCluster {
  readonly nodes: readonly [ClusterNode, ClusterNode, ClusterNode];
  readonly apiKey: string;
  /** Resolves when every copy of the collection's shards is in service again. */
  untilWhole(collection: string): Promise<void>;
  stop(): Promise<void>;
}

const API_KEY = randomUUID();
const READY_MS = 100_000;
const TRIES = 3;

interface Launch {
  readonly binary: string;
  readonly directory: string;
  readonly http: number;
  readonly p2p: number;
  readonly first: number;
}

function launch({ binary, directory, http, p2p, first }: Launch): ChildProcess {
  mkdirSync(directory, { recursive: true });
  const own = `http://127.0.0.1:${p2p}`;
  const args = p2p === first ? ['--uri', own] : ['--bootstrap', `http://127.0.0.1:${first}`, '--uri', own];
  const child = spawn(binary, args, {
    cwd: directory,
    stdio: 'ignore',
    env: {
      QDRANT__SERVICE__HOST: '127.0.0.1',
      QDRANT__SERVICE__HTTP_PORT: String(http),
      QDRANT__SERVICE__GRPC_PORT: '0',
      QDRANT__SERVICE__API_KEY: API_KEY,
      QDRANT__STORAGE__STORAGE_PATH: join(directory, 'storage'),
      QDRANT__STORAGE__SNAPSHOTS_PATH: join(directory, 'snapshots'),
      QDRANT__TELEMETRY_DISABLED: 'true',
      QDRANT__LOG_LEVEL: 'ERROR',
      QDRANT__CLUSTER__ENABLED: 'true',
      QDRANT__CLUSTER__P2P__PORT: String(p2p),
      QDRANT__CLUSTER__CONSENSUS__TICK_PERIOD_MS: '100',
    },
  });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

async function get<T>(url: string): Promise<T | undefined> {
  try {
    const answer = await fetch(url, { headers: { 'api-key': API_KEY }, signal: AbortSignal.timeout(2_000) });
    return answer.ok ? ((await answer.json()) as T) : undefined;
  } catch {
    return undefined;
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + READY_MS;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`the cluster was not ${what} in time`);
    await sleep(50);
  }
}

/** Most often because somebody took its port since it was found free. */
class EndedAtOnce extends Error {}

interface Peers {
  readonly result: { readonly peers: Readonly<Record<string, unknown>>; readonly raft_info: { readonly leader: number | null } };
}

async function node(options: Launch): Promise<ClusterNode> {
  const url = `http://127.0.0.1:${options.http}`;
  let child = launch(options);
  const joined = async (peers: number): Promise<boolean> => {
    const found = await get<Peers>(`${url}/cluster`);
    return found !== undefined && Object.keys(found.result.peers).length >= peers && found.result.raft_info.leader !== null;
  };
  const isUp = (): boolean => child.exitCode === null && child.signalCode === null;
  await until('ready', async () => {
    if (!isUp()) throw new EndedAtOnce('a node of the cluster ended at once');
    return joined(1);
  });
  return {
    url,
    isUp,
    async kill() {
      if (!isUp()) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    async start() {
      if (isUp()) return;
      await until('up again', async () => {
        // Also where somebody had its port for a moment.
        if (!isUp()) child = launch(options);
        return joined(3);
      });
    },
  };
}

interface Shards {
  readonly result: {
    readonly local_shards: readonly { readonly state: string }[];
    readonly remote_shards: readonly { readonly state: string }[];
    readonly shard_transfers: readonly unknown[];
  };
}

async function startNodes(binary: string, home: string): Promise<QdrantCluster['nodes']> {
  for (let attempt = 1; ; attempt += 1) {
    const started: ClusterNode[] = [];
    const [first, second, third] = [await ownPort(), await ownPort(), await ownPort()];
    const start = async (p2p: number): Promise<ClusterNode> => {
      const one = await node({ binary, directory: join(home, String(p2p)), http: await ownPort(), p2p, first });
      started.push(one);
      return one;
    };
    try {
      // One after the other: a node joins through the first.
      return [await start(first), await start(second), await start(third)];
    } catch (error) {
      for (const one of started) await one.kill();
      if (attempt === TRIES || !(error instanceof EndedAtOnce)) throw error;
    }
  }
}

export async function qdrantCluster(): Promise<QdrantCluster> {
  const binary = findQdrantBinary(undefined);
  await checkQdrantBinary(binary);
  const home = mkdtempSync(join(tmpdir(), 'sluice-cluster-'));
  const remove = (): void => rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  const nodes = await startNodes(binary.path, home);
  await until('joined', async () => {
    const seen = await Promise.all(nodes.map(({ url }) => get<Peers>(`${url}/cluster`)));
    return seen.every((found) => Object.keys(found?.result.peers ?? {}).length === 3);
  });
  return {
    nodes,
    apiKey: API_KEY,
    untilWhole: (collection) =>
      until('whole', async () => {
        const seen = await Promise.all(nodes.map(({ url }) => get<Shards>(`${url}/collections/${collection}/cluster`)));
        return seen.every((found) => {
          if (found === undefined || found.result.shard_transfers.length > 0) return false;
          return [...found.result.local_shards, ...found.result.remote_shards].every(({ state }) => state === 'Active');
        });
      }),
    async stop() {
      await Promise.all(nodes.map((one) => one.kill()));
      remove();
    },
  };
}
