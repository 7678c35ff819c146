import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Log } from '../../core/ports/telemetry.ts';
import { checkQdrantBinary, type QdrantBinary } from './binary.ts';
import { forgetProcess, recordProcess } from './orphan.ts';

export interface LaunchOptions {
  readonly binary: QdrantBinary;
  /** Absolute; storage, snapshots and the process record live in it. */
  readonly directory: string;
  readonly port: number;
  readonly apiKey: string;
  readonly log: Log;
  readonly readyMs: number;
  readonly graceMs: number;
}

export interface QdrantProcess {
  readonly pid: number;
  /** Resolves when it has ended, by itself or not. Never rejects. */
  readonly ended: Promise<void>;
  /** SIGTERM, then SIGKILL after the grace. Resolves when it has ended. */
  end(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const MAX_LINE = 500;

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port on loopback');
  return address.port;
}

/** All the server is told. Nothing is inherited: our secrets are not its business, and stray QDRANT__ settings could open it up. */
function environment({ directory, port, apiKey }: LaunchOptions): Record<string, string> {
  return {
    QDRANT__SERVICE__HOST: LOOPBACK,
    QDRANT__SERVICE__HTTP_PORT: String(port),
    QDRANT__SERVICE__GRPC_PORT: '0',
    // Here and not among the arguments, which every user of the machine can list.
    QDRANT__SERVICE__API_KEY: apiKey,
    QDRANT__SERVICE__ENABLE_STATIC_CONTENT: 'false',
    QDRANT__STORAGE__STORAGE_PATH: join(directory, 'storage'),
    QDRANT__STORAGE__SNAPSHOTS_PATH: join(directory, 'snapshots'),
    QDRANT__TELEMETRY_DISABLED: 'true',
    // A line a request would cost as much CPU as the request.
    QDRANT__LOG_LEVEL: 'WARN',
  };
}

function forward(stream: Readable, log: Log): void {
  createInterface({ input: stream }).on('line', (line) => {
    if (line.trim() !== '') log.debug({ part: 'qdrant' }, line.slice(0, MAX_LINE));
  });
}

async function answers(url: string, apiKey: string | undefined): Promise<number> {
  const headers = apiKey === undefined ? {} : { 'api-key': apiKey };
  // One connection each: the server waits for open ones when it is told to end.
  const answer = await request(url, { headers, reset: true, signal: AbortSignal.timeout(2_000) });
  await answer.body.dump();
  return answer.statusCode;
}

/** Ready, and the one that was started: only it lets our key in and nobody else. */
async function isReady(port: number, apiKey: string): Promise<boolean> {
  const base = `http://${LOOPBACK}:${port}`;
  try {
    if ((await answers(`${base}/readyz`, undefined)) !== 200) return false;
    // Without the key first, so that a stranger on this port never sees it.
    return (await answers(`${base}/collections`, undefined)) === 401 && (await answers(`${base}/collections`, apiKey)) === 200;
  } catch {
    return false;
  }
}

function start(options: LaunchOptions): { readonly child: ChildProcess; readonly ended: Promise<void> } {
  const child = spawn(options.binary.path, [], {
    // It reads ./config and writes to its working directory.
    cwd: options.directory,
    env: environment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C is for the service, which still has requests to finish with its help.
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      options.log.error({ part: 'qdrant' }, 'Qdrant could not be run', error);
      resolve();
    });
  });
  if (child.pid !== undefined) recordProcess(options.directory, child.pid);
  if (child.stdout !== null) forward(child.stdout, options.log);
  if (child.stderr !== null) forward(child.stderr, options.log);
  return { child, ended };
}

function handle(child: ChildProcess, ended: Promise<void>, options: LaunchOptions): QdrantProcess {
  // A plain process.exit() stops nothing by itself. Qdrant recovers from its log.
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  void ended.finally(() => {
    process.off('exit', onExit);
    forgetProcess(options.directory);
  });
  return {
    pid: child.pid ?? 0,
    ended,
    async end() {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), options.graceMs);
      await ended;
      clearTimeout(killer);
    },
  };
}

/** Checks the program, starts it and waits until it answers. On failure or abort nothing is left running. */
export async function launchQdrant(options: LaunchOptions, signal: AbortSignal): Promise<QdrantProcess> {
  await checkQdrantBinary(options.binary);
  signal.throwIfAborted();
  const { child, ended } = start(options);
  const running = handle(child, ended, options);
  const over = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const until = performance.now() + options.readyMs;
  while (!over() && !signal.aborted && performance.now() < until) {
    if (await isReady(options.port, options.apiKey)) return running;
    await sleep(20);
  }
  const why = over() ? 'it ended at once (see its lines at log level debug)' : `it was not ready after ${options.readyMs} ms`;
  await running.end();
  signal.throwIfAborted();
  throw new Error(`Qdrant did not start: ${why}`);
}
