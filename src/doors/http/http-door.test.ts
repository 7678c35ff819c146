import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Scope } from '../../core/caller.ts';
import { openDoor, token, type Fixture } from './door.fixture.ts';
import { problemSchema, retrieveAnswerSchema } from './schemas/answers.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await openDoor();
});
afterAll(() => fixture.door.close(1_000));

async function call(method: string, path: string, options: { auth?: string; body?: unknown; headers?: Record<string, string> } = {}) {
  const response = await fetch(fixture.at.url + path, {
    method,
    headers: {
      ...(options.auth === undefined ? {} : { authorization: `Bearer ${options.auth}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>),
  };
}

const reader = token('ada', ['retrieve']);
const writer = token('wim', ['ingest']);
const owner = token('olga', ['sources']);
const auditor = token('axel', ['audit']);

describe('retrieve', () => {
  it('hands the parsed request to the service and answers what it answers', async () => {
    const answer = await call('POST', '/v1/retrieve', {
      auth: reader,
      body: {
        query: 'parental leave',
        limit: 3,
        filter: { must: [{ key: 'metadata.year', range: { gte: 2024 } }] },
        sources: ['handbook'],
        minTrust: 'internal',
        maxLevel: 'confidential',
        context: { format: 'xml' },
      },
    });
    expect(answer.status).toBe(200);
    expect(retrieveAnswerSchema.parse(answer.json).requestId).toBe(answer.headers.get('x-request-id'));
    const request = fixture.seen.retrieved.at(-1)?.request;
    expect(request).toMatchObject({ query: 'parental leave', limit: 3, context: 'xml', vector: undefined, purpose: undefined });
    expect(request?.restriction).toMatchObject({ sources: ['handbook'], minTrust: 'internal', maxLevel: 'confidential' });
    expect(request?.requestId).toBe(answer.headers.get('x-request-id'));
  });

  it('passes a vector and the incoming trace id on, and takes 8 where no limit is named', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'x-request-id': 'theirs-1' };
    const answer = await call('POST', '/v1/retrieve', { auth: reader, body: { vector: [0.5, -1] }, headers });
    expect(answer.status).toBe(200);
    expect(fixture.seen.retrieved.at(-1)?.request).toMatchObject({ vector: [0.5, -1], limit: 8, traceId: trace });
    expect(answer.headers.get('x-request-id')).not.toBe('theirs-1');
    const line = () =>
      fixture.log().find((entry) => entry['requestId'] === answer.headers.get('x-request-id') && entry['msg'] === 'request');
    // Written once the answer is out.
    await expect.poll(line).toMatchObject({ clientRequestId: 'theirs-1', route: '/v1/retrieve', status: 200 });
  });

  it('says that an answer is not to be kept', async () => {
    const answer = await call('POST', '/v1/retrieve', { auth: reader, body: { query: 'x' } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('etag')).toBeNull();
    expect(answer.headers.get('x-powered-by')).toBeNull();
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('ratelimit-policy')).toContain('"client";q=');
  });
});

describe('sources and documents', () => {
  const source = { title: 'Handbook', owner: 'group:people', level: 'internal', trust: 'internal' };
  const document = { mediaType: 'text/markdown', text: '# Hi', acl: { allow: ['everyone'] } };

  it('makes and replaces sources', async () => {
    expect((await call('PUT', '/v1/sources/new-one', { auth: owner, body: source })).status).toBe(201);
    expect((await call('PUT', '/v1/sources/handbook', { auth: owner, body: source })).status).toBe(200);
    expect((await call('PATCH', '/v1/sources/handbook', { auth: owner, body: { ceiling: null } })).status).toBe(200);
    expect((await call('GET', '/v1/sources/handbook', { auth: writer })).json).toMatchObject({ source: 'handbook' });
    expect((await call('GET', '/v1/sources', { auth: owner })).json).toMatchObject({ sources: [{ source: 'handbook' }] });
    const gone = await call('DELETE', '/v1/sources/handbook', { auth: owner });
    expect([gone.status, gone.text]).toEqual([204, '']);
  });

  it('writes a document under the name in the path, decoded once', async () => {
    for (const [path, name] of [
      ['a%2Fb.md', 'a/b.md'],
      ['%2e%2e%2fetc', '../etc'],
      ['%252e%252e', '%2e%2e'],
      ['caf%C3%A9', 'café'],
    ]) {
      const answer = await call('PUT', `/v1/sources/handbook/documents/${path}`, { auth: writer, body: document });
      expect(answer.status).toBe(200);
      expect(fixture.seen.written.at(-1)?.document).toBe(name);
    }
  });

  it('hands over text, bytes or chunks', async () => {
    const put = (body: unknown) => call('PUT', '/v1/sources/handbook/documents/d', { auth: writer, body });
    const { text: _text, ...rest } = document;
    expect((await put({ ...rest, contentBase64: 'aGk=' })).status).toBe(200);
    expect(fixture.seen.written.at(-1)?.body.content).toEqual({ kind: 'bytes', bytes: Buffer.from('hi') });
    expect((await put({ ...rest, chunks: [{ text: 'a', vector: [1] }] })).status).toBe(200);
    expect(fixture.seen.written.at(-1)?.body.content).toEqual({ kind: 'chunks', chunks: [{ text: 'a', vector: [1] }] });
    expect((await put(document)).status).toBe(200);
    expect(fixture.seen.written.at(-1)?.body).toMatchObject({ content: { kind: 'text', text: '# Hi' }, metadata: {} });
    for (const wrong of ['aGk', 'aGk=\n', 'aG k=', 'aGl=', '_-==', '=']) {
      expect((await put({ ...rest, contentBase64: wrong })).json).toMatchObject({ status: 400, errors: [{ pointer: '/contentBase64' }] });
    }
    expect((await put(rest)).json).toMatchObject({ code: 'invalid_request' });
    expect((await put({ ...document, contentBase64: 'aGk=' })).json).toMatchObject({ code: 'invalid_request' });
  });

  it('passes a missing ACL on, which the service refuses by name', async () => {
    const { acl: _acl, ...bare } = document;
    await call('PUT', '/v1/sources/handbook/documents/d', { auth: writer, body: bare });
    expect(fixture.seen.written.at(-1)?.body.acl).toBeUndefined();
  });

  it('answers 202 while the index has not confirmed', async () => {
    const body = { acl: { gates: [['group:a'], ['group:b']] }, validUntil: null, validFrom: '2026-01-01T00:00:00+01:00' };
    expect((await call('PATCH', '/v1/sources/handbook/documents/d', { auth: writer, body })).status).toBe(202);
    expect(fixture.seen.patched.at(-1)).toEqual({ ...body, acl: { ...body.acl, deny: undefined } });
  });

  it('lists with bounds and refuses other parameters', async () => {
    const list = (query: string) => call('GET', `/v1/sources/handbook/documents${query}`, { auth: writer });
    expect((await list('')).json).toEqual({ documents: [{ document: 'a' }], next: 'a' });
    expect(fixture.seen.listed.at(-1)).toEqual({ after: undefined, limit: 100 });
    expect((await list('?after=a%2Fb&limit=1000')).status).toBe(200);
    expect(fixture.seen.listed.at(-1)).toEqual({ after: 'a/b', limit: 1_000 });
    for (const query of ['?limit=0', '?limit=1001', '?limit=1e1', '?limit=', '?offset=1', '?limit=1&limit=2', '?after=']) {
      expect([query, (await list(query)).status]).toEqual([query, 400]);
    }
  });

  it('deletes a document', async () => {
    expect((await call('DELETE', '/v1/sources/handbook/documents/x%20y', { auth: owner })).status).toBe(204);
    expect(fixture.seen.deleted.at(-1)).toBe('x y');
  });
});

describe('who may knock', () => {
  const routes: readonly [string, string, readonly Scope[]][] = [
    ['POST', '/v1/retrieve', ['retrieve']],
    ['GET', '/v1/sources', ['sources', 'ingest']],
    ['GET', '/v1/sources/handbook', ['sources', 'ingest']],
    ['PUT', '/v1/sources/handbook', ['sources']],
    ['PATCH', '/v1/sources/handbook', ['sources']],
    ['DELETE', '/v1/sources/handbook', ['sources']],
    ['GET', '/v1/sources/handbook/documents', ['ingest', 'sources', 'retrieve']],
    ['POST', '/v1/sources/handbook/documents', ['ingest', 'sources']],
    ['PUT', '/v1/sources/handbook/documents/d', ['ingest', 'sources']],
    ['PATCH', '/v1/sources/handbook/documents/d', ['ingest', 'sources']],
    ['GET', '/v1/sources/handbook/documents/d', ['ingest', 'sources', 'retrieve']],
    ['DELETE', '/v1/sources/handbook/documents/d', ['ingest', 'sources']],
    ['GET', '/v1/requests/00000000-0000-4000-8000-000000000000', ['audit']],
  ];

  it.each(routes)('%s %s needs its scope and a token', async (method, path, allowed) => {
    const bare = await call(method, path);
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${fixture.at.url}/.well-known/oauth-protected-resource"`);
    expect(problemSchema.parse(bare.json)).toMatchObject({ code: 'missing_token' });
    const all = ['retrieve', 'ingest', 'sources', 'audit', 'admin'] as const;
    for (const scope of all.filter((name) => allowed.includes(name))) {
      expect([401, 403]).not.toContain((await call(method, path, { auth: token('ada', [scope]) })).status);
    }
    for (const scope of all.filter((name) => !allowed.includes(name))) {
      const { status, headers } = await call(method, path, { auth: token('ada', [scope]) });
      expect(status).toBe(403);
      expect(headers.get('www-authenticate')).toContain(`error="insufficient_scope", scope="${allowed[0]}"`);
    }
  });

  it('tells a bad token from none', async () => {
    const bad = await call('GET', '/v1/sources', { auth: 'bad.app.sources' });
    expect(bad.json).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(bad.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="[^"]+", error="invalid_token"$/);
    expect(bad.text).not.toContain('bad.app');
    for (const authorization of ['Bearer', 'Bearer ', 'Bearer a b', 'Bearer "x"', 'Bearer é', `Bearer ${'a'.repeat(17_000)}`]) {
      const answer = await call('GET', '/v1/sources', { headers: { authorization } });
      expect(answer.json).toMatchObject({ code: 'invalid_token' });
    }
    for (const authorization of ['Basic YTpi', 'Bearerx', 'Token x']) {
      expect((await call('GET', '/v1/sources', { headers: { authorization } })).json).toMatchObject({ code: 'missing_token' });
    }
    expect((await call('GET', '/v1/sources', { headers: { authorization: `bEARER ${owner}` } })).status).toBe(200);
  });

  it('does not take a token from the query', async () => {
    expect((await call('GET', `/v1/sources?access_token=${owner}`)).json).toMatchObject({ code: 'missing_token' });
    expect((await call('GET', `/v1/sources?access_token=${owner}`, { auth: owner })).status).toBe(400);
  });

  it('answers for unknown paths only to those with a token', async () => {
    for (const path of ['/v1', '/v1/', '/v1/nothing', '/v1/Sources', '/v1/sources/', '/v1/sources/handbook/documents/a/b']) {
      expect([path, (await call('GET', path)).status]).toEqual([path, 401]);
      expect((await call('GET', path, { auth: owner })).json).toMatchObject({ status: 404, code: 'not_found' });
    }
    expect((await call('GET', '/elsewhere')).json).toMatchObject({ status: 404 });
  });

  it('names the methods of a path that does not answer the one asked', async () => {
    expect((await call('PUT', '/v1/retrieve')).status).toBe(401);
    const answer = await call('PUT', '/v1/retrieve', { auth: reader });
    expect(answer.json).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(answer.headers.get('allow')).toBe('POST');
    expect((await call('OPTIONS', '/v1/sources', { auth: owner })).status).toBe(405);
    expect((await call('POST', '/healthz')).status).toBe(405);
  });
});

describe('existence', () => {
  it('answers the same bytes for what is hidden and what is missing, but for the request id', async () => {
    const blank = (answer: Awaited<ReturnType<typeof call>>) => answer.text.replaceAll(String(answer.json?.['requestId']), '');
    const headersOf = (answer: Awaited<ReturnType<typeof call>>) =>
      [...answer.headers].filter(([name]) => !['x-request-id', 'date', 'ratelimit'].includes(name));
    for (const suffix of ['', '/documents/d']) {
      const hidden = await call('GET', `/v1/sources/hidden${suffix}`, { auth: owner });
      const missing = await call('GET', `/v1/sources/absent${suffix}`, { auth: owner });
      expect(hidden.status).toBe(404);
      expect(blank(hidden)).toBe(blank(missing));
      expect(headersOf(hidden)).toEqual(headersOf(missing));
    }
    expect((await call('GET', '/v1/sources/handbook', { auth: owner })).status).toBe(200);
  });

  it('shows a trace to who may audit it, without its tenant', async () => {
    const id = '00000000-0000-4000-8000-000000000000';
    expect((await call('GET', `/v1/requests/${id}`, { auth: auditor })).json).toEqual({
      requestId: id,
      events: [{ kind: 'intent', at: '2026-01-01T00:00:00Z', index: 0, leaf: 'ab', body: { counts: 1 } }],
    });
    for (const other of ['10000000-0000-4000-8000-000000000000', 'x', "'%20or%201=1"]) {
      expect((await call('GET', `/v1/requests/${other}`, { auth: auditor })).json).toMatchObject({ code: 'not_found' });
    }
  });
});
