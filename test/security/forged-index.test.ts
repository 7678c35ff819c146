import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** Somebody who can write to the vector index and to nothing else, and would have the service release what it may not. */
const TENANTS = ['acme', 'globex'] as const;
const policy = TENANTS.flatMap((tenant) => [
  ...['ingest', 'label'].flatMap((action) => ['user:test|wilma', 'client:test|loader'].map((who) => allow(who, tenant, action))),
  ...['everyone', 'client:test|assistant'].map((who) => allow(who, tenant, 'retrieve', '*', 'upto:internal')),
]).join('\n');

const HIDDEN = {
  gate: { acl: { allow: ['group:test|board'] } },
  deny: { acl: { allow: ['everyone'], deny: ['user:test|alice'] } },
  level: { acl: { allow: ['everyone'] }, level: 'restricted' },
  later: { acl: { allow: ['everyone'] }, validFrom: '2100-01-01T00:00:00Z' },
  over: { acl: { allow: ['everyone'] }, validUntil: '2001-01-01T00:00:00Z' },
  dangling: { acl: { allow: ['everyone'], deny: ['user:nowhere|x'] } },
  replaced: { acl: { allow: ['everyone'] } },
};

let qdrant: TestQdrant;
let test: TestService;
let collection = '';
let alice = '';
const writers = new Map<string, string>();

interface Point {
  readonly id: string;
  readonly vector: object;
  readonly payload: Readonly<Record<string, unknown>>;
}

async function index(method: string, path: string, body: unknown): Promise<{ readonly result: { readonly points: readonly Point[] } }> {
  const headers = { 'content-type': 'application/json', 'api-key': qdrant.apiKey ?? '' };
  const answer = await fetch(`${qdrant.url}/collections/${collection}${path}`, { method, headers, body: JSON.stringify(body) });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as { result: { points: readonly Point[] } };
}

const points = async (): Promise<readonly Point[]> =>
  (await index('POST', '/points/scroll', { limit: 1_000, with_payload: true, with_vector: true })).result.points;
const upsert = (forged: readonly Point[]) => index('PUT', '/points?wait=true', { points: forged });

async function put(tenant: string, id: string, body: object): Promise<void> {
  const text = `The cormorant ${id} of ${tenant}.`;
  const whole = { mediaType: 'text/plain', text, acl: { allow: ['everyone'] }, ...body };
  const answer = await test.call('PUT', `/v1/sources/notes/documents/${id}`, writers.get(tenant), whole);
  expect(answer.status, answer.text).toBe(200);
}

async function texts(limit = 100): Promise<readonly string[]> {
  const answer = await test.call('POST', '/v1/retrieve', alice, { query: 'cormorant', limit });
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ chunks: readonly { text: string }[] }>().chunks.map(({ text }) => text);
}

const READABLE = Array.from({ length: 6 }, (_, i) => `The cormorant open${i} of acme.`);

beforeAll(async () => {
  qdrant = await qdrantForTests();
  collection = qdrant.freshCollection();
  const remote = { kind: 'remote', url: qdrant.url, apiKey: qdrant.apiKey ?? '' } as const;
  test = await startTestService({ policy, tenants: TENANTS, config: { qdrant: remote, collection } });
  alice = await test.token({ sub: 'alice', client_id: 'assistant' });
  const source = { title: 'Notes', owner: 'user:test|wilma', level: 'public', trust: 'trusted' };
  for (const tenant of TENANTS) {
    writers.set(tenant, await test.token({ sub: 'wilma', client_id: 'loader', tenant }));
    expect((await test.call('PUT', '/v1/sources/notes', writers.get(tenant), source)).status).toBe(201);
  }
  for (let i = 0; i < READABLE.length; i += 1) await put('acme', `open${i}`, {});
  for (const [id, body] of Object.entries(HIDDEN)) await put('acme', id, body);
  await put('globex', 'theirs', {});
});
afterAll(async () => {
  await test.stop();
  await qdrant.stop();
});

describe('a forged index', () => {
  it('shows nothing that the catalog hides, and what may be read all the same', async () => {
    const before = await points();
    // All but one of acme's documents have the label that Alice may read; the one that has another is alone in its zone.
    const ofAcme = before.filter(({ payload }) => payload['tenant'] === 'acme');
    const model = ofAcme.find(({ payload: { zone } }) => ofAcme.filter(({ payload }) => payload['zone'] === zone).length > 1) as Point;
    const gates = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`g${i}`, [0]]));
    const open = {
      ...model.payload,
      ...gates,
      acl_v: Number.MAX_SAFE_INTEGER,
      deny: [-1],
      valid_from: 0,
      valid_until: Number.MAX_SAFE_INTEGER,
    };
    // A document replaced meanwhile leaves a chunk that is dead in the catalog; its point comes back, too.
    await put('acme', 'replaced', { text: 'Nothing of birds.' });
    await test.service.mender.mend();
    expect([...(await texts())].sort()).toEqual(READABLE);
    const strangers = Array.from({ length: 50 }, () => ({ id: crypto.randomUUID(), vector: model.vector, payload: open }));
    await upsert([...before.map((point) => ({ ...point, payload: open })), ...strangers]);
    expect(await points()).toHaveLength(before.length + strangers.length + 1);
    expect([...(await texts())].sort()).toEqual(READABLE);
    expect([...(await texts(READABLE.length))].sort()).toEqual(READABLE);
  });

  it('moves no document to another zone, source or tenant', async () => {
    const all = await points();
    const zones = [...new Set(all.map(({ payload }) => payload['zone']))];
    for (const tenant of TENANTS) {
      for (const zone of zones) {
        await upsert(all.map((point) => ({ ...point, payload: { ...point.payload, tenant, zone } })));
        for (const text of await texts()) expect(READABLE).toContain(text);
      }
    }
  });

  it('does not survive the next writing of what was forged', async () => {
    await put('acme', 'open0', { text: 'The cormorant open0 again.' });
    expect(await texts()).toContain('The cormorant open0 again.');
  });
});
