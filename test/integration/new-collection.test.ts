import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = [
  'p, everyone, acme, *, retrieve, upto:internal, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:restricted, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
].join('\n');
const DOCUMENT = { mediaType: 'text/plain', text: 'The harbour is deep.', acl: { allow: ['everyone'] } };

describe('a new collection beside a filled catalog', () => {
  let test: TestService;
  const put = async () => {
    const token = await test.token({ sub: 'loader', client_id: 'loader', groups: undefined });
    return (await test.call('PUT', '/v1/sources/wiki/documents/harbour', token, DOCUMENT)).json<{ changed: boolean }>();
  };
  const found = async () => {
    const answer = await test.call('POST', '/v1/retrieve', await test.token({ sub: 'alice' }), { query: 'harbour' });
    return answer.json<{ chunks: readonly unknown[] }>().chunks.length;
  };

  beforeAll(async () => {
    const first = await startTestService({ policy: POLICY, tenants: ['acme'] });
    const token = await first.token({ sub: 'loader', client_id: 'loader', groups: undefined });
    const source = { title: 'Wiki', owner: 'user:test|root', level: 'internal', compartments: [], trust: 'internal' };
    expect((await first.call('PUT', '/v1/sources/wiki', token, source)).status).toBe(201);
    test = first;
    expect(await put()).toMatchObject({ changed: true });
    expect(await put()).toMatchObject({ changed: false });
    expect(await found()).toBe(1);
    await first.stop({ keep: true });
    test = await startTestService({
      policy: POLICY,
      tenants: ['acme'],
      dataDir: first.dataDir,
      issuer: first.issuer,
      config: { collection: 'another' },
    });
  });
  afterAll(async () => {
    await test.stop();
    await test.issuer.stop();
  });

  it('is filled by writing the same documents again', async () => {
    expect(await found()).toBe(0);
    expect(await put()).toMatchObject({ changed: true });
    expect(await found()).toBe(1);
    expect(await put()).toMatchObject({ changed: false });
  });
});
