import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FULL, allow, policyOfHolders } from '../support/rights.ts';
import { AUDIENCE, startTestService, type Answer, type TestService } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';

/** The whole service with a watching.yaml of small numbers. */
const WATCHING = `
rules:
  - { of: user, kind: documents, over: 10, in: hour, action: limit, limit: 2 }
  - { of: user, kind: documents, over: 16, in: hour, action: block }
  - { of: user, kind: near-misses, over: 2, in: hour, action: block, minutes: 5 }
`;

const policy = [policyOfHolders('acme'), ...['ada', 'mallory', 'eve'].map((who) => allow(`user:test|${who}`, 'acme', 'retrieve'))].join(
  '\n',
);
const WORDS = Array.from({ length: 10 }, (_, n) => `topic${n}`);

let issuer: TestIssuer;
let dataDir: string;
let test: TestService;
const tokens = { full: '', ada: '', mallory: '', eve: '' };

const start = (): Promise<TestService> => startTestService({ policy, tenants: ['acme'], dataDir, issuer });
const ask = (token: string, word: string): Promise<Answer> => test.call('POST', '/v1/retrieve', token, { query: word, limit: 5 });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await mkdir(join(dataDir, 'policies'), { recursive: true });
  await writeFile(join(dataDir, 'policies', 'watching.yaml'), WATCHING);
  issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE });
  test = await start();
  tokens.full = await test.token(FULL);
  for (const who of ['ada', 'mallory', 'eve'] as const) tokens[who] = await test.token({ sub: who, client_id: FULL.client_id });
  const source = { title: 'S', owner: 'user:test|fay', level: 'public', trust: 'internal' };
  expect((await test.call('PUT', '/v1/sources/s', tokens.full, source)).status).toBe(201);
  for (const word of WORDS) {
    for (let n = 0; n < 5; n += 1) {
      const body = { text: `${word} number ${n} of this`, mediaType: 'text/plain', acl: { allow: ['everyone'] } };
      expect((await test.call('PUT', `/v1/sources/s/documents/${word}-${n}`, tokens.full, body)).status).toBe(200);
    }
  }
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
});

it('somebody who reads on and on gets less, then nothing; others notice nothing', async () => {
  const answers: Answer[] = [];
  for (const word of WORDS) {
    answers.push(await ask(tokens.mallory, word));
    expect((await ask(tokens.ada, WORDS[0] ?? '')).json<{ chunks: unknown[] }>().chunks).toHaveLength(5);
  }
  const counts = answers.filter(({ status }) => status === 200).map((answer) => answer.json<{ chunks: unknown[]; limitedTo?: number }>());
  expect(counts.map(({ chunks, limitedTo }) => [chunks.length, limitedTo])).toEqual([
    [5, undefined],
    [5, undefined],
    [5, undefined],
    [2, 2],
  ]);
  const refused = answers.at(-1);
  expect(refused?.status).toBe(429);
  expect(refused?.json()).toMatchObject({ code: 'watch_blocked' });
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(3_000);
  expect((await test.call('POST', '/v1/count', tokens.mallory, {})).status).toBe(429);
});

it('is held after a restart too, and until an administrator lifts it', async () => {
  await test.stop({ keep: true });
  test = await start();
  expect((await ask(tokens.mallory, 'topic0')).status).toBe(429);
  expect((await ask(tokens.ada, 'topic0')).status).toBe(200);
  const listed = (await test.call('GET', '/v1/watching', tokens.full)).json<{ subjects: { subject: string; blockedUntil?: string }[] }>();
  expect(listed.subjects.filter(({ blockedUntil }) => blockedUntil !== undefined).map(({ subject }) => subject)).toEqual([
    'user:test|mallory',
  ]);
  const lift = `/v1/watching/blocks/${encodeURIComponent('user:test|mallory')}`;
  expect((await test.call('DELETE', lift, tokens.ada)).status).toBe(403);
  expect((await ask(tokens.mallory, 'topic0')).status).toBe(429);
  expect((await test.call('DELETE', lift, tokens.full)).status).toBe(204);
  expect((await ask(tokens.mallory, 'topic0')).status).toBe(200);
  expect((await test.call('DELETE', `${lift}-nobody`, tokens.full)).status).toBe(404);
});

it('whoever guesses at names is found, whether they are hidden or missing', async () => {
  for (let n = 0; n < 3; n += 1) {
    expect((await ask(tokens.eve, 'topic0')).status).toBe(200);
    expect((await test.call('GET', `/v1/sources/none${n}/documents/d`, tokens.eve)).status).toBe(404);
  }
  const refused = await ask(tokens.eve, 'topic0');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(300);
});

it.each([
  ['an unknown key', 'rules: []\nthreshold: 3\n'],
  ['an action that is none', 'rules: [{ kind: documents, over: 3, in: hour, action: kill }]\n'],
  ['a share above 1', 'rules: [{ kind: share, over: 20, in: hour, action: alert }]\n'],
  ['no YAML', 'rules: [\n'],
])('the start is refused with %s', async (_what, text) => {
  const wrong = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await mkdir(join(wrong, 'policies'), { recursive: true });
  await writeFile(join(wrong, 'policies', 'watching.yaml'), text);
  await expect(startTestService({ policy, tenants: ['acme'], dataDir: wrong, issuer })).rejects.toThrow('watching.yaml');
});
