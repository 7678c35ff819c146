import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { isRunning, qdrantPid, startChildService, type ChildService } from '../support/child-service.ts';
import { indexFacts, type IndexFacts } from '../support/index-facts.ts';
import { checkEachIsLogged, checkNothingStagedWasReleased, loggedEvents } from '../support/logged-events.ts';
import {
  ask,
  askOnAndOn,
  checkFound,
  HANDBOOK,
  ingest,
  isStored,
  type Line,
  type Received,
  type Target,
} from '../support/marked-client.ts';
import { markedDocuments, OPEN_POLICY } from '../support/marked-documents.ts';
import { seededRandom } from '../support/random.ts';
import { AUDIENCE, startTestService, type TestService } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';

const DOCUMENTS = 60;
/**
 * What is sent before each kill, and after how many new lines of it the kill comes. Something new is in each, and some documents in none, so
 * the kill is always in the middle, however late this process gets its turn.
 */
const KILLS = [
  { sent: 12, quota: 1 },
  { sent: 26, quota: 9 },
  { sent: 42, quota: 14 },
  { sent: 55, quota: 11 },
];
const ACME = 'acme' as TenantId;

const documents = markedDocuments(DOCUMENTS);
const random = seededRandom(3);
const directories: string[] = [];
let issuer: TestIssuer;
let loader: string;
let reader: string;
/** What a run leaves that nobody disturbed. */
let undisturbed: IndexFacts;

async function newDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-crash-'));
  directories.push(path);
  return path;
}

const launch = (dataDir: string) => ({ policy: OPEN_POLICY, tenants: ['acme'], dataDir });
/** Ends what a test that failed half-way left running. */
const cleanups: (() => Promise<void>)[] = [];

async function startChild(dataDir: string): Promise<ChildService> {
  const child = await startChildService({ ...launch(dataDir), issuer: issuer.config });
  cleanups.push(child.kill);
  return child;
}

async function startHere(dataDir: string): Promise<TestService> {
  const service = await startTestService({ ...launch(dataDir), issuer });
  cleanups.push(() => service.stop({ keep: true }));
  return service;
}

/** The source, and one document that fixes the numbers of zone and principals, so that two runs can be compared. */
async function prepare(to: Target): Promise<void> {
  const source = { title: 'Handbook', owner: 'group:test|staff', level: 'internal', compartments: [], trust: 'trusted' };
  await to.call('PUT', HANDBOOK, loader, source);
  const first = { text: 'Nothing.', mediaType: 'text/plain', acl: { allow: ['group:test|staff', 'group:test|hr'] } };
  await to.call('PUT', `${HANDBOOK}/documents/first`, loader, first);
}

function theQdrant(dataDir: string): number {
  const pid = qdrantPid(dataDir);
  if (pid === undefined) throw new Error('no Qdrant is recorded');
  return pid;
}

/** The same chunks and points as without any disturbance, each once. */
function checkFacts(facts: IndexFacts): void {
  expect(facts.chunks.filter(({ state }) => state !== 'live')).toEqual([]);
  expect(facts.points.map(({ id }) => id)).toEqual(facts.chunks.map(({ chunk }) => chunk));
  expect(facts).toEqual(undisturbed);
}

/** Ready by its own word, and asked with success: the circuit stays open for a second after the index has come back. */
async function untilAnswering(to: Target): Promise<void> {
  for (const giveUpAt = performance.now() + 60_000; performance.now() < giveUpAt;) {
    const { status } = await to.call('GET', '/readyz', undefined);
    if (status === 200 && (await ask(to, reader, 'zx')).status === 200) return;
    await sleep(20);
  }
  throw new Error('it never became ready');
}

beforeAll(async () => {
  issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE });
  loader = await issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined });
  reader = await issuer.sign({ sub: 'anna', groups: ['staff'] });
  const dataDir = await newDirectory();
  const service = await startHere(dataDir);
  await prepare(service);
  await ingest(service, loader, documents);
  await checkFound(service, reader, documents);
  await service.stop({ keep: true });
  undisturbed = await indexFacts(dataDir);
});

afterAll(async () => {
  for (const cleanup of cleanups) await cleanup().catch(() => undefined);
  for (const path of directories) {
    const orphan = qdrantPid(path);
    if (orphan !== undefined && isRunning(orphan)) process.kill(orphan, 'SIGKILL');
  }
  await issuer.stop();
  for (const path of directories) await rm(path, { recursive: true, force: true, maxRetries: 5 });
});

describe('kill -9 of the service', () => {
  it('in the middle of ingestion loses nothing, doubles nothing and shows nothing that was not published', async () => {
    expect(undisturbed.chunks.length).toBeGreaterThan(DOCUMENTS * 2);
    const dataDir = await newDirectory();
    const stored = new Set<string>();
    const acknowledged = () => documents.filter(({ document }) => stored.has(document));
    let child = await startChild(dataDir);
    await prepare(child);
    for (const { sent, quota } of KILLS) {
      const before = theQdrant(dataDir);
      const asking = askOnAndOn(child, reader, documents, { workers: 1, random });
      let fresh = 0;
      const onLine = (line: Line): void => {
        if (isStored(line)) stored.add(line.document ?? '');
        fresh += line.changed === true ? 1 : 0;
        // At no place in particular of the writes that are under way behind this line.
        if (fresh === quota) void sleep(random.below(25)).then(() => child.kill());
      };
      const torn = await ingest(child, loader, documents.slice(0, sent), onLine, 'open');
      expect(torn.at(-1)?.done).toBeUndefined();
      await child.kill();
      await asking.stop();
      expect(isRunning(before), 'kill -9 leaves the local Qdrant behind').toBe(true);
      child = await startChild(dataDir);
      expect(isRunning(before), 'the next start ends it').toBe(false);
      await checkFound(child, reader, acknowledged());
    }
    expect(stored.size).toBeGreaterThanOrEqual(35);
    expect(stored.size).toBeLessThan(DOCUMENTS);
    const healed = await ingest(child, loader, documents);
    expect(healed.at(-1)).toMatchObject({ done: true, lines: DOCUMENTS, failed: 0 });
    expect(healed.some(({ changed }) => changed === true)).toBe(true);
    await checkFound(child, reader, documents);
    const again = await ingest(child, loader, documents);
    expect(again.filter(({ document, changed }) => document !== undefined && changed !== false)).toEqual([]);
    await child.kill();
    // Which reaps the orphan too, or could not read.
    checkFacts(await indexFacts(dataDir));
    expect(checkNothingStagedWasReleased(loggedEvents(dataDir, 'acme'))).toBeGreaterThan(10);
  }, 300_000);

  it('in the middle of a query: what arrived whole is in the log, and the log is whole', async () => {
    const dataDir = await newDirectory();
    const received: Received[] = [];
    let child = await startChild(dataDir);
    await prepare(child);
    await ingest(child, loader, documents);
    for (const quota of [40, 150]) {
      const asking = askOnAndOn(child, reader, documents, { workers: 8, random });
      while (asking.received.length < quota) await sleep(1);
      await sleep(random.below(20));
      await child.kill();
      await asking.stop();
      expect(asking.refused).toEqual([]);
      received.push(...asking.received);
      child = await startChild(dataDir);
    }
    await checkFound(child, reader, documents);
    await child.kill();
    checkEachIsLogged(received, loggedEvents(dataDir, 'acme'));
    expect(received.filter(({ chunks }) => chunks.length > 0).length).toBeGreaterThan(60);
    const service = await startHere(dataDir);
    const { length } = loggedEvents(dataDir, 'acme');
    expect(await service.service.stores.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: length });
    await service.stop({ keep: true });
  }, 300_000);
});

describe('kill -9 of Qdrant', () => {
  it('in the middle of ingestion and of queries: 503 or the right answer, and the same ingestion heals it', async () => {
    const dataDir = await newDirectory();
    const service = await startHere(dataDir);
    await prepare(service);
    const stored = new Set<string>();
    const failed = new Set<string | undefined>();
    const asking = askOnAndOn(service, reader, documents, { workers: 2, random });
    for (const quota of [6, 15]) {
      let fresh = 0;
      let killed = false;
      const lines = await ingest(service, loader, documents, (line) => {
        fresh += line.changed === true ? 1 : 0;
        if (fresh < quota || killed) return;
        killed = true;
        process.kill(theQdrant(dataDir), 'SIGKILL');
      });
      expect(lines.at(-1)).toMatchObject({ done: true, lines: DOCUMENTS });
      for (const { error } of lines) if (error !== undefined) failed.add(error.code);
      for (const line of lines) if (isStored(line)) stored.add(line.document ?? '');
      await untilAnswering(service);
      await checkFound(
        service,
        reader,
        documents.filter(({ document }) => stored.has(document)),
      );
    }
    await asking.stop();
    expect([...failed]).toEqual(['index_unavailable']);
    expect([...new Set(asking.refused)]).toEqual(['503 index_unavailable']);
    expect(asking.received.some(({ chunks }) => chunks.length > 0)).toBe(true);
    const healed = await ingest(service, loader, documents);
    expect(healed.at(-1)).toMatchObject({ done: true, lines: DOCUMENTS, failed: 0 });
    await checkFound(service, reader, documents);
    expect(await service.service.stores.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    await service.stop({ keep: true });
    checkFacts(await indexFacts(dataDir));
    checkEachIsLogged(asking.received, loggedEvents(dataDir, 'acme'));
    expect(checkNothingStagedWasReleased(loggedEvents(dataDir, 'acme'))).toBeGreaterThan(10);
  }, 300_000);
});
