import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/core/errors.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { PROFILES } from '../../src/core/points/profiles.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** Points that applications write through the Qdrant-compatible door, each into the one source that is named for it. */
const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted';
const policy = [
  ...['one', 'two', 'low'].map((app) => allow(`client:test|${app}`, 'acme', 'retrieve', '*', TOP)),
  allow('client:test|one', 'acme', 'ingest', 'books', TOP, 'as:internal'),
  allow('client:test|low', 'acme', 'ingest', 'books', TOP, 'as:external'),
  allow('client:test|blind', 'acme', 'ingest', 'books', TOP, 'as:internal'),
  allow('client:test|two', 'acme', 'ingest', 'letters', TOP, 'as:internal'),
  ...['retrieve', 'ingest', 'label', 'administer'].flatMap((action) =>
    ['acme', 'globex'].map((tenant) => allow('client:test|owner', tenant, action, '*', TOP)),
  ),
].join('\n');
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'internal' };
const PROFILE = { ...PROFILES.plain, provenance: 'none' };
const BOTH = ['client:one', 'client:two', 'client:owner'];

let test: TestService;
let catalog: Catalog;
let next = 1_000;

beforeAll(async () => {
  test = await startTestService({ policy, tenants: ['acme', 'globex'] });
  catalog = test.service.stores.catalog;
  for (const source of ['books', 'letters']) expect((await api('PUT', `/v1/sources/${source}`, SOURCE)).status).toBe(201);
  const byClient = [{ client: 'client:two', source: 'letters' }];
  const body = { source: 'books', byClient, profile: PROFILE, vectors: { size: 2, distance: 'Dot' } };
  expect((await api('PUT', '/v1/collections/shelf', body)).status).toBe(201);
});
afterAll(() => test.stop());

const tokens = new Map<string, Promise<string>>();
function tokenOf(app: string, tenant = 'acme'): Promise<string> {
  const token = tokens.get(`${app} ${tenant}`) ?? test.token({ sub: app, client_id: app, tenant });
  tokens.set(`${app} ${tenant}`, token);
  return token;
}

const api = async (method: string, path: string, body?: unknown) => test.call(method, path, await tokenOf('owner'), body);

interface DoorAnswer {
  readonly status: number;
  readonly text: string;
  /** What Qdrant calls the error, or `ok`. */
  readonly said: string;
}

/** `body` goes out as it stands where it is a text. */
async function door(app: string, method: string, path: string, body?: unknown, tenant = 'acme'): Promise<DoorAnswer> {
  const headers = { authorization: `Bearer ${await tokenOf(app, tenant)}`, 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const response = await fetch(`${test.qdrantUrl}${path}`, { method, headers, ...sent });
  const text = await response.text();
  const { status } = JSON.parse(text) as { status: string | { error: string } };
  return { status: response.status, text, said: typeof status === 'string' ? status : status.error };
}

interface PointBody {
  readonly id: number;
  readonly vector: unknown;
  readonly payload: Record<string, unknown>;
}
const point = (id: number, payload: Record<string, unknown> = {}, vector: unknown = [1, 2]): PointBody => ({
  id,
  vector,
  payload: { text: `text of ${id}`, acl: BOTH, ...payload },
});
const fresh = (): number => (next += 1);
const put = (app: string, points: readonly PointBody[]) => door(app, 'PUT', '/collections/shelf/points?wait=true', { points });
const change = (app: string, path: string, body: object, method = 'POST') =>
  door(app, method, `/collections/shelf/points${path}?wait=true`, body);

/** `expect` has no types for it. */
const saying = (text: string): unknown => expect.stringContaining(text);

async function ok(answer: Promise<DoorAnswer>): Promise<void> {
  expect(await answer).toMatchObject({ status: 200, said: 'ok' });
}

/** Payloads by id, as one application reads them. */
async function read(app: string, ...ids: number[]): Promise<Record<string, unknown>[]> {
  const answer = await change(app, '', { ids, with_payload: true, with_vector: true });
  expect(answer.said).toBe('ok');
  return (JSON.parse(answer.text) as { result: Record<string, unknown>[] }).result;
}

const stored = (id: number, source = 'books') => catalog.document(ACME, source as never, `shelf/${id}` as never);
/** What every write of a document moves or leaves. */
async function facts(): Promise<{ readonly epoch: unknown; readonly events: number }> {
  const { audit } = test.service.stores;
  const size = (await audit.sizes()).get(ACME) ?? 0;
  const events = await audit.between(ACME, 0, size, ['document.published', 'document.changed', 'document.deleted']);
  return { epoch: await catalog.epoch(ACME), events: events.length };
}

describe('an upsert', () => {
  it('comes back as it was written, number by number, without what cannot be seen in its text', async () => {
    const id = '18446744073709551615';
    const payload =
      '{"text":"se\u200bcret\\r\\nline","acl":["client:one"],"n":1.0,"big":9007199254740993,"list":[1e2,-0],"_sluice":{"zone":7}}';
    await ok(door('one', 'PUT', '/collections/shelf/points?wait=true', `{"points":[{"id":${id},"vector":[1,2],"payload":${payload}}]}`));
    const { text } = await change('one', '', { ids: [1] });
    expect(text).toContain('"result":[]');
    const answer = await door('one', 'GET', `/collections/shelf/points/${id}`);
    expect(answer.text).toContain(
      '"payload":{"text":"secret\\r\\nline","acl":["client:one"],"n":1.0,"big":9007199254740993,"list":[1e2,-0]}',
    );
    expect(answer.text).toContain(`"id":${id}`);
    const document = `shelf/${id}`;
    expect((await catalog.document(ACME, 'books' as never, document as never))?.unseen?.removed).toEqual({ tag: 0, bidi: 0, zeroWidth: 1 });
    const original = await api('GET', `/v1/sources/books/documents/${encodeURIComponent(document)}/original`);
    expect(original.json()).toMatchObject({ original: { text: 'se\u200bcret\r\nline' } });
  });

  it('of an id that another application has writes a point of its own: neither is overwritten, neither is found by who may not read it', async () => {
    const id = fresh();
    await ok(put('one', [point(id, { text: 'of one', acl: ['client:one'] })]));
    await ok(put('two', [point(id, { text: 'of two', acl: ['client:two'] })]));
    expect(await read('one', id)).toMatchObject([{ payload: { text: 'of one' } }]);
    expect(await read('two', id)).toMatchObject([{ payload: { text: 'of two' } }]);
    for (const body of [{ points: [id] }, { filter: { must: [{ has_id: [id] }] } }]) await ok(change('two', '/delete', body));
    expect(await read('one', id)).toHaveLength(1);
    expect(await read('two', id)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'no text',
      { text: undefined },
      '/points/1/payload/text: must be the text of the point: a string that is not empty. The profile of the collection names this field; its owner sets another one by "profile" in settings.json and: npx sluice collections put shelf settings.json',
    ],
    ['a text of nothing that can be seen', { text: ' \u200b ' }, '/points/1/payload/text: must be the text'],
    [
      'no ACL',
      { acl: undefined },
      '/points/1/payload/acl: is required: an ACL at acl of the payload, or a default, which the owner of the collection sets by "defaultAcl" in settings.json and: npx sluice collections put shelf settings.json',
    ],
    ['an ACL that is none', { acl: 'everyone' }, '/points/1/payload/acl: must be an acl'],
    ['an unknown level', { level: 'cosmic' }, '/points/1/level: must be one of'],
    ['more trust than its writer has', { trust: 'trusted' }, '/points/1: The writer is trusted less'],
    ['a key that looks like the reserved one', { _SLUICE: 1 }, '/points/1/payload: a key that looks like'],
  ])('of which one point has %s is refused before anything is written', async (_what, fields, message) => {
    const [good, bad] = [fresh(), fresh()];
    const before = await facts();
    const answer = await put('one', [point(good), point(bad, fields)]);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.said).toContain(message);
    expect(await facts()).toEqual(before);
    expect(await read('owner', good, bad)).toEqual([]);
  });

  it('that the index refuses leaves nothing published', async () => {
    const [good, bad] = [fresh(), fresh()];
    const answer = await put('one', [point(good), point(bad, {}, [1, 2, 3])]);
    expect(answer).toMatchObject({ status: 400, said: saying('expected dim: 2, got 3') });
    expect(await Promise.all([stored(good), stored(bad)])).toEqual([undefined, undefined]);
    await ok(put('one', [point(good)]));
  });

  it('keeps to trust and to what was there: nobody widens without label, not even by deleting first', async () => {
    const id = fresh();
    await ok(put('one', [point(id, { acl: ['client:one'] })]));
    expect(await put('low', [point(id, { acl: ['client:one'] })])).toMatchObject({
      status: 403,
      said: saying('trusted less'),
    });
    expect(await put('one', [point(id)])).toMatchObject({ status: 403, said: saying('/points/0: Policy') });
    expect(await change('low', '/delete', { points: [id] })).toMatchObject({ status: 403 });
    await ok(change('one', '/delete', { points: [id] }));
    expect(await put('one', [point(id)])).toMatchObject({ status: 403 });
    await ok(put('one', [point(id, { acl: ['client:one'], level: 'internal' })]));
    await ok(put('owner', [point(id)]));
    expect((await stored(id))?.declared).toMatchObject({ level: 'internal', trust: 'internal' });
  });

  it('of what is there already changes nothing: no event, no epoch; of one that waits for the index it heals', async () => {
    const points = [point(fresh()), point(fresh())];
    await ok(put('one', points));
    const before = await facts();
    await ok(put('one', points));
    expect(await facts()).toEqual(before);
    // Written back as it was read, or as another client spells it.
    const [first] = points as [PointBody];
    await ok(change('one', '', { points: await read('one', first.id) }, 'PUT'));
    const spelt = JSON.stringify({ points }).replaceAll('[1,2]', '{"":[1.0,2e0]}');
    await ok(door('one', 'PUT', '/collections/shelf/points?wait=true', spelt));
    expect(await facts()).toEqual(before);
    await ok(put('one', [{ ...first, vector: [1, 3] }]));
    expect(await facts()).not.toEqual(before);
    await ok(put('one', [first]));
    const document = await stored(first.id);
    if (document === undefined) throw new Error('it was written');
    const { title, uri, declared, acl, metadata, validFrom, validUntil, state, writtenBy, writeDigest } = document;
    const attributes = { title: `${title} `, uri, declared, acl, metadata, validFrom, validUntil, state, writtenBy, writeDigest };
    const by = { requestId: 'r', by: writtenBy, through: writtenBy };
    // The mender would heal it too.
    const { pendingDocuments } = catalog;
    Object.assign(catalog, { pendingDocuments: async () => [] });
    try {
      await catalog.change(document.key, ACME, document.revision, attributes, by);
      await catalog.change(document.key, ACME, document.revision + 1, { ...attributes, title }, by);
      expect(await stored(first.id)).toMatchObject({ revision: 5, indexedRevision: 3 });
      await ok(put('one', points));
      expect(await stored(first.id)).toMatchObject({ revision: 5, indexedRevision: 5 });
    } finally {
      Object.assign(catalog, { pendingDocuments });
    }
  });

  it('of one id by two at once leaves one of them, whole', async () => {
    const ids = [fresh(), fresh(), fresh()];
    const texts = ['first', 'second', 'third'];
    const answers = await Promise.all(
      texts.map((text, n) =>
        put(
          'one',
          (n % 2 === 0 ? ids : ids.toReversed()).map((id) => point(id, { text }, [n, n])),
        ),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const found = await read('one', ...ids);
    for (const { payload, vector } of found as { payload: { text: string }; vector: number[] }[]) {
      expect(vector).toEqual([texts.indexOf(payload.text), texts.indexOf(payload.text)]);
    }
    expect(found).toHaveLength(3);
  });
});

describe('after a crash', () => {
  let restore: () => void = () => undefined;
  afterEach(() => restore());

  /** This process dies before it does that. */
  function diesBefore(method: 'stageAll' | 'publishAll', calls = 1): void {
    const kept: (...given: never[]) => Promise<void> = catalog[method];
    let left = calls;
    const dying = (...given: never[]): Promise<void> => {
      left -= 1;
      if (left <= 0) throw new AppError('internal', { detail: 'a planned crash' });
      return kept(...given);
    };
    Object.assign(catalog, { [method]: dying });
    restore = () => Object.assign(catalog, { [method]: kept });
  }

  it.each(['stageAll', 'publishAll'] as const)(
    'before %s nobody finds the new points, the old ones are whole, and the same write goes on',
    async (step) => {
      const [old, made] = [fresh(), fresh()];
      await ok(put('one', [point(old, { text: 'old' })]));
      diesBefore(step);
      const again = [point(old, { text: 'new' }), point(made, { text: 'new' })];
      expect(await put('one', again)).toMatchObject({ status: 500 });
      expect(await read('one', old, made)).toMatchObject([{ payload: { text: 'old' } }]);
      restore();
      await test.service.mender.mend();
      expect(await read('one', old, made)).toMatchObject([{ payload: { text: 'old' } }]);
      await ok(put('one', again));
      expect(await read('one', old, made)).toMatchObject([{ payload: { text: 'new' } }, { payload: { text: 'new' } }]);
    },
  );

  it('between two transactions of one upsert the first points are there, and the same write brings the rest', async () => {
    const many = Array.from({ length: 300 }, () => point(fresh()));
    diesBefore('publishAll', 2);
    expect(await put('one', many)).toMatchObject({ status: 500 });
    const ids = many.map(({ id }) => id);
    expect(await read('one', ...ids)).toHaveLength(256);
    restore();
    await ok(put('one', many));
    expect(await read('one', ...ids)).toHaveLength(300);
  });
});

describe('a point that was replaced', () => {
  /** Old texts stay in the index, as long as this takes. */
  async function unswept(work: () => Promise<void>): Promise<void> {
    const kept = catalog.deadChunks;
    Object.assign(catalog, { deadChunks: () => Promise.resolve([]) });
    try {
      await work();
    } finally {
      Object.assign(catalog, { deadChunks: kept });
    }
  }
  const tagOf = (id: number) => ({ tag: `r${id}` });
  async function numbers(app: string, id: number): Promise<readonly unknown[]> {
    const filter = { must: [{ key: 'tag', match: { value: `r${id}` } }] };
    const asked = [
      change(app, '/count', { filter }),
      door(app, 'POST', '/collections/shelf/facet', { key: 'tag', filter }),
      change(app, '/query/groups', { query: [1, 1], group_by: 'tag', group_size: 50, filter }),
    ];
    const [count, facet, groups] = (await Promise.all(asked)).map(
      ({ text }) => (JSON.parse(text) as { result: unknown }).result,
    ) as unknown as [{ count: number }, { hits: readonly { count: number }[] }, { groups: readonly { hits: readonly unknown[] }[] }];
    return [count.count, facet.hits[0]?.count, groups.groups[0]?.hits.length];
  }

  it('counts once, and at once: while its old text is in the index, and while the next one is staged', async () => {
    await ok(door('owner', 'PUT', '/collections/shelf/index?wait=true', { field_name: 'tag', field_schema: 'keyword' }));
    const ids = Array.from({ length: 20 }, fresh);
    const [first = 0, second = 0] = ids;
    const all = (payload: Record<string, unknown>) => ids.map((id) => point(id, { ...payload, ...tagOf(first) }));
    await unswept(async () => {
      for (const text of ['one', 'two', 'three']) {
        await ok(put('one', all({ text })));
        expect(await numbers('one', first), text).toEqual([20, 20, 20]);
      }
      await ok(put('one', [point(second, { text: 'four', acl: ['client:two'], ...tagOf(first) })]));
      expect([await numbers('one', first), await numbers('two', first)]).toEqual([
        [19, 19, 19],
        [20, 20, 20],
      ]);
      // Staged and in the index, for more people than before, and not published: numbers are of what is there.
      const { publishAll } = catalog;
      Object.assign(catalog, { publishAll: () => Promise.reject(new AppError('internal', { detail: 'a planned crash' })) });
      expect(await put('owner', [point(second, { text: 'five', ...tagOf(first) }), point(fresh(), tagOf(first))])).toMatchObject({
        status: 500,
      });
      Object.assign(catalog, { publishAll });
      expect([await numbers('one', first), await numbers('two', first)]).toEqual([
        [19, 19, 19],
        [20, 20, 20],
      ]);
    });
    await test.service.mender.mend();
    expect(await numbers('one', first)).toEqual([19, 19, 19]);
  });

  it.each([
    ['replaced and hidden', (id: number) => put('one', [point(id, { text: 'hidden', acl: ['client:two'], ...tagOf(id) })]), 0],
    ['replaced', (id: number) => put('one', [point(id, { text: 'other', ...tagOf(id) })]), 1],
    ['deleted', (id: number) => change('one', '/delete', { points: [id] }), 0],
    ['joined by another', (id: number) => put('one', [point(fresh(), { text: 'new', acl: ['client:two'], ...tagOf(id) })]), 1],
  ])('%s between what is left out and the count never shows in a number', async (_name, meanwhile, expected) => {
    const id = fresh();
    await ok(put('one', [point(id, tagOf(id))]));
    await unswept(async () => {
      // What is left out is the one thing that is read in a snapshot and says so.
      const { database } = test.service.stores;
      const { snapshot } = database;
      let once = true;
      const between: typeof snapshot = async (...given) => {
        const found = await snapshot.apply(database, given as never);
        if (once && typeof found === 'object' && found !== null && 'timed' in found) {
          once = false;
          await ok(meanwhile(id));
        }
        return found as never;
      };
      Object.assign(database, { snapshot: between });
      try {
        const filter = { must: [{ key: 'tag', match: { value: `r${id}` } }] };
        expect((await change('one', '/count', { filter })).text).toContain(`"count":${expected}`);
        expect(once).toBe(false);
      } finally {
        Object.assign(database, { snapshot });
      }
    });
  });
});

describe('what reaches points that are there', () => {
  it('a filter reaches what is readable and writable, and nothing else', async () => {
    const ids = Array.from({ length: 5 }, fresh);
    const [open, hidden, elsewhere, above, other] = ids as [number, number, number, number, number];
    const tag = { tag: `t${open}` };
    await ok(put('one', [point(open, tag), point(other, { tag: 'another' })]));
    await ok(put('one', [point(hidden, { ...tag, acl: ['client:owner'] })]));
    await ok(put('two', [point(elsewhere, tag)]));
    await ok(put('owner', [point(above, { ...tag, trust: 'trusted' })]));
    const filter = { must: [{ key: 'tag', match: { value: tag.tag } }] };
    await ok(change('one', '/payload', { payload: { seen: true }, filter }));
    const seen = async () => (await read('owner', ...ids)).map(({ payload }) => (payload as { seen?: true }).seen);
    expect(await seen()).toEqual([true, undefined, undefined, undefined, undefined]);
    await ok(change('one', '/delete', { filter }));
    expect((await read('owner', ...ids)).map(({ id }) => id)).toEqual([hidden, elsewhere, above, other]);
  });

  it('who may not read deletes by id in the own source alone, and changes nothing', async () => {
    const [mine, theirs] = [fresh(), fresh()];
    await ok(put('blind', [point(mine)]));
    await ok(put('two', [point(theirs)]));
    await ok(change('blind', '/payload', { payload: { seen: true }, points: [mine, theirs] }));
    await ok(change('blind', '/delete', { filter: { must: [{ has_id: [mine] }] } }));
    expect((await read('owner', mine, theirs)).map(({ payload }) => Object.keys(payload as object))).toEqual([
      ['text', 'acl'],
      ['text', 'acl'],
    ]);
    await ok(change('blind', '/delete', { points: [mine, theirs] }));
    expect((await read('owner', mine, theirs)).map(({ id }) => id)).toEqual([theirs]);
  });

  it('a payload changes beside its vector, and what it says of text and access is judged like an upsert', async () => {
    const id = fresh();
    await ok(put('one', [point(id, { n: 1, deep: { a: 1 } }, [0.1, 0.25])]));
    await ok(change('one', '/payload', { payload: { n: null, m: 2 }, points: [id] }));
    await ok(change('one', '/payload', { payload: { b: 2 }, key: 'deep', points: [id] }));
    await ok(change('one', '/payload/delete', { keys: ['deep.a'], points: [id] }));
    const before = await facts();
    await ok(change('one', '/payload', { payload: { m: 2 }, points: [id] }));
    await ok(change('one', '/payload/delete', { keys: ['nothing'], points: [id] }));
    expect(await facts()).toEqual(before);
    expect(await read('one', id)).toEqual([
      { id, payload: { text: `text of ${id}`, acl: BOTH, m: 2, deep: { b: 2 } }, vector: [0.1, 0.25] },
    ]);
    expect(await change('one', '/payload/clear', { points: [id] })).toMatchObject({
      status: 400,
      said: saying('/points/0/payload/text'),
    });
    expect(await change('one', '/payload', { payload: { acl: ['everyone'] }, points: [id] })).toMatchObject({ status: 403 });
    await ok(change('one', '/payload', { payload: { acl: ['client:one'] }, points: [id] }));
    expect(await read('two', id)).toEqual([]);
    expect(await change('one', '/payload', { payload: { text: 'another' }, points: [id] }, 'PUT')).toMatchObject({ status: 422 });
    await ok(change('one', '/payload', { payload: { text: 'another', acl: ['client:one'] }, points: [id] }, 'PUT'));
    expect(await read('one', id)).toMatchObject([{ payload: { text: 'another', acl: ['client:one'] }, vector: [0.1, 0.25] }]);
  });

  it('what an owner narrowed stays narrow when only something else of the payload changes', async () => {
    const id = fresh();
    await ok(put('one', [point(id)]));
    const path = `/v1/sources/books/documents/${encodeURIComponent(`shelf/${id}`)}`;
    const narrower = { acl: { allow: ['client:one'] }, validUntil: '2100-01-01T00:00:00Z' };
    expect((await api('PATCH', path, narrower)).status).toBe(200);
    await ok(change('one', '/payload', { payload: { seen: true }, points: [id] }));
    expect(await read('one', id)).toMatchObject([{ payload: { seen: true } }]);
    expect(await read('two', id)).toEqual([]);
    expect((await stored(id))?.validUntil).toBe(4_102_444_800);
  });

  it('trust that hidden characters took from a point does not come back with a change beside its text', async () => {
    const id = fresh();
    const hidden = String.fromCodePoint(...Array.from({ length: 70 }, () => 0xe0041));
    await ok(put('one', [point(id, { text: `text${hidden}` })]));
    const lowered = { declared: { trust: 'external' }, unseen: { removed: { tag: 70 } } };
    expect(await stored(id)).toMatchObject(lowered);
    await ok(change('one', '/payload', { payload: { seen: true }, points: [id] }));
    await ok(change('one', '/vectors', { points: [{ id, vector: [7, 8] }] }, 'PUT'));
    expect(await stored(id)).toMatchObject({ revision: 3, ...lowered });
    await ok(change('one', '/payload', { payload: { text: 'another' }, points: [id] }));
    expect(await stored(id)).toMatchObject({ declared: { trust: 'internal' }, unseen: { removed: { tag: 0 } } });
  });

  it('vectors change alone', async () => {
    const [mine, theirs] = [fresh(), fresh()];
    await ok(put('one', [point(mine)]));
    await ok(put('two', [point(theirs)]));
    const points = [mine, theirs].map((id) => ({ id, vector: [7, 8] }));
    await ok(change('one', '/vectors', { points }, 'PUT'));
    expect((await read('owner', mine, theirs)).map(({ vector }) => vector)).toEqual([
      [7, 8],
      [1, 2],
    ]);
    expect((await stored(mine))?.revision).toBe(2);
  });
});

describe('a collection', () => {
  const VECTORS = { vectors: { size: 2, distance: 'Dot' } };

  it('is not there for another tenant, nor for who may do nothing with its sources, to the byte', async () => {
    const without = ({ text, ...rest }: DoorAnswer) => ({ ...rest, text: text.replace(/"time":[\d.e-]+/, '') });
    const ask = async (app: string, tenant: string, name: string) =>
      without(await door(app, 'PUT', `/collections/${name}/points?wait=true`, { points: [point(1)] }, tenant));
    const named = (answer: object) => JSON.parse(JSON.stringify(answer).replaceAll('shelf', 'other')) as object;
    expect(named(await ask('owner', 'globex', 'shelf'))).toEqual(await ask('owner', 'globex', 'other'));
    expect(named(await ask('nobody', 'acme', 'shelf'))).toEqual(await ask('nobody', 'acme', 'other'));
    expect(await ask('nobody', 'acme', 'shelf')).toMatchObject({ status: 404 });
  });

  it('is made by whoever may ingest into the source of its name, once, and dropped by its owner', async () => {
    expect((await api('PUT', '/v1/sources/notes', SOURCE)).status).toBe(201);
    const made = await Promise.all([
      door('owner', 'PUT', '/collections/notes', VECTORS),
      door('owner', 'PUT', '/collections/notes', VECTORS),
    ]);
    expect(made.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(await door('one', 'PUT', '/collections/notes', VECTORS)).toMatchObject({ status: 403 });
    expect(await door('one', 'PUT', '/collections/nosuch', VECTORS)).toMatchObject({ status: 403 });
    const idf = { sparse_vectors: { s: { modifier: 'idf' } } };
    expect(await door('owner', 'PUT', '/collections/letters', idf)).toMatchObject({ status: 400 });
    await ok(door('owner', 'PUT', '/collections/notes/index?wait=true', { field_name: 'tag', field_schema: 'keyword' }));
    expect(
      await door('owner', 'PUT', '/collections/notes/index?wait=true', { field_name: '"_sluice".zone', field_schema: 'keyword' }),
    ).toMatchObject({
      status: 400,
    });
    await ok(door('owner', 'PUT', '/collections/notes/points?wait=true', { points: [point(1)] }));
    // What a stock client writes is refused until an owner has said what no client says; the refusal says how.
    const stock = { points: [{ id: 2, vector: [1, 2], payload: { content: 'a text', metadata: {} } }] };
    const write = () => door('owner', 'PUT', '/collections/notes/points?wait=true', stock);
    const settings = { source: 'notes', profile: 'langchain', defaultAcl: { allow: BOTH } };
    expect((await write()).said).toContain('/points/0/payload/text: must be the text of the point');
    expect((await api('PUT', '/v1/collections/notes', { ...settings, defaultAcl: undefined })).status).toBe(200);
    expect((await write()).said).toContain('by "defaultAcl" in settings.json and: npx sluice collections put notes settings.json');
    expect((await api('PUT', '/v1/collections/notes', settings)).status).toBe(200);
    await ok(write());
    expect(await door('one', 'DELETE', '/collections/shelf')).toMatchObject({ status: 403 });
    expect((await door('nobody', 'DELETE', '/collections/notes')).text).toContain('"result":false');
    expect((await door('owner', 'DELETE', '/collections/notes')).text).toContain('"result":true');
    expect(await door('owner', 'PUT', '/collections/notes/points?wait=true', { points: [point(1)] })).toMatchObject({ status: 404 });
  });
});
