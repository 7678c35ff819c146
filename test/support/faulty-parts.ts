import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ServiceLimits } from '../../src/service/limits.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { startEmbeddingServer } from './embedding-server.ts';
import { httpProxy, type HttpProxy } from './http-proxy.ts';
import { HANDBOOK } from './marked-client.ts';
import { markedDocuments, OPEN_POLICY, type MarkedDocument } from './marked-documents.ts';
import { postgresForTests } from './postgres.ts';
import { qdrantForTests } from './qdrant.ts';
import { AUDIENCE, startTestService, type Answer, type TestService, type TestServiceOptions } from './service.ts';
import { tcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { startTestIssuer, type TestIssuer, type TestKey } from './test-issuer.ts';

export const DIMENSION = 8;

/** Short enough to wait for, long enough for a machine that is busy. */
const LIMITS: ServiceLimits = {
  audit: { deadlineMs: 3_000 },
  database: { connectTimeoutMs: 3_000, statementTimeoutMs: 3_000, transactionTimeoutMs: 5_000 },
  embedding: { callTimeoutMs: 1_500, attempts: 2, backoffMs: 10, breakForMs: 300 },
  http: { deadlineMs: 30_000 },
  identity: { fetchDeadlineMs: 2_000, coolDownMs: 1, breakerOpenMs: 200, retryInitialMs: 100, retryMaxMs: 300 },
  index: { searchDeadlineMs: 2_000, writeDeadlineMs: 2_000 },
  probeMs: 3_000,
};

/** The whole service over PostgreSQL, Qdrant and an embedding server, with something between it and each that can fail. */
export interface FaultyParts {
  readonly test: TestService;
  readonly database: TcpProxy;
  readonly index: HttpProxy;
  readonly embedding: HttpProxy;
  readonly issuer: TestIssuer;
  /** The key that the service knew from its start. */
  readonly firstKey: TestKey;
  /** Past the proxy. */
  readonly databaseUrl: string;
  /** Tokens of who writes and labels, and of one of the staff. */
  readonly loader: string;
  readonly reader: string;
  /** Lines of the service's log, from `warn` up. */
  readonly logged: readonly string[];
  /** Takes every fault out of every proxy, and waits until everything works again, by itself. */
  recover(): Promise<void>;
  /** Another service over the same parts, with a collection of its own. */
  another(): Promise<TestService>;
  stop(): Promise<void>;
}

/** Ingested from the start: one that staff may read, and one that only hr may. */
export const [OPEN, , HIDDEN] = markedDocuments(3) as [MarkedDocument, MarkedDocument, MarkedDocument];

export async function startFaultyParts(): Promise<FaultyParts> {
  const postgres = await postgresForTests();
  const databaseUrl = await postgres.url();
  const through = new URL(databaseUrl);
  const database = await tcpProxy({ host: through.hostname, port: Number(through.port) });
  through.port = String(database.port);
  const qdrant = await qdrantForTests();
  const index = await httpProxy(qdrant.url);
  const embeddingServer = await startEmbeddingServer(DIMENSION);
  const embedding = await httpProxy(embeddingServer.url);
  const issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE });
  const logged: string[] = [];
  const dense = { kind: 'remote' as const, url: embedding.url, model: 'test', apiKey: undefined, dimension: DIMENSION };
  const options = (): TestServiceOptions => ({
    policy: OPEN_POLICY,
    tenants: ['acme'],
    issuer,
    options: { limits: LIMITS, telemetry: createTelemetry({ level: 'warn', destination: { write: (line) => void logged.push(line) } }) },
    config: {
      database: { kind: 'postgres', url: through.href },
      qdrant: { kind: 'remote', url: index.url, apiKey: qdrant.apiKey ?? '' },
      collection: qdrant.freshCollection(),
      embedding: { languages: ['en'], dense },
    },
  });
  const firstKey = issuer.newest();
  const test = await startTestService(options());
  const loader = await issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined });
  const reader = await issuer.sign({ sub: 'anna', groups: ['staff'] });
  const source = { title: 'Handbook', owner: 'group:test|staff', level: 'internal', compartments: [], trust: 'trusted' };
  await test.call('PUT', HANDBOOK, loader, source);
  for (const { document, text, readers } of [OPEN, HIDDEN]) await put({ test, loader }, document, text, readers);
  const parts: FaultyParts = {
    test,
    firstKey,
    loader,
    reader,
    database,
    index,
    embedding,
    issuer,
    databaseUrl,
    logged,
    async recover() {
      for (const part of [database, index, embedding]) part.mend();
      await untilRight(parts);
      for (const word of [OPEN.marker, HIDDEN.marker, loader, reader]) expect(logged.join('')).not.toContain(word);
    },
    another: () => startTestService(options()),
    async stop() {
      await test.stop();
      for (const part of [index, embedding, embeddingServer, database]) await part.close();
      await issuer.stop();
      await qdrant.stop();
      await postgres.stop();
    },
  };
  return parts;
}

export function put(
  { test, loader }: Pick<FaultyParts, 'test' | 'loader'>,
  document: string,
  text = 'A new document.',
  readers = 'staff',
): Promise<Answer> {
  const body = { text, mediaType: 'text/plain', acl: { allow: [`group:test|${readers}`] } };
  return test.call('PUT', `${HANDBOOK}/documents/${document}`, loader, body);
}

/** Asks for both documents as one of the staff. */
export function retrieve({ test, reader }: FaultyParts, token = reader): Promise<Answer> {
  return test.call('POST', '/v1/retrieve', token, { query: `${OPEN.marker} ${HIDDEN.marker}`, limit: 3 });
}

/** `status code` of a problem, which says nothing else: no chunk, no text, no word of what failed. */
export function problemIn(answer: Answer): string {
  expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
  const problem = answer.json<{ code: string }>();
  expect(Object.keys(problem).sort()).toEqual(['code', 'detail', 'requestId', 'status', 'title', 'type']);
  for (const { marker, text } of [OPEN, HIDDEN]) {
    expect(answer.text).not.toContain(marker);
    expect(answer.text).not.toContain(text.slice(0, 30));
  }
  expect(answer.text).not.toMatch(/127\.0\.0\.1|ECONN|postgres:|html/i);
  return `${answer.status} ${problem.code}`;
}

interface Released {
  readonly text: string;
  readonly provenance: { readonly document: { readonly id: string } };
}

/** The documents that an answer quotes, each once; their words are those that were handed in. */
export function documentsIn(answer: Answer): readonly string[] {
  expect(answer.status, answer.text).toBe(200);
  const { chunks } = answer.json<{ chunks: readonly Released[] }>();
  for (const { text, provenance } of chunks) {
    const document = [OPEN, HIDDEN].find((one) => one.document === provenance.document.id);
    expect(document?.text).toContain(text);
  }
  return [...new Set(chunks.map(({ provenance }) => provenance.document.id))];
}

/** The parts that `/readyz` names. */
export async function notReady(test: TestService): Promise<readonly string[]> {
  const answer = await test.call('GET', '/readyz', undefined);
  const { ready, parts } = answer.json<{ ready: boolean; parts: readonly { part: string; ready: boolean }[] }>();
  expect(answer.status).toBe(ready ? 200 : 503);
  return parts.filter((part) => !part.ready).map(({ part }) => part);
}

/** Waits until everything works again, by itself. */
export async function untilRight(parts: FaultyParts): Promise<void> {
  const giveUpAt = performance.now() + 60_000;
  for (;;) {
    const answer = await retrieve(parts);
    if (answer.status === 200 && (await notReady(parts.test)).length === 0) {
      expect(documentsIn(answer)).toEqual([OPEN.document]);
      return;
    }
    if (performance.now() > giveUpAt) throw new Error(`it did not recover: ${answer.text}`);
    await sleep(30);
  }
}

/** `sluice_outbound_failures_total` of one part. */
export async function failures({ test }: FaultyParts, part: string): Promise<number> {
  const metrics = await test.telemetry.registry.metrics();
  return Number(new RegExp(`^sluice_outbound_failures_total\\{part="${part}"\\} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0);
}
