import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { openDoorForTest as open, rawExchange, type Fixture } from './door.fixture.ts';

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, unknown>;
  readonly security: unknown[];
  readonly parameters: readonly {
    readonly name: string;
    readonly description?: string;
    readonly schema: { readonly description?: string };
  }[];
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

async function contract(at: Fixture['at']): Promise<OpenApi> {
  return (await (await fetch(`${at.url}/openapi.json`)).json()) as OpenApi;
}

/** Every route that Express would dispatch to, as the contract spells it. */
function routesOf({ door }: Fixture): string[] {
  const { stack } = door.app.router as unknown as { stack: { route?: { path: string; methods: Record<string, boolean> } }[] };
  return stack.flatMap(({ route }) =>
    route === undefined || route.methods['_all'] === true
      ? []
      : Object.keys(route.methods).map((method) => `${method} ${route.path.replaceAll(/[:*](\w+)/g, '{$1}')}`),
  );
}

describe('the contract', () => {
  it('names every route of the router and no other', async () => {
    const opened = await open({ config: { metrics: { kind: 'token', token: 'scrape' } } });
    const { paths, openapi } = await contract(opened.at);
    const documented = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
    expect(openapi).toBe('3.1.0');
    expect(documented.toSorted()).toEqual(routesOf(opened).toSorted());
    expect(documented).toContain('post /v1/sources/{source}/documents');
    expect(documented).toContain('get /metrics');
  });

  it('resolves every reference, repeats no operation, and gives every answer a description', async () => {
    const { at } = await open();
    const { paths, components } = await contract(at);
    const references = [...JSON.stringify({ paths, components }).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference ?? '');
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      expect(reference).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(components.schemas).toHaveProperty(reference.split('/').at(-1) ?? '');
    }
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { responses } of operations) {
      for (const response of Object.values(responses)) expect(response).toHaveProperty('description');
    }
  });

  it('says of each parameter and each shape of the evidence what it is', async () => {
    const { at } = await open();
    const { paths, components } = await contract(at);
    const ofEvidence = /^\/v1\/(?:audit|requests|replay-approvals|erasures|legal-holds)\b/;
    const operations = Object.entries(paths).flatMap(([path, methods]) => (ofEvidence.test(path) ? Object.values(methods) : []));
    expect(operations.length).toBeGreaterThan(20);
    const silent = operations.flatMap(({ operationId, parameters }) =>
      parameters.flatMap(({ name, description, schema }) =>
        (description ?? schema.description) === undefined ? [`${operationId} ${name}`] : [],
      ),
    );
    expect(silent).toEqual([]);
    const named = [...JSON.stringify(operations).matchAll(/schemas\/(\w+)"/g)].map(([, name = '']) => name);
    const before = ['RequestTrace', 'Problem'];
    expect(named.filter((name) => !before.includes(name) && components.schemas[name]?.['description'] === undefined)).toEqual([]);
  });

  it('asks for a token below /v1 and shows the strict shape of a request', async () => {
    const { at } = await open();
    const { paths, components } = await contract(at);
    for (const [path, methods] of Object.entries(paths)) {
      // The one who tells of a logout has no access token; the signature on the logout token stands for it.
      const open = !/^\/(?:v1|scim)\//.test(path) || path === '/v1/backchannel-logout';
      for (const { security } of Object.values(methods)) expect(security).toEqual(open ? [] : [{ bearer: [] }]);
    }
    expect(components.schemas['RetrieveRequest']).toMatchObject({
      type: 'object',
      additionalProperties: false,
      properties: {
        limit: { minimum: 1, maximum: 100, default: 8 },
        vector: { type: 'array', items: { type: 'number' }, maxItems: 8_192 },
      },
      examples: [{ limit: 8 }],
    });
    expect(components.schemas['DocumentBody']).toMatchObject({ additionalProperties: false, required: ['mediaType'] });
    expect(components.schemas).toHaveProperty('Problem');
  });
});

describe('the page', () => {
  it('loads everything it needs from here, with no script of its own inside', async () => {
    const { at } = await open();
    const page = await fetch(`${at.url}/docs`);
    const html = await page.text();
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| on\w+=|https?:/);
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(assets).toHaveLength(4);
    for (const path of assets) {
      const asset = await fetch(at.url + path);
      expect([path, asset.status]).toEqual([path, 200]);
      expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(50);
    }
    expect((await fetch(`${at.url}/docs/swagger-ui-bundle.js`)).headers.get('content-type')).toContain('javascript');
    expect(await (await fetch(`${at.url}/docs/start.js`)).text()).toContain("url: '/openapi.json'");
  });

  it('serves no other file', async () => {
    const { at } = await open();
    for (const name of [
      'package.json',
      'index.html',
      '..%2fpackage.json',
      '%2e%2e%2f%2e%2e%2fhelmet%2fpackage.json',
      'swagger-ui.css%00',
    ]) {
      expect([name, (await fetch(`${at.url}/docs/${name}`)).status]).toEqual([name, 404]);
    }
    expect((await fetch(`${at.url}/docs/swagger-ui.css`)).status).toBe(200);
  });
});

describe('probes', () => {
  it('says which part is not ready', async () => {
    const parts = [
      { part: 'catalog', ready: true },
      { part: 'index', ready: false, reason: 'does not answer' },
    ];
    const { at } = await open({ readiness: () => Promise.resolve(parts) });
    const answer = await fetch(`${at.url}/readyz`);
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, parts }]);
    expect((await fetch(`${at.url}/healthz`)).status).toBe(200);
  });

  it('is ready when every part is, and asks the parts once for many', async () => {
    let asked = 0;
    let answer = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { at } = await open({
      async readiness() {
        asked += 1;
        await gate;
        return [{ part: 'catalog', ready: true }];
      },
    });
    const all = Array.from({ length: 8 }, () => fetch(`${at.url}/readyz`));
    const alive = await fetch(`${at.url}/healthz`);
    expect(alive.status).toBe(200);
    answer();
    for (const response of await Promise.all(all)) expect(response.status).toBe(200);
    expect(asked).toBeLessThan(8);
  });

  it('a probe that fails tells nothing of how', async () => {
    const { at, log } = await open({ readiness: () => Promise.reject(new Error('postgres://user:pass@db')) });
    const answer = await fetch(`${at.url}/readyz`);
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).not.toContain('postgres');
    expect(JSON.stringify(log())).toContain('request failed');
  });
});

describe('metadata', () => {
  it('says where tokens come from (RFC 9728)', async () => {
    const { at } = await open({ config: { publicUrl: 'https://sluice.example/' } });
    const answer = await fetch(`${at.url}/.well-known/oauth-protected-resource`);
    expect(await answer.json()).toEqual({
      resource: 'https://sluice.example',
      authorization_servers: ['https://issuer.example'],
      scopes_supported: ['retrieve', 'ingest', 'sources', 'audit', 'admin'],
      bearer_methods_supported: ['header'],
      resource_documentation: 'https://sluice.example/docs',
    });
    const challenge = (await fetch(`${at.url}/v1/sources`)).headers.get('www-authenticate');
    expect(challenge).toBe('Bearer resource_metadata="https://sluice.example/.well-known/oauth-protected-resource"');
  });
});

describe('metrics', () => {
  it('are off', async () => {
    const { at } = await open();
    expect((await fetch(`${at.url}/metrics`)).status).toBe(404);
  });

  it('are for the bearer of the token', async () => {
    const { at, telemetry } = await open({ config: { metrics: { kind: 'token', token: 'scrape-me' } } });
    telemetry.count('releases', { outcome: 'released', requestId: 'never-a-label' });
    const scrape = (authorization?: string) =>
      fetch(`${at.url}/metrics`, authorization === undefined ? {} : { headers: { authorization } });
    expect((await scrape()).status).toBe(401);
    for (const wrong of ['scrape', 'scrape-me2', 'scrape-mE']) expect((await scrape(`Bearer ${wrong}`)).status).toBe(401);
    await fetch(`${at.url}/v1/sources/some-source`);
    // A request is counted once its answer is out.
    const counted = /sluice_http_request_duration_seconds_count\{route="\/v1\/sources\/\{source\}",method="GET",status="401"\} 1/;
    await expect.poll(async () => (await scrape('Bearer scrape-me')).text()).toMatch(counted);
    const right = await scrape('Bearer scrape-me');
    const text = await right.text();
    expect(right.status).toBe(200);
    expect(text).toContain('sluice_releases_total{outcome="released"} 1');
    expect(text).not.toMatch(/never-a-label|some-source/);
  });

  it('are on a port of their own, with nothing else', async () => {
    const { at } = await open({ config: { metrics: { kind: 'port', host: '127.0.0.1', port: 0 } } });
    const url = at.metricsUrl ?? '';
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace('/metrics', '/v1/sources'))).status).toBe(404);
    expect((await fetch(`${at.url}/metrics`)).status).toBe(404);
  });
});

describe('host names', () => {
  it('others than those named are misdirected', async () => {
    const { at } = await open({ config: { allowedHosts: ['127.0.0.1', 'localhost', '[::1]'] } });
    const ask = (host: string) => rawExchange(at.port, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    for (const host of ['127.0.0.1', `LocalHost:${at.port}`, '[::1]:80']) expect(await ask(host)).toMatch(/^HTTP\/1\.1 200 /);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '', '[::2]']) {
      expect(await ask(host)).toMatch(/^HTTP\/1\.1 421 [^]*"code":"misdirected"/);
    }
  });

  it('any will do where none are named', async () => {
    const { at } = await open();
    expect(await rawExchange(at.port, 'GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 200 /,
    );
  });
});

it('a service that cannot decide answers 503 with its code, and when to come back', async () => {
  const { at } = await open({
    retrieve: () => Promise.reject(new AppError('audit_unavailable', { retryAfter: 1.2, detail: 'disk full' })),
  });
  const answer = await fetch(`${at.url}/v1/retrieve`, {
    method: 'POST',
    body: '{"query":"a"}',
    headers: { authorization: 'Bearer ada.app.retrieve', 'content-type': 'application/json' },
  });
  const text = await answer.text();
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
  expect(text).toContain('"code":"audit_unavailable"');
  expect(text).not.toContain('disk full');
});
