import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SourceId, TenantId } from '../../src/core/ids.ts';
import { sluice } from '../support/command.ts';
import { pointsOf, type IndexedPoint } from '../support/index-agreement.ts';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import { startReplicas, type Replicas } from '../support/replicas.ts';
import type { Answer, TestService } from '../support/service.ts';

const ACME = 'acme' as TenantId;
const POLICY = [
  'p, everyone, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
  'p, client:test|loader, acme, *, administer, *, *, *, allow',
].join('\n');
const SOURCE = { title: 'S', owner: 'group:test|hr', level: 'internal', compartments: [], trust: 'trusted' };
const STAFF = { allow: ['group:test|staff'] };
const NAMES = Array.from({ length: 12 }, (_, n) => `doc-${n}`);
const STRANGER = '00000000-0000-8000-8000-000000000001';

/** `expect` has no types for it. */
const saying = (text: string): unknown => expect.stringContaining(text);

interface Counts {
  readonly missing: number;
  readonly extra: number;
  readonly stale: number;
}
interface Ended {
  readonly state: string;
  readonly chunks: number;
  readonly total: number;
  readonly found: Counts;
  readonly mended: Counts;
}

describe('the reconciler on two replicas', () => {
  let replicas: Replicas;
  let qdrant: TestQdrant;
  let collection: string;
  let loader: string;
  let anna: string;

  const change = (method: string, path: string, body?: unknown): Promise<Answer> => replicas.a.call(method, path, loader, body);
  const put = (name: string, text = `Leave, ${name}.`): Promise<Answer> =>
    change('PUT', `/v1/sources/s/documents/${name}`, { text, mediaType: 'text/plain', acl: STAFF, metadata: { name } });

  async function reconcile(check = false): Promise<Ended> {
    const begun = await change('POST', '/v1/reconciliations', { check });
    expect(begun.status, begun.text).toBe(202);
    const { id } = begun.json<{ id: string }>();
    for (;;) {
      // By the other replica: what is known of a run is in the database.
      const answer = await replicas.b.call('GET', `/v1/reconciliations/${id}`, loader);
      const run = answer.json<Ended>();
      if (run.state !== 'running') return run;
      await sleep(20);
    }
  }

  async function shown(): Promise<readonly string[]> {
    const answer = await replicas.b.call('POST', '/v1/retrieve', anna, { query: 'leave', limit: 50 });
    return answer
      .json<{ chunks: readonly { text: string }[] }>()
      .chunks.map(({ text }) => text)
      .toSorted();
  }
  const counted = async (): Promise<number> => (await replicas.b.call('POST', '/v1/count', anna, {})).json<{ chunks: number }>().chunks;

  async function raw(path: string, body: unknown, method: 'POST' | 'PUT' | 'DELETE' = 'POST'): Promise<void> {
    const headers = { 'content-type': 'application/json', 'api-key': qdrant.apiKey ?? '' };
    const place = method === 'DELETE' ? '' : `/points${path}`;
    const answer = await fetch(`${qdrant.url}/collections/${collection}${place}`, { method, headers, body: JSON.stringify(body) });
    expect(answer.status, await answer.text()).toBe(200);
  }
  const points = (): Promise<readonly IndexedPoint[]> => pointsOf(qdrant, collection);
  async function pointOf(name: string): Promise<IndexedPoint> {
    const found = (await points()).find(({ payload }) => (payload['metadata'] as { name?: string } | undefined)?.name === name);
    if (found === undefined) throw new Error(`no point of ${name}`);
    return found;
  }
  async function metric(name: string): Promise<number> {
    const text = await replicas.a.telemetry.registry.metrics();
    return Number(new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  }

  beforeAll(async () => {
    qdrant = await qdrantForTests();
    replicas = await startReplicas('postgres', POLICY);
    collection = replicas.collection;
    loader = await replicas.issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined, scope: 'ingest sources admin audit' });
    anna = await replicas.issuer.sign({ sub: 'anna', groups: ['staff'] });
    await change('PUT', '/v1/sources/s', SOURCE);
    for (const name of NAMES) expect((await put(name)).status).toBe(200);
  });
  afterAll(() => replicas.stop());
  afterEach(async () => {
    replicas.mendIndex();
    expect(await replicas.disagreements(ACME, 's' as SourceId)).toEqual([]);
    expect(await shown()).toEqual(NAMES.map((name) => `Leave, ${name}.`).toSorted());
    expect(await counted()).toBe(NAMES.length);
  });

  it('finds nothing where nothing differs, and changes nothing', async () => {
    const before = await points();
    expect(await reconcile()).toMatchObject({ state: 'done', chunks: 12, total: 12, found: { missing: 0, extra: 0, stale: 0 } });
    expect(await points()).toEqual(before);
  });

  const stale = (change: (payload: Record<string, unknown>) => void) => async (name: string) => {
    const { id, payload } = await pointOf(name);
    const changed = { ...payload };
    change(changed);
    await raw('/payload?wait=true', { payload: changed, points: [id] }, 'PUT');
  };

  it.each<readonly [string, keyof Counts, (name: string) => Promise<void>]>([
    ['a point that is gone', 'missing', async (name) => raw('/delete?wait=true', { points: [(await pointOf(name)).id] })],
    [
      'a point of no chunk',
      'extra',
      async (name) => raw('?wait=true', { points: [{ id: STRANGER, vector: {}, payload: (await pointOf(name)).payload }] }, 'PUT'),
    ],
    ['an older revision', 'stale', stale((payload) => (payload['acl_v'] = 0))],
    ['a revision from nowhere', 'stale', stale((payload) => (payload['acl_v'] = 4_000))],
    ['another ACL of the same revision', 'stale', stale((payload) => (payload['g0'] = [77]))],
    ['a deny that is lost', 'stale', stale((payload) => delete payload['deny'])],
    ['another zone', 'stale', stale((payload) => (payload['zone'] = 99))],
    ['another validity', 'stale', stale((payload) => (payload['valid_until'] = 5))],
    ['metadata of its own', 'stale', stale((payload) => (payload['metadata'] = { name: 'doc-3', more: true }))],
    ['a revision that is lost', 'stale', stale((payload) => delete payload['acl_v'])],
    ['a tenant that is lost', 'stale', stale((payload) => delete payload['tenant'])],
    ['another tenant', 'stale', stale((payload) => (payload['tenant'] = 'globex'))],
    ['everything lost', 'stale', stale((payload) => Object.keys(payload).forEach((key) => delete payload[key]))],
  ])('%s is found by a check, mended by a run, counted, logged, and nothing else is touched', async (_name, kind, plant) => {
    const before = await points();
    const [found, mended] = [
      await metric(`sluice_drift_found_total{kind="${kind}"}`),
      await metric(`sluice_drift_mended_total{kind="${kind}"}`),
    ];
    await plant('doc-3');
    const planted = await points();
    expect(planted).not.toEqual(before);
    const one = { missing: 0, extra: 0, stale: 0, [kind]: 1 };
    const none = { missing: 0, extra: 0, stale: 0 };
    expect(await reconcile(true)).toMatchObject({ found: one, mended: none });
    expect(await points()).toEqual(planted);
    expect(await reconcile()).toMatchObject({ state: 'done', found: one, mended: one });
    expect(await points()).toEqual(before);
    expect(await metric(`sluice_drift_found_total{kind="${kind}"}`)).toBe(found + 2);
    expect(await metric(`sluice_drift_mended_total{kind="${kind}"}`)).toBe(mended + 1);
    const { db } = replicas.a.service.stores.database;
    const events = await db
      .selectFrom('audit_events')
      .select('body')
      .where('kind', '=', 'index.reconciled')
      .orderBy('idx', 'desc')
      .execute();
    expect(JSON.parse(events[0]?.body ?? '{}')).toMatchObject({ by: 'client:test|loader', mended: one });
  });

  it('brings back an index that lost its points one by one, from the stored texts', async () => {
    const before = await points();
    await raw('/delete?wait=true', { points: before.map(({ id }) => id) });
    expect(await shown()).toEqual([]);
    expect(await reconcile()).toMatchObject({ found: { missing: 12 }, mended: { missing: 12 } });
    expect(await points()).toEqual(before);
  });

  it('leaves alone what is being written, on whatever replica', async () => {
    let stop = false;
    const writing = (async () => {
      for (let n = 0; !stop; n += 1) {
        const name = NAMES[n % NAMES.length] ?? '';
        const answer = await replicas.b.call('PUT', `/v1/sources/s/documents/${name}`, loader, {
          text: `Leave, ${name}, edition ${n}.`,
          mediaType: 'text/plain',
          acl: n % 2 === 0 ? STAFF : { allow: ['group:test|hr'] },
          metadata: { name },
        });
        expect(answer.status, answer.text).toBe(200);
      }
    })();
    for (let n = 0; n < 4; n += 1) expect((await reconcile()).state).toBe('done');
    stop = true;
    await writing;
    for (const name of NAMES) await put(name);
    await replicas.a.service.mender.mend();
    await replicas.b.service.mender.mend();
    expect(await reconcile(true)).toMatchObject({ found: { missing: 0, extra: 0, stale: 0 } });
  });

  it('leaves to the mender what waits for the index', async () => {
    replicas.refuseWrites();
    expect((await change('PATCH', '/v1/sources/s/documents/doc-1', { metadata: { name: 'doc-1', year: 1 } })).status).toBe(202);
    expect(await reconcile(true)).toMatchObject({ state: 'done', found: { stale: 0 } });
    replicas.mendIndex();
    await change('PATCH', '/v1/sources/s/documents/doc-1', { metadata: { name: 'doc-1' } });
    await replicas.a.service.mender.mend();
  });

  it('is asked for on the command line, which says what differs and exits 1 for it', async () => {
    const run = (...args: readonly string[]) => sluice(['reconcile', ...args], { SLUICE_URL: replicas.a.url, SLUICE_TOKEN: loader });
    expect(await run()).toMatchObject({ code: 0, out: '12 chunks compared: the index holds what the catalog says\n' });
    await raw('/delete?wait=true', { points: [(await pointOf('doc-4')).id] });
    const checked = await run('--check');
    expect(checked).toMatchObject({ code: 1, out: '12 chunks compared, 1 differ\n  points missing: 1\n' });
    const mended = await run('--json');
    expect(mended.code).toBe(0);
    expect(mended.json()).toMatchObject({ state: 'done', found: { missing: 1 }, mended: { missing: 1 } });
    expect((await run('--check')).code).toBe(0);
  });

  it('runs by itself where it is configured to, on one replica at a time, and every replica shows when it was', async () => {
    await raw('/delete?wait=true', { points: [(await pointOf('doc-5')).id] });
    const begin = async ({ service }: TestService): Promise<number> => {
      const run = { id: randomUUID(), scope: { kind: 'everything' }, mode: 'mend', by: 'x', through: 'x', requestId: 'x' } as const;
      return (await service.stores.catalog.beginDueRun(run, 60_000, 'holder', 60_000)) === undefined ? 0 : 1;
    };
    // The last run of everything was long ago, or never: of many who ask at once, one gets it.
    const asked = await Promise.all(Array.from({ length: 6 }, (_, n) => begin(n % 2 === 0 ? replicas.a : replicas.b)));
    expect(asked.reduce((sum, begun) => sum + begun, 0)).toBe(1);
    const { database } = replicas.a.service.stores;
    await database.transaction((tx) => tx.updateTable('reconciliations').set({ lease_until: 1 }).where('holder', '=', 'holder').execute());
    for (const replica of [replicas.a, replicas.b]) {
      // Each looks every few seconds by itself as well: the run may be one that the other replica is still at.
      const shown = async (): Promise<string> => {
        await replica.service.reconciler.tick();
        return replica.telemetry.registry.metrics();
      };
      await expect.poll(shown).toMatch(/^sluice_reconciliation_last_drift 1$/m);
      const text = await replica.telemetry.registry.metrics();
      expect(text).toMatch(/^sluice_reconciliation_last_failed 0$/m);
      expect(Number(/^sluice_reconciliation_last_end_seconds (\S+)/m.exec(text)?.[1])).toBeGreaterThan(1_700_000_000);
    }
  });

  it('fails where the index is away, and says so', async () => {
    await raw('/delete?wait=true', { points: [(await pointOf('doc-2')).id] });
    replicas.refuseWrites();
    expect(await reconcile()).toMatchObject({ state: 'failed', mended: { missing: 0 } });
    replicas.mendIndex();
    expect(await reconcile()).toMatchObject({ state: 'done', mended: { missing: 1 } });
  });

  it('is taken over from a replica that died in the middle, where that one stood', async () => {
    const { catalog, database } = replicas.a.service.stores;
    const before = await points();
    for (const { id } of before) await raw('/delete?wait=true', { points: [id] });
    const middle = before[5]?.id ?? '';
    const id = 'run-of-the-dead';
    const by = { by: 'client:test|dead', through: 'client:test|dead', requestId: id };
    const { run } = await catalog.beginRun({ id, scope: { kind: 'everything' }, mode: 'mend', ...by }, 'a dead replica', 60_000);
    await catalog.saveRun(id, 'a dead replica', { ...run.progress, position: middle, chunks: 6, total: 12 }, 60_000);
    await replicas.b.service.reconciler.tick();
    // Not before its lease is over.
    expect(await points()).toEqual([]);
    await database.transaction((tx) => tx.updateTable('reconciliations').set({ lease_until: 1 }).where('id', '=', id).execute());
    await replicas.b.service.reconciler.tick();
    // Each looks every few seconds by itself as well, so another may be at it.
    await expect.poll(() => catalog.findRun(id)).toMatchObject({ state: 'done', progress: { chunks: 12, mended: { missing: 6 } } });
    expect((await points()).map((point) => point.id)).toEqual(before.slice(6).map((point) => point.id));
    // And the dead one, should it live, can neither save nor end it.
    expect(await catalog.saveRun(id, 'a dead replica', run.progress, 60_000)).toBe(false);
    expect(await catalog.endRun(id, 'a dead replica', 'done', run.progress)).toBe(false);
    expect(await reconcile()).toMatchObject({ mended: { missing: 6 } });
    expect(await points()).toEqual(before);
  });

  it('compares hosted collections too: rights are set again, what is nobody’s goes, what is lost is told until its application writes it', async () => {
    const profile = { text: { path: 'text' }, acl: 'acl', provenance: 'none' };
    const made = await change('PUT', '/v1/collections/shelf', { source: 's', profile, vectors: { size: 2, distance: 'Dot' } });
    expect(made.status, made.text).toBe(201);
    const written = [1, 2, 3, 4].map((id) => ({ id, vector: [id, 1], payload: { text: `point ${id}`, n: id, acl: ['group:test|staff'] } }));
    const door = async (token: string, path: string, method: string, body: object): Promise<unknown> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await fetch(`${replicas.b.qdrantUrl}/collections/shelf${path}`, { method, headers, body: JSON.stringify(body) });
      expect(answer.status, await answer.clone().text()).toBe(200);
      return ((await answer.json()) as { result: unknown }).result;
    };
    const write = () => door(loader, '/points?wait=true', 'PUT', { points: written });
    const seen = () => door(anna, '/points/count', 'POST', {});
    await write();
    const { key } = await replicas.a.service.stores.database.db.selectFrom('collections').select('key').executeTakeFirstOrThrow();
    const before = await pointsOf(qdrant, `sluice-${key}`);
    const own = await points();
    expect(await reconcile()).toMatchObject({ chunks: 16, total: 16, found: { missing: 0, extra: 0, stale: 0 }, lost: {} });

    collection = `sluice-${key}`;
    const [first, second, third, fourth] = before.map(({ id }) => id);
    const rights = before[0]?.payload['_sluice'] as Record<string, unknown>;
    await raw('/payload?wait=true', { payload: { _sluice: { ...rights, g0: [77] } }, points: [first] });
    // Qdrant's indexes keep what was under a key that is deleted whole: the point is found as before, and no condition tells that it is lost.
    await raw('/payload/delete?wait=true', { keys: ['_sluice'], points: [second] });
    await raw('/delete?wait=true', { points: [third] });
    const strangers = [STRANGER, own[0]?.id].map((id) => ({ id, vector: [1, 1], payload: before[3]?.payload }));
    await raw('?wait=true', { points: strangers }, 'PUT');
    const differ = { missing: 1, extra: 2, stale: 2 };
    expect(await reconcile(true)).toMatchObject({ found: differ, mended: { missing: 0, extra: 0, stale: 0 }, lost: { shelf: 1 } });
    expect(await reconcile()).toMatchObject({ state: 'done', found: differ, mended: { ...differ, missing: 0 }, lost: { shelf: 1 } });
    expect(await pointsOf(qdrant, collection)).toEqual(before.filter(({ id }) => id !== third));
    expect(await seen()).toEqual({ count: 3 });
    const { db } = replicas.a.service.stores.database;
    const told = db.selectFrom('audit_events').select('body').where('kind', '=', 'index.reconciled').orderBy('idx', 'desc');
    expect(JSON.parse((await told.executeTakeFirst())?.body ?? '{}')).toMatchObject({
      mended: { ...differ, missing: 0 },
      lost: { shelf: 1 },
    });
    const command = await sluice(['reconcile'], { SLUICE_URL: replicas.a.url, SLUICE_TOKEN: loader });
    expect(command).toMatchObject({ code: 1, out: saying('shelf: 1 points are lost; its application has to write them again') });

    // The same write, which would otherwise be a repetition.
    await write();
    expect(await seen()).toEqual({ count: 4 });
    expect((await pointsOf(qdrant, collection)).filter(({ id }) => [first, second, fourth].includes(id))).toHaveLength(3);
    await replicas.b.service.mender.mend();
    expect(await reconcile()).toMatchObject({ found: { missing: 0, extra: 0, stale: 0 }, lost: {} });

    // A collection that is lost as a whole has lost all its points, and keeps no other from being compared.
    await raw('', {}, 'DELETE');
    expect(await reconcile()).toMatchObject({ state: 'done', found: { missing: 4 }, lost: { shelf: 4 } });
    collection = replicas.collection;
    const shelf = await change('DELETE', '/v1/collections/shelf');
    expect(shelf.status, shelf.text).toBe(204);
    await replicas.a.service.mender.mend();
    expect(await reconcile()).toMatchObject({ chunks: 12, found: { missing: 0, extra: 0, stale: 0 } });
  });
});
