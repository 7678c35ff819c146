import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import type { DocumentKey, SourceId, TenantId } from '../../src/core/ids.ts';
import type { PolicyLine } from '../../src/core/policy-lines.ts';
import type { SwitchTarget } from '../../src/core/ports/tenants.ts';
import type { Principal } from '../../src/core/principal.ts';
import { readDatabaseTime } from '../../src/database/time.ts';
import { httpProxy, PASS, type HttpProxy } from '../support/http-proxy.ts';
import { postgresForTests } from '../support/postgres.ts';
import { qdrantCluster, type QdrantCluster } from '../support/qdrant-cluster.ts';
import { AUDIENCE, startTestService, type Answer, type TestService } from '../support/service.ts';
import { LONG } from '../support/scale.ts';
import { startTestIssuer } from '../support/test-issuer.ts';
import type { Flip, Lock, Read } from './revocation-history-checker.ts';

export const ACME = 'acme' as TenantId;
const BY = { requestId: 'test', by: 'user:test|root' as Principal, through: 'client:test|admin' as Principal };
const POLICY = [
  'p, everyone, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|kiosk, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
].join('\n');
const SOURCE = { title: 'S', owner: 'group:test|hr', level: 'internal', compartments: [], trust: 'trusted' };
const STAFF = { allow: ['group:test|staff'] };
const ROUNDS = LONG ? 4 : 1;
const CALLERS = ['anna', 'ben', 'dan', 'eve'] as const;
type Person = (typeof CALLERS)[number];

interface Change {
  readonly name: string;
  readonly source: string;
  readonly document: string;
  /** Who loses it; everybody of the staff unless given. */
  readonly of?: Person;
  /** Whatever they ask for. */
  readonly whole?: true;
  /** Resolves when it is acknowledged; false where it was refused and has to be asked for again. */
  revoke(on: TestService): Promise<boolean>;
  grant(on: TestService): Promise<boolean>;
  readonly acl?: object;
}

export interface World {
  readonly a: TestService;
  readonly b: TestService;
  readonly cluster: QdrantCluster;
  readonly proxies: readonly [HttpProxy, HttpProxy];
  readonly reads: Read[];
  readonly refused: Map<string, number>;
  readonly locks: readonly (Lock & { readonly flips: Flip[] })[];
  readonly documents: readonly string[];
  /** Revokes and grants again and again, each change by itself, with racing requests, until `stop`. */
  run(stop: AbortSignal, only?: readonly string[]): Promise<void>;
  untilWhole(): Promise<void>;
  stop(): Promise<void>;
}

const done = ({ status, text }: Answer): boolean => {
  if (status < 300) return true;
  expect([503, 409], text).toContain(status);
  return false;
};

function changesOf(token: string): readonly Change[] {
  const path = (document: string, source = 'docs'): string => `/v1/sources/${source}/documents/${document}`;
  const patch = (name: string, revoking: object, granting: object, more: Partial<Change> = {}): Change => ({
    name,
    source: 'docs',
    document: name,
    revoke: async (on) => done(await on.call('PATCH', path(name), token, revoking)),
    grant: async (on) => done(await on.call('PATCH', path(name), token, granting)),
    ...more,
  });
  const patchSource = (name: string, revoking: object, granting: object): Change => ({
    name,
    source: name,
    document: name,
    revoke: async (on) => done(await on.call('PATCH', `/v1/sources/${name}`, token, revoking)),
    grant: async (on) => done(await on.call('PATCH', `/v1/sources/${name}`, token, granting)),
  });
  const switched = (
    name: string,
    source: string,
    target: (on: TestService) => Promise<SwitchTarget>,
    more: Partial<Change> = {},
  ): Change => ({
    name,
    source,
    document: name,
    revoke: async (on) => on.service.stores.catalog.throwSwitch(ACME, await target(on), 'a test', BY).then(() => true),
    grant: async (on) => on.service.stores.catalog.liftSwitch(ACME, await target(on), BY).then(() => true),
    ...more,
  });
  const keyOf = async (on: TestService, name: string): Promise<DocumentKey> =>
    (await on.service.stores.catalog.document(ACME, 'docs' as SourceId, name as never))?.key ?? ('' as DocumentKey);
  const publish = async (on: TestService, edit: (lines: readonly PolicyLine[]) => readonly PolicyLine[]): Promise<boolean> => {
    const { catalog } = on.service.stores;
    const active = await catalog.activePolicy(ACME);
    const lines = edit(active?.lines ?? []);
    await catalog.activatePolicy(ACME, { id: digestOf(JSON.stringify(lines)), lines }, active?.id ?? '', BY);
    return true;
  };
  const deny: PolicyLine = { type: 'p', columns: ['everyone', 'acme', 'policy', 'retrieve', '*', '*', '*', 'deny'], line: 99 };
  const grantOf = (...allow: string[]) => ({ acl: { allow: ['group:test|hr', ...allow] } });
  const body = { text: 'Leave, deleted.', mediaType: 'text/plain', acl: STAFF, metadata: { name: 'deleted' } };
  return [
    patch('narrowed', { acl: { allow: ['group:test|hr'] } }, { acl: STAFF }),
    patch('denied', { acl: { ...STAFF, deny: ['user:test|anna'] } }, { acl: STAFF }, { of: 'anna' }),
    patch('granted', grantOf(), grantOf('user:test|ben'), { of: 'ben', acl: grantOf('user:test|ben').acl }),
    patch('relabelled', { level: 'restricted' }, { level: 'internal' }),
    patch('ended', { validUntil: '2020-01-01T00:00:00Z' }, { validUntil: null }),
    patch('ending', {}, { validUntil: null }, { revoke: (on) => endSoon(on, path('ending'), token) }),
    {
      name: 'deleted',
      source: 'docs',
      document: 'deleted',
      revoke: async (on) => done(await on.call('DELETE', path('deleted'), token)),
      grant: async (on) => done(await on.call('PUT', path('deleted'), token, body)),
    },
    switched('off', 'docs', async (on) => ({ kind: 'document', id: await keyOf(on, 'off') })),
    switched('switched', 'switched', async () => ({ kind: 'source', id: 'switched' as SourceId })),
    switched('user', 'docs', async () => ({ kind: 'user', id: 'user:test|dan' as Principal }), { of: 'dan', whole: true }),
    switched('client', 'docs', async () => ({ kind: 'client', id: 'client:test|kiosk' as Principal }), { of: 'eve', whole: true }),
    patchSource('labelled', { level: 'restricted' }, { level: 'internal' }),
    patchSource('ceiling', { ceiling: ['group:test|hr'] }, { ceiling: null }),
    {
      name: 'policy',
      source: 'policy',
      document: 'policy',
      revoke: (on) => publish(on, (lines) => [...lines, deny]),
      grant: (on) => publish(on, (lines) => lines.filter(({ line }) => line !== deny.line)),
    },
  ];
}

/** A validity that ends by itself: acknowledged by the database's own clock. */
async function endSoon(on: TestService, path: string, token: string): Promise<boolean> {
  const { database } = on.service.stores;
  const now = (): Promise<number> => database.transaction((tx) => readDatabaseTime(tx, database.kind));
  const until = Math.ceil((await now()) / 1_000) * 1_000 + 1_000;
  if (!done(await on.call('PATCH', path, token, { validUntil: new Date(until).toISOString() }))) return false;
  for (;;) {
    const left = until - (await now());
    if (left <= 0) return true;
    await sleep(Math.max(left, 1));
  }
}

export async function startWorld(): Promise<World> {
  const postgres = await postgresForTests();
  const cluster = await qdrantCluster();
  // One replica asks the node that is killed: it is the one that comes back with what it knew when it went.
  const proxies = [await httpProxy(cluster.nodes[0].url), await httpProxy(cluster.nodes[2].url)] as const;
  const issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE });
  const database = { kind: 'postgres' as const, url: await postgres.url() };
  const start = (proxy: HttpProxy): Promise<TestService> =>
    startTestService({
      policy: POLICY,
      tenants: ['acme'],
      issuer,
      config: {
        database,
        qdrant: { kind: 'remote', url: proxy.url, apiKey: cluster.apiKey },
        collection: 'history',
        index: { shards: 3, replicas: 2, reconcileMinutes: 0 },
      },
    });
  const a = await start(proxies[0]);
  const b = await start(proxies[1]);
  await cluster.untilWhole('history');
  const token = await issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined });
  const tokens = new Map<string, string>();
  for (const sub of CALLERS) {
    tokens.set(sub, await issuer.sign({ sub, groups: ['staff'], ...(sub === 'eve' ? { client_id: 'kiosk' } : {}) }));
  }
  const changes = changesOf(token);
  for (const source of new Set(changes.map((change) => change.source))) {
    expect((await a.call('PUT', `/v1/sources/${source}`, token, SOURCE)).status).toBe(201);
  }
  for (const { source, document, acl = STAFF } of changes) {
    const body = { text: `Leave, ${document}.`, mediaType: 'text/plain', acl, metadata: { name: document } };
    const answer = await a.call('PUT', `/v1/sources/${source}/documents/${document}`, token, body);
    expect(answer.status, answer.text).toBe(200);
  }
  const reads: Read[] = [];
  const refused = new Map<string, number>();
  const documents = changes.map(({ document }) => document);
  const locks = changes.map((change) => ({
    name: change.name,
    flips: [] as Flip[],
    covers: (document: string, caller: string): boolean =>
      (change.whole === true || document === change.document) && (change.of === undefined || change.of === caller),
  }));

  async function read(replica: 'a' | 'b', caller: string, kind: Read['kind'], document: string): Promise<ReadonlySet<string>> {
    const target = replica === 'a' ? a : b;
    const filter = { must: [{ key: 'metadata.name', match: { value: document } }] };
    const begin = performance.now();
    const answer = await (kind === 'count'
      ? target.call('POST', '/v1/count', tokens.get(caller), { filter })
      : target.call('POST', '/v1/retrieve', tokens.get(caller), { query: 'leave', limit: 50 }));
    const end = performance.now();
    if (answer.status !== 200) {
      const { code } = answer.json<{ code: string }>();
      refused.set(code, (refused.get(code) ?? 0) + 1);
      return new Set();
    }
    const released = new Set(kind === 'count' ? (answer.json<{ chunks: number }>().chunks > 0 ? [document] : []) : namesIn(answer));
    reads.push({ start: begin, end, caller, replica, kind, asked: kind === 'count' ? document : undefined, released });
    return released;
  }

  async function cycle(change: Change, flips: Flip[], turn: number, stop: AbortSignal): Promise<void> {
    const caller = change.of ?? CALLERS[turn % CALLERS.length] ?? 'anna';
    const [here, there] = turn % 2 === 0 ? (['a', 'b'] as const) : (['b', 'a'] as const);
    // Whatever the caller has lost for another reason is theirs again some time.
    for (let tries = 0; !(await read(tries % 2 === 0 ? here : there, caller, 'retrieve', change.document)).has(change.document); tries++) {
      if (stop.aborted) return;
      await sleep(Math.min(5 * tries, 100));
    }
    const flip = async (open: boolean): Promise<void> => {
      const begin = performance.now();
      const on = turn % 2 === 0 ? a : b;
      for (let tries = 0; !(await (open ? change.grant(tries % 2 === 0 ? on : a) : change.revoke(tries % 2 === 0 ? on : a))); tries++) {
        await sleep(50);
      }
      flips.push({ open, begin, acknowledged: performance.now() });
    };
    const racing = [read(here, caller, 'retrieve', change.document), read(there, caller, 'count', change.document)];
    await Promise.all([flip(false), ...racing]);
    // At once, and again: what a replica remembers for a moment, it must not remember then either.
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([
        read(there, caller, 'retrieve', change.document),
        read(there, caller, 'count', change.document),
        read(here, caller, 'count', change.document),
      ]);
      await read(here, caller, 'retrieve', change.document);
    }
    await flip(true);
  }

  return {
    a,
    b,
    cluster,
    proxies,
    reads,
    refused,
    locks,
    documents,
    async run(stop, only) {
      const chosen = changes.flatMap((change, i) => {
        const lock = locks[i];
        return lock === undefined || (only !== undefined && !only.includes(change.name)) ? [] : [{ change, lock }];
      });
      await Promise.all(
        chosen.map(async ({ change, lock }) => {
          for (let turn = 0; !stop.aborted; turn++) await cycle(change, lock.flips, turn, stop);
        }),
      );
    },
    untilWhole: () => cluster.untilWhole('history'),
    async stop() {
      await b.stop();
      await a.stop();
      for (const proxy of proxies) await proxy.close();
      await cluster.stop();
      await issuer.stop();
      await postgres.stop();
    },
  };
}

function namesIn(answer: Answer): readonly string[] {
  const { chunks } = answer.json<{ chunks: readonly { provenance: { document: { id: string } } }[] }>();
  return chunks.map(({ provenance }) => provenance.document.id);
}

const READS = /\/points\/(query|count|scroll)/;
export const isWrite = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
  method !== 'GET' && !READS.test(path);

/** Every write to the index waits so long; everything else passes. */
export function lag(proxies: readonly HttpProxy[], ms: number): void {
  for (const proxy of proxies) {
    proxy.react(async (request) => {
      if (isWrite(request)) await sleep(ms);
      return PASS;
    });
  }
}

export function refuseWrites(proxies: readonly HttpProxy[]): void {
  for (const proxy of proxies) {
    proxy.react((request) => (isWrite(request) ? { kind: 'answer', status: 503, body: '{"status":{"error":"not now"}}' } : PASS));
  }
}

export function stallWrites(proxies: readonly HttpProxy[]): void {
  for (const proxy of proxies) proxy.react((request) => (isWrite(request) ? { kind: 'hang' } : PASS));
}

export function mendIndex(proxies: readonly HttpProxy[]): void {
  for (const proxy of proxies) proxy.mend();
}
