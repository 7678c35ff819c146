import { QdrantClient } from '@qdrant/js-client-rest';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { portIfFree } from '../../src/service/free-port.ts';
import { ownPort } from '../support/own-port.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const POLICY = [
  'g, user:test|root, role:administrator, acme',
  'p, client:test|console, acme, *, administer, *, *, *, allow',
  'p, everyone, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|other, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, retrieve, upto:restricted, *, *, allow',
  'p, client:test|loader, acme, *, audit, upto:restricted, *, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
].join('\n');
const SOURCE = { title: 'Handbook', owner: 'group:test|hr', level: 'internal', compartments: [], trust: 'trusted' };
const DOCUMENTS = {
  leave: { allow: ['group:test|staff', 'client:test|assistant'] },
  salaries: { allow: ['group:test|hr'] },
  doors: { allow: ['group:test|staff'], deny: ['user:test|anna'] },
};

let here: TestService;
let loader: string;
let anna: string;
let holly: string;
const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);

/** A stock client, told nothing but the address and what to send along. */
function client(headers: Record<string, string>): QdrantClient {
  return new QdrantClient({ url: here.qdrantUrl, headers });
}
const as = (token: string): QdrantClient => client({ authorization: `Bearer ${token}` });

async function put(name: string, acl: object): Promise<void> {
  const body = { text: `Leave, ${name}.`, mediaType: 'text/plain', title: name, acl, metadata: { name } };
  expect((await here.call('PUT', `/v1/sources/handbook/documents/${name}`, loader, body)).status).toBe(200);
}

/** Names of the documents that a client is shown. */
async function names(of: QdrantClient): Promise<readonly unknown[]> {
  const { points } = await of.scroll('sluice', { limit: 100 });
  return points.map(({ payload }) => String((payload?.['metadata'] as { name?: unknown } | undefined)?.name)).toSorted();
}

async function refused(work: Promise<unknown>): Promise<{ readonly status: number; readonly error: unknown }> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error as { status: number; data: { status: { error: unknown } } },
  );
  return { status: failure?.status ?? 200, error: failure?.data.status.error };
}

beforeAll(async () => {
  here = await startTestService({ policy: POLICY, tenants: ['acme'] });
  loader = await here.token({ sub: 'loader', client_id: 'loader', groups: undefined });
  anna = await here.token({ sub: 'anna', client_id: 'assistant', groups: ['staff'] });
  holly = await here.token({ sub: 'holly', client_id: 'assistant', groups: ['hr'] });
  expect((await here.call('PUT', '/v1/sources/handbook', loader, SOURCE)).status).toBe(201);
  for (const [name, acl] of Object.entries(DOCUMENTS)) await put(name, acl);
});
afterAll(async () => {
  warn.mockRestore();
  await here.stop();
});

describe('a stock client', () => {
  test('finds a server of its own version, and warns of nothing', async () => {
    const stock = as(anna);
    expect(await stock.versionInfo()).toMatchObject({ version: '1.16.3' });
    expect(await stock.getCollections()).toEqual({ collections: [{ name: 'sluice' }] });
    expect(await stock.collectionExists('sluice')).toEqual({ exists: true });
    expect(await stock.collectionExists('nothing')).toEqual({ exists: false });
    expect(await stock.getAliases()).toEqual({ aliases: [] });
    expect(warn).not.toHaveBeenCalled();
  });

  test('shows each person what they may read', async () => {
    expect(await names(as(anna))).toEqual(['leave']);
    expect(await names(as(holly))).toEqual(['salaries']);
    expect((await as(anna).count('sluice', { exact: true })).count).toBe(1);
    expect((await as(anna).getCollection('sluice')).points_count).toBe(1);
  });

  test('searches, by a text of its own and by the id of a point', async () => {
    const { points } = await as(anna).query('sluice', { query: { text: 'leave', model: 'bm25' }, using: 'bm25', with_payload: true });
    expect(points.map(({ payload }) => payload?.['content'])).toEqual(['Leave, leave.']);
    const [found] = points;
    const id = found?.id ?? '';
    expect(await as(anna).retrieve('sluice', { ids: [id], with_payload: false })).toEqual([{ id }]);
    expect(await as(holly).retrieve('sluice', { ids: [id] })).toEqual([]);
    const hidden = await refused(as(holly).query('sluice', { query: id, using: 'bm25' }));
    const missing = await refused(as(holly).query('sluice', { query: '00000000-0000-4000-8000-000000000000', using: 'bm25' }));
    expect(hidden).toEqual({ status: 404, error: `Not found: No point with id ${id} found` });
    expect(missing).toEqual({ ...hidden, error: String(hidden.error).replace(String(id), '00000000-0000-4000-8000-000000000000') });
  });

  test('is told in words why something is not served', async () => {
    expect(await refused(as(anna).listSnapshots('sluice'))).toMatchObject({
      status: 403,
      error: expect.stringContaining('snapshot') as string,
    });
    expect(await refused(as(anna).getCollection('nothing'))).toEqual({
      status: 404,
      error: "Not found: Collection `nothing` doesn't exist!",
    });
    const upsert = as(anna).upsert('sluice', { points: [{ id: 1, vector: [1], payload: {} }] });
    expect(await refused(upsert)).toMatchObject({ error: expect.any(String) as string });
  });
});

describe('an application with a static key', () => {
  let key: string;
  beforeAll(async () => {
    const root = await here.token({ sub: 'root', client_id: 'console' });
    const made = await here.call('POST', '/v1/application-keys', root, {
      client: 'client:test|assistant',
      scopes: ['retrieve'],
      note: 'a test',
    });
    expect(made.status, made.text).toBe(201);
    key = made.json<{ key: string }>().key;
  });

  test('reads as itself, without a person', async () => {
    expect(await names(client({ 'api-key': key }))).toEqual(['leave']);
  });

  test('reads for a person who brings a token made for it, and for nobody else', async () => {
    const other = await here.token({ sub: 'holly', client_id: 'other', groups: ['hr'] });
    expect(await names(client({ 'api-key': key, authorization: `Bearer ${holly}` }))).toEqual(['salaries']);
    expect(await names(as(other))).toEqual(['salaries']);
    expect(await refused(names(client({ 'api-key': key, authorization: `Bearer ${other}` })))).toMatchObject({ status: 401 });
  });

  test('a person’s token may stand in the place of the key', async () => {
    expect(await names(client({ 'api-key': holly }))).toEqual(['salaries']);
  });

  test('is cut off at once when the key is revoked', async () => {
    const root = await here.token({ sub: 'root', client_id: 'console' });
    const id = key.split('_')[1] ?? '';
    expect((await here.call('DELETE', `/v1/application-keys/${id}`, root)).status).toBe(204);
    expect(await refused(names(client({ 'api-key': key })))).toMatchObject({ status: 401 });
    expect(await refused(names(client({ 'api-key': key, authorization: `Bearer ${holly}` })))).toMatchObject({ status: 401 });
  });
});

describe('what a formula cannot be computed for', () => {
  const send = (method: string, path: string, token: string, body: object): Promise<Response> =>
    fetch(`${here.qdrantUrl}/collections/handbook${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
  const write = async (path: string, body: object): Promise<void> => expect((await send('PUT', path, loader, body)).status).toBe(200);
  const point = (id: number, more: object): object => ({
    id,
    vector: [1, id],
    payload: { text: `Page ${id}.`, acl: { allow: ['group:test|staff'] }, ...more },
  });
  const scored = (): Promise<Response> => send('POST', '/points/query', anna, { prefetch: { query: [1, 1] }, query: { formula: 'year' } });

  test('is told of a point that is readable, and of bait not even by a failure', async () => {
    await write('', { vectors: { size: 2, distance: 'Dot' } });
    await write('/points', { points: [point(1, { year: 7 }), point(2, { year: 8 }), point(3, {})] });
    await write('/index', { field_name: 'year', field_schema: 'integer' });
    expect((await scored()).status).toBe(400);
    const marked = await here.call('PATCH', '/v1/sources/handbook/documents/handbook%2F3', loader, { honey: true });
    expect(marked.status, marked.text).toBe(200);
    const answer = await scored();
    expect(await answer.json()).toMatchObject({ result: { points: [{ id: 2 }, { id: 1 }] } });
    // It was touched all the same: what the prefetch finds counts then.
    const events = await here.service.stores.audit.byRequest('acme' as TenantId, answer.headers.get('sluice-request-id') ?? '');
    expect(events.find(({ kind }) => kind === 'release')?.body).toMatchObject({ bait: [{ source: 'handbook' }] });
  });

  test('and a filter that asks for more conditions than there are leave the index alive', async () => {
    const filter = { min_should: { conditions: [{ key: 'year', match: { value: 7 } }], min_count: Number.MAX_SAFE_INTEGER } };
    expect((await as(anna).count('handbook', { filter })).count).toBe(0);
    expect((await as(anna).count('handbook', {})).count).toBe(2);
  });
});

test('a service whose door cannot be opened does not start, and leaves no other open', async () => {
  const port = await ownPort();
  const taken = { kind: 'port', port: Number(new URL(here.qdrantUrl).port), publicUrl: undefined } as const;
  const second = { policy: POLICY, tenants: ['acme'], issuer: here.issuer, dataDir: temporaryDirectory() };
  await expect(startTestService({ ...second, config: { port, qdrantDoor: taken } })).rejects.toThrow('EADDRINUSE');
  expect(await portIfFree('127.0.0.1', port)).toBe(port);
});

test('what left is recorded under the id of the answer', async () => {
  const response = await fetch(`${here.qdrantUrl}/collections/sluice/points/scroll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${anna}` },
    body: '{}',
  });
  expect(response.status).toBe(200);
  const trace = await here.call('GET', `/v1/requests/${response.headers.get('sluice-request-id') ?? ''}`, loader);
  expect(trace.status, trace.text).toBe(200);
  expect(trace.json<{ events: readonly { kind: string }[] }>().events.map(({ kind }) => kind)).toEqual(['intent', 'release']);
});
