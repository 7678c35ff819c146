import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import type { Answer } from '../support/service.ts';
import { openManifest } from '../support/open-manifest.ts';

const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted';
const POLICY = [
  allow('everyone', 'acme', 'retrieve', '*', TOP),
  ...['retrieve', 'audit', 'label', 'ingest'].map((action) => allow('client:test|assistant', 'acme', action, '*', TOP)),
  ...['ingest', 'label', 'audit'].map((action) => allow('user:test|olga', 'acme', action, '*', TOP)),
  allow('user:test|wim', 'acme', 'ingest', '*', TOP, 'as:trusted'),
  allow('user:test|sam', 'acme', 'audit', 's', TOP),
].join('\n');
const EVERYONE = { allow: ['everyone'] };
const BAIT = '/v1/sources/s/documents/bait';
const bare = (answer: Answer): string =>
  `${answer.status} ${openManifest(answer.text).replaceAll(/"(requestId|at|updatedAt)":"[^"]*"/g, '')}`;

describe.each<Deployment>(['sqlite', 'postgres'])('bait on %s', (deployment) => {
  let replicas: Replicas;
  const tokens: Record<string, string> = {};
  const as = (who: string): string => tokens[who] ?? '';
  const a = (who: string, method: string, path: string, body?: unknown): Promise<Answer> => replicas.a.call(method, path, as(who), body);
  const b = (who: string, method: string, path: string, body?: unknown): Promise<Answer> => replicas.b.call(method, path, as(who), body);
  const mark = (honey: boolean, who = 'olga', path = BAIT): Promise<Answer> => a(who, 'PATCH', path, { honey });
  const write = (name: string, text: string, acl: object = EVERYONE, who = 'olga'): Promise<Answer> =>
    a(who, 'PUT', `/v1/sources/s/documents/${name}`, { text, mediaType: 'text/plain', acl });
  const documents = async (who = 'anna', limit = 10): Promise<readonly string[]> => {
    const answer = await b(who, 'POST', '/v1/retrieve', { query: 'password vault', limit });
    expect(answer.status, answer.text).toBe(200);
    return answer.json<{ chunks: { provenance: { document: { id: string } } }[] }>().chunks.map(({ provenance }) => provenance.document.id);
  };
  const events = (requestId: unknown) => replicas.b.service.stores.audit.byRequest(ACME, String(requestId));
  const kinds = async (requestId: unknown): Promise<readonly string[]> => (await events(requestId)).map(({ kind }) => kind);

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    for (const sub of ['olga', 'wim', 'sam', 'anna', 'hal']) tokens[sub] = await replicas.issuer.sign({ sub, groups: [] });
    const source = { title: 'S', owner: 'user:test|olga', level: 'public', compartments: [], trust: 'trusted' };
    expect((await a('olga', 'PUT', '/v1/sources/s', source)).status).toBeLessThan(300);
    await write('bait', 'Password vault password vault: root password.');
    for (let index = 0; index < 6; index++) await write(`page-${index}`, `Password vault, page ${index} of the handbook about words.`);
    await write('hidden', 'Password vault of the board.', { allow: ['group:test|board'] });
  });
  afterAll(() => replicas.stop());

  it('is in no answer from the acknowledgement on, on every replica, and the answer is filled up', async () => {
    expect((await documents())[0]).toBe('bait');
    expect(await documents('anna', 1)).toEqual(['bait']);
    const marked = await mark(true);
    expect([marked.status, marked.json()]).toMatchObject([200, { document: 'bait', changed: true }]);
    expect(await documents('anna', 1)).not.toContain('bait');
    for (const limit of [1, 3, 6]) expect(await documents('anna', limit)).toHaveLength(limit);
    expect(await documents()).toHaveLength(6);
    expect((await mark(true)).json()).toMatchObject({ changed: false });
    expect((await mark(false)).json()).toMatchObject({ changed: true });
    expect((await documents())[0]).toBe('bait');
    await mark(true);
    expect((await b('anna', 'POST', '/v1/count', {})).json()).toMatchObject({ chunks: 6 });
  });

  it('is shown to owners alone, with a marker that stays as long as the mark', async () => {
    const owner = (await b('olga', 'GET', BAIT)).json<{ view: string; honey: boolean; marker: string }>();
    expect(owner).toMatchObject({ view: 'owner', honey: true });
    expect(owner.marker).toMatch(/^[0-9a-f]{32}$/);
    await mark(true);
    expect((await b('olga', 'GET', BAIT)).json()).toMatchObject({ marker: owner.marker });
    const shown = await b('olga', 'GET', '/v1/sources/s/documents/page-1');
    expect(shown.text).not.toMatch(/honey|marker/);
    for (const who of ['sam', 'wim', 'anna']) {
      const { text } = await b(who, 'GET', BAIT);
      expect(text).not.toMatch(/honey|marker/);
      expect(text).not.toContain(owner.marker);
    }
    expect((await b('sam', 'GET', BAIT)).json()).toMatchObject({ view: 'auditor' });
    expect((await b('wim', 'GET', BAIT)).json()).toEqual({ view: 'writer', source: 's', document: 'bait' });
    expect((await b('anna', 'GET', '/v1/sources/s/documents/page-1')).json()).toMatchObject({ view: 'reader' });
    const missing = await b('anna', 'GET', '/v1/sources/s/documents/nope');
    expect(bare(await b('anna', 'GET', BAIT))).toBe(bare(missing));
    await mark(false);
    await mark(true);
    expect((await b('olga', 'GET', BAIT)).json()['marker']).not.toBe(owner.marker);
  });

  it('is marked by owners, and answers alike to whoever only writes, whether it is bait or not', async () => {
    for (const honey of [true, false]) {
      const refused = await mark(honey, 'wim');
      expect(refused.json()).toMatchObject({ status: 403, code: 'forbidden' });
      expect(bare(refused)).toBe(bare(await mark(honey, 'wim', '/v1/sources/s/documents/page-1')));
      expect((await mark(honey, 'anna')).json()).toMatchObject({ code: 'not_found' });
      expect(bare(await mark(honey, 'anna'))).toBe(bare(await mark(honey, 'anna', '/v1/sources/s/documents/nope')));
    }
    expect((await a('olga', 'PATCH', BAIT, { honey: false, title: 'x' })).json()).toMatchObject({ status: 400, code: 'invalid_request' });
    expect((await a('olga', 'PATCH', BAIT, { honey: 'yes' })).status).toBe(400);
    expect((await b('olga', 'GET', BAIT)).json()).toMatchObject({ honey: true });
  });

  it('stays bait under a writer, who is told what they are told of any document, and ends when it is deleted', async () => {
    const twin = '/v1/sources/s/documents/page-5';
    const both = async (call: (path: string) => Promise<Answer>): Promise<void> => {
      const [first, second] = [await call(BAIT), await call(twin)];
      const nameless = (answer: Answer): string =>
        bare(answer)
          .replaceAll(/bait|page-5/g, 'x')
          .replaceAll(/sha256:[0-9a-f]+/g, '');
      expect(nameless(first)).toBe(nameless(second));
    };
    await both((path) => a('wim', 'PUT', path, { text: 'Password vault, written again.', mediaType: 'text/plain', acl: EVERYONE }));
    await both((path) => a('wim', 'PATCH', path, { title: 'Other' }));
    expect(await documents()).not.toContain('bait');
    expect((await a('wim', 'GET', '/v1/sources/s/documents')).text).toContain('bait');
    await both((path) => a('wim', 'DELETE', path));
    await both((path) => a('wim', 'PUT', path, { text: 'Password vault password vault, anew.', mediaType: 'text/plain', acl: EVERYONE }));
    expect(await documents()).toContain('bait');
    expect((await b('olga', 'GET', BAIT)).json()).not.toHaveProperty('honey');
    await mark(true);
  });

  it('is told of when it would have been in an answer: one event a request, by whom and what, and a metric', async () => {
    const metric = async (): Promise<string> =>
      (await replicas.b.telemetry.registry.metrics()).match(/^sluice_bait_hits_total (\d+)/m)?.[1] ?? '';
    const before = Number(await metric());
    const { requestId } = (await b('anna', 'POST', '/v1/retrieve', { query: 'password vault', limit: 3 })).json();
    await vi.waitFor(async () => expect(await kinds(requestId)).toEqual(['intent', 'release', 'honey.touched']), { timeout: 30_000 });
    const [, release, touched] = await events(requestId);
    expect(touched?.body).toMatchObject({
      user: 'user:test|anna',
      client: 'client:test|assistant',
      documents: [{ source: 's', document: 'bait' }],
    });
    expect(release?.body).toMatchObject({ bait: [{ source: 's', document: 'bait' }] });
    expect(Number(await metric())).toBe(before + 1);
  });

  it('is touched by nobody whose answer would not have held it', async () => {
    const release = async (who: string, body: object) => {
      const { requestId } = (await b(who, 'POST', '/v1/retrieve', { limit: 5, ...body })).json();
      return (await events(requestId)).find(({ kind }) => kind === 'release')?.body;
    };
    expect(await release('anna', { query: 'handbook' })).not.toHaveProperty('bait');
    expect(await release('anna', { query: 'password vault', sources: ['elsewhere'] })).not.toHaveProperty('bait');
    await a('olga', 'PATCH', BAIT, { acl: { allow: ['user:test|hal'] } });
    expect(await release('anna', { query: 'password vault' })).not.toHaveProperty('bait');
    expect(await release('hal', { query: 'password vault' })).toHaveProperty('bait');
    await a('olga', 'PATCH', BAIT, { acl: EVERYONE });
  });

  it('is explained to owners, and is not there for readers', async () => {
    const named = (document: string) => ({ document: { source: 's', document } });
    const told = (await b('olga', 'POST', '/v1/explain', { ...named('bait'), user: 'user:test|anna' })).json<{ stages: object[] }>();
    expect(told).toMatchObject({ decision: 'refuse' });
    expect(JSON.stringify(told.stages)).toContain('the document is bait');
    expect((await b('anna', 'POST', '/v1/explain', named('page-1'))).json()).toMatchObject({ decision: 'pass' });
    const missing = await b('anna', 'POST', '/v1/explain', named('nope'));
    expect(bare(await b('anna', 'POST', '/v1/explain', named('bait')))).toBe(bare(missing));
    const radius = await b('olga', 'POST', '/v1/policy/blast-radius', { user: 'user:test|anna', limit: 100 });
    expect(radius.text).toContain('page-1');
    expect(radius.text).not.toContain('bait');
  });

  it('is named to those who audit everything, and to no auditor of a source', async () => {
    const { requestId } = (await b('anna', 'POST', '/v1/retrieve', { query: 'password vault', limit: 3 })).json();
    await vi.waitFor(async () => expect(await kinds(requestId)).toContain('honey.touched'), { timeout: 30_000 });
    expect((await b('olga', 'GET', `/v1/requests/${String(requestId)}`)).text).toContain('honey.touched');
    const some = await b('sam', 'GET', `/v1/requests/${String(requestId)}`);
    expect([some.status, some.text]).toEqual([200, expect.not.stringMatching(/honey|bait/)]);
  });

  it('marked under requests in flight, is in none that began after the acknowledgement', async () => {
    for (let round = 0; round < 6; round++) {
      await mark(false);
      const early = Array.from({ length: 6 }, () => documents());
      const acknowledged = mark(true);
      early.push(...Array.from({ length: 4 }, () => documents()));
      expect((await acknowledged).status).toBe(200);
      const late = await Promise.all(Array.from({ length: 4 }, () => documents()));
      expect(late.flat()).not.toContain('bait');
      expect(late.map((found) => found.length)).toEqual([6, 6, 6, 6]);
      for (const found of await Promise.all(early)) expect([6, 7]).toContain(found.length);
    }
  });
});
