import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_ACL_CHARACTERS } from '../../src/core/acl.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { createEmbedding } from '../../src/embedding/embedding.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';

/** What one writer could use up of everybody's memory and time, each with the largest thing that is still taken. */
const MAX_CHUNK = 16_384;
const WRITER = { sub: 'wilma', client_id: 'loader' } as const;

const policy = [
  ...['ingest', 'label', 'retrieve'].flatMap((action) =>
    ['user:test|wilma', 'client:test|loader'].map((who) => allow(who, 'acme', action)),
  ),
  allow('client:test|loader', 'acme', 'administer'),
].join('\n');

let test: TestService;
let writer = '';

beforeAll(async () => {
  test = await startTestService({ policy, tenants: ['acme'] });
  writer = await test.token(WRITER);
  const source = { title: 'Notes', owner: 'user:test|wilma', level: 'public', trust: 'trusted' };
  expect((await test.call('PUT', '/v1/sources/notes', writer, source)).status).toBe(201);
});
afterAll(() => test.stop());

const put = (id: string, body: object): Promise<Answer> => test.call('PUT', `/v1/sources/notes/documents/${id}`, writer, body);

describe('an answer stays of a size that memory holds, since', () => {
  it('a chunk that the writer cut is bounded: a hundred of them are one answer', async () => {
    const chunks = (length: number) => [
      {
        text: 'gull '
          .repeat(length / 4)
          .slice(0, length - 1)
          .padEnd(length, 'x'),
      },
    ];
    const document = (length: number) => ({ mediaType: 'text/plain', acl: { allow: ['everyone'] }, chunks: chunks(length) });
    expect((await put('cut', document(MAX_CHUNK))).status).toBe(200);
    const refused = await put('cut', document(MAX_CHUNK + 1));
    expect(refused.status).toBe(400);
    expect(refused.json<{ errors: readonly object[] }>().errors).toEqual([
      { pointer: '/chunks/0/text', message: `at most ${MAX_CHUNK} characters` },
    ]);
    const found = await test.call('POST', '/v1/retrieve', writer, { query: 'gull' });
    expect(found.json<{ chunks: readonly { text: string }[] }>().chunks[0]?.text.length).toBe(MAX_CHUNK);
  });

  it('an ACL is bounded in characters too: it is read with every hit', async () => {
    const names = (characters: number): readonly string[] => {
      const [count, prefix] = [256, 'user:test|'];
      const length = characters / count;
      return Array.from({ length: count }, (_, i) => prefix + String(i).padStart(length - prefix.length, '0'));
    };
    const document = (allowed: readonly string[], deny: readonly string[] = []) => ({
      mediaType: 'text/plain',
      text: 'The tern nests late.',
      acl: { allow: allowed, deny },
    });
    expect((await put('listed', document(names(MAX_ACL_CHARACTERS)))).status).toBe(200);
    const refused = await put('listed', document(names(MAX_ACL_CHARACTERS), ['user:test|x']));
    expect([refused.status, refused.json()['code']]).toEqual([422, 'limit_exceeded']);
    const patched = await test.call('PATCH', '/v1/sources/notes/documents/listed', writer, {
      acl: { gates: [names(MAX_ACL_CHARACTERS), ['everyone']] },
    });
    expect([patched.status, patched.json()['code']]).toEqual([422, 'limit_exceeded']);
  });

  it('a ceiling is bounded like an ACL', async () => {
    const ceiling = (count: number) => ({ ceiling: Array.from({ length: count }, (_, i) => (i === 0 ? 'everyone' : `user:test|${i}`)) });
    const refused = await test.call('PATCH', '/v1/sources/notes', writer, ceiling(1_001));
    expect([refused.status, refused.json()['code']]).toEqual([422, 'limit_exceeded']);
    expect((await test.call('PATCH', '/v1/sources/notes', writer, ceiling(1_000))).status).toBe(200);
  });

  it('of a policy that is wrong in many lines only the first hundred are named', async () => {
    const line = 'p, user:test|a, elsewhere, *, retrieve, upto:public, *, *, allow\n';
    const admin = await test.token({ sub: 'root', client_id: 'loader' });
    const publish = async (lines: number): Promise<number> => {
      const answer = await test.call('POST', '/v1/policy/revisions', admin, { policy: line.repeat(lines), parent: 'x' });
      expect([answer.status, answer.json()['code']]).toEqual([422, 'invalid_policy']);
      return answer.json<{ errors: readonly object[] }>().errors.length;
    };
    expect([await publish(3), await publish(1_000)]).toEqual([3, 100]);
  });
});

describe('one large document', () => {
  it('lets others have their turn while it is embedded', async () => {
    const embedding = createEmbedding({ dense: { kind: 'none' }, telemetry: silentTelemetry });
    const words = (i: number): string => Array.from({ length: 300 }, (_, j) => `w${(i * 300 + j).toString(36)}`).join(' ');
    const texts = Array.from({ length: 400 }, (_, i) => ({ text: words(i), language: 'en' }));
    let turns = 0;
    let done = false;
    const others = (async () => {
      for (; !done; turns += 1) await new Promise(setImmediate);
    })();
    const embedded = await embedding.embedDocuments(texts, new AbortController().signal).finally(() => (done = true));
    await others;
    expect(embedded).toHaveLength(texts.length);
    expect(turns).toBeGreaterThan(3);
  });
});
