import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { DIMENSION, startEmbeddingServer, type EmbeddingServer } from '../support/embedding-server.ts';
import { disagreements, pointsOf, type IndexedPoint } from '../support/index-agreement.ts';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import { allow, FULL, policyOfHolders } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const policy = [
  policyOfHolders('acme'),
  allow('group:test|staff', 'acme', 'retrieve', '*', 'upto:internal'),
  allow('group:test|hr', 'acme', 'retrieve'),
].join('\n');

let test: TestService;
let qdrant: TestQdrant;
let embeddings: EmbeddingServer;
let collection = '';
let full = '';
let staff = '';
let named = 0;

beforeAll(async () => {
  [qdrant, embeddings] = await Promise.all([qdrantForTests(), startEmbeddingServer()]);
  collection = qdrant.freshCollection();
  test = await startTestService({
    policy,
    tenants: ['acme'],
    config: {
      qdrant: { kind: 'remote', url: qdrant.url, apiKey: qdrant.apiKey ?? '' },
      collection,
      embedding: {
        languages: ['en'],
        dense: { kind: 'remote', url: embeddings.url, model: 'counted', apiKey: undefined, dimension: DIMENSION },
      },
    },
  });
  full = await test.token(FULL);
  staff = await test.token({ ...FULL, sub: 'stan', groups: ['staff'] });
  expect((await put('/v1/sources/s', SOURCE)).status).toBe(201);
});
afterAll(async () => {
  await test.stop();
  await Promise.all([qdrant.stop(), embeddings.close()]);
});

const put = (path: string, body: unknown): Promise<Answer> => test.call('PUT', path, full, body);
const patch = (path: string, body: unknown): Promise<Answer> => test.call('PATCH', path, full, body);

interface Body {
  readonly title: string;
  readonly mediaType: string;
  readonly text: string;
  readonly acl: object;
  readonly [field: string]: unknown;
}

function fresh(fields: Partial<Body> = {}): { path: string; word: string; body: Body } {
  const word = `wombat${(named += 1)}`;
  const body = { title: 'On burrows', mediaType: 'text/markdown', text: `# Burrows\n\nThe ${word} digs.`, acl: { allow: ['everyone'] } };
  return { path: `/v1/sources/s/documents/${word}`, word, body: { ...body, ...fields } };
}

interface Chunk {
  readonly id: string;
  readonly text: string;
  readonly provenance: { readonly document: { readonly id: string; readonly version: string } };
}

async function ask(token: string, request: object): Promise<readonly Chunk[]> {
  const answer = await test.call('POST', '/v1/retrieve', token, request);
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ chunks: Chunk[] }>().chunks;
}

/** The chunks of this document that a question for its word brings up. */
async function found(token: string, word: string, more: object = {}): Promise<readonly Chunk[]> {
  return (await ask(token, { query: word, limit: 100, ...more })).filter(({ provenance }) => provenance.document.id === word);
}

interface Facts {
  readonly stamp: unknown;
  readonly points: readonly IndexedPoint[];
  readonly texts: number;
  readonly events: number;
}

/** Everything that a write that changes nothing must leave as it was. */
async function facts(): Promise<Facts> {
  await test.service.mender.mend();
  const db = new DatabaseSync(join(test.dataDir, 'sluice.sqlite'), { readOnly: true });
  const events = Number(db.prepare('select count(*) as n from audit_events').get()?.['n']);
  db.close();
  const stamp = await test.service.stores.catalog.epoch('acme' as TenantId);
  return { stamp, points: await pointsOf(qdrant, collection), texts: embeddings.texts.length, events };
}

const lines = (...documents: readonly object[]): string => documents.map((document) => `${JSON.stringify(document)}\n`).join('');

async function batch(body: string | Uint8Array, source = 's'): Promise<readonly Record<string, unknown>[]> {
  const answer = await test.call('POST', `/v1/sources/${source}/documents`, full, body, NDJSON);
  expect(answer.status).toBe(200);
  return answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the same again', () => {
  it('changes nothing, as PUT, in a batch, as PATCH and for a source', async () => {
    const { path, word, body } = fresh({
      metadata: { year: 2026, tags: ['a', 'b'] },
      level: 'internal',
      validUntil: '2999-01-01T00:00:00Z',
    });
    const first = await put(path, body);
    expect(first.json()).toMatchObject({ document: word, chunks: 1, changed: true });
    const before = await facts();
    const again = await put(path, { ...body, metadata: { tags: ['a', 'b'], year: 2026 } });
    expect(again.json()).toEqual({ ...first.json(), changed: false });
    const [line] = await batch(lines({ document: word, ...body }));
    expect(line).toMatchObject({ document: word, changed: false });
    for (const same of [
      { acl: { gates: [['everyone', 'everyone']] } },
      { level: 'internal' },
      { metadata: { year: 2026, tags: ['a', 'b'] } },
    ]) {
      expect((await patch(path, same)).json()).toMatchObject({ changed: false });
    }
    expect((await put('/v1/sources/s', SOURCE)).status).toBe(200);
    expect((await patch('/v1/sources/s', { title: SOURCE.title })).status).toBe(200);
    expect(await facts()).toEqual(before);
    // The same words elsewhere do change something.
    expect((await put(`${path}-2`, body)).json()).toMatchObject({ changed: true });
    expect((await facts()).points.length).toBe(before.points.length + 1);
  });

  it('as bytes counts as the same text', async () => {
    const { path, body } = fresh();
    expect((await put(path, body)).json()).toMatchObject({ changed: true });
    const { text, ...rest } = body;
    expect((await put(path, { ...rest, contentBase64: Buffer.from(text).toString('base64') })).json()).toMatchObject({ changed: false });
  });

  it('after a PATCH puts the fields back that PUT names, and keeps the label an owner set', async () => {
    const { path, word, body } = fresh();
    expect((await put(path, body)).status).toBe(200);
    expect((await patch(path, { acl: { allow: ['group:test|hr'] }, metadata: { a: 1 }, trust: 'external' })).status).toBe(200);
    expect(await found(staff, word)).toHaveLength(0);
    const texts = embeddings.texts.length;
    expect((await put(path, body)).json()).toMatchObject({ changed: true });
    expect((await test.call('GET', path, full)).json()).toMatchObject({ acl: { gates: [['everyone']] }, metadata: {}, trust: 'external' });
    expect(embeddings.texts.length).toBe(texts);
    expect(await found(staff, word)).toHaveLength(1);
    expect((await put(path, body)).json()).toMatchObject({ changed: false });
  });
});

describe('what is not text', () => {
  const year = (value: number): object => ({ filter: { must: [{ key: 'metadata.year', match: { value } }] } });
  const CHANGES: readonly { readonly what: string; readonly to: object; readonly hides?: boolean; readonly year?: number }[] = [
    { what: 'the ACL, narrower', to: { acl: { allow: ['group:test|hr'] } }, hides: true },
    { what: 'the ACL, wider', to: { acl: { allow: ['everyone', 'group:test|new'] } } },
    { what: 'a deny', to: { acl: { allow: ['everyone'], deny: ['user:test|stan'] } }, hides: true },
    { what: 'the level', to: { level: 'confidential' }, hides: true },
    { what: 'a compartment', to: { compartments: ['people'] }, hides: true },
    { what: 'the trust', to: { trust: 'external' } },
    { what: 'the metadata', to: { metadata: { year: 1999 } }, year: 1999 },
    { what: 'the address', to: { uri: 'https://example.test/new' } },
    { what: 'the end of validity', to: { validUntil: '2001-01-01T00:00:00Z' }, hides: true },
    { what: 'the start of validity', to: { validFrom: '2999-01-01T00:00:00Z' }, hides: true },
  ];

  it.each(CHANGES.flatMap((change) => ['PATCH', 'PUT'].map((method) => [change.what, method, change] as const)))(
    '%s by %s is searchable at once and embeds nothing',
    async (_what, method, { to, hides = false, year: now = 2026 }) => {
      const { path, word, body } = fresh({ metadata: { year: 2026 } });
      const created = (await put(path, body)).json();
      expect(await found(staff, word, year(2026))).toHaveLength(1);
      const texts = embeddings.texts.length;
      const changed = await test.call(method, path, full, method === 'PUT' ? { ...body, ...to } : to);
      expect(changed.json()).toMatchObject({ document: word, version: created['version'], changed: true });
      expect(embeddings.texts.length).toBe(texts);
      expect(await found(staff, word, year(now))).toHaveLength(hides ? 0 : 1);
      expect(await found(staff, word, year(now === 2026 ? 1999 : 2026))).toHaveLength(0);
      // Back again, and nothing of the detour is left.
      expect((await put(path, { ...body, level: 'public', compartments: [], trust: 'trusted' })).json()).toMatchObject({ changed: true });
      expect(await found(staff, word, year(2026))).toHaveLength(1);
      expect(await found(staff, word, year(1999))).toHaveLength(0);
      expect(await disagreements(test.dataDir, qdrant, collection)).toEqual([]);
    },
  );

  it('a new title by PATCH embeds nothing; by PUT it is indexed text', async () => {
    const { path, word, body } = fresh();
    expect((await put(path, body)).status).toBe(200);
    const texts = embeddings.texts.length;
    expect((await patch(path, { title: 'Tunnels' })).json()).toMatchObject({ changed: true });
    expect(embeddings.texts.length).toBe(texts);
    expect((await test.call('GET', path, full)).json()).toMatchObject({ title: 'Tunnels' });
    expect((await put(path, { ...body, title: `Zorilla${word}` })).json()).toMatchObject({ changed: true });
    expect(embeddings.texts.length).toBe(texts + 1);
    expect((await ask(staff, { query: `Zorilla${word}` }))[0]?.provenance.document.id).toBe(word);
  });

  it('a relabelled source touches no point', async () => {
    const body = { ...fresh().body, text: 'The relabelled potoroo.' };
    expect((await put('/v1/sources/relabelled', SOURCE)).status).toBe(201);
    expect((await put('/v1/sources/relabelled/documents/potoroo', body)).status).toBe(200);
    expect(await found(staff, 'potoroo')).toHaveLength(1);
    const { points, texts } = await facts();
    expect((await patch('/v1/sources/relabelled', { level: 'restricted' })).status).toBe(200);
    expect(await found(staff, 'potoroo')).toHaveLength(0);
    expect((await patch('/v1/sources/relabelled', { level: 'internal' })).status).toBe(200);
    expect(await found(staff, 'potoroo')).toHaveLength(1);
    expect((await facts()).points).toEqual(points);
    // Two questions were embedded, and no document.
    expect(embeddings.texts.slice(texts)).toEqual(['potoroo', 'potoroo']);
  });
});

/** An edition in several chunks, each with the word and the name of the edition. */
function edition(word: string, name: string, sections: number): string {
  const filler = 'The animal rests in the shade and waits for the evening to come. '.repeat(20);
  return Array.from({ length: sections }, (_, index) => `# Part ${index}\n\n${word} ${name}. ${filler}`).join('\n\n');
}

describe('a new text', () => {
  it('replaces the old one in one step for readers who ask meanwhile', async () => {
    const { path, word, body } = fresh();
    const editions = { one: edition(word, 'editionone', 3), two: edition(word, 'editiontwo', 4) };
    const chunksOf = new Map<string, number>();
    for (const [name, text] of Object.entries(editions)) {
      chunksOf.set(name, (await put(path, { ...body, text })).json<{ chunks: number }>().chunks);
    }
    expect(chunksOf.get('one')).not.toBe(chunksOf.get('two'));
    const writing = { done: false };
    const seen = new Set<string>();
    const reader = async (): Promise<void> => {
      while (!writing.done) {
        const chunks = await found(staff, word);
        const names = [...new Set(chunks.map(({ text }) => /edition(one|two)/.exec(text)?.[1] ?? 'none'))];
        expect([names.length, chunks.length]).toEqual([1, chunksOf.get(names[0] ?? '')]);
        expect(new Set(chunks.map(({ provenance }) => provenance.document.version)).size).toBe(1);
        seen.add(names[0] ?? '');
      }
    };
    const writer = async (): Promise<void> => {
      try {
        // Every other time it also moves to another zone.
        for (let turn = 0; turn < 24 || turn % 2 === 1 || seen.size < 2; turn++) {
          const [text, trust] = [turn % 2 === 0 ? editions.one : editions.two, turn % 4 < 2 ? 'internal' : 'trusted'];
          expect((await put(path, { ...body, text, trust })).json()).toMatchObject({ changed: true });
        }
      } finally {
        writing.done = true;
      }
    };
    await Promise.all([writer(), reader(), reader()]);
    expect([...seen].sort()).toEqual(['one', 'two']);
    await test.service.mender.mend();
    expect(await disagreements(test.dataDir, qdrant, collection)).toEqual([]);
    expect(await found(staff, word)).toHaveLength(chunksOf.get('two') ?? -1);
  });

  it('from several writers at once: one of them wins wholly, and catalog and index agree', async () => {
    const documents = Array.from({ length: 6 }, () => fresh());
    const groups = ['everyone', 'group:test|hr', 'group:test|staff', 'user:test|stan'];
    const levels = ['public', 'internal', 'confidential', 'public'];
    const writes = documents.flatMap(({ path, word, body }) =>
      groups.flatMap((group, index) => {
        const mine = { acl: { allow: [group] }, level: levels[index], metadata: { writer: index } };
        const whole = put(path, { ...body, text: `${body.text} ${word} by writer${index}.`, ...mine });
        return index % 2 === 0 ? [whole] : [whole, patch(path, mine)];
      }),
    );
    for (const answer of await Promise.all(writes)) {
      // Somebody who loses again and again is told so; a PATCH may come before the document is there.
      expect(['200', '404 not_found', '409 conflict']).toContain(`${answer.status} ${answer.json<{ code?: string }>().code ?? ''}`.trim());
    }
    await test.service.mender.mend();
    expect(await disagreements(test.dataDir, qdrant, collection)).toEqual([]);
    for (const { path, word } of documents) {
      const record = (await test.call('GET', path, full)).json<{
        metadata: { writer: number };
        acl: { gates: string[][] };
        level: string;
      }>();
      const { writer } = record.metadata;
      expect(record).toMatchObject({ acl: { gates: [[groups[writer]]] }, level: levels[writer] });
      // Stan is staff, who are cleared to internal.
      const stans = writer === 0 || writer === 3;
      expect(await found(staff, word)).toHaveLength(stans ? 1 : 0);
    }
  });

  it('from two writers of the same body at once is one document', async () => {
    const { path, word, body } = fresh();
    const answers = await Promise.all(Array.from({ length: 5 }, () => put(path, body)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers.filter((answer) => answer.json<{ changed: boolean }>().changed)).toHaveLength(1);
    expect(await found(staff, word)).toHaveLength(1);
  });
});

describe('deletion', () => {
  it('takes a document away at once, and the same one can be written anew', async () => {
    const { path, word, body } = fresh();
    expect((await put(path, body)).status).toBe(200);
    for (let turn = 0; turn < 3; turn++) {
      const [old] = await found(staff, word);
      expect((await test.call('DELETE', path, full)).status).toBe(204);
      expect(await found(staff, word)).toEqual([]);
      expect((await test.call('GET', path, full)).status).toBe(404);
      expect((await test.call('DELETE', path, full)).status).toBe(404);
      expect((await patch(path, { level: 'public' })).status).toBe(404);
      expect((await put(path, body)).json()).toMatchObject({ changed: true });
      const [anew] = await found(staff, word);
      expect(anew?.text).toBe(old?.text);
      expect(anew?.id).not.toBe(old?.id);
    }
    // After the history of three lives: a change of access still reaches the index.
    expect((await patch(path, { acl: { allow: ['group:test|hr'] } })).status).toBe(200);
    await test.service.mender.mend();
    expect(await disagreements(test.dataDir, qdrant, collection)).toEqual([]);
    expect(await found(staff, word)).toEqual([]);
  });

  it('forgets ACL, label and validity of the former life', async () => {
    const { path, word, body } = fresh();
    expect((await put(path, { ...body, acl: { allow: ['group:test|hr'] }, level: 'restricted', compartments: ['people'] })).status).toBe(
      200,
    );
    expect((await test.call('DELETE', path, full)).status).toBe(204);
    expect((await put(path, body)).status).toBe(200);
    expect((await test.call('GET', path, full)).json()).toMatchObject({
      level: 'public',
      compartments: [],
      acl: { gates: [['everyone']] },
    });
    expect(await found(staff, word)).toHaveLength(1);
  });

  it('leaves no point behind once the mender has been', async () => {
    const { path, word, body } = fresh();
    expect((await put(path, body)).status).toBe(200);
    const [chunk] = await found(staff, word);
    const ids = async (): Promise<readonly string[]> => (await pointsOf(qdrant, collection)).map(({ id }) => id);
    expect(await ids()).toContain(chunk?.id);
    expect((await test.call('DELETE', path, full)).status).toBe(204);
    await test.service.mender.mend();
    expect(await ids()).not.toContain(chunk?.id);
  });

  it('of a source takes its documents along, and a new source of that name starts empty', async () => {
    const { body } = fresh();
    const path = '/v1/sources/passing';
    expect((await put(path, { ...SOURCE, ceiling: ['everyone'] })).status).toBe(201);
    for (const name of ['bilby1', 'bilby2'])
      expect((await put(`${path}/documents/${name}`, { ...body, text: `The ${name}.` })).status).toBe(200);
    expect(await found(staff, 'bilby1')).toHaveLength(1);
    expect((await test.call('DELETE', path, full)).status).toBe(204);
    expect(await found(staff, 'bilby1')).toEqual([]);
    for (const at of [path, `${path}/documents`, `${path}/documents/bilby1`]) expect((await test.call('GET', at, full)).status).toBe(404);
    expect((await put(`${path}/documents/bilby1`, body)).status).toBe(404);
    await test.service.mender.mend();
    expect((await put(path, SOURCE)).status).toBe(201);
    expect((await test.call('GET', `${path}/documents`, full)).json()).toEqual({ documents: [] });
    expect((await test.call('GET', path, full)).json()).not.toHaveProperty('ceiling');
    expect(await found(staff, 'bilby1')).toEqual([]);
    expect((await put(`${path}/documents/bilby1`, { ...body, text: 'The bilby1 again.' })).json()).toMatchObject({ changed: true });
    expect(await found(staff, 'bilby1')).toHaveLength(1);
    expect(await found(staff, 'bilby2')).toEqual([]);
    expect(await disagreements(test.dataDir, qdrant, collection)).toEqual([]);
  });
});

describe('a batch', () => {
  it('answers line by line; a line that fails takes no other along, and the last of one document stays', async () => {
    const [a, b] = [fresh(), fresh()];
    const good = lines({ document: a.word, ...a.body });
    const body = [
      good,
      '{"document": "broken", "text":\n',
      '\n',
      lines({ document: b.word, ...b.body, acl: undefined }),
      '[1]\n',
      lines({ document: a.word, ...a.body, text: `${a.body.text} Later.` }, { document: 'nobody', delete: true }),
      lines({ document: b.word, ...b.body }, { document: b.word, ...b.body, unknown: true }, { document: b.word, delete: true }),
      lines({ document: b.word, ...b.body, text: `${b.body.text} Reborn.` }).trimEnd(),
    ].join('');
    const answers = await batch(body);
    const summary = answers.map((line) => (line['error'] === undefined ? 'ok' : (line['error'] as { code: string }).code));
    expect(summary.slice(0, -1)).toEqual([
      'ok',
      'malformed_json',
      'acl_required',
      'invalid_request',
      'ok',
      'not_found',
      'ok',
      'invalid_request',
      'ok',
      'ok',
    ]);
    expect(answers.at(-1)).toMatchObject({ done: true, failed: 5 });
    expect((await found(staff, a.word)).map(({ text }) => text)).toEqual([expect.stringContaining('Later.')]);
    expect((await found(staff, b.word)).map(({ text }) => text)).toEqual([expect.stringContaining('Reborn.')]);
  });

  it('that ends in the middle of a line keeps what came before', async () => {
    const { word, body } = fresh();
    const whole = Buffer.from(lines({ document: word, ...body }, { document: `${word}-2`, ...body }));
    const answers = await batch(whole.subarray(0, whole.length - 20));
    expect(answers.map((line) => (line['error'] as { code: string } | undefined)?.code ?? 'ok')).toEqual(['ok', 'malformed_json', 'ok']);
    expect(await found(staff, word)).toHaveLength(1);
    expect((await test.call('GET', `/v1/sources/s/documents/${word}-2`, full)).status).toBe(404);
  });
});
