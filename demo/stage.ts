import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Config } from '../src/config.ts';
import { createApiClient, type ApiClient } from '../src/doors/cli/api-client.ts';
import { CommandFailure } from '../src/doors/cli/failure.ts';
import { syncSource, type SyncReport } from '../src/doors/cli/sync-source.ts';
import { startDevelopment, type Development } from '../src/service/development.ts';
import { openTree } from '../src/service/open-tree.ts';
import { createTelemetry } from '../src/telemetry/telemetry.ts';

const ROOT = join(import.meta.dirname, '..');
const COMPANY = join(ROOT, 'demo/company');
const POLICIES = join(ROOT, 'policies');
const WEB = 'https://acme-tidal.example/';

export type Application = 'internal-assistant' | 'customer-assistant' | 'connector';

/** The example company, running: everything of Sluice in one temporary directory, reached over HTTP alone. */
export interface Stage {
  readonly config: Config;
  readonly development: Development;
  /** Every document that was ingested, as `source/document`. */
  readonly documents: ReadonlySet<string>;
  readonly sources: number;
  /** A client with a token of that person through that application; of the application alone where nobody is named. */
  as(person: string | undefined, application?: Application): Promise<ApiClient>;
  close(): Promise<void>;
}

const sourcesFile = z.strictObject({ sources: z.array(z.looseObject({ source: z.string() })) });

/** Starts it and ingests the company. `ingested` is told of each source. */
export async function setStage(version: string, ingested: (report: SyncReport) => void): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  let development: Development | undefined;
  const clients = new Map<string, Promise<ApiClient>>();
  try {
    const config = configIn(directory);
    // Only what goes wrong: the demo's own output is for people.
    const telemetry = createTelemetry({ level: 'error', destination: process.stderr });
    const started = (development = await startDevelopment(config, { telemetry, version }));
    const as: Stage['as'] = (person, application = 'internal-assistant') => {
      const key = `${person ?? ''} ${application}`;
      const known =
        clients.get(key) ?? started.issuer.token(person, application).then((token) => createApiClient({ url: started.url, token }));
      clients.set(key, known);
      return known;
    };
    const { sources } = sourcesFile.parse(parse(await readFile(join(COMPANY, 'sources.yaml'), 'utf8')));
    const documents = new Set<string>();
    for (const { source, ...body } of sources) await (await as('olga')).call('PUT', `/v1/sources/${source}`, body);
    for (const { source } of sources) ingested(await ingest(await as(undefined, 'connector'), source, documents));
    return {
      config,
      development: started,
      documents,
      sources: sources.length,
      as,
      async close() {
        for (const client of clients.values()) await (await client).close();
        await started.close(2_000);
        await remove();
      },
    };
  } catch (error) {
    await development?.close(0);
    await remove();
    throw error;
  }
}

async function ingest(client: ApiClient, source: string, documents: Set<string>): Promise<SyncReport> {
  const { connector } = await openTree(POLICIES, join(COMPANY, source), { allowEmpty: false, uriBase: `${WEB}${source}/` });
  const report = await syncSource(client, source, connector);
  const [wrong] = [...report.problems.map(({ document, message }) => `${document}: ${message}`), ...report.failed.map(failure)];
  if (wrong !== undefined) throw new CommandFailure(`the example company could not be ingested: ${source}: ${wrong}`);
  for await (const step of connector([])) if (step.kind === 'put') documents.add(`${source}/${step.document.document}`);
  return report;
}

function failure({ document, code, detail }: SyncReport['failed'][number]): string {
  return `${document}: ${code}: ${detail}`;
}

function configIn(directory: string): Config {
  return {
    mode: 'development',
    host: '127.0.0.1',
    port: 0,
    publicUrl: undefined,
    metrics: { kind: 'none' },
    qdrantDoor: { kind: 'port', port: 0, publicUrl: undefined },
    dataDir: directory,
    policyDir: POLICIES,
    signingKeys: join(directory, 'signing-keys.json'),
    database: { kind: 'sqlite', path: join(directory, 'sluice.sqlite') },
    qdrant: { kind: 'local', binary: undefined },
    collection: 'demo',
    collectionPayload: { textKey: 'content', provenance: 'payload' },
    issuers: [],
    embedding: { languages: ['en'], dense: { kind: 'none' } },
    logLevel: 'error',
    otlpEndpoint: undefined,
    index: { shards: undefined, replicas: 1, reconcileMinutes: 0 },
    audit: { checkpointSeconds: 60, outside: [] },
    trustedProxies: undefined,
    operators: [],
    limits: { bodyBytes: 16_777_216, clientPerMinute: 60_000, userPerMinute: 60_000 },
  };
}
