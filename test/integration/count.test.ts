import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DocumentKey, SourceId, TenantId } from '../../src/core/ids.ts';
import type { SwitchTarget } from '../../src/core/ports/tenants.ts';
import type { Principal } from '../../src/core/principal.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import type { Answer } from '../support/service.ts';

const ACME = 'acme' as TenantId;
const BY = { requestId: 'test', by: 'user:test|root' as Principal, through: 'client:test|admin' as Principal };
const POLICY = [
  'p, everyone, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
].join('\n');
const STAFF = { allow: ['group:test|staff'] };
const SOURCE = { title: 'S', owner: 'group:test|hr', level: 'internal', compartments: [], trust: 'trusted' };

describe.each<Deployment>(['sqlite', 'postgres'])('counting on %s', (deployment) => {
  let replicas: Replicas;
  let loader: string;
  let anna: string;
  let holly: string;

  const change = (method: string, path: string, body?: unknown): Promise<Answer> => replicas.a.call(method, path, loader, body);
  const documentPath = (name: string, source = 'one'): string => `/v1/sources/${source}/documents/${name}`;
  const put = (name: string, acl: object, source = 'one', extra: object = {}): Promise<Answer> =>
    change('PUT', documentPath(name, source), { text: `Leave, ${name}.`, mediaType: 'text/plain', acl, metadata: { name }, ...extra });

  async function count(token = anna, body: object = {}): Promise<number> {
    const answer = await replicas.b.call('POST', '/v1/count', token, body);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<{ chunks: number }>().chunks;
  }
  /** What key two lets through, as the oracle: every chunk here says the same word. */
  async function shown(token = anna, body: object = {}): Promise<number> {
    const answer = await replicas.b.call('POST', '/v1/retrieve', token, { query: 'leave', limit: 100, ...body });
    expect(answer.status, answer.text).toBe(200);
    return answer.json<{ chunks: readonly unknown[] }>().chunks.length;
  }
  const key = async (name: string): Promise<DocumentKey> =>
    (await replicas.a.service.stores.catalog.document(ACME, 'one' as SourceId, name as never))?.key ?? ('' as DocumentKey);

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    loader = await replicas.issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined });
    anna = await replicas.issuer.sign({ sub: 'anna', groups: ['staff'] });
    holly = await replicas.issuer.sign({ sub: 'holly', groups: ['hr'] });
    for (const name of ['one', 'two']) await change('PUT', `/v1/sources/${name}`, SOURCE);
    for (const name of ['a', 'b', 'c']) expect((await put(name, STAFF)).status).toBe(200);
    await put('external', STAFF, 'two', { trust: 'external' });
    await put('secret', { allow: ['group:test|hr'] });
    await put('denied', { ...STAFF, deny: ['user:test|anna'] });
  });
  afterAll(() => replicas.stop());

  it('gives what the caller may read, and what others may read to others', async () => {
    expect([await count(), await shown()]).toEqual([4, 4]);
    expect([await count(holly), await shown(holly)]).toEqual([1, 1]);
    expect(await count(loader)).toBe(0);
  });

  it.each([
    { sources: ['one'] },
    { minTrust: 'trusted' },
    { maxLevel: 'public' },
    { filter: { must: [{ key: 'metadata.name', match: { value: 'a' } }] } },
  ])('obeys %o as retrieving does', async (body) => {
    expect(await count(anna, body)).toBe(await shown(anna, body));
    expect(await count(anna, body)).toBeLessThan(4);
  });

  it('of hidden documents gives what it gives of documents that are not there', async () => {
    const named = (value: string) => ({ filter: { must: [{ key: 'metadata.name', match: { value } }] } });
    expect([await count(anna, named('secret')), await count(anna, named('nothing'))]).toEqual([0, 0]);
    expect(await count(holly, named('secret'))).toBe(1);
    // And a filter that is true of everything opens nothing.
    expect(await count(anna, { filter: { must_not: [{ key: 'metadata.name', match: { value: 'nothing' } }] } })).toBe(4);
  });

  const switched = (target: () => Promise<SwitchTarget>) => ({
    off: async () => replicas.a.service.stores.catalog.throwSwitch(ACME, await target(), 'a test', BY),
    on: async () => replicas.a.service.stores.catalog.liftSwitch(ACME, await target(), BY),
  });
  const patched = (off: object, on: object) => ({
    off: () => change('PATCH', documentPath('a'), off),
    on: () => change('PATCH', documentPath('a'), on),
  });
  const hour = 3_600_000;
  const at = (offset: number): string => new Date(Date.now() + offset).toISOString();

  it.each([
    ['a switch on the document', switched(async () => ({ kind: 'document', id: await key('a') })), 3],
    ['a switch on the source', switched(async () => ({ kind: 'source', id: 'one' as SourceId })), 1],
    ['a switch on the user', switched(async () => ({ kind: 'user', id: 'user:test|anna' as Principal })), 0],
    ['a switch on the tenant', switched(async () => ({ kind: 'tenant' })), 0],
    ['a narrowed ACL', patched({ acl: { allow: ['group:test|hr'] } }, { acl: STAFF }), 3],
    ['a deny', patched({ acl: { ...STAFF, deny: ['group:test|staff'] } }, { acl: STAFF }), 3],
    ['a quarantine', patched({ acl: { ...STAFF, deny: ['user:nowhere|x'] } }, { acl: STAFF }), 3],
    ['a higher label', patched({ level: 'restricted' }, { level: 'internal' }), 3],
    ['a validity that has ended', patched({ validUntil: at(-hour) }, { validUntil: null }), 3],
    ['a validity that has not begun', patched({ validFrom: at(hour) }, { validFrom: null }), 3],
    ['a grant that has ended', patched({ acl: { allow: [{ principal: 'group:test|staff', until: at(-hour) }] } }, { acl: STAFF }), 3],
    ['a deny for a time', patched({ acl: { ...STAFF, deny: [{ principal: 'user:test|anna', until: at(hour) }] } }, { acl: STAFF }), 3],
    ['a grant for a time', patched({ acl: { allow: [{ principal: 'group:test|staff', until: at(hour) }] } }, { acl: STAFF }), 4],
    ['a deleted document', { off: () => change('DELETE', documentPath('a')), on: () => put('a', STAFF) }, 3],
  ] as const)('%s is counted as it is judged, whether or not the index has it', async (_name, { off, on }, left) => {
    for (const lagging of [false, true]) {
      if (lagging) replicas.refuseWrites();
      await off();
      // What waits for the index is left out, even where it may still be read.
      expect([await count(), await shown()]).toEqual([lagging ? Math.min(left, 3) : left, left]);
      replicas.mendIndex();
      await replicas.a.service.mender.mend();
      expect([await count(), await shown()]).toEqual([left, left]);
      await on();
      await replicas.a.service.mender.mend();
      expect([await count(), await shown()]).toEqual([4, 4]);
    }
  });

  it('leaves out bait, which is in no answer', async () => {
    const { database } = replicas.a.service.stores;
    const row = { tenant: ACME, key: await key('a'), marker: 'm', recorded_from: 1, recorded_to: null };
    const by = { changed_by: 'x', changed_through: 'x', request_id: 'x' };
    await database.transaction((tx) =>
      tx
        .insertInto('honey_documents')
        .values({ ...row, ...by })
        .execute(),
    );
    expect(await count()).toBe(3);
    await database.transaction((tx) => tx.deleteFrom('honey_documents').execute());
    expect(await count()).toBe(4);
  });

  it('leaves out what is being replaced while the index cannot forget it, and counts each text once afterwards', async () => {
    await put('b', STAFF, 'one', { text: 'Leave, another text.' });
    await replicas.a.service.mender.mend();
    expect(await count()).toBe(4);
    replicas.refuseWrites();
    expect((await put('b', STAFF, 'one', { text: 'Leave, a third text.' })).status).toBe(503);
    // The new text is staged and not published: neither it nor its document is in the number.
    expect(await count()).toBe(3);
    expect(await shown()).toBe(4);
    replicas.mendIndex();
    expect((await put('b', STAFF, 'one', { text: 'Leave, a third text.' })).status).toBe(200);
    await replicas.a.service.mender.mend();
    expect([await count(), await shown()]).toEqual([4, 4]);
  });

  it.each<readonly [string, object]>([
    ['a deny with bounds', { ...STAFF, deny: [{ principal: 'user:test|anna', until: '2099-01-01T00:00:00Z' }] }],
    ['a grant that has ended', { allow: ['user:test|holly', { principal: 'group:test|staff', until: '2026-01-01T00:00:00Z' }] }],
    ['a deny of nobody known', { ...STAFF, deny: ['group:elsewhere|banned'] }],
  ])('leaves out a document that is published while it counts, under %s', async (name, acl) => {
    const { catalog } = replicas.b.service.stores;
    const unsettled = catalog.unsettled.bind(catalog);
    const between = vi.spyOn(catalog, 'unsettled').mockImplementationOnce(async (...given) => {
      const found = await unsettled(...given);
      expect((await put('between', acl)).status, name).toBe(200);
      return found;
    });
    try {
      expect([await count(), await shown()]).toEqual([4, 4]);
      expect(between).toHaveBeenCalled();
    } finally {
      between.mockRestore();
      expect((await change('DELETE', documentPath('between'))).status).toBe(204);
      await replicas.a.service.mender.mend();
    }
  });

  it('writes what it gave into the audit log, under the epoch, and no id of a chunk', async () => {
    const answer = await replicas.b.call('POST', '/v1/count', anna, {});
    const { requestId } = answer.json<{ requestId: string }>();
    const events = await replicas.b.service.stores.audit.byRequest(ACME, requestId);
    expect(events.map(({ kind }) => kind)).toEqual(['intent', 'release']);
    expect(events[1]?.body).toMatchObject({ user: 'user:test|anna', aggregate: { kind: 'count', chunks: 4 }, chunks: [] });
  });

  it.each([
    { query: 'x' },
    { limit: 3 },
    { sources: [] },
    { filter: { must: [{ key: 'zone', match: { value: 1 } }] } },
    { purpose: 'none' },
  ])('refuses %o', async (body) => {
    expect((await replicas.b.call('POST', '/v1/count', anna, body)).status).toBe(400);
  });
});
