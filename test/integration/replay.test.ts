import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import type { StoredAuditEvent } from '../../src/core/ports/audit.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import type { Answer } from '../support/service.ts';

const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted+people';
const POLICY = [
  ...['assistant', 'other-app'].map((client) => allow(`client:test|${client}`, 'acme', 'retrieve', '*', TOP)),
  ...['ingest', 'label', 'audit', 'replay', 'administer'].map((action) => allow('client:test|assistant', 'acme', action, '*', TOP)),
  allow('everyone', 'acme', 'retrieve', '*', TOP),
  ...['ingest', 'label', 'audit', 'administer'].map((action) => allow('user:test|olga', 'acme', action, '*', TOP)),
  // These two may replay everything; the next one too, but not through the other application.
  ...['rita', 'rolf'].map((sub) => allow(`user:test|${sub}`, 'acme', 'replay', '*', TOP)),
  allow('user:test|lena', 'acme', 'replay', '*', 'upto:internal'),
  allow('user:test|nick', 'acme', 'replay', 'open', TOP),
].join('\n');

const FORMATS = ['xml', 'messages', 'datamark', 'base64', 'anthropic'] as const;
const LONG = 'Parental leave is twelve weeks; it may be taken in parts.\nPay goes on in full for six weeks, <at half> after them.\n';

describe.each<Deployment>(['sqlite', 'postgres'])('replay on %s', (deployment) => {
  let replicas: Replicas;
  const call = async (sub: string, method: string, path: string, body?: unknown, on: 'a' | 'b' = 'a', more: object = {}): Promise<Answer> =>
    replicas[on].call(method, path, await replicas.issuer.sign({ sub, groups: [], ...more }), body);
  const done = async (...given: Parameters<typeof call>): Promise<Answer> => {
    const answer = await call(...given);
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer;
  };
  const write = (source: string, document: string, text: string, more: object = {}): Promise<Answer> =>
    done('olga', 'PUT', `/v1/sources/${source}/documents/${document}`, {
      text,
      title: `Title of ${document}`,
      uri: `https://docs.example/${document}`,
      mediaType: 'text/plain',
      acl: { allow: ['everyone'] },
      ...more,
    });
  const makeSource = (name: string, level = 'public'): Promise<Answer> =>
    done('olga', 'PUT', `/v1/sources/${name}`, { title: name, owner: 'group:test|o', level, compartments: [], trust: 'internal' });
  const ask = async (query: string, more: object = {}, sub = 'anna'): Promise<{ readonly id: string; readonly text: string }> => {
    const { text, json } = await done(sub, 'POST', '/v1/retrieve', { query, ...more });
    return { id: json<{ requestId: string }>().requestId, text };
  };
  const replay = (sub: string, id: string, on: 'a' | 'b' = 'b', more: object = {}): Promise<Answer> =>
    call(sub, 'GET', `/v1/requests/${id}/replay?reason=${encodeURIComponent('a complaint')}`, undefined, on, more);
  const exact = async (sub: string, { id, text }: { readonly id: string; readonly text: string }): Promise<void> => {
    const answer = await replay(sub, id);
    expect([answer.status, answer.text]).toEqual([200, text]);
    expect(answer.headers).toMatchObject({ 'sluice-replay': 'exact', 'content-type': 'application/json', 'cache-control': 'no-store' });
  };
  const code = (answer: Answer): string => answer.json<{ code: string }>().code;
  /** Events of one kind that speak of this request. */
  const events = async (id: string, kind: StoredAuditEvent['kind']): Promise<readonly StoredAuditEvent[]> => {
    const { audit } = replicas.a.service.stores;
    const size = (await audit.sizes()).get(ACME) ?? 0;
    return (await audit.between(ACME, 0, size, [kind])).filter(({ body }) => body['request'] === id);
  };
  const refusals = async (sub: string, id: string): Promise<readonly unknown[]> =>
    (await events(id, 'replay.refused')).filter(({ body }) => body['by'] === `user:test|${sub}`).map(({ body }) => body['code']);

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    for (const [name, level] of [
      ['open', 'public'],
      ['notes', 'internal'],
      ['secret', 'confidential'],
      ['gone', 'public'],
    ] as const) {
      await makeSource(name, level);
    }
    await write('open', 'leave', LONG);
    await write('notes', 'pay', 'Notes about the heron census of the year, kept by the warden of the marsh for everybody.');
    await write('secret', 'plan', 'Walrus: the warehouse is to be closed, which nobody outside may hear before the spring of next year.');
  });
  afterAll(() => replicas.stop());

  describe('gives the bytes that left', () => {
    it.each(FORMATS)('with a context in %s', async (format) => {
      const answered = await ask('parental leave', { context: { format } });
      expect(JSON.parse(answered.text)).toMatchObject({ context: { format } });
      await exact('rita', answered);
    });

    it('with a session, which stands at the end and grows', async () => {
      const first = await ask('parental leave', { session: 'turns' });
      const second = await ask('heron census', { session: 'turns' });
      expect(JSON.parse(second.text)).toMatchObject({ session: { turns: 2, label: { level: 'internal' } } });
      await exact('rita', first);
      await exact('rita', second);
    });

    it('of an empty answer, for whoever may replay anything', async () => {
      const empty = await ask('zzzyyyxxx', { session: 'none-yet' });
      expect(JSON.parse(empty.text)).toMatchObject({ chunks: [] });
      await exact('lena', empty);
      expect(code(await replay('anna', empty.id))).toBe('not_found');
    });

    it('after the document was written anew, relabelled, renamed, switched off and deleted', async () => {
      await write('open', 'moving', 'The moving ferry leaves at noon from the northern pier, and at dusk from the southern one.');
      const before = await ask('moving ferry', { context: { format: 'xml' } });
      expect(before.text).toContain('northern pier');
      const changes: (() => Promise<unknown>)[] = [
        () => write('open', 'moving', 'The ferry was withdrawn.'),
        () => done('olga', 'PATCH', '/v1/sources/open/documents/moving', { level: 'internal' }),
        () => done('olga', 'PATCH', '/v1/sources/open/documents/moving', { title: 'Another title', acl: { allow: ['user:test|olga'] } }),
        () => done('olga', 'PATCH', '/v1/sources/open', { title: 'Renamed', owner: 'group:test|others' }),
        () => done('olga', 'DELETE', '/v1/sources/open/documents/moving'),
      ];
      for (const change of changes) {
        await change();
        await replicas.a.service.mender.mend();
        await exact('rita', before);
      }
    });

    it('after its source was deleted, for whoever was cleared for it then', async () => {
      await write('gone', 'pelican', 'Pelican counts of the delta are published in autumn, once the birds have left for the south.');
      const before = await ask('pelican counts');
      await done('olga', 'DELETE', '/v1/sources/gone');
      await replicas.a.service.mender.mend();
      await exact('rita', before);
      expect(code(await replay('nick', before.id))).toBe('not_found');
    });
  });

  describe('asks who may', () => {
    it('not found, in the same bytes, for those who may replay nothing of it, and what never was', async () => {
      const { id } = await ask('heron census');
      const answers = [
        await replay('anna', id),
        await replay('olga', id),
        await replay('rita', randomUUID()),
        await replay('rita', 'nonsense'),
      ];
      const texts = answers.map(({ text }) => text.replace(/"requestId":"[^"]*"/, ''));
      expect(new Set(texts).size).toBe(1);
      expect(JSON.parse(texts[0]?.replace(',}', '}') ?? '')).toMatchObject({ code: 'not_found' });
      expect(await refusals('anna', id)).toEqual([]);
      await exact('lena', { id, text: (await replay('rita', id)).text });
    });

    it('refuses, and records it, where a part of it lies beyond: no answer is shown in part', async () => {
      const { id } = await ask('parental leave heron census');
      const answer = await replay('nick', id);
      expect([answer.status, code(answer)]).toEqual([403, 'forbidden']);
      expect(await refusals('nick', id)).toEqual(['forbidden']);
    });

    it('demands clearance for the label it has today as well as for the one it left with', async () => {
      await makeSource('shifting');
      await write('shifting', 'otter', 'Otter sightings along the canal are reported by the lock keepers every other week.');
      const before = await ask('otter sightings');
      await exact('lena', before);
      await done('olga', 'PATCH', '/v1/sources/shifting', { level: 'confidential' });
      expect(code(await replay('lena', before.id))).toBe('not_found');
      const strict = await ask('otter sightings');
      await done('olga', 'PATCH', '/v1/sources/shifting', { level: 'public' });
      await exact('lena', before);
      expect(code(await replay('lena', strict.id))).toBe('not_found');
    });

    it('demands it of the application too, and stops with a switch', async () => {
      const before = await ask('parental leave');
      expect(code(await replay('rita', before.id, 'b', { client_id: 'other-app' }))).toBe('not_found');
      await done('olga', 'POST', '/v1/switches', { kind: 'source', id: 'open', reason: 'r' });
      expect(code(await replay('rita', before.id))).toBe('not_found');
      await done('olga', 'DELETE', '/v1/switches?kind=source&id=open');
      await exact('rita', before);
    });

    it('demands a reason, which is sealed', async () => {
      const { id } = await ask('parental leave');
      for (const query of ['', '?reason=', '?reason=%20', `?reason=${'x'.repeat(501)}`, '?reason=a%0Ab']) {
        expect(code(await call('rita', 'GET', `/v1/requests/${id}/replay${query}`))).toBe('invalid_request');
      }
      await replay('rita', id);
      const [read] = await events(id, 'replay.read');
      expect(read?.body).toMatchObject({ by: 'user:test|rita', user: 'user:test|anna', outcome: 'exact', label: { level: 'public' } });
      expect(JSON.stringify(read?.body)).not.toContain('complaint');
      const sealed = await replicas.a.service.stores.audit.sealed(ACME, read?.index ?? -1);
      expect(sealed?.facts).toEqual({ kind: 'open', content: { reason: 'a complaint' } });
    });
  });

  describe('where policy wants two people', () => {
    const approve = (sub: string, id: string, reader: string, more: object = {}, reason = 'a complaint'): Promise<Answer> =>
      call(sub, 'POST', `/v1/requests/${id}/replay-approvals`, { reader: `user:test|${reader}`, reason }, 'a', more);

    it('the first wishes, another allows, and only that reader reads, for an hour', async () => {
      const before = await ask('walrus');
      const refused = await replay('rita', before.id);
      expect([refused.status, code(refused)]).toEqual([403, 'second_person_required']);
      await replay('rita', before.id);
      expect(await events(before.id, 'replay.requested')).toHaveLength(1);
      expect(code(await approve('rita', before.id, 'rita'))).toBe('second_person_required');
      expect(code(await approve('rolf', before.id, 'nobody'))).toBe('not_found');
      expect(code(await approve('lena', before.id, 'rita'))).toBe('not_found');
      expect(code(await approve('anna', before.id, 'rita'))).toBe('not_found');
      expect(code(await approve('rolf', before.id, 'rita', { act: { sub: 'agent' } }))).toBe('second_person_required');

      const listed = async (sub: string): Promise<unknown> => (await done(sub, 'GET', '/v1/replay-approvals')).json();
      const wish = { request: before.id, reader: 'user:test|rita', reason: 'a complaint', at: expect.any(String) as string };
      expect(await listed('rolf')).toEqual({ wishes: [wish] });
      for (const sub of ['rita', 'lena', 'anna']) expect(await listed(sub)).toEqual({ wishes: [] });

      const made = await approve('rolf', before.id, 'rita');
      expect([made.status, made.json()]).toMatchObject([201, { ...wish, approvedBy: 'user:test|rolf' }]);
      await exact('rita', before);
      expect(await listed('rolf')).toEqual({ wishes: [] });
      expect((await events(before.id, 'replay.approved'))[0]?.body).toMatchObject({ by: 'user:test|rolf', reader: 'user:test|rita' });
      expect((await events(before.id, 'replay.read')).at(-1)?.body).toMatchObject({ approvedBy: 'user:test|rolf' });
      // Another reader, another reason: allowed neither.
      expect(code(await replay('rolf', before.id))).toBe('second_person_required');
      expect(code(await call('rita', 'GET', `/v1/requests/${before.id}/replay?reason=curiosity`))).toBe('second_person_required');
      expect(code(await replay('rita', before.id))).toBe('second_person_required');
    });

    it('is allowed for the reason that was read, not for one that the reader put in its place since', async () => {
      const before = await ask('walrus');
      await replay('rita', before.id);
      const [wish] = (await done('rolf', 'GET', '/v1/replay-approvals'))
        .json<{ wishes: { request: string; reason: string }[] }>()
        .wishes.filter(({ request }) => request === before.id);
      expect(wish?.reason).toBe('a complaint');
      const other = `/v1/requests/${before.id}/replay?reason=curiosity`;
      expect(code(await call('rita', 'GET', other))).toBe('second_person_required');
      expect(code(await approve('rolf', before.id, 'rita', {}, wish?.reason))).toBe('conflict');
      expect(code(await call('rita', 'GET', other))).toBe('second_person_required');
      expect(await events(before.id, 'replay.approved')).toEqual([]);
      expect((await approve('rolf', before.id, 'rita', {}, 'curiosity')).status).toBe(201);
      expect((await call('rita', 'GET', other)).text).toBe(before.text);
      const bare = await call('rolf', 'POST', `/v1/requests/${before.id}/replay-approvals`, { reader: 'user:test|rita' });
      expect(code(bare)).toBe('invalid_request');
    });

    it('ends with its hour, and a wish with its day', async () => {
      const before = await ask('walrus');
      await replay('rita', before.id);
      await approve('rolf', before.id, 'rita');
      await exact('rita', before);
      await age(60 * 60_000);
      expect(code(await replay('rita', before.id))).toBe('second_person_required');
      await age(24 * 60 * 60_000);
      expect(code(await approve('rolf', before.id, 'rita'))).toBe('not_found');
    });

    it('takes nobody who is no person by their own hand', async () => {
      const { id } = await ask('walrus');
      expect(code(await replay('assistant', id))).toBe('second_person_required');
      expect(code(await replay('rita', id, 'b', { act: { sub: 'agent' } }))).toBe('second_person_required');
      expect(await events(id, 'replay.requested')).toEqual([]);
      expect((await done('rolf', 'GET', '/v1/replay-approvals')).text).not.toContain(id);
    });

    const age = (by: number): Promise<unknown> =>
      replicas.a.service.stores.database.transaction((tx) =>
        tx
          .updateTable('replay_approvals')
          .set((row) => ({ asked_at: row('asked_at', '-', by), valid_until: row('valid_until', '-', by) }))
          .execute(),
      );
  });

  it('is never shown where the record is not what its event commits to', async () => {
    const { database } = replicas.a.service.stores;
    const before = await ask('heron census', { context: { format: 'xml' } });
    const index = (await replicas.a.service.stores.audit.byRequest(ACME, before.id)).find(({ kind }) => kind === 'release')?.index ?? -1;
    const row = await database.db.selectFrom('audit_sealed').selectAll().where('idx', '=', index).executeTakeFirstOrThrow();
    const changed = Buffer.from(row.content);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const put = (content: Uint8Array): Promise<unknown> =>
      database.transaction((tx) => tx.updateTable('audit_sealed').set({ content }).where('idx', '=', index).execute());
    await put(changed);
    const damaged = await replay('rita', before.id);
    expect([damaged.status, code(damaged)]).toEqual([500, 'evidence_damaged']);
    expect((await events(before.id, 'replay.read')).at(-1)?.body).toMatchObject({ outcome: 'damaged' });
    await put(row.content);
    await exact('rita', before);
    await database.transaction((tx) => tx.deleteFrom('audit_sealed').where('idx', '=', index).execute());
    expect(code(await replay('rita', before.id))).toBe('evidence_damaged');
  });

  describe('of what was erased', () => {
    it('shows a tombstone for content, with what is left, on every replica at the next request', async () => {
      await write('open', 'lynx', 'Lynx tracks were found by the ranger on the ridge above the upper lake in the first snow.');
      await write('notes', 'lynx-log', 'Lynx log of the warden: two adults and one cub were seen near the upper lake in winter.');
      const before = await ask('lynx upper lake');
      await exact('lena', before);
      await exact('rita', before);
      const erased = await done('olga', 'POST', '/v1/erasures', { kind: 'content', source: 'open', document: 'lynx', reason: 'asked to' });
      const { receipt } = erased.json<{ receipt: { index: number } }>();
      const answer = await replay('lena', before.id, 'b');
      expect([answer.status, answer.headers['sluice-replay']]).toEqual([200, 'erased']);
      expect(answer.json()).toEqual({
        replay: 'erased',
        requestId: before.id,
        erased: [{ what: 'content', index: receipt.index, at: expect.any(String) as string, ranks: [expect.any(Number) as number] }],
        chunks: [expect.objectContaining({ text: expect.stringContaining('Lynx log') as string })],
      });
      expect(answer.text).not.toContain('Lynx tracks');
      expect(code(await replay('nick', before.id))).toBe('forbidden');
    });

    it('shows a tombstone for the caller, and the texts that were not theirs', async () => {
      const before = await ask('parental leave', {}, 'zoe');
      await exact('rita', before);
      await done('olga', 'POST', '/v1/erasures', { kind: 'caller', principal: 'user:test|zoe', reason: 'asked to' });
      const answer = await replay('rita', before.id);
      expect(answer.headers['sluice-replay']).toBe('erased');
      expect(answer.json()).toMatchObject({ erased: [{ what: 'caller' }], chunks: [{ rank: 1, text: LONG.trim() }] });
      expect(answer.text).not.toContain('zoe');
      expect((await events(before.id, 'replay.read')).at(-1)?.body['user']).toMatch(/^erased:/);
    });
  });

  describe('re-evaluation', () => {
    const reevaluate = (sub: string, id: string, given: object = {}): Promise<Answer> =>
      call(sub, 'POST', `/v1/requests/${id}/reevaluation`, given, 'b');

    it("says what today's policy would do, chunk by chunk and stage by stage, and is labelled so", async () => {
      await makeSource('review');
      await write('review', 'kept', 'Badger setts in the northern wood are mapped again every spring by volunteers of the society.');
      await write('review', 'narrowed', 'Badger numbers of the northern wood were given to the county by volunteers in the autumn.');
      const { id } = await ask('badger northern wood');
      const before = (await reevaluate('olga', id)).json();
      expect(before).toMatchObject({ counterfactual: true, requestId: id, user: 'user:test|anna', decision: 'pass', hidden: 0 });
      const given = { groups: [], guest: false };
      await done('olga', 'PATCH', '/v1/sources/review/documents/narrowed', { acl: { allow: ['group:test|board'] } });
      // Whose groups live in tokens: without them nobody can say.
      expect((await reevaluate('olga', id)).json()).toMatchObject({ decision: 'unknown', memberships: { from: 'unknown' } });
      const after = (await reevaluate('olga', id, given)).json<{ decision: string; chunks: { document: string; refusedBy: string[] }[] }>();
      expect(after.decision).toBe('refuse');
      expect(Object.fromEntries(after.chunks.map(({ document, refusedBy }) => [document, refusedBy]))).toEqual({
        kept: [],
        narrowed: ['acl-gates'],
      });
      await write('review', 'kept', 'Badgers are not counted any more.');
      await replicas.a.service.mender.mend();
      const replaced = (await reevaluate('olga', id, given)).json<typeof after>();
      expect(replaced.chunks.find(({ document }) => document === 'kept')?.refusedBy).toEqual(['live']);
      expect(JSON.stringify(replaced)).not.toContain('Badger');
      expect((await events(id, 'reevaluation.read')).at(-1)?.body).toMatchObject({ by: 'user:test|olga', decision: 'refuse', chunks: 2 });
    });

    it('is for those who may audit or label a chunk of it, and not found for everybody else', async () => {
      const { id } = await ask('heron census');
      for (const sub of ['rita', 'anna', 'nick']) expect(code(await reevaluate(sub, id))).toBe('not_found');
      expect(code(await reevaluate('olga', randomUUID()))).toBe('not_found');
      expect((await reevaluate('olga', id)).status).toBe(200);
    });

    it('decides nothing about somebody who was erased', async () => {
      const { id } = await ask('heron census', {}, 'yann');
      await done('olga', 'POST', '/v1/erasures', { kind: 'caller', principal: 'user:test|yann', reason: 'asked to' });
      const answer = await reevaluate('olga', id);
      expect(answer.json()).toMatchObject({ decision: 'unknown', memberships: { from: 'erased' }, chunks: [{ decision: 'unknown' }] });
      expect(answer.text).not.toContain('yann');
    });
  });
});
