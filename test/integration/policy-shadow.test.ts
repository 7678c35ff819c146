import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RevisionDetail, RevisionPage } from '../../src/administration/policy-revisions.ts';
import type { ShadowReport } from '../../src/administration/policy-shadow.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import type { Answer } from '../support/service.ts';

const POLICY = [
  'p, everyone, acme, wiki, retrieve, upto:internal, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:restricted, *, *, allow',
  'p, client:test|assistant, acme, *, administer, *, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
].join('\n');
const OPENS = 'p, group:test|staff, acme, plans, retrieve, upto:internal, *, *, allow\n';
const CLOSES = 'p, group:test|interns, acme, wiki, retrieve, *, *, *, deny\n';
const PATH = '/v1/policy/revisions';

describe.each<Deployment>(['sqlite', 'postgres'])('revisions beside the active one on %s', (deployment) => {
  let replicas: Replicas;
  let [root, sam, ines, gus] = ['', '', '', ''];
  let first: RevisionPage;

  const call = (method: string, path: string, body?: unknown): Promise<Answer> => replicas.a.call(method, path, root, body);
  const page = async (query = ''): Promise<RevisionPage> => (await call('GET', `${PATH}${query}`)).json<RevisionPage>();
  async function draft(added: string): Promise<string> {
    const answer = await call('POST', PATH, { policy: `${first.policy}${added}`, parent: first.revision, activate: false });
    expect(answer.status, answer.text).toBe(201);
    return answer.json<{ revision: string }>().revision;
  }
  async function count(replica: 'a' | 'b', token: string): Promise<number> {
    const answer = await replicas[replica].call('POST', '/v1/retrieve', token, { query: 'harbour' });
    expect(answer.status, answer.text).toBe(200);
    return answer.json<{ chunks: readonly unknown[] }>().chunks.length;
  }

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    root = await replicas.issuer.sign({ sub: 'root' });
    sam = await replicas.issuer.sign({ sub: 'sam', groups: ['staff'] });
    ines = await replicas.issuer.sign({ sub: 'ines', groups: ['staff', 'interns'] });
    gus = await replicas.issuer.sign({ sub: 'gus', groups: [] });
    const loader = await replicas.issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined });
    for (const source of ['wiki', 'plans']) {
      const body = { title: source, owner: 'user:test|root', level: 'internal', compartments: [], trust: 'internal' };
      expect((await replicas.a.call('PUT', `/v1/sources/${source}`, loader, body)).status).toBe(201);
      const document = { mediaType: 'text/plain', text: 'The harbour is deep.', acl: { allow: ['everyone'] } };
      expect((await replicas.a.call('PUT', `/v1/sources/${source}/documents/harbour`, loader, document)).status).toBe(200);
    }
    first = await page();
  });
  afterAll(() => replicas.stop());

  it('are stored without coming into force, listed newest first, and say where they came from', async () => {
    const [one, two] = [await draft(OPENS), await draft(CLOSES)];
    expect((await page()).revision).toBe(first.revision);
    const listed = (await page()).revisions;
    expect(listed.map(({ revision }) => revision).sort()).toEqual([first.revision, one, two].sort());
    expect(listed.at(-1)).toMatchObject({ revision: first.revision, parent: null, active: true, activations: 1 });
    expect(listed.find(({ revision }) => revision === one)).toMatchObject({
      parent: first.revision,
      author: 'user:test|root',
      active: false,
    });
    const pages: string[] = [];
    for (let after: string | undefined; ;) {
      const next: RevisionPage = await page(`?limit=1${after === undefined ? '' : `&after=${after}`}`);
      expect(next.policy === undefined).toBe(after !== undefined);
      pages.push(...next.revisions.map(({ revision }) => revision));
      after = next.next;
      if (after === undefined) break;
    }
    expect(pages).toEqual(listed.map(({ revision }) => revision));
    expect((await call('GET', `${PATH}/${one}`)).json<RevisionDetail>()).toMatchObject({
      policy: `${first.policy}${OPENS}`,
      shadow: false,
      history: [],
    });
    expect((await call('GET', `${PATH}/nothing`)).status).toBe(404);
    expect((await call('POST', PATH, { policy: first.policy, parent: 'nothing', activate: false })).status).toBe(409);
  });

  it('come into force against the one in force, with every check, and back again', async () => {
    const next = await draft(OPENS);
    const activate = (revision: string, replaces: string): Promise<Answer> => call('POST', `${PATH}/${revision}/activate`, { replaces });
    expect(await count('b', sam)).toBe(1);
    expect((await activate(next, 'nothing')).status).toBe(409);
    expect((await activate(next, next)).status).toBe(409);
    expect((await activate(next, first.revision)).status).toBe(200);
    expect(await count('b', sam)).toBe(2);
    expect((await activate(next, first.revision)).status).toBe(409);
    expect((await activate(first.revision, next)).status).toBe(200);
    expect(await count('b', sam)).toBe(1);
    const { history } = (await call('GET', `${PATH}/${first.revision}`)).json<RevisionDetail>();
    expect(history.map(({ to }) => to === undefined)).toEqual([true, false]);
    const without = (first.policy ?? '').split('\n').filter((line) => !line.startsWith('g, user:test|root'));
    const locked = await call('POST', PATH, { policy: without.join('\n'), parent: first.revision, activate: false });
    expect([locked.status, locked.json()['code']]).toEqual([422, 'invalid_policy']);
  });

  const inOrder = (rows: readonly (readonly (string | number | undefined)[])[]): readonly string[] =>
    rows.map((row) => row.join(' ')).sort();

  it('run in shadow: every replica counts what would change, and no answer does', async () => {
    const shadowed = await draft(OPENS + CLOSES);
    const path = `${PATH}/${shadowed}/shadow`;
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('POST', path)).status).toBe(201);
    expect((await call('POST', path)).status).toBe(409);
    expect((await call('POST', `${PATH}/${first.revision}/shadow`)).status).toBe(409);
    for (const replica of ['a', 'b'] as const) {
      for (const token of [sam, ines, gus]) expect(await count(replica, token)).toBe(1);
    }
    const report = async (): Promise<ShadowReport> => (await call('GET', path)).json<ShadowReport>();
    await expect.poll(async () => (await report()).decisions).toEqual({ gains: 2, differs: 2, same: 2 });
    const found = await report();
    expect(found).toMatchObject({ running: true, by: 'user:test|root', more: { zones: 0, principals: 0, lines: 0 } });
    expect(inOrder(found.zones.map(({ source, gains, loses }) => [source, gains, loses]))).toEqual(['plans 4 0', 'wiki 0 2']);
    expect(inOrder(found.principals.map(({ principal, gains, loses }) => [principal, gains, loses]))).toEqual([
      'user:test|ines 2 2',
      'user:test|sam 2 0',
    ]);
    expect(
      inOrder(
        found.lines.map(({ revision, text, gains, loses }) => [
          revision,
          `${text}
`,
          gains,
          loses,
        ]),
      ),
    ).toEqual(
      inOrder([
        [shadowed, CLOSES, 0, 2],
        [shadowed, OPENS, 4, 0],
      ]),
    );
    expect((await call('GET', `${PATH}/${shadowed}`)).json<RevisionDetail>().shadow).toBe(true);
    const stopped = await call('DELETE', path);
    expect(stopped.json<ShadowReport>()).toMatchObject({ running: false, decisions: { gains: 2, differs: 2, same: 2 } });
    expect((await call('DELETE', path)).status).toBe(409);
    expect(await count('a', sam)).toBe(1);
    expect((await report()).decisions).toEqual({ gains: 2, differs: 2, same: 2 });
  });
});
