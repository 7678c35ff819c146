import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sluice, startSluice, type Running } from '../support/command.ts';
import { ownPort } from '../support/own-port.ts';

const COMPANY = join(import.meta.dirname, '../../demo/company');
let directory = '';
let running: Running[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dev-'));
});
afterEach(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGTERM');
    await ended;
  }
  running = [];
  rmSync(directory, { recursive: true, maxRetries: 5 });
});

async function startDev(env: Readonly<Record<string, string>> = {}): Promise<{ dev: Running; url: string; issuer: string }> {
  const dev = startSluice(['dev'], { SLUICE_DATA_DIR: join(directory, 'data'), SLUICE_PORT: '0', LOG_LEVEL: 'info', ...env });
  running.push(dev);
  const [, url = ''] = await dev.line(/listens on (http:\S+),/);
  const [, issuer = ''] = await dev.line(/tokens come from +(\S+)/);
  await dev.line(/"msg":"ready"/);
  return { dev, url, issuer };
}

test('from nothing to an answer, and again after a stop', async () => {
  const { dev, url } = await startDev();
  const token = async (...args: readonly string[]): Promise<string> => {
    const ended = await sluice(['token', ...args], { SLUICE_URL: url });
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(ended.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    return ended.out.trim();
  };
  const create = ['--create', '--owner', 'group:hr', '--level', 'internal', '--trust', 'trusted'];
  const handbook = ['ingest', join(COMPANY, 'people-handbook'), '--source', 'people-handbook', '--json'];
  const first = await sluice([...handbook, ...create], { SLUICE_URL: url, SLUICE_TOKEN: await token('--as', 'olga') });
  expect(first.code).toBe(0);
  expect(first.json()).toMatchObject({ created: 15, failed: [], problems: [] });

  const ask = async (at: string, person: string): Promise<string> => {
    const authorization = `Bearer ${(await sluice(['token', '--as', person], { SLUICE_URL: at })).out.trim()}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${at}/v1/retrieve`, { method: 'POST', headers, body: '{"query":"how much parental leave do I get"}' });
    return answer.text();
  };
  expect(await ask(url, 'alice')).toContain('20 weeks of parental leave');
  expect(await ask(url, 'marco')).not.toContain('20 weeks of parental leave');

  // On the machine, while the service holds the database.
  const env = { SLUICE_DATA_DIR: join(directory, 'data') };
  expect((await sluice(['admin', 'create-tenant', 'globex', '--administrator', 'user:dev|hank'], env)).code).toBe(0);
  expect((await sluice(['audit', 'verify'], env)).out).toMatch(/acme: intact[^]*globex: intact/);

  dev.child.kill('SIGTERM');
  expect((await dev.ended).code).toBe(0);
  const again = await startDev();
  expect(await ask(again.url, 'alice')).toContain('20 weeks of parental leave');
});

test('the issuer takes the next port where it is free, and another where it is not', async () => {
  const port = await ownPort();
  const env = { SLUICE_PORT: String(port), SLUICE_QDRANT_DOOR_PORT: '0' };
  const { dev, url, issuer } = await startDev(env);
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect(new URL(issuer).hostname).toBe('127.0.0.1');
  dev.child.kill('SIGTERM');
  await dev.ended;

  const squatter = createServer().listen(port + 1, '127.0.0.1');
  await once(squatter, 'listening').catch(() => undefined);
  const second = await startDev(env);
  expect(new URL(second.issuer).port).not.toBe(String(port + 1));
  squatter.close();
});

test('a user or an application that is not there gets no token', async () => {
  const { url } = await startDev();
  for (const args of [
    ['--as', 'mallory'],
    ['--as', 'alice', '--client', 'unknown'],
  ]) {
    const ended = await sluice(['token', ...args], { SLUICE_URL: url });
    expect(ended).toMatchObject({ code: 1, out: '' });
  }
  expect((await sluice(['token', '--as', 'alice', '--client', 'customer-assistant'], { SLUICE_URL: url })).code).toBe(0);
});

test('a port that is taken is told, and nothing is left running', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const address = squatter.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const dev = startSluice(['dev'], { SLUICE_DATA_DIR: join(directory, 'data'), SLUICE_PORT: String(port) });
  const ended = await dev.ended;
  squatter.close();
  expect(ended.code).toBe(1);
  expect(ended.err).toContain('EADDRINUSE');
});

test('development refuses what would reach further than this machine', async () => {
  const ended = await sluice(['dev'], { SLUICE_HOST: '0.0.0.0', DATABASE_URL: 'postgres://x/y' });
  expect(ended.code).toBe(2);
  for (const key of ['SLUICE_HOST', 'DATABASE_URL']) expect(ended.err).toContain(key);
});
