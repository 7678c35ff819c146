import type { ConfigProblem } from './config-error.ts';
import type { ConfigFile } from './file.ts';
import { isLoopbackHost } from '../core/urls.ts';
import type { Variables } from './variables.ts';

type Rule = readonly [broken: boolean, key: string, message: string];

const broken = (rules: readonly Rule[]): readonly ConfigProblem[] =>
  rules.flatMap(([holds, key, message]) => (holds ? [{ key, message }] : []));

const QDRANT_DOOR_PORT = 6363;

/** Whoever leaves the port of the service open wants no fixed one beside it. */
export function qdrantDoorPort({ SLUICE_QDRANT_DOOR_PORT: door, SLUICE_PORT: port }: Variables): number | 'off' {
  return door ?? (port === 0 ? 0 : QDRANT_DOOR_PORT);
}

/** Settings of the service that exclude or need one another. `given` are the names that were set, well or badly. */
export function serverProblems(values: Variables, given: ReadonlySet<string>): readonly ConfigProblem[] {
  const has = (key: string) => given.has(key);
  const port = values.SLUICE_PORT ?? 8080;
  const door = qdrantDoorPort(values);
  return broken([
    [door === port && port !== 0, 'SLUICE_QDRANT_DOOR_PORT', 'needs a port other than SLUICE_PORT, or off'],
    [
      door !== 'off' && door !== 0 && door === values.SLUICE_METRICS_PORT,
      'SLUICE_METRICS_PORT',
      'needs a port other than SLUICE_QDRANT_DOOR_PORT',
    ],
    [
      door === 'off' && has('SLUICE_QDRANT_DOOR_URL'),
      'SLUICE_QDRANT_DOOR_URL',
      'belongs to the door that SLUICE_QDRANT_DOOR_PORT switches off',
    ],
    [has('SLUICE_METRICS_PORT') && has('SLUICE_METRICS_TOKEN'), 'SLUICE_METRICS_PORT', 'set either this or SLUICE_METRICS_TOKEN'],
    [values.SLUICE_METRICS_PORT === port && port !== 0, 'SLUICE_METRICS_PORT', 'needs a port other than SLUICE_PORT'],
    [
      has('QDRANT_URL') && !has('QDRANT_API_KEY'),
      'QDRANT_API_KEY',
      'set the key of QDRANT_URL; a server that answers without one is refused',
    ],
    [has('QDRANT_API_KEY') && !has('QDRANT_URL'), 'QDRANT_API_KEY', 'belongs to QDRANT_URL; the local server gets a random key of its own'],
    [has('SLUICE_QDRANT_BINARY') && has('QDRANT_URL'), 'SLUICE_QDRANT_BINARY', 'set either this or QDRANT_URL'],
  ]);
}

/** A token without an address would be taken for one that is in use. */
export function lineageProblems({ lineage }: ConfigFile, given: ReadonlySet<string>): readonly ConfigProblem[] {
  const alone = given.has('SLUICE_LINEAGE_TOKEN') && lineage === undefined;
  return broken([[alone, 'SLUICE_LINEAGE_TOKEN', 'belongs to lineage.url in SLUICE_CONFIG; set that too, or unset this']]);
}

const EMBEDDING = ['EMBEDDING_URL', 'EMBEDDING_MODEL', 'SLUICE_EMBEDDING_DIMENSION'];

/** Dense vectors are described whole and in one place, or not at all. */
export function embeddingProblems(file: ConfigFile, given: ReadonlySet<string>): readonly ConfigProblem[] {
  const { dense } = file.embedding;
  const some = EMBEDDING.filter((key) => given.has(key));
  const missing = some.length === 0 ? [] : EMBEDDING.filter((key) => !given.has(key));
  const remote = dense?.kind === 'remote' || given.has('EMBEDDING_URL');
  return broken([
    ...missing.map((key): Rule => [true, key, `set it too; dense vectors need ${EMBEDDING.join(', ')}`]),
    [dense !== undefined && some.length > 0, some[0] ?? '', 'set dense vectors either here or under embedding.dense in SLUICE_CONFIG'],
    [given.has('EMBEDDING_API_KEY') && !remote, 'EMBEDDING_API_KEY', 'belongs to EMBEDDING_URL; set that too, or unset this'],
  ]);
}

/** The development issuer gives a token to whoever asks, so nothing may reach it but this machine, and nothing real may be behind it. */
export function developmentProblems(values: Variables, file: ConfigFile, given: ReadonlySet<string>): readonly ConfigProblem[] {
  const refused = [
    'DATABASE_URL',
    'QDRANT_URL',
    'SLUICE_PUBLIC_URL',
    'SLUICE_QDRANT_DOOR_URL',
    'OIDC_ISSUER',
    'OIDC_AUDIENCE',
    'SLUICE_TENANT',
  ];
  const host = values.SLUICE_HOST ?? '127.0.0.1';
  return broken([
    ...refused.map((key): Rule => [given.has(key), key, 'cannot be used in development mode; unset it, or run "npm start"']),
    [!isLoopbackHost(host), 'SLUICE_HOST', 'development mode listens on loopback only; unset it, or run "npm start"'],
    [file.issuers.length > 0, 'SLUICE_CONFIG issuers', 'cannot be used in development mode; take them out, or run "npm start"'],
  ]);
}
