import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sluice, type Ended } from '../support/command.ts';
import { startTestService, writePolicies, type TestService } from '../support/service.ts';

const TOP = 'upto:restricted';
const POLICY = [
  `p, group:test|staff, acme, *, retrieve, upto:internal, *, *, allow`,
  `p, client:test|tool, acme, *, retrieve, ${TOP}, *, *, allow`,
  ...['ingest', 'label', 'audit'].map((action) => `p, client:test|tool, acme, *, ${action}, ${TOP}, *, *, allow`),
  ...['ingest', 'label', 'audit'].map((action) => `p, user:test|root, acme, *, ${action}, ${TOP}, *, *, allow`),
  'p, client:test|tool, acme, *, administer, *, *, *, allow',
  'g, user:test|root, role:administrator, acme',
  'p, role:administrator, acme, *, administer, *, *, *, allow',
].join('\n');

let service: TestService;
let root = '';
let staff = '';

const run = (token: string, ...args: readonly string[]): Promise<Ended> => sluice(args, { SLUICE_URL: service.url, SLUICE_TOKEN: token });
const fileOf = (name: string, text: string): string => {
  const path = join(service.dataDir, name);
  writeFileSync(path, text);
  return path;
};

beforeAll(async () => {
  service = await startTestService({ policy: POLICY, tenants: ['acme'] });
  root = await service.token({ sub: 'root', client_id: 'tool', groups: [] });
  staff = await service.token({ sub: 'sam', client_id: 'tool', groups: ['staff'] });
  const body = { title: 'Wiki', owner: 'user:test|root', level: 'internal', compartments: [], trust: 'internal' };
  expect((await service.call('PUT', '/v1/sources/wiki', root, body)).status).toBe(201);
  const document = { mediaType: 'text/plain', text: 'The harbour is deep.', acl: { allow: ['group:test|staff', 'group:test|board'] } };
  expect((await service.call('PUT', '/v1/sources/wiki/documents/harbour', root, document)).status).toBe(200);
});
afterAll(() => service.stop());

describe('sluice explain', () => {
  test('says who gets a document and why, and with its exit code whether', async () => {
    const gets = await run(root, 'explain', 'wiki', 'harbour', '--user', 'user:test|sam', '--group', 'group:test|staff', '--no-guest');
    expect(gets.code, gets.err).toBe(0);
    expect(gets.out).toContain('gets it');
    expect(gets.out).toContain(`line 1: ${POLICY.split('\n')[0]}`);
    expect(gets.out).toContain('gate 1: group:test|staff');
    const none = await run(root, 'explain', 'wiki', 'harbour', '--user', 'user:test|sam', '--no-group', '--guest');
    expect(none.code).toBe(1);
    expect(none.out).toContain('gate 1 of 1 names none of their principals');
    const open = await run(root, '--json', 'explain', 'wiki', 'harbour', '--user', 'user:test|sam');
    expect([open.code, open.json()['decision']]).toEqual([1, 'unknown']);
    const alone = await run(root, '--json', 'explain', 'wiki', 'harbour', '--no-user');
    expect(alone.json()).toMatchObject({ user: null, decision: 'refuse' });
  });

  test('tells a reader of their own, at a past time too, and of nothing that is not theirs', async () => {
    const own = await run(staff, 'explain', 'wiki', 'harbour');
    expect(own.code, own.err).toBe(0);
    expect(own.out).not.toContain('board');
    expect((await run(staff, 'explain', 'wiki', 'missing')).err).toContain('not_found');
    expect((await run(root, 'explain', 'wiki')).code).toBe(2);
    expect((await run(root, 'explain', 'wiki', 'harbour', '--at', '2001-01-01T00:00:00Z')).err).toContain('not_found');
  });
});

describe('sluice policy', () => {
  test('diff says who gains and loses what', async () => {
    const active = (await service.call('GET', '/v1/policy/revisions', root)).json<{ policy: string }>().policy;
    const same = await run(root, 'policy', 'diff', fileOf('same.csv', active));
    expect(same.code, same.err).toBe(0);
    const file = fileOf('next.csv', `${active}p, group:test|board, acme, wiki, retrieve, upto:internal, *, *, allow\n`);
    const diff = await run(root, 'policy', 'diff', file);
    expect(diff.code).toBe(1);
    expect(diff.out).toContain('group:test|board  +1 -0');
    expect(diff.out).toContain('+ wiki/harbour');
    const json = await run(root, '--json', 'policy', 'diff', file, '--principal', 'group:test|staff');
    expect([json.code, json.json()['changes']]).toEqual([0, []]);
    expect((await run(root, 'policy', 'diff')).code).toBe(2);
    const wrong = await run(root, 'policy', 'diff', fileOf('wrong.csv', 'p, nobody'));
    expect(wrong.err).toContain('invalid_policy');
  });

  test('blast-radius says what an identity could read', async () => {
    const found = await run(root, 'policy', 'blast-radius', '--user', 'user:test|sam', '--group', 'group:test|staff', '--no-guest');
    expect(found.code, found.err).toBe(0);
    expect(found.out).toContain('can read 1 of 1 documents');
    expect(found.out).toContain('wiki/harbour');
    const unknown = await run(root, '--json', 'policy', 'blast-radius', '--user', 'user:test|sam');
    expect(unknown.json()).toMatchObject({ readable: 0, unknown: 1 });
    expect((await run(staff, 'policy', 'blast-radius')).err).toContain('forbidden');
  });

  test('publish, shadow, activate and reload put policy into force', async () => {
    const active = (await service.call('GET', '/v1/policy/revisions', root)).json<{ policy: string; revision: string }>();
    const file = fileOf('board.csv', `${active.policy}p, group:test|board, acme, wiki, retrieve, upto:internal, *, *, allow\n`);
    const stored = await run(root, '--json', 'policy', 'publish', file, '--no-activate');
    expect(stored.json(), stored.err).toMatchObject({ active: false });
    const { revision } = stored.json<{ revision: string }>();
    expect((await run(root, 'policy', 'shadow', 'start', revision)).out).toContain('runs in shadow');
    const board = await service.token({ sub: 'bo', client_id: 'tool', groups: ['board'] });
    expect((await service.call('POST', '/v1/retrieve', board, { query: 'harbour' })).json()).toMatchObject({ chunks: [] });
    expect((await run(root, 'policy', 'shadow', 'show', revision)).out).toContain('user:test|bo');
    expect((await run(root, 'policy', 'shadow', 'stop', revision)).out).toContain('ran in shadow');
    expect((await run(root, 'policy', 'activate', revision)).out).toContain('is in force');
    const listed = await run(root, 'policy', 'revisions');
    expect(listed.out.split('\n').find((line) => line.startsWith('* '))).toContain(revision);
    const directory = join(service.dataDir, 'other-policies');
    await writePolicies(directory, `${POLICY}\np, everyone, globex, *, retrieve, upto:public, *, *, allow\n`);
    const reloaded = await run(root, '--json', 'policy', 'reload', directory);
    expect(reloaded.json(), reloaded.err).toMatchObject({ active: true });
    const now = (await service.call('GET', '/v1/policy/revisions', root)).json<{ policy: string }>().policy;
    expect(now.trim()).toBe(POLICY);
    await writePolicies(directory, `${POLICY}\np, everyone, acme, *, retrieve, upto:nothing, *, *, allow\n`);
    expect((await run(root, 'policy', 'reload', directory)).err).toContain('invalid_policy');
  });
});
