import { mkdtemp, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { isRunning, qdrantPid, startChildService, type ChildService } from '../support/child-service.ts';
import { indexFacts, type IndexFacts } from '../support/index-facts.ts';
import { lineOf, markedDocuments, OPEN_POLICY, type MarkedDocument } from '../support/marked-documents.ts';
import { seededRandom } from '../support/random.ts';
import { AUDIENCE, startTestService, type Answer, type TestService } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';

const DOCUMENTS = 60;
const SOURCE = '/v1/sources/handbook';
const ACME = 'acme' as TenantId;

interface Released {
  readonly id: string;
  readonly text: string;
  readonly provenance: { readonly document: { readonly id: string } };
}

interface Line {
  readonly document?: string;
  readonly changed?: boolean;
  readonly error?: { readonly code: string };
  readonly done?: boolean;
}

/** An answer of which every byte arrived. */
interface Received {
  readonly requestId: string;
  readonly chunks: readonly string[];
}

const documents = markedDocuments(DOCUMENTS);
const batch = `${documents.map(lineOf).join('\n')}\n`;
const random = seededRandom(3);
const directories: string[] = [];
let issuer: TestIssuer;
let loader: string;
let reader: string;
/** A run that nobody disturbed. */
let undisturbed: IndexFacts;

async function newDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-crash-'));
  directories.push(path);
  return path;
}

const launch = (dataDir: string) => ({ policy: OPEN_POLICY, tenants: ['acme'], dataDir });
const startChild = (dataDir: string): Promise<ChildService> => startChildService({ ...launch(dataDir), issuer: issuer.config });
const startHere = (dataDir: string): Promise<TestService> => startTestService({ ...launch(dataDir), issuer });

type Caller = Pick<ChildService, 'call' | 'url'>;

/** The source, and one document that fixes the numbers of zone and principals, so that two runs can be compared. */
async function prepare(to: Caller): Promise<void> {
  const source = { title: 'Handbook', owner: 'group:test|staff', level: 'internal', compartments: [], trust: 'trusted' };
  expect((await to.call('PUT', SOURCE, loader, source)).status).toBe(201);
  const first = { text: 'Nothing.', mediaType: 'text/plain', acl: { allow: ['group:test|staff', 'group:test|hr'] } };
  expect((await to.call('PUT', `${SOURCE}/documents/first`, loader, first)).status).toBe(200);
}

/** Sends the whole batch and tells each line as it arrives; resolves when the answer ends, whole or torn. */
async function ingest(to: Caller, onLine: (line: Line) => void = () => undefined): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const headers = { 'content-type': 'application/x-ndjson', authorization: `Bearer ${loader}` };
  try {
    const answer = await fetch(`${to.url}${SOURCE}/documents`, { method: 'POST', headers, body: batch });
    let rest = '';
    for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (rest + piece).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const line = JSON.parse(part) as Line;
        lines.push(line);
        onLine(line);
      }
    }
  } catch {
    // Torn by a kill: what came whole is what was acknowledged.
  }
  return lines;
}

const isStored = ({ document, error }: Line): boolean => document !== undefined && error === undefined;

function ask(to: Caller, marker: string): Promise<Answer> {
  return to.call('POST', '/v1/retrieve', reader, { query: marker, limit: 5 });
}

/** Only what staff may read, only with the words that were handed in, and only what was asked for. */
function checkAnswer(answer: Answer, asked: MarkedDocument): readonly Released[] {
  const { chunks } = answer.json<{ chunks: readonly Released[] }>();
  for (const { text, provenance } of chunks) {
    expect(asked.readers).toBe('staff');
    expect(provenance.document.id).toBe(asked.document);
    expect(asked.text.includes(text), text).toBe(true);
  }
  return chunks;
}

/** Each acknowledged document is found by who may read it, and by nobody else. */
async function checkFound(to: Caller, stored: ReadonlySet<string>): Promise<void> {
  const wanted = documents.filter(({ document }) => stored.has(document));
  for (let start = 0; start < wanted.length; start += 8) {
    await Promise.all(
      wanted.slice(start, start + 8).map(async (document) => {
        const answer = await ask(to, document.marker);
        expect(answer.status, answer.text).toBe(200);
        expect(checkAnswer(answer, document).length > 0, document.document).toBe(document.readers === 'staff');
      }),
    );
  }
}

/** Asks without end until `stop`, for documents at random. Complete answers are kept; `refused` hears the others. */
function askOnAndOn(to: Caller, workers: number, refused: (answer: Answer) => void = () => undefined) {
  const received: Received[] = [];
  let stopped = false;
  async function work(): Promise<void> {
    while (!stopped) {
      const asked = random.pick(documents);
      // A torn connection: the service was killed.
      const answer = await ask(to, asked.marker).catch(() => undefined);
      if (answer === undefined) await sleep(5);
      else if (answer.status === 200)
        received.push({ requestId: requestOf(answer), chunks: checkAnswer(answer, asked).map(({ id }) => id) });
      else refused(answer);
    }
  }
  const running = Promise.all(Array.from({ length: workers }, work));
  return {
    received,
    async stop() {
      stopped = true;
      await running;
    },
  };
}

function requestOf(answer: Answer): string {
  return answer.json<{ requestId: string }>().requestId;
}

interface LoggedEvent {
  readonly idx: number;
  readonly kind: string;
  readonly request_id: string;
  readonly body: {
    readonly document?: string;
    readonly chunks?: number | readonly { readonly chunk: string; readonly document: string }[];
  };
}

/** The log as it lies on disk. */
function loggedEvents(dataDir: string): readonly LoggedEvent[] {
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { readOnly: true });
  const rows = db.prepare('select idx, kind, request_id, body from audit_events where tenant = ? order by idx').all('acme');
  db.close();
  return rows.map((row) => ({ ...row, body: JSON.parse(String(row['body'])) as LoggedEvent['body'] })) as unknown as LoggedEvent[];
}

function releasedIn({ body }: LoggedEvent): readonly { readonly chunk: string; readonly document: string }[] {
  return Array.isArray(body.chunks) ? (body.chunks as readonly { readonly chunk: string; readonly document: string }[]) : [];
}

/** Nothing is released before its publication is in the log, so nothing was while it was only staged. */
function checkNothingStagedWasReleased(events: readonly LoggedEvent[]): number {
  const published = new Set<string>();
  let releases = 0;
  for (const event of events) {
    if (event.kind === 'document.published') published.add(event.body.document ?? '');
    if (event.kind !== 'release') continue;
    const early = releasedIn(event).filter(({ document }) => !published.has(document));
    expect(early).toEqual([]);
    releases += releasedIn(event).length > 0 ? 1 : 0;
  }
  return releases;
}

/** What was received whole is in the log with the same chunks. */
function checkEachIsLogged(received: readonly Received[], events: readonly LoggedEvent[]): void {
  const releases = new Map(events.filter(({ kind }) => kind === 'release').map((event) => [event.request_id, event]));
  for (const { requestId, chunks } of received) {
    const event = releases.get(requestId);
    expect(event === undefined ? 'no release in the log' : releasedIn(event).map(({ chunk }) => chunk)).toEqual(chunks);
  }
}

/** The same chunks and points as without any disturbance, each once. */
function checkFacts(facts: IndexFacts): void {
  expect(facts.chunks.filter(({ state }) => state !== 'live')).toEqual([]);
  expect(facts.points.map(({ id }) => id)).toEqual(facts.chunks.map(({ chunk }) => chunk));
  expect(facts).toEqual(undisturbed);
}

async function untilReady(to: Caller): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if ((await to.call('GET', '/readyz', undefined)).status === 200) return;
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
  const lines = await ingest(service);
  expect(lines.at(-1)).toMatchObject({ done: true, lines: DOCUMENTS, failed: 0 });
  await checkFound(service, new Set(documents.map(({ document }) => document)));
  await service.stop({ keep: true });
  undisturbed = await indexFacts(dataDir);
  expect(undisturbed.chunks.length).toBeGreaterThan(DOCUMENTS * 3);
});

afterAll(async () => {
  await issuer.stop();
  for (const path of directories) await rm(path, { recursive: true, force: true, maxRetries: 5 });
});

describe('kill -9 of the service', () => {
  it('in the middle of ingestion loses nothing, doubles nothing and shows nothing that was not published', async () => {
    const dataDir = await newDirectory();
    const stored = new Set<string>();
    let child = await startChild(dataDir);
    await prepare(child);
    for (const quota of [1, 9, 14, 11]) {
      const before = qdrantPid(dataDir);
      const asking = askOnAndOn(child, 2);
      let fresh = 0;
      const torn = await ingest(child, (line) => {
        if (isStored(line)) stored.add(line.document ?? '');
        fresh += line.changed === true ? 1 : 0;
        // At no place in particular of the writes that are under way behind this line.
        if (fresh === quota) void sleep(random.below(25)).then(() => child.kill());
      });
      expect(torn.at(-1)?.done).toBeUndefined();
      await child.kill();
      await asking.stop();
      expect(isRunning(before), 'kill -9 leaves the local Qdrant behind').toBe(true);
      child = await startChild(dataDir);
      expect(isRunning(before), 'the next start ends it').toBe(false);
      await checkFound(child, stored);
    }
    expect(stored.size).toBeGreaterThanOrEqual(35);
    expect(stored.size).toBeLessThan(DOCUMENTS);
    const healed = await ingest(child);
    expect(healed.at(-1)).toMatchObject({ done: true, lines: DOCUMENTS, failed: 0 });
    expect(healed.some(({ changed }) => changed === true)).toBe(true);
    await checkFound(child, new Set(documents.map(({ document }) => document)));
    const again = await ingest(child);
    expect(again.filter(({ document, changed }) => document !== undefined && changed !== false)).toEqual([]);
    const last = qdrantPid(dataDir);
    await child.kill();
    checkFacts(await indexFacts(dataDir));
    expect(isRunning(last)).toBe(false);
    expect(checkNothingStagedWasReleased(loggedEvents(dataDir))).toBeGreaterThan(10);
  }, 120_000);

  it('in the middle of a query: what arrived whole is in the log, and the log is whole', async () => {
    const dataDir = await newDirectory();
    const received: Received[] = [];
    let child = await startChild(dataDir);
    await prepare(child);
    await ingest(child);
    for (const quota of [40, 150]) {
      const asking = askOnAndOn(child, 8);
      while (asking.received.length < quota) await sleep(1);
      await sleep(random.below(20));
      await child.kill();
      await asking.stop();
      received.push(...asking.received);
      child = await startChild(dataDir);
    }
    await checkFound(child, new Set(documents.map(({ document }) => document)));
    await child.kill();
    checkEachIsLogged(received, loggedEvents(dataDir));
    expect(received.filter(({ chunks }) => chunks.length > 0).length).toBeGreaterThan(60);
    const service = await startHere(dataDir);
    expect(await service.service.stores.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: loggedEvents(dataDir).length });
    await service.stop({ keep: true });
  }, 120_000);
});

describe('kill -9 of Qdrant', () => {
  it('in the middle of ingestion and of queries: 503 or the right answer, and the same ingestion heals it', async () => {
    const dataDir = await newDirectory();
    const service = await startHere(dataDir);
    await prepare(service);
    const stored = new Set<string>();
    const refusals: string[] = [];
    const asking = askOnAndOn(service, 3, (answer) => refusals.push(`${answer.status} ${answer.json<{ code: string }>().code}`));
    const failed: string[] = [];
    for (const quota of [6, 15]) {
      let fresh = 0;
      let killed = false;
      const lines = await ingest(service, (line) => {
        fresh += line.changed === true ? 1 : 0;
        if (fresh < quota || killed) return;
        killed = true;
        process.kill(qdrantPid(dataDir), 'SIGKILL');
      });
      expect(lines.at(-1)).toMatchObject({ done: true, lines: DOCUMENTS });
      failed.push(...lines.flatMap(({ error }) => error?.code ?? []));
      for (const line of lines) if (isStored(line)) stored.add(line.document ?? '');
      await untilReady(service);
      // Its search connections found out by failing, too.
      await checkFoundSoon(service, stored);
    }
    await asking.stop();
    expect(new Set(failed)).toEqual(new Set(['index_unavailable']));
    expect(new Set(refusals)).toEqual(new Set(['503 index_unavailable']));
    expect(asking.received.some(({ chunks }) => chunks.length > 0)).toBe(true);
    const healed = await ingest(service);
    expect(healed.at(-1)).toMatchObject({ done: true, lines: DOCUMENTS, failed: 0 });
    await checkFound(service, new Set(documents.map(({ document }) => document)));
    expect(await service.service.stores.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    await service.stop({ keep: true });
    checkFacts(await indexFacts(dataDir));
    checkEachIsLogged(asking.received, loggedEvents(dataDir));
    checkNothingStagedWasReleased(loggedEvents(dataDir));
  }, 120_000);

  /** The circuit stays open for a second after the server has come back. */
  async function checkFoundSoon(to: Caller, stored: ReadonlySet<string>): Promise<void> {
    const [any] = documents;
    if (any === undefined) throw new Error('no documents');
    for (let tries = 0; tries < 200 && (await ask(to, any.marker)).status !== 200; tries += 1) await sleep(20);
    await checkFound(to, stored);
  }
});
