import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentTelemetry } from '../../core/ports/telemetry.ts';
import { createIdentity, type Identity } from '../identity.ts';
import { type DevIssuer, startDevIssuer } from './dev-issuer.ts';
import { DEV_CLIENTS, DEV_PEOPLE } from './people.ts';
import { requestDevToken } from './request-dev-token.ts';

const signal = new AbortController().signal;
const resource = 'http://127.0.0.1:8080';
const printed = [vi.spyOn(console, 'info'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')];
let issuer: DevIssuer;
let identity: Identity;

beforeAll(async () => {
  issuer = await startDevIssuer({ host: '127.0.0.1', port: 0, resource });
  identity = createIdentity({ issuers: [issuer.issuerConfig], clock: { now: Date.now }, telemetry: silentTelemetry });
  await identity.start(signal);
});
afterAll(async () => {
  await identity.close();
  await issuer.close();
});

async function post(form: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await request(`${issuer.url}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
  return { status: response.statusCode, body: (await response.body.json()) as Record<string, string> };
}

describe('tokens of the development issuer', () => {
  it.each(DEV_PEOPLE)('are accepted for $id', async (person) => {
    const caller = await identity.authenticate(await issuer.token(person.id, 'internal-assistant'), signal);
    expect(caller).toMatchObject({
      tenant: 'acme',
      issuer: 'dev',
      user: {
        kind: 'user',
        principal: `user:dev|${person.id}`,
        groups: person.groups.map((group) => `group:dev|${group}`),
        guest: person.employment === 'contractor',
      },
      client: 'client:dev|internal-assistant',
    });
    expect(caller.expiresAt * 1_000 - Date.now()).toBeGreaterThan(3_500_000);
  });

  it.each(DEV_CLIENTS.filter(({ actsAlone }) => actsAlone))('are accepted for $id alone', async (client) => {
    const caller = await identity.authenticate(await issuer.token(undefined, client.id), signal);
    expect(caller).toMatchObject({ tenant: 'acme', user: { kind: 'none' }, client: `client:dev|${client.id}` });
    expect([...caller.scopes].sort()).toEqual([...client.scopes].sort());
  });

  it('are for a client alone only where it acts alone', async () => {
    await expect(issuer.token(undefined, 'internal-assistant')).rejects.toMatchObject({ code: 'invalid_request' });
    const caller = await identity.authenticate(await issuer.token(undefined, 'customer-assistant'), signal);
    expect(caller).toMatchObject({ user: { kind: 'none' }, client: 'client:dev|customer-assistant' });
  });

  it('come by client_credentials too, and not for another resource', async () => {
    const form = { grant_type: 'client_credentials', client_id: 'connector', scope: 'ingest' };
    const granted = await post({ ...form, resource });
    const caller = await identity.authenticate(granted.body['access_token'] ?? '', signal);
    expect(caller).toMatchObject({ user: { kind: 'none' }, client: 'client:dev|connector' });
    expect([...caller.scopes]).toEqual(['ingest']);
    expect(await post({ ...form, resource: 'https://elsewhere.example' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    });
  });

  it('carry the scopes asked for and no scope that the client lacks', async () => {
    const caller = await identity.authenticate(await issuer.token('sam', 'internal-assistant', { scopes: ['retrieve'] }), signal);
    expect([...caller.scopes]).toEqual(['retrieve']);
    await expect(issuer.token('sam', 'customer-assistant', { scopes: ['admin'] })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('are refused for people and clients it does not know', async () => {
    await expect(issuer.token('mallory', 'internal-assistant')).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(issuer.token('alice', 'unknown')).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(issuer.token('alice', 'internal-assistant')).resolves.toEqual(expect.any(String));
  });

  it('come without a word on the console', () => {
    expect(printed.flatMap((spy) => spy.mock.calls)).toEqual([]);
  });
});

describe('loopback only', () => {
  const form = { grant_type: 'urn:sluice:dev', client_id: 'internal-assistant', as: 'alice' };

  it('answers its own names and refuses any other host or a page in a browser', async () => {
    const port = new URL(issuer.url).port;
    expect((await post(form)).status).toBe(200);
    expect((await post(form, { host: `localhost:${port}` })).status).toBe(200);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1.evil.example:${port}`, '127.0.0.1:1']) {
      expect(await post(form, { host })).toEqual({ status: 403, body: { error: 'access_denied' } });
    }
    expect((await post(form, { origin: 'https://evil.example' })).status).toBe(403);
  });

  it('is asked on loopback only', async () => {
    const ask = (issuerUrl: string) => requestDevToken({ issuerUrl, person: 'alice', client: 'internal-assistant', signal });
    await expect(ask(issuer.url)).resolves.toEqual(expect.any(String));
    for (const url of ['https://issuer.example', 'http://192.0.2.1:80', 'nonsense']) {
      await expect(ask(url)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    await expect(ask('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'issuer_unavailable' });
  });
});

describe('people and clients of one’s own', () => {
  it('serve two tenants, and no client works for people of another', async () => {
    const own = await startDevIssuer({
      host: '127.0.0.1',
      port: 0,
      resource,
      people: [
        { id: 'ann', tenant: 'north', name: 'Ann', groups: [], employment: 'employee' },
        { id: 'bob', tenant: 'south', name: 'Bob', groups: ['x'], employment: 'contractor' },
      ],
      clients: [
        { id: 'n', tenant: 'north', name: 'N', scopes: ['retrieve'], actsAlone: false },
        { id: 's', tenant: 'south', name: 'S', scopes: ['retrieve'], actsAlone: false },
      ],
    });
    const reader = createIdentity({ issuers: [own.issuerConfig], clock: { now: Date.now }, telemetry: silentTelemetry });
    try {
      expect(await reader.authenticate(await own.token('ann', 'n'), signal)).toMatchObject({ tenant: 'north', user: { groups: [] } });
      expect(await reader.authenticate(await own.token('bob', 's'), signal)).toMatchObject({ tenant: 'south', user: { guest: true } });
      await expect(own.token('ann', 's')).rejects.toMatchObject({ code: 'invalid_request' });
      // Another issuer of the same kind has keys and a URL of its own.
      await expect(reader.authenticate(await issuer.token('alice', 'connector'), signal)).rejects.toMatchObject({ code: 'invalid_token' });
    } finally {
      await reader.close();
      await own.close();
    }
  });
});
