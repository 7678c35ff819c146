import type { IssuerConfig } from '../core/ports/identity.ts';
import type { Config, EmbeddingConfig } from './types.ts';

const MASK = '(set, not shown)';

/** A database URL without user, password and parameters, any of which may hold a secret. */
function place(text: string): string {
  const url = URL.parse(text);
  return url === null ? MASK : `${url.protocol}//${url.host}${url.pathname}`;
}

function dense({ dense }: EmbeddingConfig): string {
  switch (dense.kind) {
    case 'none':
      return 'none; BM25 alone';
    case 'caller':
      return `given by callers: ${dense.model}, dimension ${dense.dimension}`;
    case 'remote':
      return `${place(dense.url)}: ${dense.model}, dimension ${dense.dimension}, key ${dense.apiKey === undefined ? 'none' : MASK}`;
  }
}

function issuer({ name, url, tenants, audienceCheck, audiences, claims, directory, lookup, ...rest }: IssuerConfig): string {
  const tenant = tenants.kind === 'fixed' ? tenants.tenant : `claim ${tenants.claim}, one of ${tenants.allow.join(', ')}`;
  const audience = audienceCheck.kind === 'claim' ? audiences.join(', ') : `client ids ${audienceCheck.allow.join(', ')}`;
  const named = claims.groups.kind === 'none' ? 'none' : `claim ${claims.groups.claim}`;
  const left = lookup === undefined ? named : `${named}, looked up at ${place(lookup.url)} with secret ${MASK}`;
  const groups = directory?.kind === 'authoritative' ? 'the directory of Sluice' : left;
  return `${name}: ${url}; tenant ${tenant}; audience ${audience}; groups ${groups}${hygiene(rest)}`;
}

/** What departs from bearer tokens that are read here and end by themselves. */
function hygiene({ dpop, introspection, logout }: Pick<IssuerConfig, 'dpop' | 'introspection' | 'logout'>): string {
  const asked = introspection === undefined ? '' : `; opaque tokens are asked about as ${introspection.clientId}, secret ${MASK}`;
  const logouts = logout === undefined ? '' : `; logouts for ${logout.audiences.join(', ')}`;
  return `; DPoP ${dpop ?? 'accepted'}${asked}${logouts}`;
}

function qdrant({ qdrant }: Config): string {
  if (qdrant.kind === 'remote') return `${place(qdrant.url)}, key ${MASK}`;
  return `a local server that Sluice starts${qdrant.binary === undefined ? '' : `: ${qdrant.binary}`}`;
}

function indexed({ index: { shards, replicas, reconcileMinutes } }: Config): string {
  const made = `${shards ?? 'as many as nodes'} shards of ${replicas} ${replicas === 1 ? 'copy' : 'copies'} where it is made`;
  return `${made}; ${reconcileMinutes === 0 ? 'compared with the catalog when asked' : `compared with the catalog every ${reconcileMinutes} minutes`}`;
}

function checkpoints({ audit: { checkpointSeconds, outside } }: Config): string {
  const others = outside.map((place) => (place.kind === 'file' ? place.path : `${place.kind} ${new URL(place.url).host}`));
  return `every ${checkpointSeconds} seconds where the log grew; kept in the data directory${others.map((text) => `, ${text}`).join('')}`;
}

function qdrantDoor({ host, qdrantDoor: door }: Config): string {
  if (door.kind === 'off') return 'off';
  return `${host}:${door.port === 0 ? 'any free port' : door.port}${door.publicUrl === undefined ? '' : `, reached at ${place(door.publicUrl)}`}`;
}

function metrics({ metrics }: Config): string {
  switch (metrics.kind) {
    case 'none':
      return 'not served (SLUICE_METRICS_PORT or SLUICE_METRICS_TOKEN serves them)';
    case 'port':
      return `port ${metrics.port}`;
    case 'token':
      return `beside the API, token ${MASK}`;
  }
}

/** The configuration in words, one setting a line, secrets masked; for `sluice config check`. */
export function explainConfig(config: Config): string {
  const issuers = config.mode === 'development' ? ['the development issuer'] : config.issuers.map(issuer);
  const { bodyBytes, clientPerMinute, userPerMinute } = config.limits;
  const lines: readonly (readonly [string, string])[] = [
    ['mode', config.mode],
    ['listens on', `${config.host}:${config.port === 0 ? 'any free port' : config.port}`],
    ['public URL', config.publicUrl ?? 'where it listens'],
    ['metrics', metrics(config)],
    ['Qdrant door', qdrantDoor(config)],
    ['data', config.dataDir],
    ['policies', config.policyDir],
    ['signing keys', config.signingKeys],
    ['database', config.database.kind === 'sqlite' ? `SQLite ${config.database.path}` : `PostgreSQL ${place(config.database.url)}`],
    ['vectors', qdrant(config)],
    [
      'collection',
      `${config.collection}; for Qdrant clients the text is ${config.collectionPayload.textKey}, provenance ${config.collectionPayload.provenance}`,
    ],
    [
      'operators',
      config.operators.map(({ tenant, user }) => `${user} of ${tenant}`).join(', ') ||
        'none; everything is switched off on the machine alone',
    ],
    ['index', indexed(config)],
    ['checkpoints', checkpoints(config)],
    ['trusted proxies', config.trustedProxies?.join(', ') ?? 'none'],
    ...issuers.map((text) => ['issuer', text] as const),
    ['languages', config.embedding.languages.join(', ')],
    ['dense vectors', dense(config.embedding)],
    ['limits', `${bodyBytes} bytes a body; ${clientPerMinute} requests a minute a client, ${userPerMinute} a user`],
    ['log level', config.logLevel],
    ['lineage', config.lineage === undefined ? 'not told' : `${place(config.lineage.url)}, as ${config.lineage.namespace}`],
    ['traces', config.otlpEndpoint === undefined ? 'not exported' : place(config.otlpEndpoint)],
  ];
  return lines.map(([name, text]) => `${`${name}:`.padEnd(15)}${text}`).join('\n');
}
