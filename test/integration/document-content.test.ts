import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import { embed } from '../support/embedding-server.ts';
import { FULL, policyOfHolders } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';

const DIMENSION = 8;
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const EVERYONE = { allow: ['everyone'] };

let test: TestService;
let full = '';
let named = 0;

beforeAll(async () => {
  const dense = { kind: 'caller' as const, model: 'ours', dimension: DIMENSION };
  test = await startTestService({
    policy: policyOfHolders('acme'),
    tenants: ['acme'],
    config: { embedding: { languages: ['en'], dense } },
  });
  full = await test.token(FULL);
  for (const name of ['s', 'crowded', 'spare']) expect((await put(`/v1/sources/${name}`, SOURCE)).status).toBe(201);
});
afterAll(() => test.stop());

const put = (path: string, body: unknown): Promise<Answer> => test.call('PUT', path, full, body);
const at = (name: string, source = 's'): string => `/v1/sources/${source}/documents/${encodeURIComponent(name)}`;
const fresh = (): string => `doc-${(named += 1)}`;

interface Chunk {
  readonly id: string;
  readonly text: string;
  readonly score: number;
  readonly provenance: {
    readonly document: { readonly id: string; readonly version: string; readonly title: string };
    readonly span: { readonly start: number; readonly end: number; readonly unit: string; readonly path: readonly string[] };
    readonly digest: string;
    readonly normalised: { readonly removed: { readonly tag: number; readonly bidi: number; readonly zeroWidth: number } };
  };
}

async function ask(request: object, document?: string): Promise<readonly Chunk[]> {
  const answer = await test.call('POST', '/v1/retrieve', full, { limit: 100, ...request });
  expect(answer.status, answer.text).toBe(200);
  const { chunks } = answer.json<{ chunks: Chunk[] }>();
  return document === undefined ? chunks : chunks.filter(({ provenance }) => provenance.document.id === document);
}

/** The normalised text that is kept of a document, from the database itself. */
function storedText(document: string): string {
  const db = new DatabaseSync(join(test.dataDir, 'sluice.sqlite'), { readOnly: true });
  const row = db
    .prepare(
      `select v.text from document_versions v join documents d on d.tenant = v.tenant and d.key = v.key and d.content = v.content
       where d.document = ? and d.state <> 'deleted'`,
    )
    .get(document);
  db.close();
  return String(row?.['text']);
}

function storedDocuments(): number {
  const db = new DatabaseSync(join(test.dataDir, 'sluice.sqlite'), { readOnly: true });
  const row = db
    .prepare(
      "select (select count(*) from documents) + (select count(*) from chunks where state <> 'dead') + (select count(*) from zones) as n",
    )
    .get();
  db.close();
  return Number(row?.['n']);
}

const PARAGRAPH = 'The echidna is a \u{1F9D1}\u{200D}\u{1F680} friend of nai\u0308ve ants. \u{1F44B}\u{1F3FD} ';
const HIDDEN = {
  zeroWidth: 'echid\u200bna sp\u2060eaks',
  bidi: 'right \u202eneddih\u202c here',
  tag: 'plain \u{e0049}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065} text',
};

describe('spans', () => {
  const long = (paragraph: string): string => Array.from({ length: 60 }, (_, n) => `${paragraph}Number ${n}.`).join('\n\n');
  it.each([
    [
      'text/markdown',
      `# Echidnas \u{1F994}\n\n## One\n\n${long(PARAGRAPH)}\n\n## Two\n\n${Object.values(HIDDEN).join('\n\n')}\n\n| a | b |\n| - | - |\n| echidna | x |\n`,
    ],
    [
      'text/html',
      `<!doctype html><title>Echidnas</title><h1>Echidnas &#x1F994;</h1><h2>One</h2>${long(PARAGRAPH)
        .split('\n\n')
        .map((p) => `<p>${p}</p>`)
        .join('')}<h2>Two</h2>${Object.values(HIDDEN)
        .map((p) => `<p>${p}</p>`)
        .join('')}<p style="display:none">invisible echidna</p>`,
    ],
    ['text/plain', `${long(PARAGRAPH)}\r\n\r\n${Object.values(HIDDEN).join('\r\n\r\n')}`],
  ])('of %s point at the released text in the kept one', async (mediaType, text) => {
    const document = fresh();
    const receipt = await put(at(document), { mediaType, text, acl: EVERYONE });
    expect(receipt.status, receipt.text).toBe(200);
    const kept = storedText(document);
    const chunks = await ask({ query: 'echidna ants number plain right' }, document);
    expect(chunks).toHaveLength(receipt.json<{ chunks: number }>().chunks);
    expect(chunks.length).toBeGreaterThan(3);
    for (const { text: released, provenance } of chunks) {
      const { span, digest, document: origin, normalised } = provenance;
      expect(kept.slice(span.start, span.end)).toBe(released);
      expect(span.unit).toBe('utf16');
      expect(digest).toBe(digestOf(released));
      expect(origin.version).toBe(digestOf(text));
      expect(released.isWellFormed()).toBe(true);
      expect(normalised.removed).toEqual({ tag: 6, bidi: 2, zeroWidth: 2 });
    }
    expect(kept).toContain('\u{1F9D1}\u{200D}\u{1F680}');
    expect(kept).toContain('na\u00efve');
    for (const words of ['echidna speaks', 'right neddih here']) expect(kept).toContain(words);
    expect(kept).toMatch(/plain {1,2}text/);
    expect(kept).not.toContain('invisible');
    const headings = new Set(chunks.map(({ provenance }) => provenance.span.path.at(-1) ?? 'none'));
    expect(headings).toEqual(new Set(mediaType === 'text/plain' ? ['none'] : ['One', 'Two']));
    const inOrder = chunks.toSorted((a, b) => a.provenance.span.start - b.provenance.span.start);
    for (const [index, { provenance }] of inOrder.entries()) {
      expect(provenance.span.start).toBeGreaterThanOrEqual(inOrder[index - 1]?.provenance.span.end ?? 0);
    }
  });
});

describe('chunks that the caller cut and embedded', () => {
  const chunksOf = (...texts: readonly string[]): object => ({
    mediaType: 'text/plain',
    acl: EVERYONE,
    title: 'Cut',
    chunks: texts.map((text) => ({ text, vector: embed(text, DIMENSION) })),
  });

  it('keep their borders and are found by vector and by word', async () => {
    const document = fresh();
    const texts = ['quoll alpha', 'beta \u200bgamma', 'delta'];
    expect((await put(at(document), chunksOf(...texts))).json()).toMatchObject({ chunks: 3, changed: true });
    const [nearest, ...others] = await ask({ vector: embed('delta', DIMENSION) }, document);
    expect(nearest?.text).toBe('delta');
    expect(others.map(({ text }) => text).sort()).toEqual(['beta gamma', 'quoll alpha']);
    const kept = storedText(document);
    for (const { text, provenance } of [nearest, ...others].flatMap((chunk) => chunk ?? [])) {
      expect(kept.slice(provenance.span.start, provenance.span.end)).toBe(text);
    }
    expect((await ask({ query: 'quoll' }, document)).map(({ text }) => text)).toEqual(['quoll alpha']);
    const both = await ask({ query: 'quoll', vector: embed('delta', DIMENSION) }, document);
    expect(both.map(({ text }) => text)).toHaveLength(3);
    expect(both[0]?.score).toBeGreaterThan(1 / 61);
  });

  it('are the same again only with the same vectors', async () => {
    const document = fresh();
    const body = chunksOf('numbat one', 'numbat two');
    expect((await put(at(document), body)).json()).toMatchObject({ changed: true });
    expect((await put(at(document), body)).json()).toMatchObject({ changed: false });
    const other = { ...body, chunks: ['numbat one', 'numbat two'].map((text) => ({ text, vector: embed(`x ${text}`, DIMENSION) })) };
    expect((await put(at(document), other)).json()).toMatchObject({ changed: true });
    const without = { ...body, chunks: [{ text: 'numbat one' }, { text: 'numbat two' }] };
    expect((await put(at(document), without)).json()).toMatchObject({ changed: true });
    expect(await ask({ query: 'numbat' }, document)).toHaveLength(2);
    expect(await ask({ vector: embed('numbat one', DIMENSION) }, document)).toHaveLength(0);
  });

  it('are refused with vectors that do not fit, and nothing is stored', async () => {
    const before = storedDocuments();
    for (const vector of [embed('a', DIMENSION - 1), embed('a', DIMENSION + 1), Array.from({ length: DIMENSION }, () => 1e39)]) {
      const answer = await put(at(fresh()), { mediaType: 'text/plain', acl: EVERYONE, chunks: [{ text: 'bandicoot', vector }] });
      expect([answer.status, answer.json()['code']]).toEqual([422, 'vector_mismatch']);
    }
    const asked = await test.call('POST', '/v1/retrieve', full, { vector: [1, 2] });
    expect([asked.status, asked.json()['code']]).toEqual([422, 'vector_mismatch']);
    expect(storedDocuments()).toBe(before);
  });
});

interface Refusal {
  readonly what: string;
  readonly body: object;
  readonly status: number;
  readonly code: string;
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `user:test|u${n}`);
const GOOD = { mediaType: 'text/plain', text: 'The potoroo hops.', acl: EVERYONE };
const without = (...keys: readonly string[]): object => Object.fromEntries(Object.entries(GOOD).filter(([key]) => !keys.includes(key)));
const NOT_UTF8 = Buffer.from([0xff, 0xfe, 0x00, 0x89, 0x50, 0x4e, 0x47]).toString('base64');

const REFUSALS: readonly Refusal[] = [
  { what: 'no ACL', body: without('acl'), status: 422, code: 'acl_required' },
  { what: 'an ACL without grants', body: { ...GOOD, acl: { deny: [] } }, status: 400, code: 'invalid_request' },
  { what: 'an ACL with both forms', body: { ...GOOD, acl: { allow: [], gates: [] } }, status: 400, code: 'invalid_request' },
  { what: '1,001 entries', body: { ...GOOD, acl: { allow: names(1_001) } }, status: 422, code: 'limit_exceeded' },
  {
    what: '1,001 entries in all',
    body: { ...GOOD, acl: { gates: [names(500), names(500)], deny: names(1) } },
    status: 422,
    code: 'limit_exceeded',
  },
  { what: '10,000 entries', body: { ...GOOD, acl: { allow: names(10_000) } }, status: 422, code: 'limit_exceeded' },
  {
    what: '9 gates',
    body: { ...GOOD, acl: { gates: Array.from({ length: 9 }, () => ['everyone']) } },
    status: 422,
    code: 'limit_exceeded',
  },
  {
    what: '65 compartments',
    body: { ...GOOD, compartments: Array.from({ length: 65 }, (_, n) => `c${n}`) },
    status: 422,
    code: 'limit_exceeded',
  },
  { what: 'an unknown level', body: { ...GOOD, level: 'secret' }, status: 422, code: 'unknown_level' },
  { what: 'an unknown trust', body: { ...GOOD, trust: 'blind' }, status: 400, code: 'invalid_request' },
  { what: 'no content', body: without('text'), status: 400, code: 'invalid_request' },
  { what: 'two contents', body: { ...GOOD, contentBase64: 'YQ==' }, status: 400, code: 'invalid_request' },
  { what: 'empty text', body: { ...GOOD, text: '' }, status: 422, code: 'unreadable_document' },
  { what: 'white space', body: { ...GOOD, text: ' \n\t\u00a0 ' }, status: 422, code: 'unreadable_document' },
  { what: 'nothing but invisible characters', body: { ...GOOD, text: '\u200b\u2060\u{e0041}' }, status: 422, code: 'unreadable_document' },
  {
    what: 'HTML without text',
    body: { ...GOOD, mediaType: 'text/html', text: '<p></p><script>x</script>' },
    status: 422,
    code: 'unreadable_document',
  },
  {
    what: 'bytes that are no UTF-8',
    body: { ...without('text'), mediaType: 'text/markdown', contentBase64: NOT_UTF8 },
    status: 422,
    code: 'unreadable_document',
  },
  {
    what: 'bytes with NUL',
    body: { ...without('text'), contentBase64: Buffer.from('a\0b').toString('base64') },
    status: 422,
    code: 'unreadable_document',
  },
  { what: 'no base64', body: { ...without('text'), contentBase64: 'a b!' }, status: 400, code: 'invalid_request' },
  { what: 'another media type', body: { ...GOOD, mediaType: 'application/pdf' }, status: 415, code: 'unsupported_media_type' },
  { what: 'another charset', body: { ...GOOD, mediaType: 'text/plain; charset=latin1' }, status: 415, code: 'unsupported_media_type' },
  {
    what: 'validity that ends before it begins',
    body: { ...GOOD, validFrom: '2026-02-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' },
    status: 400,
    code: 'invalid_request',
  },
  { what: 'a time without offset', body: { ...GOOD, validFrom: '2026-02-01T00:00:00' }, status: 400, code: 'invalid_request' },
  { what: 'an unknown key', body: { ...GOOD, tenant: 'globex' }, status: 400, code: 'invalid_request' },
  {
    what: 'a chunk of white space',
    body: { ...without('text'), chunks: [{ text: 'a' }, { text: ' ' }] },
    status: 422,
    code: 'unreadable_document',
  },
];

describe('documents that are refused', () => {
  it.each(REFUSALS.map((refusal) => [refusal.what, refusal] as const))('%s', async (_what, { body, status, code }) => {
    const before = storedDocuments();
    const document = fresh();
    const answer = await put(at(document), body);
    expect([answer.status, answer.json()['code']], answer.text).toEqual([status, code]);
    // The same in a batch, and where a document is there already it stays as it is.
    const batch = await test.call('POST', '/v1/sources/s/documents', full, `${JSON.stringify({ document, ...body })}\n`, {
      'content-type': 'application/x-ndjson',
    });
    expect(JSON.parse(batch.text.split('\n')[0] ?? '')).toMatchObject({ line: 1, error: { code } });
    expect((await test.call('GET', at(document), full)).status).toBe(404);
    expect(storedDocuments()).toBe(before);
  });

  it.each(REFUSALS.map((refusal) => [refusal.what, refusal] as const))(
    '%s leaves the document that is there',
    async (_what, { body, code }) => {
      const document = fresh();
      expect((await put(at(document), GOOD)).status).toBe(200);
      const before = (await test.call('GET', at(document), full)).json();
      expect((await put(at(document), body)).json()).toMatchObject({ code });
      expect((await test.call('GET', at(document), full)).json()).toEqual(before);
      expect(await ask({ query: 'potoroo' }, document)).toHaveLength(1);
    },
  );

  it('are taken right up to the limits', async () => {
    const most = { ...GOOD, acl: { gates: [...Array.from({ length: 7 }, () => ['everyone']), ['everyone', ...names(992)]] } };
    const document = fresh();
    expect((await put(at(document), most)).status).toBe(200);
    expect(await ask({ query: 'potoroo' }, document)).toHaveLength(1);
    expect((await put(at(fresh()), { ...GOOD, compartments: Array.from({ length: 64 }, (_, n) => `c${n}`) })).status).toBe(403);
  });

  it('names: 512 bytes, no control characters, and any other characters', async () => {
    for (const name of ['x'.repeat(10_000), 'x'.repeat(513), 'é'.repeat(257), 'a\u0000b', 'a\nb', '\u0085']) {
      const answer = await put(at(name), GOOD);
      expect([answer.status, answer.json()['code']]).toEqual([400, 'invalid_request']);
    }
    for (const name of ['x'.repeat(512), 'a/b c?d#e%2F', '😀'.repeat(128), '..', 'delete', '__proto__', 'ａ']) {
      expect((await put(at(name, 'spare'), GOOD)).status, name).toBe(200);
      expect((await test.call('GET', at(name, 'spare'), full)).json()).toMatchObject({ document: name });
    }
    const listed = (await test.call('GET', '/v1/sources/spare/documents?limit=1000', full)).json<{ documents: { document: string }[] }>();
    expect(listed.documents).toHaveLength(7);
  });

  it('more than 64 labels in a source', async () => {
    const label = (n: number): object => ({
      level: ['public', 'internal', 'confidential', 'restricted'][n % 4],
      trust: ['external', 'internal', 'trusted'][n % 3],
    });
    const compartments = [[], ['people'], ['finance'], ['people', 'finance']];
    const labels = Array.from({ length: 12 }, (_, n) => label(n)).flatMap((one) =>
      compartments.map((some) => ({ ...one, compartments: some })),
    );
    // Twelve labels times four sets are 48; a set of one's own for each of 16 more needs a wider clearance than `full` has.
    for (const [n, one] of labels.entries()) expect((await put(at(`d${n}`, 'crowded'), { ...GOOD, ...one })).status).toBe(200);
    const { catalog } = test.service.stores;
    const [tenant] = await catalog.tenants();
    if (tenant === undefined) throw new Error('no tenant');
    for (let n = 48; n < 64; n++) {
      const declared = { level: 'public', compartments: [`c${n}`], trust: 'trusted' } as never;
      await catalog.reserve(tenant, 'crowded' as never, declared, { gates: [], deny: [] });
    }
    expect((await put(at('d0', 'crowded'), { ...GOOD, ...labels[5] })).status).toBe(200);
    const before = storedDocuments();
    const levels = await put(at('new', 'crowded'), { ...GOOD, ...labels[5] });
    expect(levels.status).toBe(200);
    expect(storedDocuments()).toBe(before + 2);
    await catalog.reserve(tenant, 'spare' as never, { level: 'public', compartments: ['people', 'x'], trust: 'external' } as never, {
      gates: [],
      deny: [],
    });
    await expect(
      catalog.reserve(tenant, 'crowded' as never, { level: 'public', compartments: ['x'], trust: 'external' } as never, {
        gates: [],
        deny: [],
      }),
    ).rejects.toMatchObject({ code: 'limit_exceeded' });
  });
});

describe('a question', () => {
  it('of stop words and punctuation alone has no term, and an empty answer', async () => {
    const document = fresh();
    expect((await put(at(document), { ...GOOD, text: 'The bandicoot is in the garden, and so are we.' })).status).toBe(200);
    for (const query of ['the', 'and so are we', 'The IN is!', '?!', ' ', '\u200b', '...']) expect(await ask({ query }), query).toEqual([]);
    expect(await ask({ query: 'and so is the bandicoot' }, document)).toHaveLength(1);
    // A word that no document has is no reason to fail either.
    expect(await ask({ query: 'xylotomous' })).toEqual([]);
  });
});

describe('metadata filters', () => {
  const place = { lat: 52.5, lon: 13.4 };
  const METADATA = {
    year: 2026,
    ratio: 0.5,
    title: 'Annual report',
    tags: ['a', 'b'],
    draft: false,
    when: '2026-03-01T12:00:00Z',
    office: place,
    nothing: null,
    parts: [
      { kind: 'x', size: 1 },
      { kind: 'y', size: 9 },
    ],
    'dotted key': 1,
  };
  const box = { top_left: { lat: 53, lon: 13 }, bottom_right: { lat: 52, lon: 14 } };
  const ring = [
    { lat: 52, lon: 13 },
    { lat: 53, lon: 13 },
    { lat: 53, lon: 14 },
    { lat: 52, lon: 13 },
  ];
  const key = (name: string, condition: object): object => ({ key: `metadata.${name}`, ...condition });
  const YES = key('year', { match: { value: 2026 } });
  const NO = key('year', { match: { value: 1999 } });

  /** A condition that the document meets, and one of the same kind that it does not. */
  const CONDITIONS: readonly (readonly [string, object, object])[] = [
    ['match value, a number', YES, NO],
    ['match value, a text', key('title', { match: { value: 'Annual report' } }), key('title', { match: { value: 'annual report' } })],
    ['match value, a boolean', key('draft', { match: { value: false } }), key('draft', { match: { value: true } })],
    ['match value, in a list', key('tags', { match: { value: 'b' } }), key('tags', { match: { value: 'c' } })],
    ['match any', key('tags', { match: { any: ['c', 'a'] } }), key('tags', { match: { any: ['c', 'd'] } })],
    ['match except', key('year', { match: { except: [1999] } }), key('year', { match: { except: [2026] } })],
    ['match text', key('title', { match: { text: 'report' } }), key('title', { match: { text: 'budget' } })],
    ['range', key('ratio', { range: { gt: 0.4, lte: 0.5 } }), key('ratio', { range: { lt: 0.5 } })],
    [
      'range of dates',
      key('when', { range: { gte: '2026-03-01', lt: '2026-03-02' } }),
      key('when', { range: { gt: '2026-03-01T12:00:00Z' } }),
    ],
    ['values_count', key('tags', { values_count: { gte: 2 } }), key('tags', { values_count: { gt: 2 } })],
    [
      'geo_radius',
      key('office', { geo_radius: { center: place, radius: 10 } }),
      key('office', { geo_radius: { center: { lat: 0, lon: 0 }, radius: 10 } }),
    ],
    [
      'geo_bounding_box',
      key('office', { geo_bounding_box: box }),
      key('office', { geo_bounding_box: { top_left: { lat: 10, lon: 0 }, bottom_right: { lat: 0, lon: 10 } } }),
    ],
    [
      'geo_polygon',
      key('office', { geo_polygon: { exterior: { points: [...ring.slice(0, 3), { lat: 52, lon: 14 }, ring[3]] } } }),
      key('office', { geo_polygon: { exterior: { points: ring.map(({ lat, lon }) => ({ lat: lat - 40, lon })) } } }),
    ],
    ['is_empty', { is_empty: { key: 'metadata.missing' } }, { is_empty: { key: 'metadata.year' } }],
    ['is_null', { is_null: { key: 'metadata.nothing' } }, { is_null: { key: 'metadata.year' } }],
    [
      'nested',
      {
        nested: {
          key: 'metadata.parts',
          filter: {
            must: [
              { key: 'kind', match: { value: 'x' } },
              { key: 'size', range: { lt: 5 } },
            ],
          },
        },
      },
      {
        nested: {
          key: 'metadata.parts',
          filter: {
            must: [
              { key: 'kind', match: { value: 'x' } },
              { key: 'size', range: { gt: 5 } },
            ],
          },
        },
      },
    ],
    ['a path into a list', key('parts[].kind', { match: { value: 'y' } }), key('parts[].kind', { match: { value: 'z' } })],
    ['a quoted path', key('"dotted key"', { match: { value: 1 } }), key('"dotted key"', { match: { value: 2 } })],
    ['must', { must: [YES, YES] }, { must: [YES, NO] }],
    ['should', { should: [NO, YES] }, { should: [NO, NO] }],
    ['must_not', { must_not: [NO] }, { must_not: [YES] }],
    [
      'min_should',
      { min_should: { conditions: [YES, YES, NO], min_count: 2 } },
      { min_should: { conditions: [YES, NO, NO], min_count: 2 } },
    ],
  ];

  beforeAll(async () => {
    const body = { mediaType: 'text/plain', text: 'The bettong files reports.', acl: EVERYONE };
    expect((await put(at('filtered'), { ...body, metadata: METADATA })).status).toBe(200);
    expect((await put(at('hidden'), { ...body, acl: { allow: ['user:test|nobody'] }, metadata: METADATA })).status).toBe(200);
  });

  it.each(CONDITIONS)('%s includes and excludes, and widens nothing', async (_what, yes, no) => {
    const filter = (condition: object): object => ({
      query: 'bettong',
      filter:
        'key' in condition || 'is_empty' in condition || 'is_null' in condition || 'nested' in condition
          ? { must: [condition] }
          : condition,
    });
    expect((await ask(filter(yes))).map(({ provenance }) => provenance.document.id)).toEqual(['filtered']);
    expect(await ask(filter(no))).toEqual([]);
    // The clause that would widen a filter put together carelessly.
    expect((await ask({ query: 'bettong', filter: { should: [yes, no] } })).map(({ provenance }) => provenance.document.id)).toEqual([
      'filtered',
    ]);
  });

  it.each([
    ['a reserved key', { must: [{ key: 'tenant', match: { value: 'acme' } }] }],
    ['the ACL', { must_not: [{ key: 'deny', match: { any: [1] } }] }],
    ['a key beside metadata', { must: [{ key: 'metadatax.year', match: { value: 1 } }] }],
    ['ids', { must: [{ has_id: ['a'] }] }],
    ['nothing', {}],
    ['an empty list', { should: [] }],
    ['an unknown clause', { must: [YES], mustnt: [NO] }],
  ])('refuses one over %s', async (_what, filter) => {
    const answer = await test.call('POST', '/v1/retrieve', full, { query: 'bettong', filter });
    expect([answer.status, answer.json()['code']]).toEqual([400, 'unsupported_filter']);
  });
});
