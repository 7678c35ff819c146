import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ACCESS_LIMITS } from '../../src/administration/access-requests.ts';
import type { DocumentId, SourceId, TenantId } from '../../src/core/ids.ts';
import type { Principal } from '../../src/core/principal.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import type { Answer } from '../support/service.ts';

const TOP = 'upto:restricted';
const POLICY = [
  'p, everyone, acme, *, retrieve, upto:internal, *, *, allow',
  'p, everyone, acme, *, request, *, *, *, allow',
  `p, user:test|olga, acme, *, approve, ${TOP}, *, *, allow`,
  `p, client:test|assistant, acme, *, retrieve, ${TOP}, *, *, allow`,
  ...['assistant', 'portal'].flatMap((id) =>
    ['request', 'approve'].map((act) => `p, client:test|${id}, acme, *, ${act}, ${TOP}, *, *, allow`),
  ),
  `p, client:test|loader, acme, *, ingest, ${TOP}, as:trusted, *, allow`,
  `p, client:test|loader, acme, *, label, ${TOP}, *, *, allow`,
  `p, client:test|writer, acme, *, ingest, ${TOP}, as:trusted, *, allow`,
].join('\n');

const SOURCE = { title: 'Plans', owner: 'group:test|board', level: 'internal', compartments: [], trust: 'trusted' };
const CLOSED = { gates: [] };

describe.each<Deployment>(['sqlite', 'postgres'])('what a grant does not outlive, on %s', (deployment) => {
  let replicas: Replicas;
  const ask = async (who: string, method: string, path: string, body?: unknown, scope?: string): Promise<Answer> => {
    const [sub = '', client = sub] = who.split('/');
    const claims = { sub, client_id: client, groups: ['staff'], ...(scope === undefined ? {} : { scope }) };
    return replicas.a.call(method, path, await replicas.issuer.sign(claims), body);
  };
  const write = async (document: string, text: string, who = 'loader', acl: object = CLOSED): Promise<void> => {
    const body = { text: `Roadmap ${text}`, mediaType: 'text/plain', acl };
    const answer = await ask(who, 'PUT', `/v1/sources/plans/documents/${document}`, body);
    expect(answer.status, answer.text).toBe(200);
  };
  const makeSource = async (): Promise<void> => {
    // Refused until the last document of one under that name is gone.
    const made = async (): Promise<void> => expect((await ask('loader', 'PUT', '/v1/sources/plans', SOURCE)).status).toBe(201);
    await vi.waitFor(made, { timeout: 60_000, interval: 100 });
  };
  const read = async (): Promise<readonly string[]> => {
    const token = await replicas.issuer.sign({ sub: 'anna', client_id: 'assistant', groups: ['staff'] });
    const answer = await replicas.b.call('POST', '/v1/retrieve', token, { query: 'roadmap', limit: 20 });
    expect(answer.status, answer.text).toBe(200);
    const texts = answer.json<{ chunks: { text: string }[] }>().chunks.map(({ text }) => text.replace('Roadmap ', ''));
    const counted = await replicas.b.call('POST', '/v1/count', token, {});
    // Lower while the index has not forgotten a text that was replaced.
    expect(counted.json<{ chunks: number }>().chunks).toBeLessThanOrEqual(texts.length);
    return texts.sort();
  };
  const request = async (body: object = {}): Promise<string> => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const answer = await ask('anna/assistant', 'POST', '/v1/access-requests', { source: 'plans', reason: 'audit', until, ...body });
    expect(answer.status, answer.text).toBe(201);
    return answer.json<{ id: string }>().id;
  };
  const approve = (id: string): Promise<Answer> =>
    ask('olga/portal', 'POST', `/v1/access-requests/${id}/decision`, { decision: 'approve', reason: 'agreed' });
  const grant = async (body: object = {}): Promise<string> => {
    const id = await request(body);
    expect((await approve(id)).status).toBe(200);
    return id;
  };
  const stateOf = async (id: string): Promise<unknown> => (await ask('anna/assistant', 'GET', `/v1/access-requests/${id}`)).json()['state'];

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    await makeSource();
  });
  afterAll(() => replicas.stop());
  afterEach(async () => {
    expect(await read()).toEqual([]);
  });

  it('its document: another one under the same name is not covered, another text of the same one is', async () => {
    await write('next', 'one');
    const [one, all] = [await grant({ document: 'next' }), await grant()];
    await write('next', 'two');
    expect(await read()).toEqual(['two']);
    expect((await ask('anna/assistant', 'DELETE', `/v1/access-requests/${all}`)).status).toBe(200);
    expect(await read()).toEqual(['two']);
    expect((await ask('loader', 'DELETE', '/v1/sources/plans/documents/next')).status).toBe(204);
    expect(await stateOf(one)).toBe('withdrawn');
    await write('next', 'of somebody else', 'writer');
    expect(await read()).toEqual([]);
    expect((await ask('loader', 'DELETE', '/v1/sources/plans/documents/next')).status).toBe(204);
  });

  it('its source: what is written into another one under the same name is not covered', async () => {
    await write('budget', 'of the old source');
    const [whole, one] = [await grant(), await grant({ document: 'budget' })];
    expect(await read()).toEqual(['of the old source']);
    expect((await ask('loader', 'DELETE', '/v1/sources/plans')).status).toBe(204);
    await makeSource();
    await write('budget', 'of the new source');
    await write('salaries', 'of the new source, too');
    expect(await read()).toEqual([]);
    expect([await stateOf(whole), await stateOf(one)]).toEqual(['withdrawn', 'withdrawn']);
    for (const document of ['budget', 'salaries']) await ask('loader', 'DELETE', `/v1/sources/plans/documents/${document}`);
  });

  it('a withdrawal, also where the clock of the database was put back since', async () => {
    await write('clock', 'of the clock');
    const id = await grant({ document: 'clock' });
    expect(await read()).toEqual(['of the clock']);
    expect((await ask('anna/assistant', 'DELETE', `/v1/access-requests/${id}`)).status).toBe(200);
    const { database } = replicas.a.service.stores;
    // As a clock wrote it that was an hour ahead; the view is read anew by the next change of anything.
    await database.transaction(async (tx) => {
      const ahead = Date.now() + 3_600_000;
      await tx.updateTable('access_grants').set({ recorded_to: ahead }).where('request', '=', id).execute();
      const next = tx.updateTable('epochs').set((row) => ({ generation: row('generation', '+', 1) }));
      await next.where('scope', '=', 'acme').execute();
    });
    expect(await read()).toEqual([]);
    await ask('loader', 'DELETE', '/v1/sources/plans/documents/clock');
  });

  it('a document that was deleted between the approver’s reading and their decision', async () => {
    await write('race', 'of the race');
    const { catalog } = replicas.a.service.stores;
    const [tenant, source] = ['acme' as TenantId, 'plans' as SourceId];
    const found = await catalog.document(tenant, source, 'race' as DocumentId);
    const epoch = await catalog.epoch(tenant);
    if (epoch.kind === 'none' || found === undefined) throw new Error('there is neither tenant nor document');
    const { revision = 0 } = (await catalog.view(tenant, epoch.stamp)).sources.get(source) ?? {};
    const id = await request({ document: 'race' });
    expect((await ask('loader', 'DELETE', '/v1/sources/plans/documents/race')).status).toBe(204);
    const by = 'user:test|olga' as Principal;
    const until = Math.ceil(Date.now() / 1_000 + 3_600) * 1_000;
    const terms = { until, reviewer: by, reviewAt: undefined, owner: by, sourceRevision: revision };
    const approval = { kind: 'approve', reason: 'agreed', zones: [found.zone], key: found.key, ...terms } as const;
    const change = { requestId: id, by, through: 'client:test|portal' as Principal };
    await expect(catalog.decideAccess(tenant, id, approval, ACCESS_LIMITS, change, { parties: [by] })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect((await approve(id)).json()).toMatchObject({ code: 'beyond_authority' });
    expect((await ask('anna/assistant', 'DELETE', `/v1/access-requests/${id}`)).status).toBe(200);
  });

  it('another look: neither who asked nor who acted for them reviews what they got', async () => {
    await write('review', 'of the review');
    const id = await request();
    const decision = (reviewer: string): Promise<Answer> =>
      ask('olga/portal', 'POST', `/v1/access-requests/${id}/decision`, { decision: 'approve', reason: 'agreed', reviewer });
    expect((await decision('user:anna')).json()).toMatchObject({ code: 'invalid_request' });
    expect((await decision('user:bea')).json()).toMatchObject({ decision: { reviewer: 'user:test|bea' } });
    expect((await ask('loader', 'DELETE', '/v1/sources/plans/documents/review')).status).toBe(204);
    expect((await ask('anna/assistant', 'DELETE', `/v1/access-requests/${id}`)).status).toBe(200);
  });

  it('the scope of a token: one that may only retrieve decides nothing of anybody else', async () => {
    await write('scope', 'of the scope');
    const id = await grant({ document: 'scope' });
    const path = `/v1/access-requests/${id}?reason=mischief`;
    expect((await ask('olga/portal', 'DELETE', path, undefined, 'retrieve')).status).toBe(403);
    expect(await read()).toEqual(['of the scope']);
    expect((await ask('olga/portal', 'DELETE', path, undefined, 'sources')).status).toBe(200);
    await ask('loader', 'DELETE', '/v1/sources/plans/documents/scope');
  });
});
