import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = ['loader', 'other']
  .flatMap((client) => [
    `p, client:test|${client}, acme, *, ingest, upto:restricted, as:trusted, *, allow`,
    `p, client:test|${client}, acme, *, label, upto:restricted, *, *, allow`,
  ])
  .join('\n');
const ETAG = `sha256:${'ab'.repeat(32)}`;

interface Listing {
  readonly documents: readonly { readonly document: string; readonly writeDigest?: string }[];
}

describe('what a connector is told it may skip', () => {
  let test: TestService;
  const client = (id: string) => test.token({ sub: id, client_id: id, groups: undefined });
  const list = async (id: string) => (await test.call('GET', '/v1/sources/wiki/documents', await client(id))).json<Listing>().documents;

  beforeAll(async () => {
    test = await startTestService({ policy: POLICY, tenants: ['acme'] });
    const token = await client('loader');
    const source = { title: 'Wiki', owner: 'user:test|root', level: 'internal', compartments: [], trust: 'internal' };
    expect((await test.call('PUT', '/v1/sources/wiki', token, source)).status).toBe(201);
    const document = { mediaType: 'text/plain', text: 'The harbour is deep.', acl: { allow: ['everyone'] }, etag: ETAG };
    expect((await test.call('PUT', '/v1/sources/wiki/documents/harbour', token, document)).status).toBe(200);
  });
  afterAll(() => test.stop());

  it('is what it wrote itself', async () => {
    expect(await list('loader')).toEqual([{ document: 'harbour', writeDigest: ETAG }]);
    expect(await list('other')).toEqual([{ document: 'harbour' }]);
  });

  it('is nothing that an earlier release indexed in another way', async () => {
    const db = new DatabaseSync(join(test.dataDir, 'sluice.sqlite'));
    db.exec(`update document_versions set pipeline = 'text/plain an-earlier-release'`);
    db.close();
    expect(await list('loader')).toEqual([{ document: 'harbour' }]);
  });
});
