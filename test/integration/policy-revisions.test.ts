import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = [
  '# Comments and blank lines keep the numbers of the lines below them.',
  '',
  'p, everyone, acme, *, retrieve, upto:internal, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:restricted, *, *, allow',
  'p, client:test|assistant, acme, *, administer, *, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
].join('\n');

interface Revision {
  readonly revision: string;
  readonly policy: string;
}

describe('policy revisions', () => {
  let test: TestService;
  let root: string;
  let reader: string;
  const get = async (): Promise<Revision> => (await test.call('GET', '/v1/policy/revisions', root)).json<Revision>();
  const publish = (policy: string, parent: string, token = root) => test.call('POST', '/v1/policy/revisions', token, { policy, parent });
  const chunks = async (): Promise<readonly unknown[]> =>
    (await test.call('POST', '/v1/retrieve', reader, { query: 'harbour' })).json<{ chunks: readonly unknown[] }>().chunks;

  beforeAll(async () => {
    test = await startTestService({ policy: POLICY, tenants: ['acme'] });
    root = await test.token({ sub: 'root' });
    reader = await test.token({ sub: 'alice' });
    const loader = await test.token({ sub: 'loader', client_id: 'loader', groups: undefined });
    const source = { title: 'Wiki', owner: 'user:test|root', level: 'internal', compartments: [], trust: 'internal' };
    expect((await test.call('PUT', '/v1/sources/wiki', loader, source)).status).toBe(201);
    const document = { mediaType: 'text/plain', text: 'The harbour is deep.', acl: { allow: ['everyone'] } };
    expect((await test.call('PUT', '/v1/sources/wiki/documents/harbour', loader, document)).status).toBe(200);
  });
  afterAll(() => test.stop());

  it('come back as they were written, line by line', async () => {
    const { policy } = await get();
    expect(policy.split('\n').slice(2, 7)).toEqual(POLICY.split('\n').slice(2));
  });

  it('hold for the next request, and back again', async () => {
    expect(await chunks()).toHaveLength(1);
    const before = await get();
    const closed = await publish(`${before.policy}p, user:test|alice, acme, wiki, retrieve, *, *, *, deny\n`, before.revision);
    expect(closed.status, closed.text).toBe(201);
    expect(await chunks()).toHaveLength(0);
    const { revision } = closed.json<Revision>();
    expect((await get()).revision).toBe(revision);
    expect((await publish(before.policy, revision)).json<Revision>().revision).toBe(before.revision);
    expect(await chunks()).toHaveLength(1);
  });

  it('are refused with the wrong line named, and the active one stays', async () => {
    const before = await get();
    const bad = await publish(`${before.policy}p, everyone, acme, *, retrieve, upto:secret, *, *, allow\n`, before.revision);
    expect(bad.status).toBe(422);
    const problem = bad.json<{ code: string; errors: { pointer: string }[] }>();
    expect(problem.code).toBe('invalid_policy');
    expect(problem.errors[0]?.pointer).toBe(`/policy line ${before.policy.split('\n').length}`);
    expect((await publish('p, everyone, globex, *, retrieve, upto:public, *, *, allow', before.revision)).status).toBe(422);
    expect(await get()).toEqual(before);
  });

  it('are refused where a line names an issuer that is not configured: its deny would reach nobody', async () => {
    const before = await get();
    const deny = (who: string): string => `${before.policy}p, ${who}, acme, wiki, retrieve, *, *, *, deny\n`;
    const typo = await publish(deny('group:tset|contractors'), before.revision);
    expect([typo.status, typo.json<{ code: string }>().code]).toEqual([422, 'invalid_policy']);
    const right = await publish(deny('group:test|contractors'), before.revision);
    expect(right.status, right.text).toBe(201);
    expect((await publish(before.policy, right.json<Revision>().revision)).status).toBe(201);
  });

  it('cannot take the right to publish from the one who publishes', async () => {
    const before = await get();
    const without = before.policy.split('\n').filter((line) => !line.startsWith('g, user:test|root'));
    const answer = await publish(without.join('\n'), before.revision);
    expect(answer.status).toBe(422);
    expect(await get()).toEqual(before);
  });

  it('are stored without coming into force a hundred times a day, and no oftener', async () => {
    const before = await get();
    const draft = (n: number) => ({
      policy: `${before.policy}# ${n}\np, user:test|u${n}, acme, *, request, *, *, *, allow\n`,
      parent: before.revision,
    });
    const { database } = test.service.stores;
    const stored = { tenant: 'acme', parent: null, digest: 'sha256:0', lines: '[]', author: 'user:test|root', recorded_from: Date.now() };
    const rows = Array.from({ length: 99 }, (_, n) => ({ ...stored, revision: `draft-${n}` }));
    await database.transaction((tx) => tx.insertInto('policy_revisions').values(rows).execute());
    const store = (n: number) => test.call('POST', '/v1/policy/revisions', root, { ...draft(n), activate: false });
    expect((await store(1)).status).toBe(201);
    const refused = await store(2);
    expect([refused.status, refused.json()['code']]).toEqual([422, 'limit_exceeded']);
    // The same again stores nothing, and what comes into force is not a draft.
    expect((await store(1)).status).toBe(201);
    const forced = await publish(draft(3).policy, before.revision);
    expect(forced.status, forced.text).toBe(201);
    expect((await publish(before.policy, forced.json<Revision>().revision)).status).toBe(201);
    await database.transaction((tx) => tx.deleteFrom('policy_revisions').where('revision', 'like', 'draft-%').execute());
  });

  it('are compared with the parent that they were written against', async () => {
    const before = await get();
    const next = `${before.policy}p, everyone, acme, nowhere, retrieve, upto:public, *, *, allow\n`;
    expect((await publish(next, 'somethingelse')).json<{ code: string }>().code).toBe('conflict');
    expect((await publish(next, before.revision)).status).toBe(201);
  });

  it('are for administrators with the scope alone', async () => {
    const { revision, policy } = await get();
    const alice = await publish(policy, revision, reader);
    expect([alice.status, alice.json<{ code: string }>().code]).toEqual([403, 'forbidden']);
    const narrow = await publish(policy, revision, await test.token({ sub: 'root', scope: 'retrieve' }));
    expect([narrow.status, narrow.json<{ code: string }>().code]).toEqual([403, 'insufficient_scope']);
  });
});
