import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcomeOf } from '../../test/support/identity-fixture.ts';
import { startTestIssuer, type TestIssuer } from '../../test/support/test-issuer.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { createIdentity, type Identity } from './identity.ts';
import { issuerProblems } from './issuer-config.ts';

const signal = new AbortController().signal;
let north: TestIssuer;
let south: TestIssuer;
let identity: Identity;

beforeAll(async () => {
  north = await startTestIssuer({ name: 'north', tenants: ['acme', 'initech'] });
  south = await startTestIssuer({ name: 'south', tenants: ['globex'] });
  identity = createIdentity({ issuers: [north.config, south.config], clock: { now: Date.now }, telemetry: silentTelemetry });
  await identity.start(signal);
});
afterAll(async () => {
  await identity.close();
  await north.stop();
  await south.stop();
});

describe('several issuers', () => {
  it('speak for their own tenants and name principals of their own', async () => {
    const a = await identity.authenticate(await north.sign({ groups: ['hr'] }), signal);
    const b = await identity.authenticate(await south.sign({ groups: ['hr'] }), signal);
    expect(a).toMatchObject({ tenant: 'acme', issuer: 'north', user: { principal: 'user:north|alice', groups: ['group:north|hr'] } });
    expect(b).toMatchObject({ tenant: 'globex', issuer: 'south', user: { principal: 'user:south|alice', groups: ['group:south|hr'] } });
    expect(await outcomeOf(identity, await south.sign({ tenant: 'acme' }))).toBe('invalid_token');
    expect(await outcomeOf(identity, await north.sign({ tenant: 'initech' }))).toBe('ok');
    expect(identity.issuers).toEqual([
      { name: 'north', url: north.url, groups: 'claim', tenants: ['acme', 'initech'] },
      { name: 'south', url: south.url, groups: 'claim', tenants: ['globex'] },
    ]);
  });

  it('cannot sign for each other', async () => {
    expect(await outcomeOf(identity, await south.sign({ iss: north.url, tenant: 'acme' }))).toBe('invalid_token');
    expect(await outcomeOf(identity, await south.sign({ iss: south.url }))).toBe('ok');
  });
});

describe('a configuration', () => {
  const good = (): IssuerConfig => ({ ...north.config, url: 'https://login.example/realms/a' });

  it('is accepted where it is sound', () => {
    const { types, ...rest } = good();
    expect(
      issuerProblems([good(), { ...south.config, url: 'http://localhost:8081' }, { ...rest, types, name: 'v6', url: 'http://[::1]:1' }]),
    ).toEqual([]);
  });

  it.each<[string, Partial<IssuerConfig>]>([
    ['name', { name: 'Bad Name' }],
    ['name', { name: 'x|y' }],
    ['url', { url: 'http://login.example' }],
    ['url', { url: 'http://127.0.0.1.evil.example' }],
    ['url', { url: 'ftp://login.example' }],
    ['url', { url: 'not a url' }],
    ['url', { url: 'https://a:b@login.example' }],
    ['url', { url: 'https://login.example/.well-known/openid-configuration' }],
    ['url', { url: 'https://login.example/?x=1' }],
    ['audiences', { audiences: [] }],
    ['audiences', { audiences: [''] }],
    ['algorithms', { algorithms: [] }],
    ['algorithms', { algorithms: ['ES256', 'HS256'] }],
    ['algorithms', { algorithms: ['none'] }],
    ['types', { types: [] }],
    ['tenants', { tenants: { kind: 'claim', claim: 'tenant', allow: [] } }],
    ['tenants', { tenants: { kind: 'claim', claim: 'tenant', allow: ['acme', '*'] } }],
    ['tenants', { tenants: { kind: 'fixed', tenant: '' } }],
    ['audienceCheck.allow', { audienceCheck: { kind: 'client-id', allow: [] } }],
    ['clockSkewSeconds', { clockSkewSeconds: 3_600 }],
    ['clockSkewSeconds', { clockSkewSeconds: -1 }],
    ['clockSkewSeconds', { clockSkewSeconds: Number.NaN }],
  ])('with a bad %s is refused, and says so', (setting, change) => {
    const problems = issuerProblems([{ ...good(), ...change }]);
    expect(problems.join()).toContain(`: ${setting}`);
    const create = () => createIdentity({ issuers: [{ ...good(), ...change }], clock: { now: Date.now }, telemetry: silentTelemetry });
    expect(create).toThrow(setting);
  });

  it('with one name or one url twice is refused', () => {
    expect(issuerProblems([good(), { ...good(), url: 'https://other.example' }]).join()).toContain('same name');
    expect(issuerProblems([good(), { ...good(), name: 'again' }]).join()).toContain('same url');
  });
});
