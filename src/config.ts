import { join, resolve } from 'node:path';
import { ConfigError, type ConfigProblem } from './config/config-error.ts';
import { developmentProblems, embeddingProblems, lineageProblems, qdrantDoorPort, serverProblems } from './config/combinations.ts';
import { type ConfigFile, emptyFile, parseFile } from './config/file.ts';
import { introspectionProblems, issuerProblems, oidcProblems, toIssuers } from './config/issuers.ts';
import { readLookupSecrets, type LookupSecrets } from './config/lookups.ts';
import type { ClientConfig, Config, EmbeddingConfig, MetricsConfig } from './config/types.ts';
import { type Environment, type Variables, readVariables } from './config/variables.ts';

export type { ClientConfig, Config } from './config/types.ts';
export type { Environment } from './config/variables.ts';
export { ConfigError } from './config/config-error.ts';
export { explainConfig } from './config/explain.ts';

const PACKAGE_ROOT = resolve(import.meta.dirname, '..');

export interface LoadOptions {
  /** Run with the development issuer: loopback only, everything embedded. */
  readonly development?: boolean;
}

/** The process's own environment. The one place that reads it. */
export function processEnvironment(): Environment {
  return process.env;
}

function readConfigFile(path: string | undefined, readFile: (path: string) => string): ReturnType<typeof parseFile> {
  if (path === undefined) return { file: emptyFile(), problems: [] };
  try {
    return parseFile(readFile(resolve(path)));
  } catch {
    return {
      file: emptyFile(),
      problems: [{ key: 'SLUICE_CONFIG', message: 'names a file that cannot be read; mend the path or unset it' }],
    };
  }
}

function metricsOf(values: Variables): MetricsConfig {
  if (values.SLUICE_METRICS_TOKEN !== undefined) return { kind: 'token', token: values.SLUICE_METRICS_TOKEN };
  return values.SLUICE_METRICS_PORT === undefined ? { kind: 'none' } : { kind: 'port', port: values.SLUICE_METRICS_PORT };
}

function qdrantDoorOf(values: Variables): Config['qdrantDoor'] {
  const port = qdrantDoorPort(values);
  return port === 'off' ? { kind: 'off' } : { kind: 'port', port, publicUrl: values.SLUICE_QDRANT_DOOR_URL?.replace(/\/+$/, '') };
}

function denseOf(values: Variables, { embedding: { dense } }: ConfigFile): EmbeddingConfig['dense'] {
  const { EMBEDDING_URL: url, EMBEDDING_MODEL: model, EMBEDDING_API_KEY: apiKey, SLUICE_EMBEDDING_DIMENSION: dimension } = values;
  if (url !== undefined && model !== undefined && dimension !== undefined) return { kind: 'remote', url, model, apiKey, dimension };
  if (dense === undefined) return { kind: 'none' };
  return dense.kind === 'caller' ? dense : { ...dense, apiKey };
}

function auditOf(values: Variables, { audit: { checkpointSeconds, outside } }: ConfigFile): Config['audit'] {
  return {
    checkpointSeconds,
    outside: outside.map((place) => {
      if (place.kind === 'file') return { ...place, path: resolve(place.path) };
      return place.kind === 'http' ? { ...place, token: values.SLUICE_CHECKPOINT_TOKEN } : place;
    }),
  };
}

function build(values: Variables, file: ConfigFile, development: boolean, secrets: LookupSecrets = new Map()): Config {
  const dataDir = resolve(values.SLUICE_DATA_DIR ?? 'data');
  const { DATABASE_URL: database, QDRANT_URL: qdrant, SLUICE_QDRANT_BINARY: binary } = values;
  return {
    mode: development ? 'development' : 'production',
    host: values.SLUICE_HOST ?? '127.0.0.1',
    port: values.SLUICE_PORT ?? 8080,
    publicUrl: values.SLUICE_PUBLIC_URL?.replace(/\/+$/, ''),
    metrics: metricsOf(values),
    qdrantDoor: qdrantDoorOf(values),
    dataDir,
    policyDir: resolve(values.SLUICE_POLICY_DIR ?? join(PACKAGE_ROOT, 'policies')),
    signingKeys: resolve(values.SLUICE_SIGNING_KEYS ?? join(dataDir, 'signing-keys.json')),
    database: database === undefined ? { kind: 'sqlite', path: join(dataDir, 'sluice.sqlite') } : { kind: 'postgres', url: database },
    qdrant:
      qdrant === undefined
        ? { kind: 'local', binary: binary === undefined ? undefined : resolve(binary) }
        : { kind: 'remote', url: qdrant.replace(/\/+$/, ''), apiKey: values.QDRANT_API_KEY ?? '' },
    collection: values.SLUICE_COLLECTION ?? 'sluice',
    collectionPayload: file.collection,
    issuers: toIssuers(values, file.issuers, secrets),
    embedding: { languages: file.embedding.languages, dense: denseOf(values, file) },
    logLevel: values.LOG_LEVEL ?? 'info',
    otlpEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    ...(file.lineage === undefined ? {} : { lineage: { ...file.lineage, token: values.SLUICE_LINEAGE_TOKEN } }),
    limits: file.limits,
    operators: file.operators,
    index: { shards: file.index.shards, replicas: file.index.replicas, reconcileMinutes: file.index.reconcileMinutes },
    audit: auditOf(values, file),
    trustedProxies: file.trustedProxies,
  };
}

/**
 * Checks and combines the environment and the SLUICE_CONFIG file. `readFile` gives a file's text or throws.
 * Throws a ConfigError with every problem, each naming its key and what to set, none quoting a value.
 */
export function loadConfig(env: Environment, readFile: (path: string) => string, options: LoadOptions = {}): Config {
  const development = options.development ?? false;
  const { values, problems: ofVariables } = readVariables(env);
  // A variable with a problem was still given; to ask for it again would mislead.
  const given: ReadonlySet<string> = new Set(Object.keys(env).filter((key) => (env[key] ?? '') !== ''));
  const { file, problems: ofFile } = readConfigFile(values.SLUICE_CONFIG, readFile);
  const { secrets, problems: ofSecrets } = readLookupSecrets(file.issuers, values, (path) => readFile(resolve(path)));
  const problems: readonly ConfigProblem[] = [
    ...ofVariables,
    ...ofFile,
    ...ofSecrets,
    ...serverProblems(values, given),
    ...embeddingProblems(file, given),
    ...lineageProblems(file, given),
    ...(development ? developmentProblems(values, file, given) : [...oidcProblems(values, given), ...issuerProblems(file.issuers, values)]),
    ...introspectionProblems(file.issuers, values, given),
  ];
  // Said only where nothing else is wrong with issuers, or it would send the reader the wrong way.
  const silent = !given.has('OIDC_ISSUER') && file.issuers.length === 0 && ofFile.length === 0;
  if (!development && silent) throw new ConfigError([...problems, NO_ISSUER]);
  if (problems.length > 0) throw new ConfigError(problems);
  return build(values, file, development, secrets);
}

const NO_ISSUER: ConfigProblem = {
  key: 'OIDC_ISSUER',
  message:
    "set OIDC_ISSUER to your OpenID provider's issuer URL, OIDC_AUDIENCE to the audience of its tokens for Sluice and SLUICE_TENANT to " +
    'their tenant, or write issuers into SLUICE_CONFIG; to try Sluice without a provider, run "npm run dev"',
};

/** What commands on the machine need of the database and the policy files; they need no issuer. Throws a ConfigError. */
export function loadLocalConfig(env: Environment): Pick<Config, 'dataDir' | 'policyDir' | 'database' | 'signingKeys'> {
  const { values, problems } = readVariables(env);
  if (problems.length > 0) throw new ConfigError(problems);
  const { dataDir, policyDir, database, signingKeys } = build(values, emptyFile(), false);
  return { dataDir, policyDir, database, signingKeys };
}

/** For commands that are clients of a running service. Throws a ConfigError like loadConfig. */
export function loadClientConfig(env: Environment): ClientConfig {
  const { values, problems } = readVariables(env);
  const mine = problems.filter(({ key }) => key === 'SLUICE_URL' || key === 'SLUICE_TOKEN' || key.startsWith('SLUICE_'));
  if (mine.length > 0) throw new ConfigError(mine);
  return { url: (values.SLUICE_URL ?? 'http://127.0.0.1:8080').replace(/\/+$/, ''), token: values.SLUICE_TOKEN };
}
