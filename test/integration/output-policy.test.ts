import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { allow } from '../support/rights.ts';
import { AUDIENCE, startTestService, type TestService } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';

/** The whole service with an output.yaml of its own, and a clock that the test moves. */
const OUTPUT = `
marker: allow
quoteLength: 24
rules:
  - { finding: quote, level: confidential, action: block }
  - { finding: uncited-quote, action: flag }
  - { finding: no-citation, action: flag }
tenants:
  globex: { quoteLength: 24, rules: [{ finding: quote, action: block }] }
`;
const TOP = 'upto:restricted';
const policy = ['acme', 'globex']
  .flatMap((tenant) => ['everyone', 'client:test|assistant'].flatMap((who) => [allow(who, tenant, 'retrieve', '*', TOP)]))
  .concat(
    ['acme', 'globex'].flatMap((tenant) =>
      ['ingest', 'label'].flatMap((action) =>
        ['user:test|olga', 'client:test|assistant'].map((who) => allow(who, tenant, action, '*', TOP)),
      ),
    ),
  )
  .join('\n');
const OPEN = 'The canteen opens at eight in the morning.';
const SECRET = 'The merger is announced on the last day of March.';

let issuer: TestIssuer;
let test: TestService;
let later = 0;
const clock = { now: () => Date.now() + later };

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await mkdir(join(dataDir, 'policies'), { recursive: true });
  await writeFile(join(dataDir, 'policies', 'output.yaml'), OUTPUT);
  issuer = await startTestIssuer({ name: 'test', tenants: ['acme', 'globex'], audience: AUDIENCE });
  test = await startTestService({ policy, tenants: ['acme', 'globex'], dataDir, issuer, options: { clock } });
  for (const tenant of ['acme', 'globex']) {
    const olga = await test.token({ sub: 'olga', tenant });
    for (const [source, level, text] of [
      ['open', 'internal', OPEN],
      ['secret', 'confidential', SECRET],
    ]) {
      const body = { title: source, owner: 'user:test|olga', level, compartments: [], trust: 'trusted' };
      expect((await test.call('PUT', `/v1/sources/${source}`, olga, body)).status).toBe(201);
      const document = { text, mediaType: 'text/plain', acl: { allow: ['everyone'] } };
      expect((await test.call('PUT', `/v1/sources/${source}/documents/d`, olga, document)).status).toBeLessThan(300);
    }
  }
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
});

async function judged(tenant: string, output: (id: string) => string): Promise<unknown> {
  const token = await test.token({ sub: 'anna', tenant });
  const asked = await test.call('POST', '/v1/retrieve', token, { query: 'canteen merger' });
  const { requestId, chunks } = asked.json<{ requestId: string; chunks: { id: string; text: string }[] }>();
  const id = chunks.find(({ text }) => text === OPEN)?.id ?? '';
  const { decision, reasons } = (await test.call('POST', `/v1/requests/${requestId}/output`, token, { output: output(id) })).json();
  return [decision, reasons];
}

it('judges by the label of what is quoted, and by the rules of the tenant', async () => {
  expect(await judged('acme', (id) => `${OPEN} (${id})`)).toEqual(['allow', []]);
  expect(await judged('acme', () => OPEN)).toEqual(['flag', ['uncited-quote', 'no-citation']]);
  expect(await judged('acme', (id) => `${SECRET} (${id})`)).toEqual(['block', ['quote', 'uncited-quote']]);
  expect(await judged('acme', () => 'I do not know.')).toEqual(['flag', ['no-citation']]);
  expect(await judged('globex', (id) => `${OPEN} (${id})`)).toEqual(['block', ['quote']]);
  expect(await judged('globex', () => 'I do not know.')).toEqual(['allow', []]);
});

it('follows a source that is relabelled after its text was released', async () => {
  const token = await test.token({ sub: 'anna' });
  const asked = await test.call('POST', '/v1/retrieve', token, { query: 'canteen' });
  const { requestId, chunks } = asked.json<{ requestId: string; chunks: { id: string }[] }>();
  const check = async () =>
    (await test.call('POST', `/v1/requests/${requestId}/output`, token, { output: `${OPEN} (${chunks[0]?.id ?? ''})` })).json()['decision'];
  expect(await check()).toBe('allow');
  const relabelled = await test.call('PATCH', '/v1/sources/open', await test.token({ sub: 'olga' }), { level: 'confidential' });
  expect(relabelled.status).toBe(200);
  expect(await check()).toBe('block');
});

it('takes reports for a day, and says so afterwards to whoever asked, and to nobody else', async () => {
  const token = await test.token({ sub: 'anna' });
  const { requestId } = (await test.call('POST', '/v1/retrieve', token, { query: 'merger' })).json<{ requestId: string }>();
  const report = async (sub: string) => {
    const mine = await test.token({ sub, iat: Math.floor(clock.now() / 1_000), exp: Math.floor(clock.now() / 1_000) + 300 });
    const answer = await test.call('POST', `/v1/requests/${requestId}/cited`, mine, { chunks: [] });
    return [answer.status, answer.json()['code'] ?? 'done'];
  };
  later = 24 * 3_600_000 - 60_000;
  expect(await report('anna')).toEqual([200, 'done']);
  later = 24 * 3_600_000 + 60_000;
  expect(await report('anna')).toEqual([422, 'limit_exceeded']);
  expect(await report('bert')).toEqual([404, 'not_found']);
});

it.each([
  ['an unknown key', 'rule: []\n'],
  ['an unknown level', 'rules: [{ finding: quote, level: secret, action: block }]\n'],
  ['no YAML', 'rules: [\n'],
])('the start is refused with %s', async (_what, text) => {
  const wrong = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await mkdir(join(wrong, 'policies'), { recursive: true });
  await writeFile(join(wrong, 'policies', 'output.yaml'), text);
  await expect(startTestService({ policy, tenants: ['acme'], dataDir: wrong, issuer })).rejects.toThrow('output.yaml');
});
