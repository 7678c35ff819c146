import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generated } from '../support/corpus.ts';
import { DIMENSION, embed, startEmbeddingServer, type EmbeddingServer } from '../support/embedding-server.ts';
import { seededRandom } from '../support/random.ts';
import { allow } from '../support/rights.ts';
import { AUDIENCE, startTestService, type TestService } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';
import { openManifest } from '../support/open-manifest.ts';

/**
 * Two worlds that differ only in what their readers may not see: one holds the readable documents alone, the other several
 * times as many beside them, hidden in every way there is. Every answer to every question must be the same bytes.
 */
const TOP = 'upto:restricted+people';
const policy = [
  ...['retrieve', 'ingest', 'label'].flatMap((action) => [
    allow('client:test|tool', 'acme', action, '*', TOP),
    allow('user:test|owner', 'acme', action, '*', TOP),
  ]),
  allow('client:test|tool', 'globex', 'retrieve', '*', TOP),
  allow('client:test|tool', 'globex', 'ingest', '*', TOP),
  allow('client:test|tool', 'globex', 'label', '*', TOP),
  allow('user:test|owner', 'globex', 'ingest', '*', TOP),
  allow('user:test|owner', 'globex', 'label', '*', TOP),
  allow('everyone', 'globex', 'retrieve', '*', TOP),
  allow('group:test|staff', 'acme', 'retrieve', '*', 'upto:internal'),
  allow('group:test|hr', 'acme', 'retrieve', 'open', TOP),
].join('\n');
const SOURCE = { title: 'Open', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const SECRET = { ...SOURCE, title: 'Secret', level: 'restricted' };
const FILES = generated(48, 5);
const START = Date.now();

interface Hiding {
  readonly source?: string;
  readonly tenant?: string;
  readonly fields?: object;
}

/** Every reason for which a document of these worlds is not readable. */
const HIDINGS: readonly Hiding[] = [
  { fields: { acl: { allow: ['group:test|board'] } } },
  { fields: { acl: { allow: ['everyone'], deny: ['everyone'] } } },
  { fields: { acl: { gates: [['everyone'], ['group:test|board']] } } },
  { fields: { acl: { gates: [] } } },
  { fields: { acl: { allow: ['everyone'], deny: ['user:elsewhere|x'] } } },
  { fields: { validUntil: '2020-01-01T00:00:00Z' } },
  { fields: { validFrom: '2999-01-01T00:00:00Z' } },
  { fields: { compartments: ['people'], level: 'restricted', acl: { allow: ['group:test|board'] } } },
  { source: 'secret' },
  { source: 'capped' },
  { tenant: 'globex' },
];

interface World {
  readonly test: TestService;
  readonly owner: string;
}

let embeddings: EmbeddingServer;
let issuer: TestIssuer;
let bare: World;
let crowded: World;

/** With an index of its own, since the name of its collection is in the names of chunks. */
async function startWorld(): Promise<World> {
  const dense = { kind: 'remote' as const, url: embeddings.url, model: 'm', apiKey: undefined, dimension: DIMENSION };
  const test = await startTestService({
    policy,
    tenants: ['acme', 'globex'],
    issuer,
    options: { clock: { now: () => START } },
    config: { embedding: { languages: ['en'], dense } },
  });
  sameChunkSecret(test.dataDir);
  return { test, owner: await token('owner', []) };
}

/** Two deployments name chunks differently, and ties are broken by name; these two stand for one. */
function sameChunkSecret(dataDir: string): void {
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { timeout: 5_000 });
  const { changes } = db.prepare(`update secrets set value = 'the same' where name = 'chunk-ids'`).run();
  db.close();
  expect(changes).toBe(1);
}

const token = (sub: string, groups: readonly string[], tenant = 'acme'): Promise<string> =>
  issuer.sign({ sub, client_id: 'tool', groups: [...groups], tenant });

async function put({ test }: World, bearer: string, path: string, body: object): Promise<void> {
  const answer = await test.call('PUT', path, bearer, body);
  expect(answer.status, answer.text).toBeLessThan(300);
}

function bodyOf(text: string): object {
  return { mediaType: 'text/markdown', text, run: 'run-1', acl: { allow: ['everyone'] }, metadata: { year: 2026 } };
}

/** The same steps in both worlds; in the crowded one hidden documents come before, between and after. */
async function fill(world: World, withHidden: boolean): Promise<void> {
  const random = seededRandom(9);
  const { owner } = world;
  if (withHidden) {
    const other = await token('owner', [], 'globex');
    await put(world, owner, '/v1/sources/secret', SECRET);
    await put(world, owner, '/v1/sources/capped', { ...SOURCE, ceiling: ['group:test|board'] });
    await put(world, other, '/v1/sources/open', SOURCE);
  }
  await put(world, owner, '/v1/sources/open', SOURCE);
  for (const [index, { text }] of FILES.entries()) {
    const hidden = random.chance(0.6);
    const { source = 'open', tenant = 'acme', fields = {} } = random.pick(HIDINGS);
    if (!hidden) await put(world, owner, `/v1/sources/open/documents/page-${index}`, bodyOf(text));
    else if (withHidden) {
      // Near-copies of what is readable, so that they would win ranks if they took part.
      const twin = FILES[(index + 1) % FILES.length]?.text ?? text;
      const body = { ...bodyOf(`${twin}\n\n${text}`), ...fields };
      await put(world, await token('owner', [], tenant), `/v1/sources/${source}/documents/hidden-${index}`, body);
    }
  }
  await put(world, owner, '/v1/sources/open/documents/page-first', bodyOf('Rewritten once.'));
  await put(world, owner, '/v1/sources/open/documents/page-first', bodyOf(`Rewritten twice. ${FILES[0]?.text ?? ''}`));
  if (!withHidden) return;
  // And what is hidden by having gone: deleted, switched off.
  await put(world, owner, '/v1/sources/open/documents/deleted', bodyOf(FILES[1]?.text ?? ''));
  expect((await world.test.call('DELETE', '/v1/sources/open/documents/deleted', owner)).status).toBe(204);
}

beforeAll(async () => {
  [embeddings, issuer] = await Promise.all([
    startEmbeddingServer(),
    startTestIssuer({ name: 'test', tenants: ['acme', 'globex'], audience: AUDIENCE, now: () => START }),
  ]);
  [bare, crowded] = await Promise.all([startWorld(), startWorld()]);
  await Promise.all([fill(bare, false), fill(crowded, true)]);
});
afterAll(async () => {
  await Promise.all([bare.test.stop(), crowded.test.stop()]);
  await Promise.all([embeddings.close(), issuer.stop()]);
});

/** The bytes of an answer, but for what differs between any two requests: its id and the moment of judging. */
async function answerOf({ test }: World, bearer: string, body: object): Promise<string> {
  const { status, text } = await test.call('POST', '/v1/retrieve', bearer, body);
  return `${status} ${openManifest(text)
    .replace(/"requestId":"[^"]*"/, '')
    .replaceAll(/"at":"[^"]*"/g, '')}`;
}

function questions(): readonly object[] {
  const random = seededRandom(3);
  return Array.from({ length: 40 }, (_, index): object => {
    const words = random
      .pick(FILES)
      .text.split(/\s+/)
      .filter((word) => word.length > 3);
    const query = random.some(words, 1, 4).join(' ');
    return {
      ...(index % 5 === 0 ? {} : { query }),
      ...(index % 5 < 2 ? { vector: embed(query) } : {}),
      limit: random.pick([1, 3, 8, 20, 100]),
      ...(random.chance(0.2) ? { filter: { must: [{ key: 'metadata.year', match: { value: 2026 } }] } } : {}),
      ...(random.chance(0.2) ? { sources: ['open', 'secret'] } : {}),
      ...(random.chance(0.2) ? { minTrust: 'internal', maxLevel: 'internal' } : {}),
    };
  });
}

describe('worlds that differ in hidden documents', () => {
  it.each([
    ['staff', 'stan', ['staff']],
    ['hr, who read more of the source', 'hana', ['hr', 'staff']],
    ['somebody who reads nothing', 'nobody', []],
  ] as const)('answer %s the same bytes: chunks, ranks, scores, labels, ids', async (_who, sub, groups) => {
    const bearer = await token(sub, groups);
    let released = 0;
    for (const question of questions()) {
      const [alone, among] = await Promise.all([answerOf(bare, bearer, question), answerOf(crowded, bearer, question)]);
      expect(among, JSON.stringify(question)).toBe(alone);
      released += alone.split('"rank":').length - 1;
    }
    expect(released > 100).toBe(groups.length > 0);
  });

  it('do differ, for whoever may see it', async () => {
    const board = await token('bo', ['board', 'staff']);
    const question = { query: FILES[3]?.text.slice(0, 200), limit: 100 };
    expect(await answerOf(crowded, board, question)).not.toBe(await answerOf(bare, board, question));
    expect(await answerOf(crowded, board, question)).toContain('hidden-');
  });

  it('list and describe the same', async () => {
    const bearer = await token('stan', ['staff']);
    for (const path of ['/v1/sources', '/v1/sources/secret', '/v1/sources/open/documents', '/v1/sources/open/documents/hidden-1']) {
      const [alone, among] = await Promise.all([bare, crowded].map(async ({ test }) => test.call('GET', path, bearer)));
      expect([among?.status, among?.text.replace(/"requestId":"[^"]*"/, '')]).toEqual([
        alone?.status,
        alone?.text.replace(/"requestId":"[^"]*"/, ''),
      ]);
    }
  });
});
