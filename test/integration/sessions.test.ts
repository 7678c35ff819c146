import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { SESSION_ENDED_MS, SESSION_IDLE_MS } from '../../src/core/session.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import type { Answer } from '../support/service.ts';

const ACME = 'acme' as TenantId;
const POLICY = [
  'p, everyone, acme, *, retrieve, upto:restricted+people+legal, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:restricted+people+legal, *, *, allow',
  'p, client:test|other-app, acme, *, retrieve, upto:restricted+people+legal, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted+people+legal, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted+people+legal, *, *, allow',
].join('\n');

interface Seen {
  readonly turns: number;
  readonly label?: { readonly level: string; readonly compartments: readonly string[]; readonly trust: string };
}

describe.each<Deployment>(['sqlite', 'postgres'])('sessions on %s', (deployment) => {
  let replicas: Replicas;
  let loader: string;
  let anna: string;

  const write = (document: string, text: string, label: object): Promise<Answer> =>
    replicas.a.call('PUT', `/v1/sources/s/documents/${document}`, loader, {
      text,
      mediaType: 'text/plain',
      acl: { allow: ['everyone'] },
      ...label,
    });
  const ask = (token: string, query: string, session?: string, on: 'a' | 'b' = 'a'): Promise<Answer> =>
    replicas[on].call('POST', '/v1/retrieve', token, { query, limit: 3, ...(session === undefined ? {} : { session }) });
  const check = (token: string, session: string, sink: object, on: 'a' | 'b' = 'b'): Promise<Answer> =>
    replicas[on].call('POST', `/v1/sessions/${session}/check`, token, { sink });
  const seenBy = async (token: string, query: string, session: string, on: 'a' | 'b' = 'a'): Promise<Seen> => {
    const answer = await ask(token, query, session, on);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<{ session: Seen }>().session;
  };
  const database = () => replicas.a.service.stores.database;
  const age = (by: number): Promise<unknown> =>
    database().transaction((tx) =>
      tx
        .updateTable('sessions')
        .set((row) => ({ used_at: row('used_at', '-', by) }))
        .execute(),
    );

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    loader = await replicas.issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined });
    anna = await replicas.issuer.sign({ sub: 'anna', groups: [] });
    const source = { title: 'S', owner: 'group:test|hr', level: 'public', compartments: [], trust: 'trusted' };
    await replicas.a.call('PUT', '/v1/sources/s', loader, source);
    for (const [name, text, label] of [
      ['menu', 'Canteen menu of the week', {}],
      ['salary', 'Salary bands of engineers', { level: 'confidential', compartments: ['people'] }],
      ['contract', 'Contract clauses about liability', { level: 'internal', compartments: ['legal'] }],
      ['mail', 'Newsletter from a stranger', { trust: 'external' }],
    ] as const) {
      expect((await write(name, text, label)).status).toBe(200);
    }
  });
  afterAll(() => replicas.stop());

  it('joins what every turn released, on every replica, and never lowers it', async () => {
    expect(await seenBy(anna, 'zyzzyva', 's1')).toEqual({ turns: 1 });
    expect(await seenBy(anna, 'canteen menu', 's1')).toEqual({ turns: 2, label: { level: 'public', compartments: [], trust: 'trusted' } });
    expect(await seenBy(anna, 'salary bands', 's1', 'b')).toEqual({
      turns: 3,
      label: { level: 'confidential', compartments: ['people'], trust: 'trusted' },
    });
    expect(await seenBy(anna, 'contract liability', 's1')).toMatchObject({
      label: { level: 'confidential', compartments: ['legal', 'people'], trust: 'trusted' },
    });
    expect(await seenBy(anna, 'stranger newsletter', 's1', 'b')).toMatchObject({ label: { trust: 'external' } });
    const last = { turns: 6, label: { level: 'confidential', compartments: ['legal', 'people'], trust: 'external' } };
    expect(await seenBy(anna, 'canteen menu', 's1')).toEqual(last);
  });

  it('is the same answer but for the session where none is named', async () => {
    const [plain, named] = await Promise.all([ask(anna, 'canteen menu'), ask(anna, 'canteen menu', 'twin')]);
    const { requestId: _a, manifest: _m, session, ...rest } = named.json();
    const { requestId: _b, manifest: _n, ...without } = plain.json();
    const timeless = (body: object): string => JSON.stringify(body).replaceAll(/"at":"[^"]+"/g, '');
    expect(timeless(rest)).toBe(timeless(without));
    expect(session).toMatchObject({ turns: 1 });
  });

  it('keeps its label when the document is relabelled afterwards', async () => {
    await write('memo', 'Memo about the relocation', { level: 'restricted' });
    expect(await seenBy(anna, 'relocation memo', 'relabelled')).toMatchObject({ label: { level: 'restricted' } });
    expect((await replicas.a.call('PATCH', '/v1/sources/s/documents/memo', loader, { level: 'public' })).status).toBe(200);
    expect(await seenBy(anna, 'relocation memo', 'relabelled', 'b')).toMatchObject({ turns: 2, label: { level: 'restricted' } });
    expect(await seenBy(anna, 'relocation memo', 'fresh', 'b')).toMatchObject({ label: { level: 'public' } });
  });

  it('tells an agent which sinks may receive what it has seen', async () => {
    await seenBy(anna, 'salary bands', 'agent');
    const label = { level: 'confidential', compartments: ['people'], trust: 'trusted' };
    const whole = await check(anna, 'agent', { level: 'confidential', compartments: ['people'], minTrust: 'trusted' });
    expect(whole.json()).toEqual({ allowed: true, label, reasons: [] });
    expect((await check(anna, 'agent', { level: 'restricted', compartments: ['legal', 'people'] })).json()).toMatchObject({
      allowed: true,
    });
    expect((await check(anna, 'agent', { level: 'internal' })).json()).toEqual({
      allowed: false,
      label,
      reasons: ['level_too_high', 'compartment_not_cleared'],
    });
    await seenBy(anna, 'stranger newsletter', 'agent');
    const careful = { level: 'restricted', compartments: ['people'], minTrust: 'internal' };
    expect((await check(anna, 'agent', careful)).json()).toMatchObject({ allowed: false, reasons: ['trust_too_low'] });
  });

  it('answers alike for a misspelt name and for the session of somebody else', async () => {
    await seenBy(anna, 'salary bands', 'mine');
    const sink = { level: 'restricted', compartments: ['people', 'legal'] };
    const bob = await replicas.issuer.sign({ sub: 'bob', groups: [] });
    const elsewhere = await replicas.issuer.sign({ sub: 'anna', groups: [], client_id: 'other-app' });
    const never = await check(anna, 'mien', sink);
    expect(never.json()).toEqual({ allowed: false, reasons: ['session_unknown'] });
    for (const other of [await check(bob, 'mine', sink), await check(elsewhere, 'mine', sink)]) expect(other.text).toBe(never.text);
    expect((await check(anna, 'mine', sink)).json()).toMatchObject({ allowed: true });
    expect(await seenBy(bob, 'canteen menu', 'mine')).toMatchObject({ turns: 1, label: { level: 'public' } });
  });

  it('loses no turn of many at once on two replicas', async () => {
    const queries = ['canteen menu', 'salary bands', 'contract liability', 'stranger newsletter'];
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, n) => seenBy(anna, queries[n % 4] ?? '', 'busy', n % 3 === 0 ? 'b' : 'a')),
    );
    expect(answers.map(({ turns }) => turns).sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, n) => n + 1));
    const most = { level: 'confidential', compartments: ['legal', 'people'], trust: 'external' };
    expect(answers.find(({ turns }) => turns === 24)?.label).toEqual(most);
  });

  it('records the session under a pseudonym with the label after it, in the event of the release', async () => {
    const answer = await ask(anna, 'salary bands', 'recorded');
    const { requestId } = answer.json<{ requestId: string }>();
    const events = await replicas.b.service.stores.audit.byRequest(ACME, requestId);
    const body = events.find(({ kind }) => kind === 'release')?.body as JsonObject;
    const { id, ...rest } = body['session'] as JsonObject;
    // The same for every turn of it, and none that whoever guesses its name and its holder could make.
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    const next = (await ask(anna, 'salary bands', 'recorded')).json<{ requestId: string }>().requestId;
    const again = (await replicas.b.service.stores.audit.byRequest(ACME, next)).find(({ kind }) => kind === 'release')?.body;
    expect(again?.['session']).toMatchObject({ id, turns: 2 });
    expect(rest).toEqual({
      turns: 1,
      label: { level: 'confidential', compartments: ['people'], trust: 'trusted' },
    });
    expect(JSON.stringify(events)).not.toContain('recorded');
    expect(await replicas.a.service.stores.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
  });

  it('refuses names and sinks that are not in the documented form', async () => {
    for (const name of ['', 'a b', 'ü', '-x', 'x'.repeat(129), 'a\u0000', 'a/b']) {
      expect((await ask(anna, 'canteen menu', name)).json()).toMatchObject({ code: 'invalid_request' });
    }
    expect((await check(anna, 'x'.repeat(129), { level: 'public' })).json()).toMatchObject({ code: 'invalid_request' });
    expect((await check(anna, 'agent', { level: 'cosmic' })).json()).toMatchObject({ code: 'unknown_level' });
    expect((await check(anna, 'agent', {})).status).toBe(400);
    expect((await ask(anna, 'canteen menu', 'x'.repeat(128))).status).toBe(200);
  });

  it('ends idle sessions instead of letting their names begin again', async () => {
    await seenBy(anna, 'salary bands', 'old');
    // Each sweeps as well, every few seconds, and would leave nothing to the sweeps that are counted here.
    for (const { service } of [replicas.a, replicas.b]) await service.mender.close();
    await age(SESSION_IDLE_MS + 60_000);
    expect((await ask(anna, 'canteen menu', 'old')).json()).toMatchObject({ status: 409, code: 'session_ended' });
    const sink = { level: 'restricted', compartments: ['people', 'legal'] };
    expect((await check(anna, 'old', sink)).json()).toEqual({ allowed: false, reasons: ['session_ended'] });
    const { catalog } = replicas.b.service.stores;
    expect(await catalog.sweepSessions(1_000)).toBeGreaterThan(0);
    expect(await catalog.sweepSessions(1_000)).toBe(0);
    const row = await database().db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ level: null, compartments: null, trust: null });
    expect((await ask(anna, 'canteen menu', 'old', 'b')).json()).toMatchObject({ code: 'session_ended' });
    expect(await seenBy(anna, 'canteen menu', 'new')).toMatchObject({ turns: 1 });
    await age(SESSION_ENDED_MS);
    expect(await catalog.sweepSessions(1_000)).toBeGreaterThan(0);
    expect((await check(anna, 'old', sink)).json()).toEqual({ allowed: false, reasons: ['session_unknown'] });
  });
});
