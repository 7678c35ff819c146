import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { AUDIT_KINDS } from '../../src/core/ports/audit.ts';
import { CONTEXT_FORMATS } from '../../src/core/provenance.ts';
import { sluice } from '../support/command.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { allow } from '../support/rights.ts';

const ACME = 'acme' as TenantId;
const POLICY = [
  allow('everyone', 'acme', 'retrieve', '*', 'upto:restricted'),
  ...['retrieve', 'ingest', 'label'].flatMap((action) =>
    ['user:test|owner', 'client:test|assistant'].map((who) => allow(who, 'acme', action, '*', 'upto:restricted')),
  ),
].join('\n');

interface Answer {
  readonly requestId: string;
  readonly chunks: readonly { readonly id: string; readonly text: string }[];
  readonly context?: object;
  readonly manifest: { readonly payload: string; readonly signatures: readonly { readonly keyid: string }[] };
}

let test: TestService;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'manifest-'));
  test = await startTestService({ policy: POLICY, tenants: ['acme', 'other'] });
  const owner = await test.token({ sub: 'owner', client_id: 'assistant' });
  const source = { title: 'S', owner: 'user:test|owner', level: 'internal', trust: 'trusted' };
  expect((await test.call('PUT', '/v1/sources/s', owner, source)).status).toBe(201);
  for (const [name, text] of Object.entries({ one: 'The heron stands <still>.', two: 'The heron & the egret “wade”.' })) {
    const body = { mediaType: 'text/plain', text, acl: { allow: ['everyone'] } };
    expect((await test.call('PUT', `/v1/sources/s/documents/${name}`, owner, body)).status).toBe(200);
  }
});
afterAll(async () => {
  await test.stop();
  await rm(directory, { recursive: true, maxRetries: 5 });
});

async function ask(body: object, sub = 'uma'): Promise<{ readonly file: string; readonly answer: Answer; readonly text: string }> {
  const found = await test.call('POST', '/v1/retrieve', await test.token({ sub, client_id: 'assistant' }), body);
  expect(found.status).toBe(200);
  const answer = found.json<Answer>();
  const file = join(directory, `${answer.requestId}.json`);
  await writeFile(file, found.text);
  return { file, answer, text: found.text };
}

const payloadOf = ({ manifest }: Answer) =>
  JSON.parse(Buffer.from(manifest.payload, 'base64').toString('utf8')) as {
    readonly predicate: Readonly<Record<string, unknown>> & { readonly caller: string };
  };
const env = (): Record<string, string> => ({ SLUICE_URL: test.url, SLUICE_DATA_DIR: test.dataDir });
const verify = (file: string, ...more: readonly string[]) => sluice(['verify', 'manifest', file, '--json', ...more], env());
const events = (kinds: readonly ('key.published' | 'key.retired')[], tenant = ACME) =>
  test.service.stores.audit.between(tenant, 0, 10_000, kinds);

describe('the manifest of an answer', () => {
  it.each(CONTEXT_FORMATS)('with a context as %s holds offline, against the published keys, text by text', async (format) => {
    const { file, answer } = await ask({ query: 'heron', context: { format } });
    expect(answer.chunks).toHaveLength(2);
    const keys = join(directory, 'keys.json');
    await writeFile(keys, (await test.call('GET', '/.well-known/jwks.json', undefined)).text);
    const ended = await verify(file, '--key', keys, '--answer', file);
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(ended.json()).toMatchObject({ kind: 'good', statement: { predicate: { request: answer.requestId, tenant: 'acme' } } });
    const changed = join(directory, 'changed.json');
    await writeFile(changed, (await readFile(file, 'utf8')).replaceAll('heron', 'Heron'));
    const wrong = await verify(file, '--key', keys, '--answer', changed);
    expect(wrong.code).toBe(1);
    const { findings } = wrong.json() as { findings: readonly { place: string }[] };
    const expected = [...answer.chunks.map(({ id }) => `chunk ${id}`), ...(format === 'base64' ? [] : ['context'])];
    expect(findings.map(({ place }) => place)).toEqual(expected);
  });

  it('says in the log under which pseudonym and with which digest, the same to no second request', async () => {
    const [one, two] = [await ask({ query: 'heron' }), await ask({ query: 'heron' })];
    for (const { answer } of [one, two]) {
      const { caller } = payloadOf(answer).predicate;
      const logged = await test.service.stores.audit.byRequest(ACME, answer.requestId);
      const payload = Buffer.from(answer.manifest.payload, 'base64');
      expect(logged.find(({ kind }) => kind === 'release')?.body['manifest']).toEqual({ caller, digest: digestOf(payload) });
      // A name that no digest and no pseudonym can spell.
      expect(payload.toString('utf8')).not.toContain('uma');
    }
    expect(payloadOf(one.answer).predicate.caller).not.toBe(payloadOf(two.answer).predicate.caller);
  });

  it('is there with an empty answer that has a context, and absent where there is nothing to sign', async () => {
    const nothing = await ask({ query: 'nothing of the kind' });
    expect(nothing.answer).not.toHaveProperty('manifest');
    const { file, answer } = await ask({ query: 'nothing of the kind', context: { format: 'xml' } });
    expect(answer.chunks).toEqual([]);
    expect(await verify(file, '--answer', file)).toMatchObject({ code: 0 });
  });

  it('stands right after the context', async () => {
    const { text } = await ask({ query: 'heron', context: { format: 'xml' }, session: 'one' });
    expect(Object.keys(JSON.parse(text) as object)).toEqual(['requestId', 'chunks', 'label', 'context', 'manifest', 'session']);
  });
});

describe('keys', () => {
  it('a rotation on the machine is taken up, told to each log and published; older manifests still hold', async () => {
    const before = await ask({ query: 'heron' });
    const [first] = before.answer.manifest.signatures;
    expect((await events(['key.published'])).map(({ body }) => body['kid'])).toEqual([first?.keyid]);
    const rotated = await sluice(['admin', 'rotate-key', '--json'], env());
    expect(rotated).toMatchObject({ code: 0, err: '' });
    const { kid } = JSON.parse(rotated.out.split('\n')[0] ?? '') as { kid: string };
    const after = await vi.waitFor(
      async () => {
        const found = await ask({ query: 'heron' });
        expect(found.answer.manifest.signatures[0]?.keyid).toBe(kid);
        return found;
      },
      { timeout: 60_000, interval: 200 },
    );
    // Each log by itself, one after the other.
    for (const tenant of [ACME, 'other' as TenantId]) {
      const told = async () => (await events(['key.published', 'key.retired'], tenant)).map(({ kind, body }) => [kind, body['kid']]);
      await expect.poll(told).toEqual([
        ['key.published', first?.keyid],
        ['key.retired', first?.keyid],
        ['key.published', kid],
      ]);
    }
    for (const { file } of [before, after]) expect(await verify(file, '--answer', file)).toMatchObject({ code: 0 });
    const listed = await sluice(['keys', '--json'], env());
    expect(
      listed.out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { kid: string }).kid),
    ).toEqual([kid, first?.keyid]);
    const notes = await sluice(['keys', '--origin', 'sluice.example/acme'], env());
    expect(notes.out).toMatch(/^sluice\.example\/acme\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n/);
    // Only the new key is trusted by somebody who never saw the old one.
    const [newest] = (await test.call('GET', '/.well-known/jwks.json', undefined)).json<{ keys: readonly object[] }>().keys;
    const keys = join(directory, 'newest.json');
    await writeFile(keys, JSON.stringify({ keys: [newest] }));
    expect(await verify(before.file, '--key', keys)).toMatchObject({ code: 1 });
    expect(await verify(after.file, '--key', keys)).toMatchObject({ code: 0 });
  });

  it('no private part is in the key set, the log or the database', async () => {
    const ring = await readFile(join(test.dataDir, 'signing-keys.json'), 'utf8');
    const secrets = [...ring.matchAll(/"d": "([^"]+)"/g)].map(([, d]) => d ?? '');
    expect(secrets).toHaveLength(2);
    const set = await test.call('GET', '/.well-known/jwks.json', undefined);
    const logged = JSON.stringify(await test.service.stores.audit.between(ACME, 0, 10_000, [...AUDIT_KINDS]));
    const database = (await readFile(join(test.dataDir, 'sluice.sqlite'))).toString('latin1');
    for (const secret of secrets) for (const place of [set.text, logged, database]) expect(place).not.toContain(secret);
  });

  it('a replica without the key that the deployment signs with does not start, and one with it does', async () => {
    const { dataDir, issuer } = test;
    await test.stop({ keep: true });
    const again = { policy: POLICY, tenants: ['acme'], dataDir, issuer };
    const elsewhere = { signingKeys: join(directory, 'elsewhere.json') };
    await expect(startTestService({ ...again, config: elsewhere })).rejects.toThrow(/lacks.*All replicas need the same file/);
    test = await startTestService(again);
    const { file } = await ask({ query: 'heron' });
    expect(await verify(file, '--answer', file)).toMatchObject({ code: 0 });
  });
});
