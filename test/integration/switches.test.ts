import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '../../src/core/principal.ts';
import { sql } from 'kysely';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import type { Answer } from '../support/service.ts';

const POLICY = [
  'p, everyone, acme, *, retrieve, upto:confidential, *, *, allow',
  ...['assistant', 'console', 'portal'].map((id) => `p, client:test|${id}, acme, *, retrieve, upto:confidential, *, *, allow`),
  ...['olga', 'ada', 'bea'].flatMap((sub) => [`p, user:test|${sub}, acme, *, administer, *, *, *, allow`]),
  // `operate` in a tenant's policy gives nobody anything.
  'p, user:test|ada, acme, *, operate, *, *, *, allow',
  'p, client:test|console, acme, *, operate, *, *, *, allow',
  'p, user:test|olga, acme, hand*, label, upto:confidential+people, *, *, allow',
  ...['console', 'portal', 'robot'].flatMap((id) => [
    `p, client:test|${id}, acme, *, administer, *, *, *, allow`,
    `p, client:test|${id}, acme, *, label, upto:restricted+people, *, *, allow`,
  ]),
  'p, client:test|loader, acme, *, ingest, upto:restricted+people, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted+people, *, *, allow',
].join('\n');

const OPERATORS = ['olga', 'omar'].map((sub) => ({
  tenant: 'acme',
  user: `user:test|${sub}` as Principal,
  through: ['client:test|console' as Principal],
}));

interface Name {
  readonly kind: string;
  readonly id?: string;
}

describe.each<Deployment>(['sqlite', 'postgres'])('kill switches on %s', (deployment) => {
  let replicas: Replicas;
  const tokens = new Map<string, string>();

  /** `sub/client`, or a client alone. */
  async function as(who: string): Promise<string> {
    const [sub = '', client = sub] = who.split('/');
    const token = tokens.get(who) ?? (await replicas.issuer.sign({ sub, client_id: client, groups: ['staff'] }));
    tokens.set(who, token);
    return token;
  }
  const ask = async (who: string, method: string, path: string, body?: unknown, on = replicas.a): Promise<Answer> =>
    on.call(method, path, await as(who), body);
  const off = (who: string, name: Name, reason = 'a spill', on = replicas.a): Promise<Answer> =>
    ask(who, 'POST', '/v1/switches', { ...name, reason }, on);
  const query = ({ kind, id }: Name): string => new URLSearchParams({ kind, ...(id === undefined ? {} : { id }) }).toString();
  const on = (who: string, name: Name, at = replicas.a): Promise<Answer> =>
    ask(who, 'DELETE', `/v1/switches?${query(name)}`, undefined, at);
  const code = (answer: Answer): string => (answer.status < 300 ? String(answer.status) : answer.json<{ code: string }>().code);
  const listed = async (who: string, at = replicas.b): Promise<readonly Record<string, unknown>[]> =>
    (await ask(who, 'GET', '/v1/switches', undefined, at)).json<{ switches: Record<string, unknown>[] }>().switches;

  /** How many chunks anna gets through the assistant in the next request, on the other replica. */
  async function read(who = 'anna/assistant'): Promise<number> {
    const answer = await ask(who, 'POST', '/v1/retrieve', { query: 'parental leave', limit: 5 }, replicas.b);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<{ chunks: unknown[] }>().chunks.length;
  }

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY, { operators: OPERATORS });
    const source = { title: 'Handbook', owner: 'group:test|hr', level: 'internal', compartments: [], trust: 'trusted' };
    for (const id of ['handbook', 'closed']) expect((await ask('loader', 'PUT', `/v1/sources/${id}`, source)).status).toBe(201);
    const leave = { text: 'Parental leave is sixteen weeks.', mediaType: 'text/plain', acl: { allow: ['everyone'] } };
    for (const path of ['handbook/documents/a%2Fleave.md', 'closed/documents/leave']) {
      expect((await ask('loader', 'PUT', `/v1/sources/${path}`, leave)).status).toBe(200);
    }
    expect((await ask('loader', 'PUT', '/v1/sources/handbook/documents/board', { ...leave, level: 'restricted' })).status).toBe(200);
  });
  afterAll(() => replicas.stop());
  afterEach(async () => {
    expect(await read()).toBe(2);
    expect(await listed('olga/console')).toEqual([]);
  });

  const KINDS: readonly (readonly [Name, number])[] = [
    [{ kind: 'document', id: 'handbook/a/leave.md' }, 1],
    [{ kind: 'source', id: 'handbook' }, 1],
    [{ kind: 'user', id: 'user:test|anna' }, 0],
    [{ kind: 'client', id: 'client:assistant' }, 0],
  ];

  it.each(KINDS)('%j holds from the next request on, until it is lifted', async (name, left) => {
    const thrown = await off('olga/console', name, 'found by Max & Söhne');
    expect(thrown.status, thrown.text).toBe(201);
    expect(await read()).toBe(left);
    expect(await listed('olga/console')).toMatchObject([
      { kind: name.kind, reason: 'found by Max & Söhne', by: 'user:test|olga', through: 'client:test|console' },
    ]);
    const again = await off('olga/console', name, 'another reason');
    expect([again.status, again.json()]).toEqual([200, thrown.json()]);
    expect((await on('olga/console', name, replicas.b)).json()).toMatchObject({ state: 'lifted', kind: name.kind });
    expect(await read()).toBe(2);
    expect(code(await on('olga/console', name))).toBe('not_found');
  });

  it('shows and takes only what the caller holds the right to', async () => {
    for (const [name] of KINDS) expect((await off('olga/console', name)).status).toBe(201);
    expect((await listed('ada/console')).map(({ kind }) => kind)).toEqual(['client', 'user']);
    expect((await listed('loader')).map(({ kind }) => kind)).toEqual(['document', 'source']);
    expect(await listed('bert/console')).toEqual([]);
    for (const [name] of KINDS) {
      const refused = name.kind === 'document' || name.kind === 'source' ? 'not_found' : 'forbidden';
      expect([code(await off('bert/console', name)), code(await on('bert/console', name))]).toEqual([refused, refused]);
    }
    for (const [name] of KINDS) expect((await on('olga/console', name)).status).toBe(200);
  });

  it('takes the scope admin for people, applications, the tenant and everything, whatever the rights of its bearer', async () => {
    const sign = (scope: string): Promise<string> => replicas.issuer.sign({ sub: 'olga', client_id: 'console', groups: ['staff'], scope });
    const [sources, admin] = [await sign('sources retrieve'), await sign('admin')];
    const names: readonly Name[] = [
      { kind: 'user', id: 'user:zoe' },
      { kind: 'client', id: 'client:idle' },
      { kind: 'tenant' },
      { kind: 'all' },
    ];
    for (const name of names) {
      expect(code(await replicas.a.call('POST', '/v1/switches', sources, { ...name, reason: 'r' })), name.kind).toBe('forbidden');
    }
    const [user = { kind: 'user' }] = names;
    expect(code(await replicas.a.call('POST', '/v1/switches', admin, { ...user, reason: 'r' }))).toBe('201');
    const list = async (token: string) => (await replicas.a.call('GET', '/v1/switches', token)).json<{ switches: unknown[] }>().switches;
    expect([(await list(sources)).length, (await list(admin)).length]).toEqual([0, 1]);
    expect(code(await replicas.a.call('DELETE', `/v1/switches?${query(user)}`, sources))).toBe('forbidden');
    expect(code(await replicas.a.call('DELETE', `/v1/switches?${query(user)}`, admin))).toBe('200');
    // Documents and sources are their owners' affair.
    const source = { kind: 'source', id: 'handbook' };
    expect(code(await replicas.a.call('POST', '/v1/switches', sources, { ...source, reason: 'r' }))).toBe('201');
    expect(code(await replicas.a.call('DELETE', `/v1/switches?${query(source)}`, sources))).toBe('200');
  });

  it('answers whoever may not label a source the same bytes, be it there or not', async () => {
    const bytes = async (who: string, name: Name): Promise<string> => {
      const [thrown, lifted] = [await off(who, name), await on(who, name)];
      return [thrown, lifted].map(({ status, text }) => `${status} ${text.replaceAll(/"requestId":"[^"]*"/g, '')}`).join('\n');
    };
    for (const who of ['olga/console', 'bert/console', 'ada/console']) {
      expect(await bytes(who, { kind: 'source', id: 'closed' })).toBe(await bytes(who, { kind: 'source', id: 'absent' }));
      expect(await bytes(who, { kind: 'document', id: 'closed/leave' })).toBe(await bytes(who, { kind: 'document', id: 'absent/leave' }));
      // Above what olga may label, so nobody who asks here may know of it.
      expect(await bytes(who, { kind: 'document', id: 'handbook/board' })).toBe(
        await bytes(who, { kind: 'document', id: 'handbook/boars' }),
      );
    }
    expect((await off('loader', { kind: 'document', id: 'handbook/board' })).status).toBe(201);
    expect(await listed('olga/console')).toEqual([]);
    expect((await on('loader', { kind: 'document', id: 'handbook/board' })).status).toBe(200);
  });

  it('refuses what names nobody, or gives no reason', async () => {
    const bad: readonly Name[] = [
      { kind: 'user', id: 'user:tset|anna' },
      { kind: 'user', id: 'client:test|assistant' },
      { kind: 'client', id: 'everyone' },
      { kind: 'user' },
      { kind: 'tenant', id: 'globex' },
    ];
    for (const name of bad) expect(code(await off('olga/console', name))).toBe('invalid_request');
    for (const reason of ['', ' ', 'two\nlines', 'x'.repeat(1_001)]) {
      expect(code(await off('olga/console', { kind: 'user', id: 'user:anna' }, reason))).toBe('invalid_request');
    }
  });

  it('never lets anybody throw what they could not lift: not themselves, not the application they come through', async () => {
    for (const id of ['user:olga', 'user:test|olga']) expect(code(await off('olga/console', { kind: 'user', id }))).toBe('would_lock_out');
    expect(code(await off('olga/console', { kind: 'client', id: 'client:console' }))).toBe('would_lock_out');
    expect(code(await off('robot', { kind: 'client', id: 'client:robot' }))).toBe('would_lock_out');
    // Through another application it can be cut off, and put back.
    expect((await off('olga/portal', { kind: 'client', id: 'client:console' })).status).toBe(201);
    expect(code(await off('olga/console', { kind: 'user', id: 'user:anna' }))).toBe('forbidden');
    expect(code(await ask('olga/console', 'GET', '/v1/switches'))).toBe('forbidden');
    expect((await on('olga/portal', { kind: 'client', id: 'client:console' })).status).toBe(200);
  });

  it('leaves one of two administrators who switch each other off at once', async () => {
    for (let trial = 0; trial < 10; trial++) {
      const crossed = await Promise.all([
        off('ada/console', { kind: 'user', id: 'user:bea' }, 'r', replicas.a),
        off('bea/portal', { kind: 'user', id: 'user:ada' }, 'r', replicas.b),
      ]);
      expect(crossed.map(code).sort()).toEqual(['201', 'forbidden']);
      const [left, gone] = crossed[0].status === 201 ? ['ada/console', 'bea'] : ['bea/portal', 'ada'];
      expect((await on(left ?? '', { kind: 'user', id: `user:${gone}` })).status).toBe(200);
    }
  });

  it("gives one of two who throw at once the other one's switch, and lifts it once", async () => {
    const name = { kind: 'source', id: 'handbook' };
    const both = await Promise.all([off('olga/console', name, 'r', replicas.a), off('olga/portal', name, 'r', replicas.b)]);
    expect(both.map(({ status }) => String(status)).sort()).toEqual(['200', '201']);
    expect(both[0].text).toBe(both[1].text);
    const lifts = await Promise.all([on('olga/console', name, replicas.a), on('olga/portal', name, replicas.b)]);
    expect(lifts.map(code).sort()).toEqual(['200', 'not_found']);
  });

  describe.each([
    ['tenant', 'ada/console', 'bea/portal', 'second_person_required'],
    ['all', 'olga/console', 'omar/console', 'forbidden'],
  ])('%s', (kind, first, second, refusal) => {
    it('stops everybody, leaves the administration of switches, and takes two people to lift', async () => {
      expect((await off(first, { kind }, 'the index leaks')).status).toBe(201);
      expect(await read()).toBe(0);
      expect(code(await on('robot', { kind }))).toBe(refusal);
      const proposed = await on(first, { kind });
      expect([proposed.status, proposed.json()['state']]).toEqual([202, 'proposed']);
      expect(code(await on(first, { kind }, replicas.b))).toBe('second_person_required');
      // The same person through another application; an application that acts for somebody.
      expect(code(await on(`${first.split('/')[0]}/portal`, { kind }))).toBe(refusal);
      const [sub = '', client = ''] = second.split('/');
      const acting = await replicas.issuer.sign({ sub, client_id: client, act: { sub: 'agent', iss: replicas.issuer.url } });
      const delegated = await replicas.a.call('DELETE', `/v1/switches?kind=${kind}`, acting);
      expect(code(delegated)).toBe(refusal);
      expect(await read()).toBe(0);
      expect(await listed(second)).toMatchObject([{ kind, proposal: { by: `user:test|${first.split('/')[0]}` } }]);
      expect((await on(second, { kind }, replicas.b)).json()).toEqual({ state: 'lifted', kind });
    });

    it('forgets a proposal that was withdrawn, that lapsed, or that was for an earlier throw', async () => {
      const gone = (who: string): Promise<Answer> => ask(who, 'DELETE', `/v1/switches/proposals?kind=${kind}`);
      expect((await off(first, { kind })).status).toBe(201);
      expect(code(await gone(first))).toBe('not_found');
      expect((await on(first, { kind })).status).toBe(202);
      expect((await gone(second)).status).toBe(204);
      expect((await on(second, { kind })).status).toBe(202);
      await replicas.a.service.stores.database.transaction((tx) =>
        tx
          .updateTable('switch_lifts')
          .set({ expires_at: sql`recorded_from + 1` })
          .where('recorded_to', 'is', null)
          .execute(),
      );
      expect((await listed(second))[0]).not.toHaveProperty('proposal');
      expect((await on(first, { kind })).status).toBe(202);
      expect((await on(second, { kind })).status).toBe(200);
      expect((await off(first, { kind })).status).toBe(201);
      expect((await on(second, { kind })).status).toBe(202);
      expect((await on(first, { kind })).status).toBe(200);
    });

    it('of two people who ask at once one proposes and the other confirms', async () => {
      for (let trial = 0; trial < 5; trial++) {
        expect((await off(first, { kind })).status).toBe(201);
        const both = await Promise.all([on(first, { kind }, replicas.a), on(second, { kind }, replicas.b)]);
        expect(both.map(({ status }) => String(status)).sort()).toEqual(['200', '202']);
        expect(await read()).toBe(2);
      }
    });
  });

  it("is everybody's only for those whom the configuration names, through the application it names", async () => {
    for (const who of ['ada/console', 'bea/portal', 'olga/portal', 'robot', 'anna/assistant']) {
      expect(code(await off(who, { kind: 'all' }))).toBe('forbidden');
    }
    expect((await off('omar/console', { kind: 'all' }, 'told to operators alone')).status).toBe(201);
    expect(await listed('ada/console')).toEqual([{ kind: 'all', at: expect.any(String) as string }]);
    expect(await listed('anna/assistant')).toEqual([]);
    expect((await on('omar/console', { kind: 'all' })).status).toBe(202);
    expect((await on('olga/console', { kind: 'all' })).status).toBe(200);
  });

  it('is listed page by page', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `user:test|x${index}`);
    for (const id of names) expect((await off('ada/console', { kind: 'user', id })).status).toBe(201);
    const seen: unknown[] = [];
    for (let after = ''; ;) {
      const page = await ask('ada/console', 'GET', `/v1/switches?limit=2${after === '' ? '' : `&after=${after}`}`);
      const { switches, next } = page.json<{ switches: { id: string }[]; next?: string }>();
      seen.push(...switches.map(({ id }) => id));
      if (next === undefined) break;
      after = next;
    }
    expect(seen).toEqual(names);
    expect(code(await ask('ada/console', 'GET', '/v1/switches?after=nowhere'))).toBe('invalid_request');
    for (const id of names) expect((await on('ada/console', { kind: 'user', id })).status).toBe(200);
  });

  it('is in the audit log with who did it and never with the reason: thrown, proposed, withdrawn, lifted, refused', async () => {
    const { db } = replicas.a.service.stores.database;
    const rows = await db.selectFrom('audit_events').select(['kind', 'body']).where('kind', 'like', 'switch.%').execute();
    const kinds = new Set(rows.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([
      'switch.lift-proposed',
      'switch.lift-withdrawn',
      'switch.lifted',
      'switch.refused',
      'switch.thrown',
    ]);
    for (const { body } of rows) {
      expect(JSON.parse(body)).toMatchObject({ by: expect.anything() as unknown, through: expect.any(String) as string });
      expect(body).not.toMatch(/Söhne|leaks|operators alone/);
    }
  });
});
