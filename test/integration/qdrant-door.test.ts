import { QdrantClient } from '@qdrant/js-client-rest';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = 'g, user:test|root, role:administrator, acme\n';
let here: TestService;

beforeAll(async () => {
  here = await startTestService({ policy: POLICY, tenants: ['acme'] });
});
afterAll(() => here.stop());

test('a stock client finds a server of its own version and lists collections', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const token = await here.token({ sub: 'alice' });
  const client = new QdrantClient({ url: here.qdrantUrl, headers: { authorization: `Bearer ${token}` } });
  expect(await client.getCollections()).toEqual({ collections: [] });
  expect(await client.versionInfo()).toMatchObject({ version: '1.16.3' });
  await vi.waitFor(() => expect(warn).not.toHaveBeenCalled());
  warn.mockRestore();
});
