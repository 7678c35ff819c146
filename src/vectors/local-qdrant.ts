import { randomBytes } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import type { Log } from '../core/ports/telemetry.ts';
import type { EndpointProvider } from './endpoint.ts';
import { findQdrantBinary } from './local/binary.ts';
import { lockDirectory } from './local/directory-lock.ts';
import { reapOrphan } from './local/orphan.ts';
import { freePort, launchQdrant, type LaunchOptions, type QdrantProcess } from './local/qdrant-process.ts';

export interface LocalQdrantOptions {
  readonly dataDir: string;
  /** SLUICE_QDRANT_BINARY; the pinned one that came with the installation where undefined. */
  readonly binary?: string | undefined;
  readonly log: Log;
  /** Milliseconds to become ready; 30,000 unless given, since a large collection takes time to load. */
  readonly readyMs?: number;
  /** Milliseconds between SIGTERM and SIGKILL; 10,000 unless given. */
  readonly graceMs?: number;
}

export interface LocalQdrant {
  /** Both stay the same over restarts. */
  readonly url: string;
  readonly apiKey: string;
  /** Throws `index_unavailable` while the server is away. */
  readonly endpoint: EndpointProvider;
  /** Undefined while the server is away. */
  readonly pid: () => number | undefined;
  /** Called each time it is ready again after it died. */
  onRestart(listener: () => void): void;
  stop(): Promise<void>;
}

const PORTS_TO_TRY = 3;
const RESTARTS = 10;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** A server that lived this long counts as started well, so its death is not one more of a row. */
const SETTLED_MS = 30_000;

async function launchOnFreePort(
  options: Omit<LaunchOptions, 'port'>,
  signal: AbortSignal,
): Promise<{ port: number; first: QdrantProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { port, first: await launchQdrant({ ...options, port }, signal) };
    } catch (error) {
      // Somebody may have taken the port since it was found free. Anything else shows itself again.
      if (attempt === PORTS_TO_TRY || error instanceof AppError || signal.aborted) throw error;
      options.log.warn({ attempt }, 'Qdrant did not start; trying once more');
    }
  }
}

interface Supervision {
  readonly current: () => QdrantProcess | undefined;
  onRestart(listener: () => void): void;
  stop(): Promise<void>;
}

/** Keeps one server running: starts it again with growing pauses, and gives up after ten deaths in a row. */
function supervise(first: QdrantProcess, options: LaunchOptions): Supervision {
  const { log } = options;
  const stopping = new AbortController();
  const listeners: (() => void)[] = [];
  let current: QdrantProcess | undefined = first;

  async function again(failures: number): Promise<QdrantProcess | undefined> {
    await sleep(Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS), undefined, { signal: stopping.signal }).catch(() => undefined);
    if (stopping.signal.aborted) return undefined;
    try {
      return await launchQdrant(options, stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) log.error({ part: 'qdrant', failures }, 'Qdrant did not start again', error);
      return undefined;
    }
  }

  async function watch(): Promise<void> {
    let failures = 0;
    let since = performance.now();
    for (;;) {
      await current?.ended;
      const died = current !== undefined;
      current = undefined;
      if (stopping.signal.aborted) return;
      if (died && performance.now() - since > SETTLED_MS) failures = 0;
      if (failures >= RESTARTS) break;
      if (died) log.warn({ part: 'qdrant', failures }, 'Qdrant ended; starting it again');
      current = await again(failures);
      failures += 1;
      since = performance.now();
      if (current !== undefined) for (const listener of listeners) listener();
    }
    log.error({ part: 'qdrant' }, 'Qdrant died too often and stays down; restart the service');
  }

  const watching = watch();
  return {
    current: () => current,
    onRestart: (listener) => void listeners.push(listener),
    async stop() {
      stopping.abort();
      await current?.end();
      await watching;
    },
  };
}

function prepareDirectory(dataDir: string): string {
  const wanted = join(dataDir, 'qdrant');
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  return realpathSync(wanted);
}

/**
 * Starts the Qdrant server on loopback, with a random key, on `<dataDir>/qdrant`, and keeps it running until `stop`. A server
 * that an earlier run left behind is ended first. Fails with `index_unavailable`, whose message is for the operator.
 */
export async function startLocalQdrant(options: LocalQdrantOptions): Promise<LocalQdrant> {
  const { dataDir, log, readyMs = 30_000, graceMs = 10_000 } = options;
  const binary = findQdrantBinary(options.binary);
  const directory = prepareDirectory(dataDir);
  const { release } = lockDirectory(directory);
  try {
    await reapOrphan(directory, log, graceMs);
    const apiKey = randomBytes(32).toString('base64url');
    const launch = { binary, directory, apiKey, log, readyMs, graceMs };
    const { port, first } = await launchOnFreePort(launch, new AbortController().signal);
    const supervision = supervise(first, { ...launch, port });
    const url = `http://127.0.0.1:${port}`;
    let stopped: Promise<void> | undefined;
    return {
      url,
      apiKey,
      endpoint: () => {
        if (supervision.current() !== undefined) return { url, apiKey };
        throw new AppError('index_unavailable', { detail: 'the local Qdrant is being started again', retryAfter: 1 });
      },
      pid: () => supervision.current()?.pid,
      onRestart: supervision.onRestart,
      stop: () => (stopped ??= supervision.stop().finally(release)),
    };
  } catch (error) {
    release();
    if (error instanceof AppError) throw error;
    throw new AppError('index_unavailable', { detail: error instanceof Error ? error.message : 'Qdrant did not start', cause: error });
  }
}
