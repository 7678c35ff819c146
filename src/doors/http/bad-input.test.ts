import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDoor, rawExchange, token, type Fixture } from './door.fixture.ts';
import { problemSchema } from './schemas/answers.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await openDoor({
    config: { limits: { requestBytes: 1_048_576, documentBytes: 2_000_000, deadlineMs: 30_000, idleMs: 30_000, headersMs: 1_500 } },
  });
});
afterAll(() => fixture.door.close(1_000));

const SECRET = 'correct-horse-battery';
const reader = token('ada', ['retrieve']);
const writer = token('wim', ['ingest', 'sources']);

/** Every refusal is a problem that quotes nothing, and reaches no service. */
async function refusal(path: string, init: RequestInit & { auth?: string }) {
  const before = fixture.seen.retrieved.length + fixture.seen.written.length;
  const { auth = reader, headers, ...rest } = init;
  const response = await fetch(fixture.at.url + path, {
    ...rest,
    headers: { authorization: `Bearer ${auth}`, 'content-type': 'application/json', ...(headers as Record<string, string> | undefined) },
  });
  const text = await response.text();
  const problem = problemSchema.parse(JSON.parse(text));
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(problem.status).toBe(response.status);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  expect(text).not.toContain(SECRET);
  expect(fixture.seen.retrieved.length + fixture.seen.written.length).toBe(before);
  return problem;
}

const retrieve = (body: string | Buffer, headers?: Record<string, string>) =>
  refusal('/v1/retrieve', { method: 'POST', body, ...(headers === undefined ? {} : { headers }) });

async function statusOf(body: string): Promise<number> {
  const response = await fetch(`${fixture.at.url}/v1/retrieve`, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${reader}`, 'content-type': 'application/json' },
  });
  await response.arrayBuffer();
  return response.status;
}

describe('a body that is not JSON', () => {
  it.each([
    ['nothing', ''],
    ['cut off', `{"query":"${SECRET}`],
    ['a trailing comma', `{"query":"${SECRET}",}`],
    ['NaN', '{"vector":[NaN]}'],
    ['Infinity', '{"vector":[-Infinity]}'],
    ['a bare NUL', '{"query":"a\0b"}'],
    ['two values', '{"query":"a"}{"query":"b"}'],
    ['a byte order mark', '\ufeff{"query":"a"}'],
    ['single quotes', "{'query':'a'}"],
    ['escaped closing quote', '{"query":"a\\"}'],
  ])('%s', async (_name, body) => {
    expect(await retrieve(body)).toMatchObject({ status: 400, code: 'malformed_json' });
  });

  it('bytes that are not UTF-8', async () => {
    expect(await retrieve(Buffer.from([...Buffer.from('{"query":"'), 0xc3, 0x28, ...Buffer.from('"}')]))).toMatchObject({
      status: 400,
      code: 'malformed_json',
    });
    expect(await statusOf('{"query":"\u00e4 \\\\ \\" \\u00e4 : {["}')).toBe(200);
  });
});

describe('JSON with traps', () => {
  it('unpaired surrogates and NUL, escaped', async () => {
    expect(await retrieve('{"query":"a\\ud800"}')).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ pointer: '/query' }] });
    expect(await retrieve('{"query":"\\udc00\\ud800"}')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await retrieve('{"query":"a\\u0000b"}')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await retrieve('{"query":"a","\\ud800":1}')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await statusOf('{"query":"\\ud83d\\ude00"}')).toBe(200);
  });

  it('nesting of ten thousand levels', async () => {
    expect(await retrieve(`{"query":"a","filter":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect(await retrieve('['.repeat(1_000_000))).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await retrieve('{"a":'.repeat(200_000))).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('a key twice, in any spelling, and keys of prototypes', async () => {
    expect(await retrieve('{"query":"a","query":"b"}')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await retrieve('{"query":"a","qu\\u0065ry":"b"}')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await retrieve('{"query":"a","__proto__":{"limit":100}}')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await retrieve('{"query":"a","filter":{"__proto__":{"must":[]}}}')).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await retrieve('{"query":"a","constructor":{"prototype":{"limit":1}}}')).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('numbers out of range', async () => {
    expect(await retrieve('{"vector":[1,1e400]}')).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ pointer: '/vector/1' }],
    });
    expect(await retrieve('{"query":"a","limit":1e400}')).toMatchObject({ status: 400, code: 'invalid_request' });
  });
});

describe('a request outside the contract', () => {
  it('unknown keys are named, their values are not', async () => {
    const problem = await retrieve(JSON.stringify({ query: SECRET, filtr: SECRET, 'a/b~c': SECRET }));
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(problem.errors).toEqual([
      { pointer: '/filtr', message: 'unknown key' },
      { pointer: '/a~1b~0c', message: 'unknown key' },
    ]);
    expect(await retrieve('{"query":"a","context":{"format":"xml","x":1}}')).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('keys without end are cut and not all listed', async () => {
    const keys = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${i}${'k'.repeat(500)}`, 1]));
    const problem = await retrieve(JSON.stringify({ query: 'a', ...keys }));
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(problem.errors).toHaveLength(16);
    expect(JSON.stringify(problem).length).toBeLessThan(4_000);
  });

  it.each([
    ['limit 0', { query: 'a', limit: 0 }],
    ['limit -1', { query: 'a', limit: -1 }],
    ['limit 1e9', { query: 'a', limit: 1e9 }],
    ['limit 1.5', { query: 'a', limit: 1.5 }],
    ['limit as text', { query: 'a', limit: '5' }],
    ['limit null', { query: 'a', limit: null }],
    ['an empty query', { query: '' }],
    ['a long query', { query: 'x'.repeat(8_193) }],
    ['a query that is a list', { query: [SECRET] }],
    ['neither query nor vector', { limit: 5 }],
    ['an empty vector', { vector: [] }],
    ['a long vector', { vector: Array.from({ length: 8_193 }, () => 1) }],
    ['a vector of texts', { vector: [SECRET] }],
    ['a vector with null', { vector: [1, null] }],
    ['a list that would read as any source', { query: 'a', sources: [] }],
    ['a source that cannot be', { query: 'a', sources: ['../x'] }],
    ['a trust that is none', { query: 'a', minTrust: SECRET }],
    ['a format that is none', { query: 'a', context: { format: 'markdown' } }],
    ['a list', [1, 2]],
    ['a text', 'query'],
    ['null', null],
  ])('%s', async (_name, body) => {
    const problem = await retrieve(JSON.stringify(body));
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(problem.errors?.length).toBeGreaterThan(0);
  });

  it('the edges are inside', async () => {
    expect(await statusOf(JSON.stringify({ query: 'x'.repeat(8_192), limit: 100 }))).toBe(200);
    expect(await statusOf(JSON.stringify({ vector: Array.from({ length: 8_192 }, () => 0.5), limit: 1 }))).toBe(200);
  });

  it('a level outside the scheme', async () => {
    expect(await retrieve(JSON.stringify({ query: 'a', maxLevel: 'cosmic' }))).toMatchObject({ status: 422, code: 'unknown_level' });
    expect(await statusOf('{"query":"a","maxLevel":"public"}')).toBe(200);
  });

  it('a filter over anything but metadata', async () => {
    for (const key of ['tenant', 'zone', 'acl_v', 'metadata', 'text', 'metadata_x.y']) {
      expect(await retrieve(JSON.stringify({ query: 'a', filter: { must: [{ key, match: { value: 1 } }] } }))).toMatchObject({
        status: 400,
        code: 'unsupported_filter',
      });
    }
    for (const filter of [{}, { must: [] }, { must: [{ has_id: [1] }] }, 'x', null, []]) {
      expect(await retrieve(JSON.stringify({ query: 'a', filter }))).toMatchObject({ status: 400, code: 'unsupported_filter' });
    }
    expect(await statusOf('{"query":"a","filter":{"must":[{"key":"metadata.year","match":{"value":2024}}]}}')).toBe(200);
  });
});

describe('the envelope', () => {
  it('other media types, charsets and encodings', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', 'application/jsonx', '']) {
      expect(await retrieve('{"query":"a"}', { 'content-type': type })).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    }
    expect(await retrieve('{"query":"a"}', { 'content-encoding': 'gzip' })).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  it('a query of a megabyte', async () => {
    expect(await retrieve(JSON.stringify({ query: 'x'.repeat(1_048_576) }))).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(await retrieve(JSON.stringify({ query: 'x'.repeat(1_000_000) }))).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('a body that grows without announcing its length', async () => {
    const endless = Readable.toWeb(Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(65_536, 'x'))));
    const problem = await refusal('/v1/retrieve', { method: 'POST', body: endless, duplex: 'half' });
    expect(problem).toMatchObject({ status: 413, code: 'payload_too_large' });
  });

  it('is not read before the caller is known', async () => {
    const head = `POST /v1/retrieve HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n`;
    const unknown = await rawExchange(fixture.at.port, `${head}Connection: close\r\nExpect: 100-continue\r\n\r\n`);
    expect(unknown).toMatch(/^HTTP\/1\.1 401 /);
    const known = await rawExchange(
      fixture.at.port,
      `POST /v1/retrieve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${reader}\r\nContent-Type: application/json\r\nContent-Length: 13\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n{"query":"a"}`,
    );
    expect(known).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  it('two Authorization fields', async () => {
    const send = (fields: string) =>
      rawExchange(fixture.at.port, `GET /v1/sources HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields}\r\n`);
    const field = `Authorization: Bearer ${writer}\r\n`;
    expect(await send(`${field}authorization: Bearer x\r\n`)).toMatch(/^HTTP\/1\.1 401 [^]*invalid_token/);
    expect(await send(field)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('what is not HTTP, and heads that are too large or too slow', async () => {
    expect(await rawExchange(fixture.at.port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [^]*"code":"invalid_request"/);
    const large = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`;
    expect(await rawExchange(fixture.at.port, large)).toMatch(/^HTTP\/1\.1 431 [^]*"code":"headers_too_large"/);
    expect(await rawExchange(fixture.at.port, 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(
      /^HTTP\/1\.1 408 [^]*"code":"request_timeout"/,
    );
    const smuggled = 'POST /v1/retrieve HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(await rawExchange(fixture.at.port, smuggled)).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('paths', () => {
  const document = '{"mediaType":"text/plain","text":"x","acl":{"allow":["everyone"]}}';
  const raw = (path: string) =>
    rawExchange(
      fixture.at.port,
      `PUT ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${writer}\r\nContent-Type: application/json\r\nContent-Length: ${document.length}\r\nConnection: close\r\n\r\n${document}`,
    );

  it.each([
    ['a NUL', '/v1/sources/s/documents/a%00b'],
    ['a line break', '/v1/sources/s/documents/a%0d%0ab'],
    ['a bad escape', '/v1/sources/s/documents/%zz'],
    ['a lone byte', '/v1/sources/s/documents/%ff'],
    ['an encoded surrogate', '/v1/sources/s/documents/%ed%a0%80'],
    ['ten thousand characters', `/v1/sources/s/documents/${'x'.repeat(10_000)}`],
    ['513 bytes', `/v1/sources/s/documents/${'x'.repeat(513)}`],
    ['a source with a slash', '/v1/sources/a%2Fb/documents/d'],
    ['a source that climbs', '/v1/sources/%2e%2e/documents/d'],
    ['a source that is a star', '/v1/sources/*/documents/d'],
  ])('%s', async (_name, path) => {
    const before = fixture.seen.written.length;
    expect(await raw(path)).toMatch(/^HTTP\/1\.1 400 [^]*"code":"invalid_request"/);
    expect(fixture.seen.written.length).toBe(before);
  });

  it('dots that a client would have resolved stay names or lead nowhere', async () => {
    expect(await raw('/v1/sources/s/documents/../../../etc')).toMatch(/^HTTP\/1\.1 404 /);
    expect(await raw('/v1/sources/s/documents/..%2f..')).toMatch(/^HTTP\/1\.1 200 /);
    expect(fixture.seen.written.at(-1)?.document).toBe('../..');
    expect(await raw(`/v1/sources/s/documents/${'x'.repeat(512)}`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('an address in full reaches the same route', async () => {
    expect(await raw('http://elsewhere/v1/sources/s/documents/d')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await raw('http://elsewhere/v1/retrieve')).toMatch(/^HTTP\/1\.1 405 /);
  });
});

describe('documents', () => {
  const put = (body: unknown) => refusal('/v1/sources/s/documents/d', { method: 'PUT', auth: writer, body: JSON.stringify(body) });
  const good = { mediaType: 'text/plain', text: 'x', acl: { allow: ['everyone'] } };

  it.each([
    ['two kinds of acl', { ...good, acl: { allow: [], gates: [] } }],
    ['an acl of nothing', { ...good, acl: {} }],
    ['an acl that is a list', { ...good, acl: ['everyone'] }],
    ['a principal that is a number', { ...good, acl: { allow: [1] } }],
    ['a role beside', { ...good, acl: { allow: ['everyone'], role: 'admin' } }],
    ['text with a NUL', { ...good, text: 'a\0b' }],
    ['metadata with a list at its root', { ...good, metadata: [] }],
    ['metadata too deep', { ...good, metadata: { a: { b: { c: { d: { e: { f: 1 } } } } } } }],
    ['metadata too wide', { ...good, metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, i])) }],
    ['metadata too large', { ...good, metadata: { a: 'x'.repeat(16_384) } }],
    ['a time without offset', { ...good, validFrom: '2026-01-01T00:00:00' }],
    ['a time that is none', { ...good, validUntil: '2026-02-30T00:00:00Z' }],
    ['a chunk without text', { mediaType: 'text/plain', acl: good.acl, chunks: [{ vector: [1] }] }],
    ['no chunks', { mediaType: 'text/plain', acl: good.acl, chunks: [] }],
    ['a name in the body', { ...good, document: 'other' }],
  ])('%s', async (_name, body) => {
    expect(await put(body)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('ten thousand ACL entries are for the service to count', async () => {
    const allow = Array.from({ length: 10_000 }, (_, i) => `user:${i}`);
    const response = await fetch(`${fixture.at.url}/v1/sources/s/documents/d`, {
      method: 'PUT',
      body: JSON.stringify({ ...good, acl: { allow }, metadata: { a: { b: { c: { d: [1] } } } } }),
      headers: { authorization: `Bearer ${writer}`, 'content-type': 'application/json' },
    });
    expect(response.status).toBe(200);
    expect(fixture.seen.written.at(-1)?.body.acl).toEqual({ allow, deny: undefined });
  });

  it('a million wrong entries make one issue', async () => {
    const problem = await put({ ...good, acl: { allow: Array.from({ length: 99_999 }, () => 1) } });
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(problem.errors).toHaveLength(1);
    expect(await put({ ...good, acl: { allow: Array.from({ length: 100_001 }, () => 'a') } })).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });

  it('a hundred megabytes', async () => {
    // The sender may be told before it is done sending, so the answer is read as it comes.
    const answer = await new Promise<string>((resolve, reject) => {
      const upload = httpRequest(`${fixture.at.url}/v1/sources/s/documents/d`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${writer}`, 'content-type': 'application/json', 'content-length': 104_857_600 },
      });
      upload.on('response', (response) => {
        response.setEncoding('utf8').on('data', (text: string) => {
          resolve(`${response.statusCode} ${text}`);
          upload.destroy();
        });
      });
      upload.on('error', reject);
      upload.write(Buffer.alloc(1_000_000, 'x'));
    });
    expect(answer).toMatch(/^413 .*"code":"payload_too_large"/);
  });
});

it('none of it reached the log', () => {
  expect(JSON.stringify(fixture.log())).not.toContain(SECRET);
  expect(JSON.stringify(fixture.log())).not.toContain(reader);
});
