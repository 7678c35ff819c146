import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mintFilterForTests } from '../../test/support/authorized-filter.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { BM25_LEG, codeOf, TEST_IDENTITY, testPoint } from '../../test/support/vector-fixture.ts';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { systemClock } from '../core/ports/clock.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { findQdrantBinary } from './local/binary.ts';
import { identifyProcess, isSameProcess } from './local/process-identity.ts';
import { launchQdrant } from './local/qdrant-process.ts';
import { startLocalQdrant, type LocalQdrant } from './local-qdrant.ts';
import { createVectorIndex } from './vector-index.ts';

const { log } = silentTelemetry;
const PARENT = fileURLToPath(new URL('../../test/support/qdrant-parent.ts', import.meta.url));

async function started(dataDir: string, binary?: string): Promise<LocalQdrant> {
  const server = await startLocalQdrant({ dataDir, binary, log, graceMs: 3_000 });
  onTestFinished(() => server.stop());
  return server;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i += 1) {
    if (await condition()) return;
    await sleep(20);
  }
  throw new Error(`never came: ${what}`);
}

interface Told {
  readonly pid?: number;
  readonly error?: string;
}

/** Starts a service-like process and gives the first line it prints. */
async function parent(dataDir: string, then = 'stay'): Promise<{ process: ChildProcess; told: Told }> {
  const child = spawn(process.execPath, [PARENT, dataDir, then], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { process: child, told: JSON.parse(line) as Told };
}

async function collections(server: LocalQdrant, method = 'GET', name = ''): Promise<string> {
  const headers = { 'api-key': server.apiKey, 'content-type': 'application/json' };
  const body = method === 'GET' ? {} : { body: '{"vectors":{"size":2,"distance":"Dot"}}' };
  return (await fetch(`${server.url}/collections${name}`, { method, headers, ...body })).text();
}

function script(body: string): string {
  const path = join(temporaryDirectory(), 'program');
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

function pinnedPath(): string {
  return findQdrantBinary(undefined).path;
}

describe('a local Qdrant', () => {
  it('answers on loopback to its key only, and its key is not among its arguments', async () => {
    const server = await started(temporaryDirectory());
    expect(new URL(server.url).hostname).toBe('127.0.0.1');
    expect(await collections(server)).toContain('"collections":[]');
    expect((await fetch(`${server.url}/collections`)).status).toBe(401);
    const pid = server.pid() ?? 0;
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(server.apiKey);
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    expect(environment).toContain(server.apiKey);
    // Nothing is inherited, so no secret of ours is.
    expect(environment.split('\0').filter((entry) => entry !== '' && !entry.startsWith('QDRANT__'))).toEqual([]);
  });

  it('comes back after SIGKILL with its data, at the same address with the same key', async () => {
    const server = await started(temporaryDirectory());
    await collections(server, 'PUT', '/kept');
    const pid = server.pid() ?? 0;
    let restarts = 0;
    server.onRestart(() => {
      restarts += 1;
    });
    process.kill(pid, 'SIGKILL');
    await until('its death is noticed', () => server.pid() === undefined);
    expect(() => server.endpoint()).toThrow(AppError);
    await until('restart', () => restarts === 1);
    expect(server.pid()).not.toBe(pid);
    expect(server.endpoint()).toEqual({ url: server.url, apiKey: server.apiKey });
    expect(await collections(server)).toContain('kept');
  });

  it('killed while it is written to loses nothing it confirmed, and is searched again without a new client', async () => {
    const server = await started(temporaryDirectory());
    const options = { collection: 'c', identity: TEST_IDENTITY, telemetry: silentTelemetry, clock: systemClock };
    const index = createVectorIndex({ ...options, endpoint: server.endpoint });
    onTestFinished(() => index.close());
    const { signal } = new AbortController();
    await index.start(signal);
    const confirmed: string[] = [];
    const outcomes = new Set<string>();
    const search = () => index.search(mintFilterForTests({ gate: [5] }), BM25_LEG, 1_000, signal);
    for (let i = 0; i < 60; i += 1) {
      if (i === 20) process.kill(server.pid() ?? 0, 'SIGKILL');
      const written = testPoint('acme' as TenantId);
      // A write that fails may be repeated or not; what counts is that one that succeeded is there.
      const outcome = await codeOf(index.upsert([written], signal));
      outcomes.add(outcome);
      if (outcome === 'no failure') confirmed.push(written.chunk);
    }
    expect([...outcomes].filter((outcome) => !['no failure', 'index_unavailable'].includes(outcome))).toEqual([]);
    await until('the index is searched again', async () => (await search().catch(() => [])).length > 0);
    const found = new Set((await search()).map((hit) => hit.chunk as string));
    expect(confirmed.length).toBeGreaterThanOrEqual(20);
    expect(confirmed.filter((chunk) => !found.has(chunk))).toEqual([]);
  });

  it('is ended by stop, even right after it died, and leaves the directory to the next', async () => {
    const dataDir = temporaryDirectory();
    const server = await started(dataDir);
    const known = identifyProcess(server.pid() ?? 0);
    await server.stop();
    await server.stop();
    expect(known !== undefined && isSameProcess(known)).toBe(false);
    const second = await started(dataDir);
    process.kill(second.pid() ?? 0, 'SIGKILL');
    await second.stop();
    await expect(fetch(second.url)).rejects.toThrow('fetch failed');
  });

  it('runs a program of the operator, found to be new enough', async () => {
    const copy = join(temporaryDirectory(), 'my-qdrant');
    copyFileSync(pinnedPath(), copy);
    chmodSync(copy, 0o755);
    const server = await started(temporaryDirectory(), copy);
    expect(await collections(server)).toContain('"collections":[]');
  });

  it.each([
    ['too old', 'echo qdrant 1.15.4', /1\.15, which is too old/],
    ['something else', 'echo hello', /does not say that it is Qdrant/],
    ['failing', 'exit 3', /does not run/],
    ['ending at once', 'test "$1" = --version && echo qdrant 1.16.0', /did not start: it ended at once/],
  ])('refuses a program that is %s', async (_, body, message) => {
    await expect(startLocalQdrant({ dataDir: temporaryDirectory(), binary: script(body), log })).rejects.toThrow(message);
  });

  it('refuses a program that is not there, and leaves no lock behind when a start fails', async () => {
    const dataDir = temporaryDirectory();
    await expect(startLocalQdrant({ dataDir, binary: '/nowhere/qdrant', log })).rejects.toThrow(/SLUICE_QDRANT_BINARY/);
    await expect(startLocalQdrant({ dataDir, binary: script('exit 3'), log })).rejects.toThrow(AppError);
    await started(dataDir);
  });

  it('does not start beside a stranger on its port, and leaves nothing running', async () => {
    const stranger = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void stranger.close());
    await once(stranger, 'listening');
    const address = stranger.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const options = {
      binary: findQdrantBinary(undefined),
      directory: temporaryDirectory(),
      port,
      apiKey: 'k',
      log,
      readyMs: 20_000,
      graceMs: 1_000,
    };
    await expect(launchQdrant(options, new AbortController().signal)).rejects.toThrow(/did not start/);
    expect(existsSync(join(options.directory, 'process.json'))).toBe(false);
  });

  it('that never gets ready is ended at the deadline', async () => {
    const program = script('test "$1" = --version && echo qdrant 1.16.0 && exit; exec sleep 1000');
    const options = { dataDir: temporaryDirectory(), binary: program, log, readyMs: 300, graceMs: 500 };
    await expect(startLocalQdrant(options)).rejects.toThrow(/not ready after 300 ms/);
  });
});

describe('after a kill -9 of the service', () => {
  it('the server it left is ended, another is started on its data', async () => {
    const dataDir = temporaryDirectory();
    const first = await parent(dataDir);
    const orphan = identifyProcess(first.told.pid ?? 0);
    if (orphan === undefined) throw new Error('the parent started nothing');
    const exit = once(first.process, 'exit');
    first.process.kill('SIGKILL');
    await exit;
    expect(isSameProcess(orphan)).toBe(true);
    const server = await started(dataDir);
    expect(isSameProcess(orphan)).toBe(false);
    expect(server.pid()).not.toBe(orphan.pid);
    expect(await collections(server)).toContain('"collections":[]');
  });

  it('but a plain exit takes the server along', async () => {
    const { told } = await parent(temporaryDirectory(), 'exit');
    const known = identifyProcess(told.pid ?? 0);
    const ended = until('the end of the server', () => known === undefined || !isSameProcess(known));
    await expect(ended).resolves.toBeUndefined();
  });
});

describe('two services on one directory', () => {
  it('are refused within a process and between processes, and a kill -9 frees it', async () => {
    const dataDir = temporaryDirectory();
    const first = await parent(dataDir);
    await expect(startLocalQdrant({ dataDir, log })).rejects.toThrow(`in use by process ${first.process.pid}`);
    const rival = await parent(dataDir);
    expect(rival.told.error).toContain('SLUICE_DATA_DIR');
    const exit = once(first.process, 'exit');
    first.process.kill('SIGKILL');
    await exit;
    await started(dataDir);
    await expect(startLocalQdrant({ dataDir, log })).rejects.toThrow(`in use by process ${process.pid}`);
  });
});
