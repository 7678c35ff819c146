import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seenBefore } from '../support/moments.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import type { Answer } from '../support/service.ts';

const TOP = 'upto:restricted+people';
const CLIENTS = ['assistant', 'portal'];
const POLICY = [
  'p, everyone, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, group:test|contractors, acme, *, retrieve, from:confidential, *, *, deny',
  'p, everyone, acme, hand*, request, *, *, *, allow',
  `p, user:test|olga, acme, hand*, approve, upto:internal, *, *, allow`,
  `p, user:test|olga, acme, hand*, request, ${TOP}, *, *, allow`,
  `p, user:test|omar, acme, *, approve, ${TOP}, *, *, allow`,
  `p, user:test|aud, acme, *, audit, ${TOP}, *, *, allow`,
  ...[...CLIENTS, 'robot'].flatMap((id) =>
    ['retrieve', 'request', 'approve', 'audit'].map((action) => `p, client:test|${id}, acme, *, ${action}, ${TOP}, *, *, allow`),
  ),
  `p, client:test|loader, acme, *, ingest, ${TOP}, as:trusted, *, allow`,
  `p, client:test|loader, acme, *, label, ${TOP}, *, *, allow`,
].join('\n');

const HR = { allow: ['group:hr'] };
/** Text and what is declared; all of source `handbook` but the last. */
const DOCUMENTS: Readonly<Record<string, object>> = {
  'handbook/open': { acl: { allow: ['everyone'] } },
  'handbook/leave': { acl: HR },
  'handbook/nobody': { acl: { gates: [] } },
  'handbook/denied': { acl: { ...HR, deny: ['user:anna'] } },
  'handbook/ended': { acl: { allow: [{ principal: 'group:hr', until: '2026-01-01T00:00:00Z' }] } },
  'handbook/later': { acl: HR, validFrom: '2099-01-01T00:00:00Z' },
  'handbook/secret': { acl: HR, level: 'confidential' },
  'handbook/top': { acl: HR, level: 'restricted' },
  'other/leave': { acl: HR },
};

describe.each<Deployment>(['sqlite', 'postgres'])('access requests on %s', (deployment) => {
  let replicas: Replicas;
  const tokens = new Map<string, string>();

  async function as(who: string, more: object = {}): Promise<string> {
    const [sub = '', client = sub] = who.split('/');
    const key = `${who} ${JSON.stringify(more)}`;
    const token = tokens.get(key) ?? (await replicas.issuer.sign({ sub, client_id: client, groups: ['staff'], ...more }));
    tokens.set(key, token);
    return token;
  }
  const ask = async (who: string, method: string, path: string, body?: unknown, on = replicas.a): Promise<Answer> =>
    on.call(method, path, await as(who), body);
  const code = (answer: Answer): string => (answer.status < 300 ? String(answer.status) : answer.json<{ code: string }>().code);
  const soon = (seconds = 3_600): string => new Date(Date.now() + seconds * 1_000).toISOString();

  async function read(who = 'anna/assistant', at = replicas.b): Promise<readonly string[]> {
    const answer = await ask(who, 'POST', '/v1/retrieve', { query: 'parental leave', limit: 20 }, at);
    expect(answer.status, answer.text).toBe(200);
    return answer
      .json<{ chunks: { text: string }[] }>()
      .chunks.map(({ text }) => text.replace('Parental leave of ', ''))
      .sort();
  }
  async function count(who = 'anna/assistant'): Promise<number> {
    const answer = await ask(who, 'POST', '/v1/count', {}, replicas.b);
    return answer.json<{ chunks: number }>().chunks;
  }
  const request = async (body: object = {}, who = 'anna/assistant'): Promise<Answer> =>
    ask(who, 'POST', '/v1/access-requests', { source: 'handbook', reason: 'for the works council', until: soon(), ...body });
  const idOf = (answer: Answer): string => {
    expect(answer.status, answer.text).toBe(201);
    return answer.json<{ id: string }>().id;
  };
  const decide = (id: string, who = 'olga/portal', body: object = {}): Promise<Answer> =>
    ask(who, 'POST', `/v1/access-requests/${id}/decision`, { decision: 'approve', reason: 'agreed', ...body });
  const withdraw = (id: string, who: string, reason?: string): Promise<Answer> =>
    ask(who, 'DELETE', `/v1/access-requests/${id}${reason === undefined ? '' : `?reason=${encodeURIComponent(reason)}`}`);

  const BEFORE = ['handbook/open'];

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    const source = { title: 'Handbook', owner: 'group:test|hr', level: 'internal', compartments: [], trust: 'trusted' };
    for (const id of ['handbook', 'other']) expect((await ask('loader', 'PUT', `/v1/sources/${id}`, source)).status).toBe(201);
    for (const [name, more] of Object.entries(DOCUMENTS)) {
      const [of, document] = name.split('/');
      const body = { text: `Parental leave of ${name}`, mediaType: 'text/plain', ...more };
      expect((await ask('loader', 'PUT', `/v1/sources/${of}/documents/${document}`, body)).status, name).toBe(200);
    }
  });
  afterAll(() => replicas.stop());
  afterEach(async () => {
    replicas.mendIndex();
    expect(await read()).toEqual(BEFORE);
    expect(await count()).toBe(1);
  });

  it('opens what the approver may give and nothing that anything else refuses, until it is withdrawn', async () => {
    const id = idOf(await request());
    expect(await read()).toEqual(BEFORE);
    const approved = await decide(id);
    expect(approved.json()).toMatchObject({
      state: 'approved',
      decision: { decision: 'approve', by: 'user:test|olga', reviewer: 'user:test|olga', owner: 'group:test|hr', reason: 'agreed' },
    });
    // Not the denied one, not what begins later, not above olga's authority, not another source, nobody else.
    expect(await read()).toEqual(['handbook/ended', 'handbook/leave', 'handbook/nobody', 'handbook/open']);
    expect(await read('bert/assistant')).toEqual(BEFORE);
    // A document whose ACL has bounds is left out of a count that only a grant would put it into.
    expect(await count()).toBe(3);
    expect((await withdraw(id, 'olga/portal', 'no longer needed')).json()).toMatchObject({ state: 'withdrawn' });
    expect(await read()).toEqual(BEFORE);
    expect(code(await withdraw(id, 'olga/portal', 'again'))).toBe('conflict');
  });

  it('does not outgrow policy: what Casbin refuses the person or the application stays refused', async () => {
    const id = idOf(await request());
    expect((await decide(id, 'omar/portal')).status).toBe(200);
    expect(await read()).toEqual(['handbook/ended', 'handbook/leave', 'handbook/nobody', 'handbook/open', 'handbook/secret']);
    const contractor = await as('anna/assistant', { groups: ['contractors'] });
    const answer = await replicas.b.call('POST', '/v1/retrieve', contractor, { query: 'parental leave', limit: 20 });
    expect(answer.json<{ chunks: unknown[] }>().chunks).toHaveLength(4);
    expect((await ask('loader', 'PATCH', '/v1/sources/handbook', { ceiling: ['group:test|hr'] })).status).toBe(200);
    expect(await read()).toEqual([]);
    expect((await ask('loader', 'PATCH', '/v1/sources/handbook', { ceiling: null })).status).toBe(200);
    expect((await ask('loader', 'POST', '/v1/switches', { kind: 'document', id: 'handbook/leave', reason: 'r' })).status).toBe(201);
    expect(await read()).not.toContain('handbook/leave');
    expect((await ask('loader', 'DELETE', '/v1/switches?kind=document&id=handbook/leave')).status).toBe(200);
    expect(await read()).toContain('handbook/leave');
    expect((await withdraw(id, 'anna/assistant')).status).toBe(200);
  });

  it('ends by the clock of the database, with no event', async () => {
    const id = idOf(await request());
    expect((await decide(id)).status).toBe(200);
    expect(await read()).toContain('handbook/leave');
    const { database } = replicas.a.service.stores;
    await database.transaction(async (tx) => {
      await tx
        .updateTable('access_grants')
        .set({ valid_until: sql`valid_from + 1` })
        .where('request', '=', id)
        .execute();
      await tx
        .updateTable('access_requests')
        .set({ valid_until: sql`decided_at + 1` })
        .where('id', '=', id)
        .execute();
      // As a replica that reads its view anew; the one that holds the old view is the next test's.
      await tx
        .updateTable('epochs')
        .set((row) => ({ generation: row('generation', '+', 1) }))
        .where('scope', '=', 'acme')
        .execute();
    });
    expect(await read()).toEqual(BEFORE);
    expect((await ask('anna/assistant', 'GET', `/v1/access-requests/${id}`)).json()).toMatchObject({ state: 'expired' });
  });

  it('ends on a replica that holds the grant in memory, too', async () => {
    await seenBefore(async (until) => {
      const id = idOf(await request({ document: 'leave' }));
      const decided = await decide(id, 'olga/portal', { until });
      // Of an end that has passed already; one may ask for it once at a time.
      if (decided.status !== 200) await withdraw(id, 'anna/assistant');
      expect(decided.status, decided.text).toBe(200);
      expect(await read()).toEqual(['handbook/leave', 'handbook/open']);
    });
    await expect.poll(() => read()).toEqual(BEFORE);
  });

  it('ends at the next request also while Qdrant refuses to write', async () => {
    const id = idOf(await request());
    replicas.refuseWrites();
    expect((await decide(id)).status).toBe(200);
    expect(await read()).toContain('handbook/leave');
    expect((await withdraw(id, 'anna/assistant')).status).toBe(200);
  });

  it('covers one document where one was named, as long as it stays where it was', async () => {
    const id = idOf(await request({ document: 'leave' }));
    expect((await decide(id)).status).toBe(200);
    expect(await read()).toEqual(['handbook/leave', 'handbook/open']);
    expect((await ask('anna/assistant', 'GET', '/v1/sources/handbook/documents/leave')).json()).toMatchObject({ view: 'reader' });
    expect((await ask('loader', 'PATCH', '/v1/sources/handbook/documents/leave', { level: 'confidential' })).status).toBe(200);
    expect(await read()).toEqual(BEFORE);
    expect((await ask('loader', 'PATCH', '/v1/sources/handbook/documents/leave', { level: 'internal' })).status).toBe(200);
    expect((await withdraw(id, 'anna/assistant')).status).toBe(200);
  });

  it('tells nobody what is there: not the requester, and not an approver beyond their authority', async () => {
    const bytes = ({ status, text }: Answer, name: string): string =>
      `${status} ${text.replaceAll(/"(?:requestId|id|askedAt|lapsesAt|wantedUntil)":"[^"]*"/g, '').replaceAll(name, '<name>')}`;
    expect(bytes(await request({ source: 'other' }), 'other')).toBe(bytes(await request({ source: 'ohter' }), 'ohter'));
    const until = soon();
    const [hidden, missing] = [await request({ document: 'top', until }), await request({ document: 'pot', until })];
    expect(bytes(hidden, 'top')).toBe(bytes(missing, 'pot'));
    const refusals = [await decide(idOf(hidden)), await decide(idOf(missing))];
    expect(refusals.map(code)).toEqual(['beyond_authority', 'beyond_authority']);
    expect(bytes(refusals[0] as Answer, 'top')).toBe(bytes(refusals[1] as Answer, 'pot'));
    expect((await decide(idOf(missing), 'olga/portal', { decision: 'deny' })).json()).toMatchObject({ state: 'denied' });
    for (const id of [idOf(hidden), crypto.randomUUID()]) {
      for (const who of ['bert/portal', 'loader']) {
        expect(code(await ask(who, 'GET', `/v1/access-requests/${id}`))).toBe('not_found');
        expect(code(await decide(id, who))).toBe('not_found');
        expect(code(await withdraw(id, who))).toBe('not_found');
      }
    }
    expect((await withdraw(idOf(hidden), 'anna/assistant')).status).toBe(200);
    // Who may ask learns that the source exists, and no more.
    const sources = await ask('anna/assistant', 'GET', '/v1/sources');
    expect(sources.json()).toEqual({ sources: [{ source: 'handbook', title: 'Handbook' }] });
  });

  it('is decided by another person, by their own hand', async () => {
    const own = idOf(await request({}, 'olga/portal'));
    expect(code(await decide(own))).toBe('second_person_required');
    expect(code(await decide(own, 'olga/assistant'))).toBe('second_person_required');
    expect(code(await decide(own, 'robot'))).toBe('second_person_required');
    const act = { sub: 'olga', iss: replicas.issuer.url };
    const acting = await replicas.a.call('POST', `/v1/access-requests/${own}/decision`, await as('omar/portal', { act }), {
      decision: 'approve',
      reason: 'as olga says',
    });
    expect(code(acting)).toBe('second_person_required');
    // Who asked on behalf of somebody does not decide it either.
    const asked = await replicas.a.call('POST', '/v1/access-requests', await as('anna/assistant', { act }), {
      source: 'handbook',
      reason: 'olga asks for anna',
      until: soon(),
    });
    expect(asked.json()['actor']).toBe('user:test|olga');
    expect(code(await decide(idOf(asked)))).toBe('second_person_required');
    expect((await withdraw(idOf(asked), 'anna/assistant')).status).toBe(200);
    expect((await decide(own, 'omar/portal')).status).toBe(200);
    expect(code(await withdraw(own, 'omar/portal'))).toBe('invalid_request');
    expect((await withdraw(own, 'omar/portal', 'a mistake')).status).toBe(200);
    expect(code(await request({}, 'robot'))).toBe('forbidden');
  });

  it('is decided once, and of two who decide at once by one', async () => {
    const id = idOf(await request());
    const both = await Promise.all([
      decide(id, 'olga/portal', { decision: 'deny' }),
      replicas.b.call('POST', `/v1/access-requests/${id}/decision`, await as('omar/portal'), { decision: 'deny', reason: 'no' }),
    ]);
    expect(both.map(code).sort()).toEqual(['200', 'conflict']);
    expect(code(await decide(id))).toBe('conflict');
    expect(code(await withdraw(id, 'anna/assistant'))).toBe('conflict');
  });

  it('has an end within bounds, and bounds on how much one person asks', async () => {
    expect(code(await request({ until: soon(91 * 86_400) }))).toBe('limit_exceeded');
    expect(code(await request({ until: soon(-5) }))).toBe('limit_exceeded');
    const endless = idOf(await request({ until: undefined }));
    expect(code(await request())).toBe('conflict');
    expect(code(await decide(endless))).toBe('invalid_request');
    for (const until of [soon(91 * 86_400), soon(-5)]) expect(code(await decide(endless, 'olga/portal', { until }))).toBe('limit_exceeded');
    expect(code(await decide(endless, 'olga/portal', { until: soon(), reviewBy: soon(9_999) }))).toBe('limit_exceeded');
    expect(code(await decide(endless, 'olga/portal', { until: soon(), reviewer: 'client:portal' }))).toBe('invalid_request');
    expect((await withdraw(endless, 'anna/assistant')).status).toBe(200);
    const open = await Promise.all(Array.from({ length: 22 }, (_, index) => request({ document: `d${index}` }, 'carl/assistant')));
    expect(open.map(code).sort()).toEqual([...Array<string>(20).fill('201'), 'limit_exceeded', 'limit_exceeded']);
  });

  it('is listed for whoever asked, answers or audits, and for nobody else', async () => {
    const id = idOf(await request());
    const list = async (who: string, query: string): Promise<readonly string[]> =>
      (await ask(who, 'GET', `/v1/access-requests?${query}`, undefined, replicas.b))
        .json<{ requests: { id: string }[] }>()
        .requests.map((one) => one.id);
    expect(await list('anna/assistant', '')).toContain(id);
    expect(await list('olga/portal', 'role=approver&source=handbook')).toContain(id);
    expect(await list('aud/portal', 'role=auditor')).toContain(id);
    expect((await ask('aud/portal', 'GET', `/v1/access-requests/${id}`)).json()).toMatchObject({ reason: 'for the works council' });
    expect(code(await decide(id, 'aud/portal'))).toBe('forbidden');
    for (const [who, query] of [
      ['bert/portal', 'role=approver'],
      ['bert/portal', 'role=auditor'],
      ['bert/portal', ''],
      ['olga/portal', 'role=auditor'],
      ['olga/portal', 'role=approver&source=other'],
      ['robot', ''],
    ] as const)
      expect(await list(who, query)).toEqual([]);
    const paged: string[] = [];
    for (let after = ''; ;) {
      const page = await ask('olga/portal', 'GET', `/v1/access-requests?role=approver&limit=7${after === '' ? '' : `&after=${after}`}`);
      const { requests, next } = page.json<{ requests: { id: string }[]; next?: string }>();
      paged.push(...requests.map((one) => one.id));
      if (next === undefined) break;
      after = next;
    }
    expect(new Set(paged).size).toBe(paged.length);
    expect(paged).toEqual(await list('olga/portal', 'role=approver&limit=1000'));
    expect((await withdraw(id, 'anna/assistant')).status).toBe(200);
  });

  it('is in the audit log, with ids and digests and no word of anybody', async () => {
    const { db } = replicas.a.service.stores.database;
    const rows = await db.selectFrom('audit_events').select(['kind', 'body']).where('kind', 'like', 'access.%').execute();
    expect([...new Set(rows.map(({ kind }) => kind))].sort()).toEqual(['access.decided', 'access.requested', 'access.withdrawn']);
    for (const { body } of rows) expect(body).not.toMatch(/works council|agreed|a mistake/);
    const releases = await db
      .selectFrom('audit_events')
      .select('body')
      .where('kind', '=', 'release')
      .where('body', 'like', '%grant:%')
      .execute();
    expect(releases.length).toBeGreaterThan(0);
  });
});
