import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { generated } from '../support/corpus.ts';
import { embed } from '../support/embedding-server.ts';
import { seededRandom } from '../support/random.ts';
import type { Answer, TestService } from '../support/service.ts';
import { startTwoWorlds, type TwoWorlds } from '../support/two-worlds.ts';
import { openManifest } from '../support/open-manifest.ts';

/**
 * Two whole deployments with the same documents, written in the same order; in one, bait lies between them: near-copies of what is
 * readable, in readable zones, so that they would win ranks if they took part. Every answer must be the same bytes but for ids of
 * requests and times.
 */
const ACME = 'acme' as TenantId;
const FILES = generated(36, 7);
const EVERYONE = { allow: ['everyone'] };
let worlds: TwoWorlds;
let owner: string;
let reader: string;

const body = (text: string, acl: object) => ({ mediaType: 'text/markdown', text, run: 'run-1', acl, metadata: { year: 2026 } });

async function done(test: TestService, method: string, path: string, sent: object): Promise<void> {
  const answer = await test.call(method, path, owner, sent);
  expect(answer.status, answer.text).toBeLessThan(300);
}

/** Marked before anybody may read it, then opened: it is never readable, not for a moment. */
async function layBait(test: TestService, name: string, text: string): Promise<void> {
  const path = `/v1/sources/open/documents/${name}`;
  await done(test, 'PUT', path, body(text, { gates: [] }));
  await done(test, 'PATCH', path, { honey: true });
  await done(test, 'PATCH', path, { acl: EVERYONE });
}

async function fill(test: TestService, withBait: boolean): Promise<void> {
  await done(test, 'PUT', '/v1/sources/open', {
    title: 'Open',
    owner: 'user:test|owner',
    level: 'public',
    compartments: [],
    trust: 'trusted',
  });
  for (const [index, { text }] of FILES.entries()) {
    if (index % 2 === 0) await done(test, 'PUT', `/v1/sources/open/documents/page-${index}`, body(text, EVERYONE));
    else if (withBait) await layBait(test, `bait-${index}`, `${FILES[index - 1]?.text ?? ''}\n\n${text}`);
  }
}

beforeAll(async () => {
  worlds = await startTwoWorlds([ACME]);
  owner = await worlds.token(ACME, 'owner');
  reader = await worlds.token(ACME, 'stan', ['staff']);
  await Promise.all([fill(worlds.bare, false), fill(worlds.crowded, true)]);
});
afterAll(() => worlds.stop());

const timeless = ({ status, text }: Answer): string =>
  `${status} ${openManifest(text)
    .replace(/"requestId":"[^"]*"/, '')
    .replaceAll(/"at":"[^"]*"/g, '')
    .replaceAll(/context-[0-9a-f]{32}/g, '')}`;

function questions(): readonly object[] {
  const random = seededRandom(11);
  return Array.from({ length: 36 }, (_, index): object => {
    const words = random.pick(FILES).text.split(/\s+/);
    const query = random.some(words, 1, 5).join(' ');
    return {
      // Text alone, a vector alone, and two legs.
      ...(index % 3 === 0 ? {} : { query }),
      ...(index % 3 === 1 ? {} : { vector: embed(query) }),
      limit: random.pick([1, 2, 8, 20, 100]),
      ...(random.chance(0.2) ? { filter: { must: [{ key: 'metadata.year', match: { value: 2026 } }] } } : {}),
      ...(index % 6 === 4 ? { session: 'one' } : {}),
    };
  });
}

const retrieve = (test: TestService, question: object): Promise<Answer> => test.call('POST', '/v1/retrieve', reader, question);

describe('worlds of which one holds bait', () => {
  it('answer the same bytes: chunks, ranks, scores, labels, sessions, ids', async () => {
    let released = 0;
    for (const question of questions()) {
      const [bare, baited] = await Promise.all([retrieve(worlds.bare, question), retrieve(worlds.crowded, question)]);
      expect(timeless(baited), JSON.stringify(question)).toBe(timeless(bare));
      released += bare.text.split('"rank":').length - 1;
    }
    expect(released).toBeGreaterThan(100);
  });

  it('render the same context but for its random tag names', async () => {
    const context = async (test: TestService): Promise<unknown> => {
      const answer = await retrieve(test, { query: FILES[2]?.text.slice(0, 300), limit: 5, context: { format: 'messages' } });
      const { context: made, chunks } = answer.json<{ context: { messages?: unknown; text?: string }; chunks: readonly unknown[] }>();
      expect(chunks).toHaveLength(5);
      return JSON.stringify(made).replaceAll(/[0-9a-f]{32,64}/g, '');
    };
    expect(await context(worlds.crowded)).toBe(await context(worlds.bare));
  });

  it('count and explain the same', async () => {
    for (const [path, sent] of [
      ['/v1/count', {}],
      ['/v1/count', { filter: { must: [{ key: 'metadata.year', match: { value: 2026 } }] } }],
      ['/v1/explain', { document: { source: 'open', document: 'bait-3' } }],
    ] as const) {
      const [bare, baited] = await Promise.all([worlds.bare, worlds.crowded].map((test) => test.call('POST', path, reader, sent)));
      expect(baited && timeless(baited)).toBe(bare && timeless(bare));
    }
    const [bare, baited] = await Promise.all(
      [worlds.bare, worlds.crowded].map((test) => test.call('GET', '/v1/sources/open/documents/bait-3', reader)),
    );
    expect(baited && timeless(baited)).toBe(bare && timeless(bare));
  });

  it('do differ in what is told of it, and once it is bait no more', async () => {
    const question = { query: FILES[3]?.text.slice(0, 200), limit: 3 };
    const { requestId } = (await retrieve(worlds.crowded, question)).json();
    const { audit } = worlds.crowded.service.stores;
    await vi.waitFor(
      async () => {
        const kinds = (await audit.byRequest(ACME, String(requestId))).map(({ kind }) => kind);
        expect(kinds).toEqual(['intent', 'release', 'honey.touched']);
      },
      { timeout: 30_000 },
    );
    await done(worlds.crowded, 'PATCH', '/v1/sources/open/documents/bait-3', { honey: false });
    const [bare, after] = await Promise.all([retrieve(worlds.bare, question), retrieve(worlds.crowded, question)]);
    expect(timeless(after)).not.toBe(timeless(bare));
    expect(after.text).toContain('bait-3');
  });
});
