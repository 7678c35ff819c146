import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../src/config.ts';
import { SCOPES } from '../../src/core/caller.ts';

// What Docker would be told. It is read, not run: an engine is not a part that the tests may need.
const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const service = z.object({
  image: z.string().optional(),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  read_only: z.boolean().default(false),
  security_opt: z.array(z.string()).default([]),
  cap_drop: z.array(z.string()).default([]),
  tmpfs: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  networks: z.union([z.array(z.string()), z.record(z.string(), z.unknown()).transform((map) => Object.keys(map))]),
  environment: z.record(z.string(), z.string()).default({}),
  healthcheck: z.object({ test: z.array(z.string()).min(2) }),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
});
const compose = z
  .object({
    services: z.record(z.string(), service),
    networks: z.record(z.string(), z.object({ internal: z.boolean().default(false) })),
    volumes: z.record(z.string(), z.unknown()),
  })
  .parse(parse(read('deploy/compose.yaml'), { merge: true }));

const named = (name: string) => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`compose.yaml has no ${name}`);
  return found;
};
const services = Object.entries(compose.services);

/** As Compose fills them in; every secret gets the same value. */
function environmentOf(name: string, value: string): Record<string, string> {
  const filled = Object.entries(named(name).environment).map(([key, text]) => [key, text.replaceAll(/\$\{(\w+)(:\?[^}]*)?\}/g, value)]);
  return Object.fromEntries(filled) as Record<string, string>;
}

describe('compose.yaml', () => {
  test('has the four parts, each pinned', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['keycloak', 'postgres', 'qdrant', 'sluice']);
    const { context = '', dockerfile = '' } = named('sluice').build ?? {};
    expect(existsSync(join(root, 'deploy', context, dockerfile))).toBe(true);
    for (const name of ['keycloak', 'postgres', 'qdrant']) expect(named(name).image).toMatch(/:v?\d+(\.\d+)*(-[a-z]+)?$/);
    const [major = 0, minor = 0] = (/:v(\d+)\.(\d+)/.exec(named('qdrant').image ?? '') ?? []).slice(1).map(Number);
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(1016);
  });

  test('no part gains privileges, and all but Keycloak have a read-only root', () => {
    for (const [name, { security_opt, read_only }] of services) {
      expect(security_opt).toContain('no-new-privileges:true');
      expect([name, read_only]).toEqual([name, name !== 'keycloak']);
    }
    for (const name of ['sluice', 'qdrant']) expect(named(name).cap_drop).toEqual(['ALL']);
  });

  test('only Sluice and Keycloak can be reached, from this machine alone', () => {
    for (const [name, { ports }] of services) {
      expect([name, ports.length > 0]).toEqual([name, name === 'sluice' || name === 'keycloak']);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    }
    expect(compose.networks['inside']?.internal).toBe(true);
    for (const name of ['qdrant', 'postgres']) expect(named(name).networks).toEqual(['inside']);
    expect(named('keycloak').networks).toEqual(['edge']);
    expect([...named('sluice').networks].sort()).toEqual(['edge', 'inside']);
  });

  test('each part says whether it is well, and Sluice waits for the others', () => {
    for (const [name] of services.filter(([other]) => other !== 'sluice')) {
      expect(named('sluice').depends_on[name]).toEqual({ condition: 'service_healthy' });
    }
  });

  test('no secret is written down; each comes from .env, which the example lists empty', () => {
    const wanted = new Set(
      Array.from(read('deploy/compose.yaml').matchAll(/\$\{(\w+)(:\?)?/g), ([, name, required]) => `${name}${required}`),
    );
    const offered = read('deploy/.env.example')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect([...wanted].sort()).toEqual(offered.map((line) => line.replace('=', ':?')).sort());
    expect(offered.every((line) => line.endsWith('='))).toBe(true);
    for (const [, { environment }] of services) {
      const secrets = Object.entries(environment).filter(([key]) => /PASSWORD|SECRET|API_KEY|TOKEN/.test(key));
      for (const [, value] of secrets) expect(value).toMatch(/^\$\{\w+:\?[^}]+\}$/);
    }
    expect(read('.gitignore').split('\n')).toContain('.env');
  });

  test('Sluice is configured as src/config.ts understands it, with the key that Qdrant has', () => {
    const config = loadConfig(environmentOf('sluice', 'abc123'), () => '');
    expect(config).toMatchObject({ database: { kind: 'postgres' }, qdrant: { kind: 'remote', apiKey: 'abc123' } });
    expect(environmentOf('qdrant', 'abc123')['QDRANT__SERVICE__API_KEY']).toBe('abc123');
    expect(config.issuers[0]?.url).toBe(`${named('keycloak').environment['KC_HOSTNAME']}/realms/sluice`);
  });

  test('what is written goes to volumes that exist', () => {
    const sources = services.flatMap(([, { volumes }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    const [files, known] = [sources.filter((from) => from.startsWith('.')), sources.filter((from) => !from.startsWith('.'))];
    expect(files.filter((file) => !existsSync(join(root, 'deploy', file)))).toEqual([]);
    expect([...known].sort()).toEqual(Object.keys(compose.volumes).sort());
  });
});

describe('the Keycloak realm', () => {
  const mapper = z.object({ protocolMapper: z.string(), config: z.record(z.string(), z.string()) });
  const realm = z
    .object({
      realm: z.literal('sluice'),
      registrationAllowed: z.literal(false),
      clientScopes: z.array(z.object({ name: z.string(), attributes: z.record(z.string(), z.string()) })),
      clients: z.array(
        z.object({
          clientId: z.string(),
          secret: z.string(),
          publicClient: z.literal(false),
          attributes: z.record(z.string(), z.string()),
          defaultClientScopes: z.array(z.string()),
          optionalClientScopes: z.array(z.string()),
          protocolMappers: z.array(mapper),
        }),
      ),
      users: z.array(z.object({ credentials: z.array(z.object({ value: z.string() })) })),
    })
    .parse(JSON.parse(read('deploy/keycloak/realm.json')));
  const assistant = realm.clients.find((client) => client.clientId === 'assistant');
  const config = (kind: string) => assistant?.protocolMappers.find((m) => m.protocolMapper === kind)?.config;

  test('gives the assistant tokens that Sluice accepts', () => {
    const [issuer] = loadConfig(environmentOf('sluice', 'x'), () => '').issuers;
    expect(assistant?.attributes['access.token.header.type.rfc9068']).toBe('true');
    expect(issuer?.algorithms).toContain(assistant?.attributes['access.token.signed.response.alg']);
    expect(issuer?.audiences).toContain(config('oidc-audience-mapper')?.['included.custom.audience']);
    expect(config('oidc-hardcoded-claim-mapper')).toMatchObject({ 'claim.name': 'client_id', 'claim.value': 'assistant' });
    // The full path: two groups of one name in different places must stay two groups.
    expect(config('oidc-group-membership-mapper')).toMatchObject({ 'claim.name': 'groups', 'full.path': 'true' });
    expect(config('oidc-sub-mapper')).toBeDefined();
    for (const {
      config: { 'access.token.claim': inToken },
    } of assistant?.protocolMappers ?? [])
      expect(inToken).toBe('true');
  });

  test('knows the scopes of Sluice, of which an application asks for the rest by name', () => {
    expect(realm.clientScopes.map((scope) => scope.name).sort()).toEqual([...SCOPES].sort());
    for (const scope of realm.clientScopes) expect(scope.attributes['include.in.token.scope']).toBe('true');
    expect(assistant?.defaultClientScopes).toEqual(['retrieve']);
    expect([...(assistant?.optionalClientScopes ?? []), 'retrieve'].sort()).toEqual([...SCOPES].sort());
  });

  test('holds no secret', () => {
    const secrets = [
      ...realm.clients.map((client) => client.secret),
      ...realm.users.flatMap((user) => user.credentials.map((c) => c.value)),
    ];
    expect(secrets.length).toBeGreaterThan(2);
    for (const secret of secrets) expect(Object.keys(named('keycloak').environment).map((key) => `\${${key}}`)).toContain(secret);
  });
});

describe('the image', () => {
  const instructions = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '');
  const finalStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));
  const all = (name: string) => finalStage.filter((line) => line.startsWith(`${name} `));

  test('is made in stages, on a slim Node 24', () => {
    expect(instructions.filter((line) => line.startsWith('FROM '))).toHaveLength(2);
    expect(instructions[0]).toMatch(/^ARG NODE_IMAGE=node:24[\w.-]*-slim$/);
    expect(finalStage[0]).toBe('FROM ${NODE_IMAGE}');
  });

  test('installs production dependencies only, without their install scripts', () => {
    const install = instructions.filter((line) => line.includes('npm '));
    expect(install).toHaveLength(1);
    for (const flag of ['npm ci', '--omit=dev', '--omit=optional', '--ignore-scripts']) expect(install[0]).toContain(flag);
  });

  test('runs as an ordinary user who writes to /data alone', () => {
    expect(all('USER')).toEqual(['USER node']);
    expect(finalStage.findIndex((line) => line.startsWith('USER'))).toBeLessThan(
      finalStage.findIndex((line) => line.startsWith('ENTRYPOINT')),
    );
    expect(all('VOLUME')).toEqual(['VOLUME ["/data"]']);
    expect(all('ENV').join(' ')).toContain('SLUICE_DATA_DIR=/data');
    expect(all('RUN').join(' ')).toMatch(/install -d -o node -g node -m 0700 \/data/);
    expect(all('COPY').some((line) => line.includes('--chown'))).toBe(false);
  });

  test('starts Sluice without a shell, so that signals arrive, and is checked by Node', () => {
    expect(all('ENTRYPOINT')).toEqual(['ENTRYPOINT ["node", "--max-semi-space-size=4", "bin/sluice.js"]']);
    expect(all('CMD')).toEqual(['CMD ["serve"]']);
    expect(all('HEALTHCHECK')[0]).toMatch(/CMD \["node", "-e", ".*\/healthz.*"\]$/);
  });

  test('is given what it copies, and neither tests nor secrets', () => {
    const ignore = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(ignore[0]).toBe('*');
    const allowed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied.filter((path) => !allowed.includes(path))).toEqual([]);
    expect(allowed.filter((path) => !copied.includes(path))).toEqual([]);
    for (const pattern of ['**/*.test.ts', '**/*fixture.ts']) expect(ignore).toContain(pattern);
  });
});
