import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { EndpointProvider } from '../../src/vectors/endpoint.ts';
import { startLocalQdrant } from '../../src/vectors/local-qdrant.ts';

export interface TestQdrant {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly endpoint: EndpointProvider;
  /** A name no other test uses. `stop` drops the collections that were made under these names. */
  freshCollection(): string;
  stop(): Promise<void>;
}

interface Server extends Omit<TestQdrant, 'freshCollection'> {
  drop(collection: string): Promise<void>;
}

async function drop(url: string, apiKey: string | undefined, collection: string): Promise<void> {
  const headers = apiKey === undefined ? {} : { 'api-key': apiKey };
  await fetch(`${url}/collections/${collection}`, { method: 'DELETE', headers });
}

async function start(): Promise<Server> {
  // The one setting tests have: a Qdrant that runs already, such as a container or a cluster.
  const url = process.env['QDRANT_TEST_URL'];
  if (url !== undefined && url !== '') {
    const apiKey = process.env['QDRANT_TEST_API_KEY'];
    return { url, apiKey, endpoint: () => ({ url, apiKey }), drop: (name) => drop(url, apiKey, name), stop: async () => {} };
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-qdrant-'));
  const remove = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  // Runs after the hook that ends the server, which was there first only once it has started.
  const server = await startLocalQdrant({ dataDir, log: silentTelemetry.log, graceMs: 2_000 });
  process.once('exit', remove);
  return {
    url: server.url,
    apiKey: server.apiKey,
    endpoint: server.endpoint,
    // The directory goes as a whole.
    drop: async () => {},
    async stop() {
      await server.stop();
      process.off('exit', remove);
      remove();
    },
  };
}

let shared: Promise<TestQdrant> | undefined;

/** The real Qdrant, one for all tests of a file. Call `stop` in `afterAll`. */
export function qdrantForTests(): Promise<TestQdrant> {
  shared ??= start().then((server) => {
    const collections: string[] = [];
    return {
      ...server,
      freshCollection() {
        const name = `test-${randomUUID()}`;
        collections.push(name);
        return name;
      },
      async stop() {
        shared = undefined;
        for (const name of collections) await server.drop(name);
        await server.stop();
      },
    };
  });
  return shared;
}
