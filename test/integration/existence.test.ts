import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allow, FULL, HELD, policyOfHolders, tokenHolding } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';

/**
 * Callers without `ingest` on a source get the same bytes for what is hidden and for what does not exist. The world: the
 * source `open` (public) with a readable and a hidden document, and the source `closed`, which nobody below may see.
 */
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const HIDDEN = {
  title: 'Merger',
  mediaType: 'text/plain',
  text: 'The merger closes in May.',
  acl: { allow: ['group:test|board'] },
  level: 'restricted',
  validFrom: '2026-01-01T00:00:00Z',
};
const SHOWN = { title: 'Ferry', mediaType: 'text/plain', text: 'The ferry leaves at nine.', acl: { allow: ['everyone'] } };
const NDJSON = { 'content-type': 'application/x-ndjson' };
/** Of the same length, so that nothing but existence differs. */
const DOCUMENTS = ['secret', 'absent'] as const;
const SOURCES = ['closed', 'absent'] as const;

let test: TestService;
let full = '';

const policy = [
  policyOfHolders('acme'),
  ...['label', 'audit', 'retrieve', 'approve', 'request'].map((action) =>
    allow('user:test|low', 'acme', action, 'open', action === 'request' ? '*' : 'upto:public'),
  ),
].join('\n');

beforeAll(async () => {
  test = await startTestService({ policy, tenants: ['acme'] });
  full = await test.token(FULL);
  for (const source of ['open', 'closed']) expect((await put(`/v1/sources/${source}`, SOURCE)).status).toBe(201);
  expect((await test.call('PATCH', '/v1/sources/closed', full, { level: 'restricted', compartments: ['people'] })).status).toBe(200);
  expect((await put('/v1/sources/open/documents/secret', HIDDEN)).status).toBe(200);
  expect((await put('/v1/sources/open/documents/shown', SHOWN)).status).toBe(200);
  expect((await put('/v1/sources/closed/documents/shown', SHOWN)).status).toBe(200);
});
afterAll(() => test.stop());

const put = (path: string, body: unknown): Promise<Answer> => test.call('PUT', path, full, body);

/** Everything a client can see of an answer but for what differs between any two requests. */
function seen(answer: Answer, name: string): object {
  const { 'x-request-id': _id, date: _date, ratelimit: _rate, 'ratelimit-policy': _policy, ...headers } = answer.headers;
  const text = answer.text.replaceAll(/"requestId":"[^"]*"/g, '"requestId":""').replaceAll(`"${name}"`, '"<name>"');
  return { status: answer.status, text, headers };
}

interface Probe {
  readonly method: string;
  readonly path: (source: string, document: string) => string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

const DOCUMENT = (source: string, document: string): string => `/v1/sources/${source}/documents/${document}`;
const LIST = (source: string): string => `/v1/sources/${source}/documents`;
const ONE = (source: string): string => `/v1/sources/${source}`;

const DOCUMENT_PROBES: readonly Probe[] = [
  { method: 'GET', path: DOCUMENT },
  { method: 'DELETE', path: DOCUMENT },
  { method: 'PUT', path: DOCUMENT, body: SHOWN },
  { method: 'PUT', path: DOCUMENT, body: HIDDEN },
  { method: 'PUT', path: DOCUMENT, body: { ...SHOWN, acl: undefined } },
  { method: 'PUT', path: DOCUMENT, body: { ...SHOWN, level: 'nonsense' } },
  { method: 'PUT', path: DOCUMENT, body: { ...SHOWN, mediaType: 'image/png' } },
  { method: 'PATCH', path: DOCUMENT, body: { metadata: { year: 2026 } } },
  { method: 'PATCH', path: DOCUMENT, body: { acl: { allow: ['everyone'] } } },
  { method: 'PATCH', path: DOCUMENT, body: { acl: { allow: ['nonsense'] } } },
  { method: 'PATCH', path: DOCUMENT, body: { level: 'nonsense' } },
  { method: 'PATCH', path: DOCUMENT, body: { level: 'public' } },
  { method: 'PATCH', path: DOCUMENT, body: { level: 'restricted' } },
  { method: 'PATCH', path: DOCUMENT, body: { compartments: ['NONSENSE'] } },
  { method: 'PATCH', path: DOCUMENT, body: { trust: 'external' } },
  // Ends before the hidden document's validity begins.
  { method: 'PATCH', path: DOCUMENT, body: { validUntil: '2025-01-01T00:00:00Z' } },
];

function batchOf(line: object): Omit<Probe, 'path'> {
  return { method: 'POST', body: `${JSON.stringify(line)}\n`, headers: NDJSON };
}

const SOURCE_PROBES: readonly Probe[] = [
  { method: 'GET', path: ONE },
  { method: 'GET', path: LIST },
  { method: 'PATCH', path: ONE, body: { level: 'public' } },
  { method: 'PATCH', path: ONE, body: { level: 'nonsense' } },
  { method: 'PATCH', path: ONE, body: { owner: 'nonsense' } },
  { method: 'DELETE', path: ONE },
  ...DOCUMENT_PROBES.flatMap((probe) => ['shown', 'absent'].map((name) => ({ ...probe, path: (s: string) => DOCUMENT(s, name) }))),
  { ...batchOf({ document: 'shown', ...SHOWN }), path: LIST },
  { ...batchOf({ document: 'shown', delete: true }), path: LIST },
];

/** People without `ingest` to whom both are hidden, by what they hold over the open source. */
function strangers(): readonly Promise<string>[] {
  const withoutIngest = HELD.filter((held) => !['ingest', 'label', 'audit'].includes(held));
  return [...withoutIngest.map((held) => tokenHolding(test, held, 'person')), test.token({ sub: 'low', client_id: 'full' })];
}

async function ask(token: string, { method, path, body, headers }: Probe, source: string, document: string): Promise<Answer> {
  return test.call(method, path(source, document), token, body, headers);
}

describe('a hidden document and one that does not exist', () => {
  it.each(DOCUMENT_PROBES.map((probe) => [`${probe.method} ${JSON.stringify(probe.body ?? {})}`, probe] as const))(
    '%s',
    async (_n, probe) => {
      for (const token of await Promise.all(strangers())) {
        const [hidden, missing] = await Promise.all(DOCUMENTS.map(async (name) => seen(await ask(token, probe, 'open', name), name)));
        expect(hidden).toEqual(missing);
        expect(hidden).toMatchObject({ status: expect.toSatisfy((status: number) => status >= 400 && status < 500) as number });
      }
      // The same probe tells somebody who may know which is which.
      const { status } = await test.call('GET', DOCUMENT('open', 'secret'), full);
      expect(status).toBe(200);
    },
  );

  it('in lists and batches', async () => {
    const low = await test.token({ sub: 'low', client_id: 'full' });
    const listed = await test.call('GET', LIST('open'), low);
    expect(listed.json()).toEqual({ documents: [{ document: 'shown' }] });
    expect((await test.call('GET', `${LIST('open')}?limit=1`, low)).json()).toEqual({ documents: [{ document: 'shown' }] });
    expect((await test.call('GET', LIST('open'), full)).json<{ documents: unknown[] }>().documents).toHaveLength(2);
    const writer = await tokenHolding(test, 'ingest', 'person');
    expect((await test.call('GET', LIST('open'), writer)).json<{ documents: unknown[] }>().documents).toHaveLength(2);
    for (const line of [(name: string) => ({ document: name, ...SHOWN }), (name: string) => ({ document: name, delete: true })]) {
      const [hidden, missing] = await Promise.all(
        DOCUMENTS.map(async (name) => seen(await ask(low, { ...batchOf(line(name)), path: LIST }, 'open', name), name)),
      );
      expect(hidden).toEqual(missing);
    }
  });

  it('tells a writer that the id is taken, and nothing else of a document somebody else wrote', async () => {
    const writer = await tokenHolding(test, 'ingest', 'person');
    expect((await test.call('GET', DOCUMENT('open', 'secret'), writer)).json()).toEqual({
      view: 'writer',
      source: 'open',
      document: 'secret',
    });
    expect((await test.call('GET', DOCUMENT('open', 'absent'), writer)).status).toBe(404);
    const { documents } = (await test.call('GET', LIST('open'), writer)).json<{ documents: object[] }>();
    expect(documents).toEqual([{ document: 'secret' }, { document: 'shown' }]);
    const patched = await test.call('PATCH', DOCUMENT('open', 'secret'), writer, { acl: HIDDEN.acl });
    expect(patched.json()).toEqual({ document: 'secret', changed: false });
    const own = (await test.call('GET', LIST('open'), full)).json<{ documents: { writeDigest?: string }[] }>().documents;
    expect(own.every(({ writeDigest }) => writeDigest?.startsWith('sha256:'))).toBe(true);
  });
});

describe('a hidden source and one that does not exist', () => {
  it.each(SOURCE_PROBES.map((probe) => [`${probe.method} ${probe.path('<s>', '')} ${JSON.stringify(probe.body ?? {})}`, probe] as const))(
    '%s',
    async (_name, probe) => {
      const asking = [
        tokenHolding(test, 'replay', 'person'),
        tokenHolding(test, 'none', 'person'),
        test.token({ sub: 'low', client_id: 'full' }),
      ];
      for (const token of await Promise.all(asking)) {
        const [hidden, missing] = await Promise.all(SOURCES.map(async (name) => seen(await ask(token, probe, name, ''), name)));
        expect(hidden).toEqual(missing);
      }
    },
  );

  it('in what a request can name', async () => {
    const token = await test.token({ sub: 'low', client_id: 'full' });
    const asked = await Promise.all(
      SOURCES.map((source) => test.call('POST', '/v1/retrieve', token, { query: 'ferry', sources: [source] })),
    );
    const [hidden, missing] = asked.map((answer) => seen(answer, ''));
    expect(hidden).toEqual(missing);
    expect(asked[0]?.json()).toMatchObject({ chunks: [] });
    const readable = await test.call('POST', '/v1/retrieve', full, { query: 'ferry', sources: ['closed'] });
    expect(readable.json<{ chunks: unknown[] }>().chunks).toHaveLength(1);
  });
});

describe('the trace of a request of somebody else and of one that never was', () => {
  it('answers the same to everybody without audit', async () => {
    const { requestId } = (await test.call('POST', '/v1/retrieve', full, { query: 'ferry' })).json<{ requestId: string }>();
    const never = crypto.randomUUID();
    for (const held of HELD.filter((held) => held !== 'audit')) {
      const token = await tokenHolding(test, held, 'person');
      const [known, unknown] = await Promise.all(
        [requestId, never].map(async (id) => seen(await test.call('GET', `/v1/requests/${id}`, token), id)),
      );
      expect(known).toEqual(unknown);
      expect(known).toMatchObject({ status: 404 });
    }
    const auditor = await tokenHolding(test, 'audit', 'person');
    expect((await test.call('GET', `/v1/requests/${requestId}`, auditor)).status).toBe(200);
  });
});
