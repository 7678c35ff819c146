import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Explanation, ShownStage } from '../../src/administration/explain-view.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';

const POLICY = [
  'p, role:reader, acme, *, retrieve, upto:confidential, *, *, allow',
  'g, group:test|staff, role:staff, acme',
  'g, role:staff, role:reader, acme',
  'p, client:test|assistant, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|narrow, acme, *, retrieve, upto:public, *, *, allow',
  'p, group:test|contractors, acme, wiki, retrieve, from:internal, *, *, deny',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
  'p, user:test|auditor, acme, *, audit, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, audit, upto:confidential, *, *, allow',
  'p, user:test|owner, acme, *, label, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, label, upto:confidential, *, *, allow',
  'p, user:test|root, acme, *, label, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, administer, *, *, *, allow',
].join('\n');

const HARBOUR = { document: { source: 'wiki', document: 'harbour' } };

describe('explain', () => {
  let test: TestService;
  let [auditor, owner, loader, staff] = ['', '', '', ''];

  const ask = (token: string, body: object): Promise<Answer> => test.call('POST', '/v1/explain', token, body);
  async function explained(token: string, body: object): Promise<Explanation> {
    const answer = await ask(token, body);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<Explanation>();
  }
  const stageOf = ({ stages }: Explanation, name: string): ShownStage => {
    const stage = stages.find((one) => one.stage === name);
    if (stage === undefined) throw new Error(`no stage ${name}`);
    return stage;
  };
  const put = async (path: string, body: unknown): Promise<void> => {
    const answer = await test.call('PUT', path, loader, body);
    expect(answer.status, answer.text).toBeLessThan(300);
  };
  const text = { mediaType: 'text/plain', text: 'The harbour is deep.' };

  beforeAll(async () => {
    test = await startTestService({ policy: POLICY, tenants: ['acme'] });
    auditor = await test.token({ sub: 'auditor', groups: [] });
    owner = await test.token({ sub: 'owner', groups: [] });
    loader = await test.token({ sub: 'loader', client_id: 'loader', groups: undefined });
    staff = await test.token({ sub: 'sam', groups: ['staff'] });
    await put('/v1/sources/wiki', { title: 'Wiki', owner: 'user:test|owner', level: 'internal', compartments: [], trust: 'internal' });
    const acl = { gates: [['group:test|staff', 'group:test|board'], ['everyone']], deny: ['user:test|eve'] };
    await put('/v1/sources/wiki/documents/harbour', { ...text, acl });
    await put('/v1/sources/wiki/documents/hidden', { ...text, acl: { allow: ['group:test|board'] } });
    await put('/v1/sources/wiki/documents/secret', { ...text, acl: { allow: ['everyone'] }, level: 'restricted' });
  });
  afterAll(() => test.stop());

  it('names the line, its text and the chain of roles that led to it', async () => {
    const made = await explained(auditor, { ...HARBOUR, user: 'user:test|sam', groups: ['group:test|staff'], guest: true });
    expect(made).toMatchObject({ view: 'auditor', decision: 'pass', memberships: { from: 'given', groupCount: 1 } });
    const [line] = stageOf(made, 'policy-user').lines ?? [];
    expect(line).toEqual({
      line: 1,
      effect: 'allow',
      text: POLICY.split('\n')[0],
      chain: [{ name: 'group:test|staff' }, { name: 'role:staff', line: 2 }, { name: 'role:reader', line: 3 }],
    });
    expect(made.stages.map(({ stage }) => stage)).toEqual([
      'tenant',
      'live',
      'time',
      'acl-gates',
      'ceiling',
      'acl-deny',
      'policy-user',
      'policy-client',
    ]);
  });

  it('names the gate, the deny entry, the deny line and the application that refuse', async () => {
    const asked = (user: string, groups: readonly string[], more = {}) =>
      explained(owner, { ...HARBOUR, user, groups, guest: false, ...more });
    const nobody = await asked('user:test|nora', []);
    expect(nobody.decision).toBe('refuse');
    expect(stageOf(nobody, 'acl-gates').gates?.map(({ outcome }) => outcome)).toEqual(['refuse', 'pass']);
    expect(stageOf(nobody, 'acl-gates').because).toEqual(['gate 1 of 2 names none of their principals']);
    const eve = await asked('user:test|eve', ['group:test|staff']);
    expect(stageOf(eve, 'acl-deny')).toMatchObject({ outcome: 'refuse', entries: [{ principal: 'user:test|eve', standing: 'held' }] });
    const contractor = await asked('user:test|kim', ['group:test|staff', 'group:test|contractors']);
    expect(stageOf(contractor, 'policy-user')).toMatchObject({ outcome: 'refuse', because: ['denied by line 6'] });
    const narrow = await asked('user:test|sam', ['group:test|staff'], { client: 'client:test|narrow' });
    expect(stageOf(narrow, 'policy-user').outcome).toBe('pass');
    expect(stageOf(narrow, 'policy-client')).toMatchObject({ outcome: 'refuse', because: ['no line allows it'] });
  });

  it('says unknown where it depends on groups that are not known, and only there', async () => {
    const made = await explained(owner, { ...HARBOUR, user: 'user:test|sam', guest: false });
    expect(made).toMatchObject({ decision: 'unknown', memberships: { from: 'unknown' } });
    const outcomes = Object.fromEntries(made.stages.map(({ stage, outcome }) => [stage, outcome]));
    expect(outcomes).toMatchObject({ tenant: 'pass', live: 'pass', 'acl-gates': 'unknown', 'acl-deny': 'pass', 'policy-user': 'unknown' });
    const eve = await explained(owner, { ...HARBOUR, user: 'user:test|eve' });
    expect(eve.decision).toBe('refuse');
  });

  it('names no member of an ACL to an auditor', async () => {
    const answer = await ask(auditor, { ...HARBOUR, user: 'user:test|sam' });
    expect(answer.status).toBe(200);
    for (const member of ['group:test|board', 'user:test|eve']) expect(answer.text).not.toContain(member);
    expect((await ask(owner, { ...HARBOUR, user: 'user:test|sam' })).text).toContain('group:test|board');
  });

  it('tells an ordinary caller of their own readable results, and of nothing else in the same bytes', async () => {
    const own = await explained(staff, HARBOUR);
    expect(own).toMatchObject({ view: 'reader', decision: 'pass', memberships: { from: 'token' } });
    expect(stageOf(own, 'policy-user').lines).toEqual([{ line: 1, effect: 'allow' }]);
    expect(JSON.stringify(own)).not.toContain('board');
    const bodies = [
      { document: { source: 'wiki', document: 'missing' } },
      { document: { source: 'wiki', document: 'hidden' } },
      { document: { source: 'nowhere', document: 'hidden' } },
      { chunk: '00000000-0000-8000-8000-000000000000' },
      { ...HARBOUR, user: 'user:test|sam', groups: ['group:test|staff'] },
      { ...HARBOUR, client: 'client:test|narrow' },
    ];
    const answers = await Promise.all(bodies.map((body) => ask(staff, body)));
    const bytes = answers.map(({ status, text: body }) => [status, body.replace(/"requestId":"[^"]*"/, '')]);
    expect(new Set(bytes.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(answers[0]?.status).toBe(404);
  });

  it('hides from an auditor what their clearance does not reach, in the same bytes as what is missing', async () => {
    const [hidden, missing] = await Promise.all(
      ['secret', 'missing'].map((document) => ask(auditor, { document: { source: 'wiki', document }, user: 'user:test|sam' })),
    );
    expect(hidden?.status).toBe(404);
    expect(hidden?.text.replace(/"requestId":"[^"]*"/, '')).toBe(missing?.text.replace(/"requestId":"[^"]*"/, ''));
  });

  it('shows others to nobody whose token is for retrieval alone', async () => {
    const narrow = await test.token({ sub: 'auditor', groups: [], scope: 'retrieve' });
    expect((await ask(narrow, { ...HARBOUR, user: 'user:test|sam' })).status).toBe(404);
  });

  it('answers for a chunk as for its document', async () => {
    const { chunks } = (await test.call('POST', '/v1/retrieve', staff, { query: 'harbour' })).json<{ chunks: { id: string }[] }>();
    const made = await explained(auditor, { chunk: chunks[0]?.id, user: 'user:test|sam', groups: ['group:test|staff'], guest: true });
    expect(made).toMatchObject({ document: 'harbour', decision: 'pass' });
  });

  it('answers about the past as it was, whatever was changed since', async () => {
    const who = { user: 'user:test|sam', groups: ['group:test|staff'], guest: true };
    const named = { document: { source: 'past', document: 'harbour' } };
    const source = { title: 'Past', owner: 'user:test|owner', level: 'internal', compartments: [], trust: 'internal' };
    await put('/v1/sources/past', source);
    await put('/v1/sources/past/documents/harbour', { ...text, acl: { allow: ['group:test|staff'] } });
    const moments: { readonly at: string; readonly made: Explanation }[] = [];
    const note = async (): Promise<void> => {
      await sleep(5);
      const at = new Date(await test.service.stores.catalog.databaseTime()).toISOString();
      await sleep(5);
      moments.push({ at, made: await explained(owner, { ...named, ...who, at }) });
    };
    await note();
    const now = await explained(owner, { ...named, ...who });
    expect(moments[0]?.made.stages).toEqual(now.stages);
    expect(now.decision).toBe('pass');

    await test.call('PATCH', '/v1/sources/past/documents/harbour', loader, { acl: { allow: ['group:test|board'] } });
    await note();
    await test.call('PATCH', '/v1/sources/past', loader, { level: 'confidential' });
    await note();
    await test.call('PATCH', '/v1/sources/past/documents/harbour', loader, { acl: { allow: ['everyone'] } });
    await note();
    const root = await test.token({ sub: 'root' });
    const active = (await test.call('GET', '/v1/policy/revisions', root)).json<{ revision: string; policy: string }>();
    const next = await test.call('POST', '/v1/policy/revisions', root, {
      policy: `${active.policy}p, user:test|sam, acme, past, retrieve, *, *, *, deny\n`,
      parent: active.revision,
    });
    expect(next.status, next.text).toBe(201);
    await note();
    await test.call('DELETE', '/v1/sources/past/documents/harbour', loader);
    await note();

    expect(moments.map(({ made }) => made.decision)).toEqual(['pass', 'refuse', 'refuse', 'pass', 'refuse', 'refuse']);
    const labels = moments.map(({ made }) => made.label.level);
    expect(labels).toEqual(['internal', 'internal', 'confidential', 'confidential', 'confidential', 'confidential']);
    expect(stageOf(moments[5]?.made as Explanation, 'live').because).toEqual(['the document is deleted']);
    for (const { at, made } of moments) expect(await explained(owner, { ...named, ...who, at })).toEqual(made);
    const before = await ask(owner, { ...named, ...who, at: new Date(Date.parse(moments[0]?.at ?? '') - 3_600_000).toISOString() });
    expect(before.status).toBe(404);
    expect((await ask(owner, { ...named, ...who, at: new Date(Date.now() + 3_600_000).toISOString() })).status).toBe(400);
  });

  it('reads no past for what it does not tell of: that would take longer than for what is missing', async () => {
    await sleep(20);
    const at = new Date(Date.now() - 10).toISOString();
    const read = vi.spyOn(test.service.stores.catalog, 'viewAt');
    const about = (document: string): object => ({ document: { source: 'wiki', document }, at });
    const nobody = [await ask(staff, about('hidden')), await ask(auditor, about('secret')), await ask(staff, about('missing'))];
    const others = [
      await ask(staff, { ...about('harbour'), user: 'user:test|ann' }),
      await ask(staff, { ...about('missing'), user: null }),
    ];
    expect([...nobody, ...others].map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect(read).not.toHaveBeenCalled();
    expect(await explained(staff, about('harbour'))).toMatchObject({ view: 'reader', past: true });
    expect(await explained(auditor, about('harbour'))).toMatchObject({ view: 'auditor', past: true });
    expect(read).toHaveBeenCalledTimes(2);
    read.mockRestore();
    // What is wrong with the time is said alike, whatever there is.
    const later = new Date(Date.now() + 60_000).toISOString();
    const codes = await Promise.all(
      ['harbour', 'hidden', 'missing'].map((document) => ask(staff, { document: { source: 'wiki', document }, at: later })),
    );
    expect(codes.map((answer) => answer.json()['code'])).toEqual(['invalid_request', 'invalid_request', 'invalid_request']);
  });

  it('refuses a description that fits nobody', async () => {
    const bodies = [
      { ...HARBOUR, groups: ['group:test|staff'] },
      { ...HARBOUR, user: 'group:test|staff' },
      { ...HARBOUR, user: 'user:other|sam' },
      { ...HARBOUR, user: null, groups: [] },
      { ...HARBOUR, purpose: 'nonsense' },
      {},
    ];
    for (const body of bodies) expect((await ask(owner, body)).status, JSON.stringify(body)).toBe(400);
  });
});
