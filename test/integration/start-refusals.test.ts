import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import type { Principal } from '../../src/core/principal.ts';
import { createTenant } from '../../src/service/create-tenant.ts';
import { startService } from '../../src/service/start-service.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { httpProxy } from '../support/http-proxy.ts';
import { HANDBOOK } from '../support/marked-client.ts';
import { OPEN_POLICY } from '../support/marked-documents.ts';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import { AUDIENCE, clientOf, defaultConfig, writePolicies, type Client } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';

const KEY = 'a-key-that-a-stranger-lacks';
const directories: string[] = [];
let qdrant: TestQdrant;
let issuer: TestIssuer;

beforeAll(async () => {
  qdrant = await qdrantForTests();
  issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE });
});
afterAll(async () => {
  await issuer.stop();
  await qdrant.stop();
  for (const path of directories) await rm(path, { recursive: true, force: true, maxRetries: 5 });
});

interface Place {
  readonly config: Config;
  /** Starts, runs and stops the service; the log's lines from `warn` up are what it gives. Rejects where the start does. */
  start(change?: Partial<Config>, run?: (client: Client) => Promise<void>): Promise<readonly string[]>;
  write(file: string, text: string): Promise<void>;
}

/** A data directory with policy files, and a collection, for starts one after the other. */
async function place(policy = OPEN_POLICY): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-start-'));
  directories.push(dataDir);
  const policyDir = join(dataDir, 'policies');
  await writePolicies(policyDir, policy);
  const remote = { kind: 'remote' as const, url: qdrant.url, apiKey: qdrant.apiKey ?? '' };
  const config = { ...defaultConfig(dataDir, policyDir, issuer.config), qdrant: remote, collection: qdrant.freshCollection() };
  return {
    config,
    write: (file, text) => writeFile(join(policyDir, file), text),
    async start(change = {}, run = async () => undefined) {
      const logged: string[] = [];
      const telemetry = createTelemetry({ level: 'warn', destination: { write: (line) => void logged.push(line) } });
      const by = 'user:test|root' as Principal;
      const service = await startService(
        { ...config, ...change },
        {
          version: 'test',
          telemetry,
          async prepare({ stores: { catalog }, policy, files }) {
            if ((await catalog.tenants()).length > 0) return;
            await createTenant({ catalog, policy, files }, { tenant: 'acme', administrator: by }, { requestId: 'test', by, through: by });
          },
        },
      );
      const client = clientOf(service.url);
      try {
        await run(client);
      } finally {
        await client.close();
        await service.close(1_000);
      }
      return logged;
    },
  };
}

async function reads(client: Client): Promise<void> {
  const loader = await issuer.sign({ sub: 'loader', client_id: 'loader', groups: undefined });
  const source = { title: 'Handbook', owner: 'group:test|staff', level: 'internal', compartments: [], trust: 'trusted' };
  await client.call('PUT', HANDBOOK, loader, source);
  const body = { text: 'Sixteen weeks.', mediaType: 'text/plain', acl: { allow: ['everyone'] } };
  await client.call('PUT', `${HANDBOOK}/documents/leave`, loader, body);
  const answer = await client.call('POST', '/v1/retrieve', await issuer.sign({ sub: 'anna' }), { query: 'weeks', limit: 1 });
  expect(answer.text).toContain('Sixteen weeks.');
}

describe('the vector index', () => {
  it('that is too old is refused', async () => {
    const old = createServer((_request, response) => void response.end('{"title":"qdrant - vector search engine","version":"1.15.5"}'));
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(old.address() as AddressInfo).port}`;
    const { start } = await place();
    await expect(start({ qdrant: { kind: 'remote', url, apiKey: KEY } })).rejects.toThrow('Qdrant 1.15.5 is too old; use 1.16');
    old.closeAllConnections();
    old.close();
  });

  it('that answers without its key is refused, and one that asks for it is not', async () => {
    const generous = await httpProxy(qdrant.url, qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey });
    const { start } = await place();
    await expect(start({ qdrant: { kind: 'remote', url: generous.url, apiKey: KEY } })).rejects.toThrow(
      'Qdrant answers without the API key that is configured here',
    );
    await generous.close();
    expect(await start({}, reads)).toEqual([]);
  });

  it('that is not there is refused with the setting that names it', async () => {
    const { start } = await place();
    const gone = { kind: 'remote' as const, url: 'http://127.0.0.1:9', apiKey: KEY };
    await expect(start({ qdrant: gone })).rejects.toThrow('did not answer at its address (QDRANT_URL)');
  });
});

describe('embedding settings', () => {
  const dense = (model: string, dimension: number): Config['embedding'] => ({
    languages: ['en'],
    dense: { kind: 'caller', model, dimension },
  });

  it.each([
    { name: 'model', changed: dense('second', 4), says: /holds first with 4 dimensions, the configuration says second with 4/ },
    { name: 'dimension', changed: dense('first', 8), says: /holds first with 4 dimensions, the configuration says first with 8/ },
    { name: 'kind', changed: { languages: ['en'], dense: { kind: 'none' } } as const, says: /holds first with 4 dimensions, .* says none/ },
  ])('with another $name than the collection was made with are refused, and the former ones are not', async ({ changed, says }) => {
    const { start } = await place();
    await start({ embedding: dense('first', 4) });
    await expect(start({ embedding: changed })).rejects.toThrow(says);
    await start({ embedding: dense('first', 4) }, reads);
  });

  it('may say that a server computes the vectors that callers brought until now', async () => {
    const { start } = await place();
    await start({ embedding: dense('first', 4) });
    const remote = { kind: 'remote' as const, url: 'http://127.0.0.1:9', model: 'first', apiKey: undefined, dimension: 4 };
    await expect(start({ embedding: { languages: ['en'], dense: remote } })).resolves.toEqual([]);
  });

  it('are compared with the catalog, too: an index that was lost, or exchanged for another, is refused', async () => {
    const { start, config } = await place();
    await start({ embedding: dense('first', 4) });
    await drop(config.collection);
    await expect(start({ embedding: dense('first', 4) })).rejects.toThrow('it is not there, although documents were indexed in it');
    // Refused again: the first refusal left nothing behind that would pass for an index.
    await expect(start({ embedding: dense('first', 4) })).rejects.toThrow('it is not there');
    const other = await place();
    await other.start({ embedding: dense('second', 4), collection: config.collection });
    await expect(start({ embedding: dense('second', 4) })).rejects.toThrow(/in the catalog were indexed with .*"first"/);
    await drop(config.collection);
    await (await place()).start({ embedding: dense('first', 4), collection: config.collection });
    await expect(start({ embedding: dense('first', 4) })).resolves.toEqual([]);
  });

  async function drop(collection: string): Promise<void> {
    const headers = qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey };
    await fetch(`${qdrant.url}/collections/${collection}`, { method: 'DELETE', headers });
  }
});

describe('policy files', () => {
  const line = 'p, everyone, acme, *, retrieve, upto:internal, *, *';
  const bad = [
    { name: 'an unknown effect', csv: `${OPEN_POLICY}\n${line}, permit`, says: /line 5: the last column must be allow or deny/ },
    { name: 'no effect', csv: `${OPEN_POLICY}\n${line}`, says: /line 5: "p" takes 8 columns .* this line has 7/ },
    {
      name: 'an unknown level',
      csv: `${OPEN_POLICY}\n${line.replace('internal', 'secret')}, allow`,
      says: /line 5: the label of an allow line/,
    },
    {
      name: 'an unknown action',
      csv: `${OPEN_POLICY}\n${line.replace('retrieve', 'read')}, allow`,
      says: /line 5: the action must be one of/,
    },
    {
      name: 'a comment in a line',
      csv: `# fine\n${OPEN_POLICY}\n${line}, deny # for now`,
      says: /line 6: a comment must have a line of its own/,
    },
    {
      name: 'a role cycle',
      csv: `${OPEN_POLICY}\ng, role:a, role:b, acme\ng, role:b, role:a, acme`,
      says: /line [56]: this role is held, .* by itself/,
    },
    { name: 'no tenant in g', csv: `${OPEN_POLICY}\ng, group:test|hr, role:a`, says: /line 5: "g" takes 3 columns/ },
    {
      name: 'any tenant',
      csv: `${OPEN_POLICY}\n${line.replace('acme', '*')}, allow`,
      says: /line 5: the tenant must be one tenant by name/,
    },
  ];

  it.each(bad)('with $name stop the start where nothing is in force yet, naming the line', async ({ csv, says }) => {
    const { start } = await place(csv);
    await expect(start()).rejects.toThrow(says);
  });

  it('that are bad leave the active revision in force, with a warning, where there is one', async () => {
    const { start, write } = await place();
    expect(await start({}, reads)).toEqual([]);
    for (const { csv } of bad.slice(0, 2)) {
      await write('policy.csv', csv);
      const logged = await start({}, reads);
      expect(logged.join('')).toMatch(/"lines":"5".*policy\.csv cannot be published; the active revisions stay in force/);
    }
    await write('policy.csv', OPEN_POLICY);
    expect(await start({}, reads)).toEqual([]);
  });

  it('whose label scheme no longer holds what the active revision says stop the start, naming the line', async () => {
    const { start, write, config } = await place();
    await start({}, reads);
    const labels = await readFile(join(config.policyDir, 'labels.json'), 'utf8');
    await write('labels.json', labels.replace('"restricted"', '"secret"'));
    await expect(start()).rejects.toThrow(/the active policy revision \w+ of tenant acme does not fit labels.json:\n  line 1:/);
    await write('labels.json', labels);
    expect(await start({}, reads)).toEqual([]);
  });

  it.each([
    { name: 'labels.json', spoil: (text: string) => text.slice(1) },
    { name: 'model.conf', spoil: (text: string) => text.replace('!some', 'some') },
  ])('with a bad $name stop the start, whatever is in force', async ({ name, spoil }) => {
    const { start, write, config } = await place();
    await start({}, reads);
    const good = await readFile(join(config.policyDir, name), 'utf8');
    await write(name, spoil(good));
    await expect(start()).rejects.toThrow(name);
    await write(name, good);
    expect(await start({}, reads)).toEqual([]);
  });
});
