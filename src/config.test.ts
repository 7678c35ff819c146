import { describe, expect, test } from 'vitest';
import { ConfigError, explainConfig, loadClientConfig, loadConfig } from './config.ts';

const OIDC = { OIDC_ISSUER: 'https://id.example.com', OIDC_AUDIENCE: 'sluice', SLUICE_TENANT: 'acme' };
const noFile = (): string => {
  throw new Error('there is no file');
};
const load = (env: Record<string, string>, yaml?: string) =>
  loadConfig(yaml === undefined ? env : { ...env, SLUICE_CONFIG: 'sluice.yaml' }, yaml === undefined ? noFile : () => yaml);

/** `KEY: message` of every problem; empty where it loads. */
function problems(env: Record<string, string>, yaml?: string, development = false): readonly string[] {
  try {
    loadConfig(yaml === undefined ? env : { ...env, SLUICE_CONFIG: 'sluice.yaml' }, yaml === undefined ? noFile : () => yaml, {
      development,
    });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ key, message }) => `${key}: ${message}`);
  }
}

test('an issuer is all that is needed; everything else is embedded and on loopback', () => {
  const config = load(OIDC);
  expect(config).toMatchObject({
    mode: 'production',
    host: '127.0.0.1',
    port: 8080,
    publicUrl: undefined,
    metrics: { kind: 'none' },
    qdrant: { kind: 'local', binary: undefined },
    collection: 'sluice',
    embedding: { languages: ['en'], dense: { kind: 'none' } },
    logLevel: 'info',
    otlpEndpoint: undefined,
  });
  expect(config.dataDir).toBe(`${process.cwd()}/data`);
  expect(config.database).toEqual({ kind: 'sqlite', path: `${config.dataDir}/sluice.sqlite` });
  expect(config.policyDir).toMatch(/^\/.*\/policies$/);
});

test('OIDC_ISSUER stands for one issuer that keeps RFC 9068', () => {
  expect(load({ ...OIDC, OIDC_AUDIENCE: 'sluice https://sluice.example.com' }).issuers).toEqual([
    {
      name: 'oidc',
      url: 'https://id.example.com',
      audiences: ['sluice', 'https://sluice.example.com'],
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      types: ['at+jwt'],
      audienceCheck: { kind: 'claim' },
      tenants: { kind: 'fixed', tenant: 'acme' },
      claims: {
        client: 'client_id',
        groups: { kind: 'claim', claim: 'groups' },
        guest: { kind: 'none' },
        scope: 'scope',
        scopePrefix: '',
      },
      clockSkewSeconds: 30,
      requiredClaims: ['aud', 'sub', 'client_id', 'iat', 'jti'],
      maxTokenAgeSeconds: 86_400,
      dpop: 'accepted',
    },
  ]);
});

test('every variable arrives', () => {
  const config = load({
    ...OIDC,
    SLUICE_HOST: '0.0.0.0',
    SLUICE_PORT: '9000',
    SLUICE_PUBLIC_URL: 'https://sluice.example.com/',
    SLUICE_METRICS_PORT: '9001',
    SLUICE_DATA_DIR: '/srv/sluice',
    SLUICE_POLICY_DIR: '/etc/sluice/policies',
    SLUICE_COLLECTION: 'other',
    DATABASE_URL: 'postgres://u:p@db/sluice',
    QDRANT_URL: 'http://qdrant:6333/',
    QDRANT_API_KEY: 'k',
    EMBEDDING_URL: 'http://models:8000/v1',
    EMBEDDING_MODEL: 'm',
    EMBEDDING_API_KEY: 'e',
    SLUICE_EMBEDDING_DIMENSION: '384',
    LOG_LEVEL: 'warn',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318',
  });
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 9000,
    publicUrl: 'https://sluice.example.com',
    metrics: { kind: 'port', port: 9001 },
    dataDir: '/srv/sluice',
    policyDir: '/etc/sluice/policies',
    collection: 'other',
    database: { kind: 'postgres', url: 'postgres://u:p@db/sluice' },
    qdrant: { kind: 'remote', url: 'http://qdrant:6333', apiKey: 'k' },
    embedding: { dense: { kind: 'remote', url: 'http://models:8000/v1', model: 'm', apiKey: 'e', dimension: 384 } },
    logLevel: 'warn',
    otlpEndpoint: 'http://otel:4318',
  });
  expect(load({ ...OIDC, SLUICE_QDRANT_BINARY: '/opt/qdrant' }).qdrant).toEqual({ kind: 'local', binary: '/opt/qdrant' });
  expect(load({ ...OIDC, SLUICE_METRICS_TOKEN: 'a'.repeat(16) }).metrics).toEqual({ kind: 'token', token: 'a'.repeat(16) });
});

test('the Qdrant-compatible door has a port of its own unless it is switched off', () => {
  const door = (env: Record<string, string>) => load({ ...OIDC, ...env }).qdrantDoor;
  expect(door({})).toEqual({ kind: 'port', port: 6363, publicUrl: undefined });
  expect(door({ SLUICE_QDRANT_DOOR_PORT: '7000', SLUICE_QDRANT_DOOR_URL: 'https://door.example.com/' })).toEqual({
    kind: 'port',
    port: 7000,
    publicUrl: 'https://door.example.com',
  });
  expect(door({ SLUICE_PORT: '0' })).toMatchObject({ port: 0 });
  expect(door({ SLUICE_PORT: '6363', SLUICE_QDRANT_DOOR_PORT: 'off', SLUICE_METRICS_PORT: '6364' })).toEqual({ kind: 'off' });
  expect(door({ SLUICE_PORT: '0', SLUICE_QDRANT_DOOR_PORT: '0' })).toMatchObject({ port: 0 });
  expect(explainConfig(load({ ...OIDC, SLUICE_QDRANT_DOOR_PORT: 'off' }))).toMatch(/Qdrant door: +off/);
});

describe('a bad variable is named', () => {
  test.each([
    [{ SLUICE_PORT: '99999' }, 'SLUICE_PORT: needs a port'],
    [{ SLUICE_PORT: '80a' }, 'SLUICE_PORT: needs a port'],
    [{ SLUICE_HOST: 'a b' }, 'SLUICE_HOST: needs a host'],
    [{ SLUICE_PUBLIC_URL: 'http://sluice.example.com' }, 'SLUICE_PUBLIC_URL: needs an https URL'],
    [{ SLUICE_PUBLIC_URL: 'https://u:p@sluice.example.com' }, 'SLUICE_PUBLIC_URL: needs an https URL'],
    [{ SLUICE_PUBLIC_URL: 'https://sluice.example.com/?a=b' }, 'SLUICE_PUBLIC_URL: needs a URL without a query'],
    [{ SLUICE_METRICS_TOKEN: 'short' }, 'SLUICE_METRICS_TOKEN: needs at least 16'],
    [{ SLUICE_METRICS_TOKEN: 'a'.repeat(16), SLUICE_METRICS_PORT: '1' }, 'SLUICE_METRICS_PORT: set either'],
    [{ SLUICE_METRICS_PORT: '8080' }, 'SLUICE_METRICS_PORT: needs a port other'],
    [{ SLUICE_COLLECTION: '../x' }, 'SLUICE_COLLECTION: needs letters'],
    [{ DATABASE_URL: 'mysql://db' }, 'DATABASE_URL: needs a URL that begins with postgres://'],
    [{ QDRANT_URL: 'ftp://q', QDRANT_API_KEY: 'k' }, 'QDRANT_URL: needs an http or https URL'],
    [{ QDRANT_URL: 'http://q:6333' }, 'QDRANT_API_KEY: set the key'],
    [{ QDRANT_API_KEY: 'k' }, 'QDRANT_API_KEY: belongs to QDRANT_URL'],
    [{ QDRANT_URL: 'http://q', QDRANT_API_KEY: 'k', SLUICE_QDRANT_BINARY: '/q' }, 'SLUICE_QDRANT_BINARY: set either'],
    [{ EMBEDDING_URL: 'http://m', SLUICE_EMBEDDING_DIMENSION: '3' }, 'EMBEDDING_MODEL: set it too'],
    [{ EMBEDDING_URL: 'http://m', EMBEDDING_MODEL: 'm' }, 'SLUICE_EMBEDDING_DIMENSION: set it too'],
    [{ EMBEDDING_MODEL: 'm', SLUICE_EMBEDDING_DIMENSION: '3' }, 'EMBEDDING_URL: set it too'],
    [{ EMBEDDING_API_KEY: 'k' }, 'EMBEDDING_API_KEY: belongs to EMBEDDING_URL'],
    [
      { EMBEDDING_URL: 'http://m', EMBEDDING_MODEL: 'm', SLUICE_EMBEDDING_DIMENSION: '0' },
      'SLUICE_EMBEDDING_DIMENSION: needs a whole number',
    ],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL: needs one of'],
    [{ SLUICE_TENANT: 'Acme *' }, 'SLUICE_TENANT: needs lower-case'],
    [{ OIDC_ISSUER: 'http://id.example.com' }, 'OIDC_ISSUER: needs https'],
    [{ OIDC_ISSUER: 'http://id.localhost' }, 'OIDC_ISSUER: needs https'],
    [{ OIDC_ISSUER: 'https://id.example.com/.well-known/openid-configuration' }, "OIDC_ISSUER: needs the issuer's identifier"],
    [{ OIDC_ISSUER: 'id.example.com' }, 'OIDC_ISSUER: needs an https URL'],
    [{ OIDC_AUDIENCE: '  ' }, 'OIDC_AUDIENCE: set the audience'],
    [{ SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER: 'yes' }, 'SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER: needs true'],
    [{ SLUICE_QDRANT_DOOR_PORT: 'no' }, 'SLUICE_QDRANT_DOOR_PORT: needs a port, 0 to 65535, or off'],
    [{ SLUICE_QDRANT_DOOR_PORT: '8080' }, 'SLUICE_QDRANT_DOOR_PORT: needs a port other than SLUICE_PORT'],
    [{ SLUICE_PORT: '6363' }, 'SLUICE_QDRANT_DOOR_PORT: needs a port other than SLUICE_PORT'],
    [{ SLUICE_METRICS_PORT: '6363' }, 'SLUICE_METRICS_PORT: needs a port other than SLUICE_QDRANT_DOOR_PORT'],
    [{ SLUICE_QDRANT_DOOR_URL: 'http://door.example.com' }, 'SLUICE_QDRANT_DOOR_URL: needs an https URL'],
    [
      { SLUICE_QDRANT_DOOR_PORT: 'off', SLUICE_QDRANT_DOOR_URL: 'https://door.example.com' },
      'SLUICE_QDRANT_DOOR_URL: belongs to the door that SLUICE_QDRANT_DOOR_PORT switches off',
    ],
    [{ EMBEDDING_DIR: '/models' }, 'EMBEDDING_DIR: has no effect in this version'],
    [{ SLUICE_CONFIG: '/nowhere.yaml' }, 'SLUICE_CONFIG: names a file that cannot be read'],
    [{ SLUICE_POTR: '1' }, 'SLUICE_POTR: is not a setting; did you mean SLUICE_PORT?'],
    [{ SLUICE_SOMETHING_ELSE: '1' }, 'SLUICE_SOMETHING_ELSE: is not a setting'],
  ])('%j', (env, problem) => {
    const found = problems({ ...OIDC, ...env });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(problem);
  });

  test('all at once', () => {
    const found = problems({ ...OIDC, SLUICE_PORT: 'x', LOG_LEVEL: 'x', QDRANT_API_KEY: 'k', SLUICE_X: '1' });
    expect(found.map((line) => line.split(':')[0] ?? '').toSorted((a, b) => a.localeCompare(b))).toEqual([
      'LOG_LEVEL',
      'QDRANT_API_KEY',
      'SLUICE_PORT',
      'SLUICE_X',
    ]);
  });

  test('an empty variable is an unset one, and names of others are none of our business', () => {
    expect(problems({ ...OIDC, DATABASE_URL: '', QDRANT_API_KEY: '', PATH: '/bin', EMBEDDING: 'x' })).toEqual([]);
  });
});

test('plain http to an issuer is for loopback, or asked for by its dangerous name', () => {
  expect(load({ ...OIDC, OIDC_ISSUER: 'http://127.0.0.1:9' }).issuers[0]).not.toHaveProperty('plainHttp');
  const far = { ...OIDC, OIDC_ISSUER: 'http://id.internal', SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER: 'true' };
  expect(load(far).issuers[0]).toMatchObject({ url: 'http://id.internal', plainHttp: true });
  expect(load({ ...OIDC, SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER: 'true' }).issuers[0]).not.toHaveProperty('plainHttp');
});

describe('without an issuer', () => {
  test('it says exactly what to set', () => {
    const [only, ...others] = problems({});
    expect(others).toEqual([]);
    for (const name of ['OIDC_ISSUER', 'OIDC_AUDIENCE', 'SLUICE_TENANT', 'SLUICE_CONFIG', 'npm run dev']) expect(only).toContain(name);
  });

  test('half an issuer is not one', () => {
    expect(problems({ OIDC_ISSUER: 'https://id.example.com' }).map((line) => line.split(':')[0])).toEqual([
      'OIDC_AUDIENCE',
      'SLUICE_TENANT',
    ]);
    expect(problems({ OIDC_AUDIENCE: 'a' })[0]).toContain('OIDC_AUDIENCE: belongs to OIDC_ISSUER');
  });
});

describe('development mode', () => {
  test('needs nothing, and stays on loopback', () => {
    const config = loadConfig({}, noFile, { development: true });
    expect(config).toMatchObject({
      mode: 'development',
      host: '127.0.0.1',
      issuers: [],
      qdrant: { kind: 'local' },
      database: { kind: 'sqlite' },
    });
    expect(problems({ SLUICE_HOST: '::1' }, undefined, true)).toEqual([]);
  });

  test.each([
    { DATABASE_URL: 'postgres://db/sluice' },
    { QDRANT_URL: 'http://q:6333', QDRANT_API_KEY: 'k' },
    { SLUICE_PUBLIC_URL: 'https://sluice.example.com' },
    { OIDC_ISSUER: 'https://id.example.com' },
    { OIDC_AUDIENCE: 'a' },
    { SLUICE_TENANT: 'acme' },
    { SLUICE_HOST: '0.0.0.0' },
    { SLUICE_HOST: '192.168.0.7' },
    { SLUICE_HOST: 'localhost.example.com' },
  ])('is refused with %j', (env) => {
    const found = problems(env, undefined, true);
    expect(found.map((line) => line.split(':')[0])).toEqual([Object.keys(env)[0]]);
    expect(found[0]).toContain('npm start');
  });

  test('is refused beside issuers in the file', () => {
    const yaml = 'issuers: [{ name: a, url: "https://a.example", tenant: t, audiences: [s] }]';
    expect(problems({}, yaml, true)).toEqual([expect.stringContaining('SLUICE_CONFIG issuers: cannot be used')]);
    expect(problems({}, yaml)).toEqual([]);
  });
});

describe('the SLUICE_CONFIG file', () => {
  const ENTRA = `
issuers:
  - name: entra
    url: https://login.example.com/tid/v2.0
    tenantClaim: { claim: tid, allow: [acme, umbrella] }
    audiences: [api://sluice]
    types: [JWT]
    clientClaim: azp
    groupsMaximum: 200
    guests: { claim: acct, members: ["0"] }
    scopeClaim: scp
    scopePrefix: "sluice."
    clockSkewSeconds: 60
  - name: cognito
    url: https://cognito.example.com/pool
    tenant: acme
    audienceClientIds: [app-1]
    groupsClaim: false
    algorithms: [RS256]
embedding:
  languages: [de, en]
  dense: { kind: caller, model: mine, dimension: 8 }
limits: { bodyBytes: 2048, clientPerMinute: 10, userPerMinute: 5 }
trustedProxies: [10.0.0.0/8, '::1']
`;

  test('says what has structure', () => {
    const config = load({}, ENTRA);
    expect(config.issuers[0]).toMatchObject({
      types: ['JWT'],
      audienceCheck: { kind: 'claim' },
      tenants: { kind: 'claim', claim: 'tid', allow: ['acme', 'umbrella'] },
      claims: {
        client: 'azp',
        groups: { kind: 'claim', claim: 'groups', maximum: 200 },
        guest: { kind: 'claim', claim: 'acct', members: ['0'] },
        scope: 'scp',
        scopePrefix: 'sluice.',
      },
      clockSkewSeconds: 60,
      requiredClaims: ['aud', 'sub', 'azp', 'iat', 'jti'],
    });
    expect(config.issuers[1]).toMatchObject({
      audienceCheck: { kind: 'client-id', allow: ['app-1'] },
      claims: { groups: { kind: 'none' } },
      requiredClaims: ['sub', 'client_id', 'iat', 'jti'],
    });
    expect(config.embedding).toEqual({ languages: ['de', 'en'], dense: { kind: 'caller', model: 'mine', dimension: 8 } });
    expect(config.trustedProxies).toEqual(['10.0.0.0/8', '::1']);
    expect(load(OIDC).trustedProxies).toBeUndefined();
    expect(config.limits).toEqual({ bodyBytes: 2048, clientPerMinute: 10, userPerMinute: 5 });
    expect(load(OIDC, ENTRA).issuers.map((issuer) => issuer.name)).toEqual(['oidc', 'entra', 'cognito']);
  });

  test('a remote model in the file takes its key from the environment', () => {
    const yaml = 'embedding: { dense: { kind: remote, url: "http://models:8000/v1", model: m, dimension: 3 } }';
    expect(load({ ...OIDC, EMBEDDING_API_KEY: 'key' }, yaml).embedding.dense).toMatchObject({
      kind: 'remote',
      apiKey: 'key',
      dimension: 3,
    });
  });

  const one = (more: string) => `issuers: [{ name: a, url: "https://a.example", tenant: t, audiences: [s], ${more} }]`;
  test.each([
    ['an unknown key', 'isuers: []', 'SLUICE_CONFIG: unknown: isuers'],
    ['a deeper one', one('audience: x'), 'SLUICE_CONFIG issuers.0: unknown: audience'],
    [
      'a secret in the file',
      'embedding: { dense: { kind: caller, model: m, dimension: 3, apiKey: x } }',
      'secrets belong in the environment',
    ],
    ['a wrong type', 'limits: { bodyBytes: many }', 'SLUICE_CONFIG limits.bodyBytes: needs a value of type'],
    ['a list where a map belongs', '[]', 'SLUICE_CONFIG: needs a value of type'],
    ['no languages', 'embedding: { languages: [] }', 'SLUICE_CONFIG embedding.languages'],
    ['a kind that does not exist', 'embedding: { dense: { kind: local } }', 'SLUICE_CONFIG embedding.dense.kind'],
    ['a symmetric algorithm', one('algorithms: [HS256]'), 'SLUICE_CONFIG issuers.0.algorithms: needs some of'],
    ['no algorithm at all', one('algorithms: [none]'), 'SLUICE_CONFIG issuers.0.algorithms: needs some of'],
    ['two ways to a tenant', one('tenantClaim: { claim: t, allow: [t] }'), 'SLUICE_CONFIG issuers.0.tenant: set either'],
    ['two ways to an audience', one('audienceClientIds: [c]'), 'SLUICE_CONFIG issuers.0.audiences: set either'],
    ['no audience', 'issuers: [{ name: a, url: "https://a.example", tenant: t }]', 'SLUICE_CONFIG issuers.0.audiences: set either'],
    [
      'a wildcard tenant',
      'issuers: [{ name: a, url: "https://a.example", tenant: "*", audiences: [s] }]',
      'SLUICE_CONFIG issuers.0.tenant: needs',
    ],
    [
      'plain http',
      'issuers: [{ name: a, url: "http://a.example", tenant: t, audiences: [s] }]',
      'SLUICE_CONFIG issuers.0.url: needs https',
    ],
    ['a directory of another kind', one('directory: ldap'), 'SLUICE_CONFIG issuers.0.directory: needs'],
    ['subjects without a directory', one('directorySubjects: { user: id }'), 'SLUICE_CONFIG issuers.0.directorySubjects: belongs to'],
    ['a logout nobody is addressed by', one('logout: { audiences: [] }'), 'SLUICE_CONFIG issuers.0.logout.audiences'],
    [
      'a logout of another type',
      one('logout: { audiences: [a], types: [at+jwt] }'),
      'SLUICE_CONFIG issuers.0.logout.types.0: needs one of',
    ],
    ['a rule for DPoP that is none', one('dpop: maybe'), 'SLUICE_CONFIG issuers.0.dpop: needs one of'],
    ['tokens without age', one('maxTokenAgeSeconds: 0'), 'SLUICE_CONFIG issuers.0.maxTokenAgeSeconds'],
    [
      'answers that are kept for long',
      one('introspection: { clientId: a, cacheSeconds: 3600 }'),
      'SLUICE_CONFIG issuers.0.introspection.cacheSeconds',
    ],
    [
      'a secret of introspection in the file',
      one('introspection: { clientId: a, clientSecret: b }'),
      'SLUICE_CONFIG issuers.0.introspection: unknown: clientSecret',
    ],
    ['introspection without its secret', one('introspection: { clientId: a }'), 'SLUICE_INTROSPECTION_SECRET: set the secret'],
    ['skew without end', one('clockSkewSeconds: 3600'), 'SLUICE_CONFIG issuers.0.clockSkewSeconds'],
    ['broken YAML', 'issuers: [', 'SLUICE_CONFIG: is not well-formed YAML at line 1'],
    ['the same key twice', 'limits: {}\nlimits: {}', 'SLUICE_CONFIG: is not well-formed YAML at line 2'],
    ['aliases', 'a: &a [1]\nb: *a', 'SLUICE_CONFIG: aliases'],
    ['a tag', 'limits: !!js/function "x"', 'SLUICE_CONFIG'],
  ])('%s is a problem', (_what, yaml, problem) => {
    const found = problems(OIDC, yaml);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(problem);
  });

  test('introspection is of one issuer, over a protected line, with its secret from the environment', () => {
    const asking = (more = '') => one(`introspection: { clientId: sluice${more} }, dpop: required, maxTokenAgeSeconds: 600`);
    const env = { SLUICE_INTROSPECTION_SECRET: 'the-secret' };
    const [issuer] = load(env, asking()).issuers;
    expect(issuer).toMatchObject({ dpop: 'required', maxTokenAgeSeconds: 600 });
    expect(issuer?.introspection).toEqual({ clientId: 'sluice', clientSecret: 'the-secret', cacheSeconds: 10 });
    const explained = explainConfig(load(env, asking()));
    expect(explained).toContain('opaque tokens are asked about');
    expect(explained).not.toContain('the-secret');
    expect(problems(env, asking(', url: "http://a.example/introspect"'))).toEqual([
      expect.stringContaining('introspection.url: needs an https URL'),
    ]);
    expect(load(env, asking(', url: "https://a.example/introspect"')).issuers[0]?.introspection?.url).toBe('https://a.example/introspect');
    expect(problems({ ...OIDC, ...env }, '')).toEqual([expect.stringContaining('SLUICE_INTROSPECTION_SECRET: belongs to')]);
    const second = asking()
      .replace('issuers: [{ name: a, url: "https://a.example"', '{ name: b, url: "https://b.example"')
      .replace(/\]$/, '');
    expect(problems(env, asking().replace(/\]$/, `, ${second}]`))).toEqual([expect.stringContaining('only one may have introspection')]);
  });

  test('one iss selects one issuer', () => {
    const two = (a: string, b: string) =>
      `issuers: [{ name: ${a}, url: "https://x.example", tenant: t, audiences: [s] }, { name: ${b}, url: "https://y.example", tenant: t, audiences: [s] }]`;
    expect(problems({}, two('a', 'a'))).toEqual([expect.stringContaining('the same name')]);
    expect(problems({}, two('a', 'b'))).toEqual([]);
    expect(problems(OIDC, two('oidc', 'b'))).toEqual([expect.stringContaining('the same name')]);
    expect(problems({ ...OIDC, OIDC_ISSUER: 'https://x.example' }, two('a', 'b'))).toEqual([expect.stringContaining('the same url')]);
  });

  test('dense vectors are described in one place', () => {
    const yaml = 'embedding: { dense: { kind: caller, model: m, dimension: 3 } }';
    const env = { ...OIDC, EMBEDDING_URL: 'http://m', EMBEDDING_MODEL: 'm', SLUICE_EMBEDDING_DIMENSION: '3' };
    expect(problems(env, yaml)).toEqual([expect.stringContaining('EMBEDDING_URL: set dense vectors either here')]);
    expect(problems({ ...OIDC, EMBEDDING_API_KEY: 'k' }, yaml)).toEqual([expect.stringContaining('EMBEDDING_API_KEY: belongs to')]);
  });
});

describe('secrets', () => {
  const SECRET = 'hunter2-hunter2-hunter2';
  const CARRIERS = {
    DATABASE_URL: `postgres://app:${SECRET}@db:5432/sluice?password=${SECRET}`,
    QDRANT_URL: 'http://qdrant:6333',
    QDRANT_API_KEY: SECRET,
    SLUICE_METRICS_TOKEN: SECRET,
    EMBEDDING_URL: 'http://models:8000/v1',
    EMBEDDING_MODEL: 'm',
    SLUICE_EMBEDDING_DIMENSION: '3',
    EMBEDDING_API_KEY: SECRET,
  };

  test('are masked when the configuration is explained', () => {
    const text = explainConfig(load({ ...OIDC, ...CARRIERS }));
    expect(text).not.toContain(SECRET);
    for (const shown of [
      'postgres://db:5432/sluice',
      'http://qdrant:6333',
      'oidc: https://id.example.com',
      'tenant acme',
      '127.0.0.1:8080',
    ]) {
      expect(text).toContain(shown);
    }
    expect(text.match(/not shown/g)).toHaveLength(3);
  });

  test('never stand in a message, wherever they were put', () => {
    const bad = {
      SLUICE_PORT: SECRET,
      SLUICE_PUBLIC_URL: `https://u:${SECRET}@x`,
      SLUICE_METRICS_TOKEN: `${SECRET} ${SECRET}`,
      SLUICE_TENANT: `${SECRET}!`,
      DATABASE_URL: `mysql://u:${SECRET}@db`,
      QDRANT_URL: `http://u:${SECRET}@q`,
      QDRANT_API_KEY: `${SECRET}\n`,
      EMBEDDING_API_KEY: `${SECRET} x`,
      LOG_LEVEL: SECRET,
      OIDC_ISSUER: `https://u:${SECRET}@id`,
      SLUICE_COLLECTION: `${SECRET}!`,
      SLUICE_EMBEDDING_DIMENSION: SECRET,
      SLUICE_TOKEN: `${SECRET}\n`,
      SLUICE_URL: `http://u:${SECRET}@x`,
    };
    const yaml = (text: string) => problems(bad, text).join('\n');
    for (const text of [
      `a: "${SECRET}`,
      `limits: "${SECRET}"`,
      `embedding: { dense: { kind: ${SECRET} } }`,
      `limits: { bodyBytes: "${SECRET}" }`,
    ]) {
      expect(yaml(text)).not.toContain(SECRET);
    }
    const named = new Set(problems(bad).map((line) => line.split(':')[0]));
    for (const key of Object.keys(bad)) expect(named).toContain(key);
  });
});

test('a client needs an address at most', () => {
  expect(loadClientConfig({})).toEqual({ url: 'http://127.0.0.1:8080', token: undefined });
  expect(loadClientConfig({ SLUICE_URL: 'https://sluice.example.com/', SLUICE_TOKEN: 't', LOG_LEVEL: 'x' })).toEqual({
    url: 'https://sluice.example.com',
    token: 't',
  });
  expect(() => loadClientConfig({ SLUICE_URL: 'sluice' })).toThrow(ConfigError);
  expect(() => loadClientConfig({ SLUICE_TOEKN: 't' })).toThrow(/did you mean SLUICE_TOKEN/);
});

test('the signing keys lie in the data directory, or where they are said to', () => {
  expect(load({ ...OIDC, SLUICE_DATA_DIR: '/srv/sluice' }).signingKeys).toBe('/srv/sluice/signing-keys.json');
  expect(load({ ...OIDC, SLUICE_SIGNING_KEYS: '/run/secrets/keys.json' }).signingKeys).toBe('/run/secrets/keys.json');
});

test('lineage is told to an address of the file, with a token that is not shown', () => {
  const file = 'lineage: { url: "https://lineage.example/api/v1/lineage" }';
  const config = load({ ...OIDC, SLUICE_LINEAGE_TOKEN: 'hush-hush' }, file);
  expect(config.lineage).toEqual({ url: 'https://lineage.example/api/v1/lineage', namespace: 'sluice', token: 'hush-hush' });
  expect(explainConfig(config)).toContain('https://lineage.example');
  expect(explainConfig(config)).not.toContain('hush');
  expect(load(OIDC).lineage).toBeUndefined();
  for (const [env, text, key] of [
    [{ SLUICE_LINEAGE_TOKEN: 'hush-hush' }, '{}', 'SLUICE_LINEAGE_TOKEN'],
    [{}, 'lineage: { url: "https://u:hush@lineage.example" }', 'SLUICE_CONFIG lineage.url'],
    [{}, 'lineage: { url: "file:///etc/passwd" }', 'SLUICE_CONFIG lineage.url'],
    [{}, 'lineage: { url: "https://lineage.example", namespace: "a b" }', 'SLUICE_CONFIG lineage.namespace'],
  ] as const) {
    const found = problems({ ...OIDC, ...env }, text);
    expect(found.map((problem) => problem.split(':')[0])).toEqual([key]);
    expect(JSON.stringify(found)).not.toContain('hush');
  }
});

describe('where groups are known from', () => {
  const entra = (more: string) => `issuers: [{ name: entra, url: "https://a.example", tenant: t, audiences: [s], ${more} }]`;
  const lookup = 'kind: graph, tokenUrl: "https://login.example/token", clientId: c';

  test('an authoritative directory names its entries by externalId, or as it says', () => {
    expect(load({}, entra('directory: authoritative')).issuers[0]?.directory).toEqual({
      kind: 'authoritative',
      subjects: { user: 'externalId', group: 'externalId' },
    });
    expect(load({}, entra('directory: authoritative, directorySubjects: { group: displayName }')).issuers[0]?.directory).toEqual({
      kind: 'authoritative',
      subjects: { user: 'externalId', group: 'displayName' },
    });
    expect(load({}, entra('directory: token')).issuers[0]?.directory).toBeUndefined();
  });

  test('a look-up has its secret from the environment or from a file, and neither is shown', () => {
    const fromVariable = load({ SLUICE_LOOKUP_SECRET: 'hush-hush' }, entra(`lookup: { ${lookup} }`));
    expect(fromVariable.issuers[0]?.lookup).toMatchObject({
      url: 'https://graph.microsoft.com/v1.0',
      scope: 'https://graph.microsoft.com/.default',
      claim: 'oid',
      clientSecret: 'hush-hush',
    });
    expect(explainConfig(fromVariable)).toContain('looked up at https://graph.microsoft.com/v1.0');
    expect(explainConfig(fromVariable)).not.toContain('hush');
    const files: Record<string, string> = {
      'sluice.yaml': entra(`lookup: { ${lookup}, clientSecretFile: /run/secret }`),
      secret: 'from-file\n',
    };
    const read = (path: string): string => files[path.split('/').at(-1) ?? ''] ?? noFile();
    expect(loadConfig({ SLUICE_CONFIG: 'sluice.yaml' }, read).issuers[0]?.lookup?.clientSecret).toBe('from-file');
  });

  test.each([
    ['no secret', `lookup: { ${lookup} }`, 'lookup.clientSecretFile: needs'],
    ['plain http', `lookup: { ${lookup}, url: "http://graph.example" }`, 'lookup.url: needs https'],
    ['a directory beside it', `directory: authoritative, lookup: { ${lookup} }`, 'lookup: groups of an authoritative'],
    ['no groups claim', `groupsClaim: false, lookup: { ${lookup} }`, 'lookup: needs a groupsClaim'],
  ])('%s is a problem of a look-up', (what, more, problem) => {
    const found = problems(what === 'no secret' ? {} : { SLUICE_LOOKUP_SECRET: 'hush' }, entra(more));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`SLUICE_CONFIG issuers.0.${problem}`.replace('needs https', 'needs an https'));
  });
});
