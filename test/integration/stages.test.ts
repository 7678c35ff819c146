import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import type { Answer } from '../support/service.ts';
import type { TestClaims } from '../support/test-issuer.ts';

const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted';
const POLICY = ['acme', 'globex']
  .flatMap((tenant) => [
    allow('everyone', tenant, 'retrieve', '*', TOP),
    ...['client:test|assistant', 'client:test|other'].map((client) => allow(client, tenant, 'retrieve', '*', TOP)),
    ...['label', 'ingest', 'audit'].map((action) => allow('client:test|assistant', tenant, action, '*', TOP)),
    ...['label', 'ingest', 'audit'].map((action) => allow('user:test|olga', tenant, action, '*', TOP)),
    allow('user:test|sam', tenant, 'audit', 's', TOP),
  ])
  .join('\n');
const LEAVE = 'Parental leave is twelve weeks for everybody who works here, and it may be taken in parts.';
const PAY = 'During parental leave pay goes on in full for the first six weeks, and at half after them.';

interface Released {
  readonly requestId: string;
  readonly chunks: readonly string[];
}

describe.each<Deployment>(['sqlite', 'postgres'])('what applications report, on %s', (deployment) => {
  let replicas: Replicas;
  const token = (claims: TestClaims): Promise<string> => replicas.issuer.sign({ groups: [], ...claims });
  const call = async (claims: TestClaims, method: string, path: string, body?: unknown, replica: 'a' | 'b' = 'a'): Promise<Answer> =>
    replicas[replica].call(method, path, await token(claims), body);
  const retrieve = async (claims: TestClaims, query = 'parental leave pay'): Promise<Released> => {
    const answer = await call(claims, 'POST', '/v1/retrieve', { query });
    expect(answer.status, answer.text).toBe(200);
    const { requestId, chunks } = answer.json<{ requestId: string; chunks: { id: string }[] }>();
    return { requestId, chunks: chunks.map(({ id }) => id) };
  };
  const report = (claims: TestClaims, stage: string, requestId: string, body: unknown, replica: 'a' | 'b' = 'a'): Promise<Answer> =>
    call(claims, 'POST', `/v1/requests/${requestId}/${stage}`, body, replica);
  const stored = async (requestId: string, kind: string) =>
    (await replicas.a.service.stores.audit.byRequest(ACME, requestId)).filter((event) => event.kind === kind);

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY, {}, {}, ['acme', 'globex']);
    for (const tenant of ['acme', 'globex']) {
      const olga = { sub: 'olga', tenant };
      const source = { title: 'S', owner: 'user:test|olga', level: 'public', compartments: [], trust: 'trusted' };
      expect((await call(olga, 'PUT', '/v1/sources/s', source)).status).toBeLessThan(300);
      for (const [name, text] of [
        ['leave', LEAVE],
        ['pay', PAY],
      ]) {
        const body = { text, mediaType: 'text/plain', acl: { allow: ['everyone'] } };
        expect((await call(olga, 'PUT', `/v1/sources/s/documents/${name}`, body)).status).toBeLessThan(300);
      }
    }
  });
  afterAll(() => replicas.stop());

  it('stands in the log beside the release: which chunks, in which order, and of the prompt that there was one', async () => {
    const { requestId, chunks } = await retrieve({ sub: 'anna' });
    const turned = chunks.toReversed();
    const answer = await report({ sub: 'anna' }, 'admitted', requestId, { chunks: turned, prompt: `Answer from: ${LEAVE}` }, 'b');
    expect([answer.status, answer.json()]).toEqual([200, { requestId, stage: 'admitted', recorded: true }]);
    expect((await report({ sub: 'anna' }, 'cited', requestId, { chunks: chunks.slice(0, 1) })).json()).toMatchObject({ recorded: true });
    const [admitted] = await stored(requestId, 'admitted');
    expect(admitted?.body).toMatchObject({ user: 'user:test|anna', client: 'client:test|assistant', prompt: 'sealed' });
    const named = admitted?.body['chunks'] as { chunk: string; source: string; document: string; rank: number }[];
    expect(named.map(({ chunk, rank }) => [chunk, rank])).toEqual([
      [chunks[1], 2],
      [chunks[0], 1],
    ]);
    expect(named.map(({ source, document }) => `${source}/${document}`)).toEqual(expect.arrayContaining(['s/leave', 's/pay']));
    const trace = await call({ sub: 'olga' }, 'GET', `/v1/requests/${requestId}`);
    expect(trace.json<{ events: { kind: string }[] }>().events.map(({ kind }) => kind)).toEqual(['intent', 'release', 'admitted', 'cited']);
    const digest = createHash('sha256').update(`Answer from: ${LEAVE}`).digest('hex');
    expect(trace.text).not.toContain(digest);
    expect(trace.text).not.toContain('Answer from');
    // Whoever audits the source, and not the tenant, sees it as far as the release.
    const narrowed = await call({ sub: 'sam' }, 'GET', `/v1/requests/${requestId}`);
    expect(narrowed.json<{ events: { kind: string }[] }>().events.map(({ kind }) => kind)).toEqual([
      'intent',
      'release',
      'admitted',
      'cited',
    ]);
  });

  it('names a document that is called as if it had been erased, so that its writer cannot keep it out of the lists', async () => {
    const document = { text: 'Sandpiper: oak gangway of the ferry.', mediaType: 'text/plain', acl: { allow: ['everyone'] } };
    const write = (id: string): Promise<Answer> => call({ sub: 'olga' }, 'PUT', `/v1/sources/s/documents/${id}`, document);
    expect((await write('erased:plan')).status).toBe(200);
    expect((await write(`erased:${'0a'.repeat(16)}`)).status).toBe(400);
    const { requestId, chunks } = await retrieve({ sub: 'anna' }, 'sandpiper gangway');
    expect((await report({ sub: 'anna' }, 'admitted', requestId, { chunks, prompt: 'p' })).status).toBe(200);
    expect((await stored(requestId, 'admitted'))[0]?.body['chunks']).toMatchObject([{ source: 's', document: 'erased:plan' }]);
  });

  it('is written once, however often it is sent and on however many connections; another report is another event, up to a limit', async () => {
    const { requestId, chunks } = await retrieve({ sub: 'anna' });
    const body = { chunks, prompt: 'p' };
    const at = Array.from({ length: 6 }, () => report({ sub: 'anna' }, 'admitted', requestId, body));
    const recorded = (await Promise.all(at)).map((answer) => answer.json()['recorded']);
    expect(recorded.filter((one) => one === true)).toHaveLength(1);
    expect((await report({ sub: 'anna' }, 'admitted', requestId, body, 'b')).json()).toMatchObject({ recorded: false });
    expect(await stored(requestId, 'admitted')).toHaveLength(1);
    const others: object[] = [{ chunks }, { chunks: chunks.toReversed(), prompt: 'p' }, { chunks: [], prompt: 'p' }, { chunks: [] }];
    for (const other of others) {
      expect((await report({ sub: 'anna' }, 'admitted', requestId, other)).json()).toMatchObject({ recorded: true });
      expect((await report({ sub: 'anna' }, 'admitted', requestId, other)).json()).toMatchObject({ recorded: false });
    }
    for (let index = others.length + 1; index < 16; index++) {
      expect((await report({ sub: 'anna' }, 'admitted', requestId, { chunks, prompt: `p${index}` })).json()).toMatchObject({
        recorded: true,
      });
    }
    const beyond = await report({ sub: 'anna' }, 'admitted', requestId, { chunks, prompt: 'one more' });
    expect([beyond.status, beyond.json()['code']]).toEqual([422, 'limit_exceeded']);
    expect((await report({ sub: 'anna' }, 'admitted', requestId, body)).json()).toMatchObject({ recorded: false });
    expect(await stored(requestId, 'admitted')).toHaveLength(16);
    expect((await report({ sub: 'anna' }, 'cited', requestId, { chunks })).status).toBe(200);
  });

  it('takes a digest in place of a text, the same one being the same report', async () => {
    const { requestId, chunks } = await retrieve({ sub: 'anna' });
    const promptDigest = `sha256:${createHash('sha256').update('a prompt').digest('hex')}`;
    expect((await report({ sub: 'anna' }, 'admitted', requestId, { chunks, promptDigest })).json()).toMatchObject({ recorded: true });
    expect((await report({ sub: 'anna' }, 'admitted', requestId, { chunks, prompt: 'a prompt' })).json()).toMatchObject({
      recorded: false,
    });
    const both = await report({ sub: 'anna' }, 'admitted', requestId, { chunks, promptDigest, prompt: 'a prompt' });
    const bad = await report({ sub: 'anna' }, 'admitted', requestId, { chunks, promptDigest: 'sha256:x' });
    const twice = await report({ sub: 'anna' }, 'admitted', requestId, { chunks: [chunks[0], chunks[0]] });
    expect([both.status, bad.status, twice.status]).toEqual([400, 400, 400]);
  });

  it('is for the same user through the same application alone; everybody else gets the bytes of a request that never was', async () => {
    const { requestId, chunks } = await retrieve({ sub: 'anna' });
    const foreign = await retrieve({ sub: 'anna', tenant: 'globex' });
    const alone = await retrieve({ client_id: 'assistant', sub: 'assistant' });
    const counted = (await call({ sub: 'anna' }, 'POST', '/v1/count', {})).json<{ requestId: string }>().requestId;
    const bare = (answer: Answer): string => `${answer.status} ${answer.text.replaceAll(/"requestId":"[^"]*"/g, '')}`;
    for (const [stage, body] of [
      ['admitted', { chunks, prompt: 'p' }],
      ['cited', { chunks }],
      ['output', { output: LEAVE }],
    ] as const) {
      const never = await report({ sub: 'anna' }, stage, randomUUID(), body);
      expect([never.status, never.json()['code']]).toEqual([404, 'not_found']);
      const strangers: readonly (readonly [TestClaims, string])[] = [
        [{ sub: 'bert' }, requestId],
        [{ sub: 'olga' }, requestId],
        [{ sub: 'anna', client_id: 'other' }, requestId],
        [{ sub: 'anna', tenant: 'globex' }, requestId],
        [{ sub: 'assistant', client_id: 'assistant' }, requestId],
        [{ sub: 'anna' }, foreign.requestId],
        [{ sub: 'anna' }, alone.requestId],
        [{ sub: 'anna' }, counted],
        [{ sub: 'anna' }, 'no-request'],
        [{ sub: 'anna' }, requestId.toUpperCase()],
      ];
      for (const [claims, request] of strangers) {
        expect(bare(await report(claims, stage, request, body)), `${JSON.stringify(claims)} ${request}`).toBe(bare(never));
      }
      expect((await report({ sub: 'anna' }, stage, requestId, body)).status).toBe(200);
    }
    expect(await stored(requestId, 'admitted')).toHaveLength(1);
    const own = await report({ sub: 'assistant', client_id: 'assistant' }, 'cited', alone.requestId, { chunks: [] });
    expect(own.json()).toMatchObject({ recorded: true });
  });

  it('names only what this request released, and is told the places of the rest in the same words whatever else they are', async () => {
    const first = await retrieve({ sub: 'anna' }, 'first six weeks half');
    const [pay] = first.chunks;
    const { requestId, chunks } = await retrieve({ sub: 'anna' });
    const one = (await call({ sub: 'anna' }, 'POST', '/v1/retrieve', { query: 'parental', limit: 1 })).json<{
      requestId: string;
      chunks: { id: string }[];
    }>();
    const outside = chunks.find((id) => id !== one.chunks[0]?.id) ?? '';
    expect(pay).toBeDefined();
    const other = await report({ sub: 'anna' }, 'cited', one.requestId, { chunks: [one.chunks[0]?.id, outside] });
    const missing = await report({ sub: 'anna' }, 'cited', one.requestId, { chunks: [one.chunks[0]?.id, randomUUID()] });
    expect([other.status, other.json()]).toMatchObject([422, { code: 'not_released', errors: [{ pointer: '/chunks/1' }] }]);
    const bare = (answer: Answer): string => answer.text.replaceAll(/"requestId":"[^"]*"/g, '');
    expect(bare(other)).toBe(bare(missing));
    expect(await stored(one.requestId, 'cited')).toEqual([]);
    expect((await report({ sub: 'anna' }, 'cited', requestId, { chunks: [outside] })).status).toBe(200);
  });
});
