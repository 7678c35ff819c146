import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { PROFILES } from '../../src/core/points/profiles.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** What somebody who may write points tries beyond that. */
const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted';
const policy = [
  allow('client:test|app', 'acme', 'retrieve', '*', TOP),
  allow('client:test|app', 'acme', 'ingest', 'books', TOP, 'as:internal'),
  ...['retrieve', 'ingest', 'label', 'administer'].map((action) => allow('client:test|owner', 'acme', action, '*', TOP)),
].join('\n');
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const COLLECTION = { source: 'books', profile: { ...PROFILES.plain, provenance: 'none' }, vectors: { size: 2, distance: 'Dot' } };
const HIDDEN = String.fromCodePoint(...Array.from({ length: 70 }, () => 0xe0041));

let test: TestService;
let catalog: Catalog;
let next = 1_000;
const fresh = (): number => (next += 1);

beforeAll(async () => {
  test = await startTestService({ policy, tenants: ['acme'] });
  catalog = test.service.stores.catalog;
  expect((await api('PUT', '/v1/sources/books', SOURCE)).status).toBe(201);
  expect((await api('PUT', '/v1/collections/shelf', COLLECTION)).status).toBe(201);
});
afterAll(() => test.stop());

const tokenOf = (app: string): Promise<string> => test.token({ sub: app, client_id: app, tenant: 'acme' });
const api = async (method: string, path: string, body?: unknown, app = 'owner') => test.call(method, path, await tokenOf(app), body);

interface DoorAnswer {
  readonly status: number;
  readonly said: string;
  readonly result: unknown;
}

async function door(app: string, method: string, path: string, body?: unknown): Promise<DoorAnswer> {
  const headers = { authorization: `Bearer ${await tokenOf(app)}`, 'content-type': 'application/json' };
  const response = await fetch(`${test.qdrantUrl}/collections/shelf${path}`, { method, headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as { status: string | { error: string }; result?: unknown };
  return { status: response.status, said: typeof answer.status === 'string' ? answer.status : answer.status.error, result: answer.result };
}

const point = (id: number, payload: object = {}, vector: unknown = [1, 2]) => ({
  id,
  vector,
  payload: { text: `text of ${id}`, acl: ['client:app', 'client:owner'], ...payload },
});
const put = (app: string, ...points: object[]) => door(app, 'PUT', '/points?wait=true', { points });
const set = (app: string, id: number, payload: object) => door(app, 'POST', '/points/payload?wait=true', { payload, points: [id] });
const remove = (app: string, ...points: number[]) => door(app, 'POST', '/points/delete?wait=true', { points });
const stored = (id: number) => catalog.document(ACME, 'books' as never, `shelf/${id}` as never);
const OK = { status: 200, said: 'ok' };
const ownersOnly = { acl: ['client:owner'], trust: 'internal' };

describe('a writer', () => {
  it('does not try out the ACL of a hidden point by a write that fails for another reason either way', async () => {
    const [hidden, mine] = [fresh(), fresh()];
    expect(await put('owner', point(hidden, ownersOnly))).toMatchObject(OK);
    expect(await put('app', point(mine, { acl: ['client:app'] }))).toMatchObject(OK);
    const before = [await stored(hidden), await stored(mine)];
    const [wider, narrower] = [point(hidden), point(hidden, ownersOnly)];
    const misfit = (one: object) => ({ ...one, vector: [1, 2, 3] });
    const tooWide = point(mine);
    expect(await put('app', misfit(wider))).toEqual(await put('app', misfit(narrower)));
    expect(await put('app', wider, tooWide)).toEqual(await put('app', narrower, tooWide));
    expect(await put('app', tooWide, wider)).toEqual(await put('app', tooWide, narrower));
    expect([await stored(hidden), await stored(mine)]).toEqual(before);
    expect(await put('app', wider)).toMatchObject({ status: 403 });
    expect(await put('app', narrower)).toMatchObject(OK);
  });

  it('does not try it out beside a point that they keep moving: what may be written is written', async () => {
    const [hidden, mine] = [fresh(), fresh()];
    expect(await put('owner', point(hidden, ownersOnly))).toMatchObject(OK);
    expect(await put('app', point(mine))).toMatchObject(OK);
    const path = `/v1/sources/books/documents/${encodeURIComponent(`shelf/${mine}`)}`;
    const { publishAll } = catalog;
    let moves = 0;
    const moving: typeof publishAll = async (...given) => {
      if ((await api('PATCH', path, { metadata: { moves: (moves += 1) } })).status >= 300) throw new Error('it did not move');
      return publishAll(...given);
    };
    Object.assign(catalog, { publishAll: moving });
    try {
      const beside = { ...point(mine), payload: { ...point(mine).payload, seen: true } };
      expect(await put('app', point(hidden), beside)).toMatchObject({ status: 403 });
      expect(await stored(hidden)).toMatchObject({ revision: 1 });
      expect(await put('app', point(hidden, { ...ownersOnly, seen: true }), beside)).toMatchObject({ status: 409 });
      expect(await stored(hidden)).toMatchObject({ revision: 2 });
    } finally {
      Object.assign(catalog, { publishAll });
    }
  });

  it('does not learn by a deletion that is refused either way whether a hidden point is trusted more', async () => {
    const [hidden, trusted, plain] = [fresh(), fresh(), fresh()];
    expect(await put('owner', point(hidden, { ...ownersOnly, trust: 'trusted' }), point(trusted, { trust: 'trusted' }))).toMatchObject(OK);
    expect(await put('app', point(plain))).toMatchObject(OK);
    expect(await remove('app', plain, trusted)).toEqual(await remove('app', hidden, trusted));
    expect(await remove('app', hidden)).toMatchObject({ status: 403 });
    expect(await remove('app', plain)).toMatchObject(OK);
  });

  it('does not bring hidden characters in by the title, once the text is judged', async () => {
    const [id, twice] = [fresh(), fresh()];
    const lowered = { declared: { trust: 'external' }, unseen: { removed: { tag: 70 } } };
    expect(await put('app', point(id), point(twice, { title: `Title${HIDDEN}` }))).toMatchObject(OK);
    expect(await stored(twice)).toMatchObject(lowered);
    expect(await set('app', id, { title: `Title${HIDDEN}` })).toMatchObject(OK);
    expect(await stored(id)).toMatchObject(lowered);
    // What is there is counted once, whatever else changes.
    for (const one of [id, twice]) {
      expect(await set('app', one, { seen: true })).toMatchObject(OK);
      expect(await stored(one)).toMatchObject(lowered);
    }
  });

  it.each<[string, string, object]>([
    ['a key that no body may hold', '__proto__.x', { a: 1 }],
    ['a key with a backslash', '"a\\b"', { a: 1 }],
    ['more depth than a body may have', Array.from({ length: 32 }, () => 'a').join('.'), { a: 1 }],
  ])('does not make a point by %s on which everybody else’s search fails', async (_name, key, payload) => {
    const id = fresh();
    expect(await put('app', point(id))).toMatchObject(OK);
    expect(await door('app', 'POST', '/points/payload?wait=true', { payload, key, points: [id] })).toMatchObject({ status: 400 });
    expect(await door('app', 'POST', '/points/payload?wait=true', { payload, key: 'b.c', points: [id] })).toMatchObject(OK);
    const part = await door('owner', 'POST', '/points', { ids: [id], with_payload: ['text', 'b'] });
    expect(part.result).toEqual([{ id, payload: { text: `text of ${id}`, b: { c: { a: 1 } } } }]);
  });

  it('keeps nobody from counting by writes that are refused, by the index or for what is there', async () => {
    const { db } = test.service.stores.database;
    const chunks = () => db.selectFrom('chunks').select(['chunk', 'state']).orderBy('chunk').execute();
    const hidden = fresh();
    expect(await put('owner', point(hidden, ownersOnly))).toMatchObject(OK);
    // What the tests before replaced goes first: swept in between, it would be taken for what a refused write left.
    const before = await vi.waitFor(
      async () => {
        const all = await chunks();
        expect(all.filter(({ state }) => state === 'dead')).toEqual([]);
        return all;
      },
      { timeout: 30_000, interval: 50 },
    );
    const refused = [
      [point(fresh()), { ...point(fresh()), vector: [1, 2, 3] }],
      [point(fresh()), point(hidden)],
    ];
    for (const points of refused) {
      expect((await put('app', ...points)).status).toBeLessThan(500);
      expect(await chunks()).toEqual(before);
      // Nothing that was refused stands in the way of the same write.
      expect((await put('app', ...points)).said).not.toBe('ok');
    }
    expect(await put('app', ...refused.map(([good = {}]) => good))).toMatchObject(OK);
  });
});
