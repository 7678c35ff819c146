import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { Mount, MountedCall } from '../entrance/mount.ts';
import { openDoorForTest, token, type Fixture } from './door.fixture.ts';

/** Answers what it was asked, and keeps it. */
function echo(calls: MountedCall[], fail?: AppError): Mount {
  return {
    path: '/other',
    summary: 'Another protocol.',
    operationId: 'other',
    scope: 'retrieve',
    bytes: 64,
    documentation: '/docs',
    refusal: ({ code }) => ({ refused: code }),
    post(call) {
      calls.push(call);
      return fail === undefined ? Promise.resolve({ status: 200, body: { heard: call.body } }) : Promise.reject(fail);
    },
  };
}

async function sent({ at }: Fixture, headers: Record<string, string>, body = '{"a":1}', method: 'POST' | 'GET' = 'POST') {
  const all = { 'content-type': 'application/json', authorization: `Bearer ${token('ann', ['retrieve'])}`, ...headers };
  const answer = await request(`${at.url}/other`, { method, headers: all, ...(method === 'GET' ? {} : { body }) });
  return { status: answer.statusCode, headers: answer.headers, body: (await answer.body.json()) as Record<string, unknown> };
}

describe('a mount', () => {
  it('is behind the entrance of the port, and refuses in its own words', async () => {
    const calls: MountedCall[] = [];
    const fixture = await openDoorForTest({ mounts: [echo(calls)] });
    expect(await sent(fixture, {})).toMatchObject({ status: 200, body: { heard: { a: 1 } } });
    expect(calls).toMatchObject([{ caller: { tenant: 'acme' }, body: { a: 1 } }]);
    const json = { 'content-type': 'application/json' };
    const without = await request(`${fixture.at.url}/other`, { method: 'POST', headers: json, body: '{}' });
    expect([without.statusCode, await without.body.json()]).toEqual([401, { refused: 'missing_token' }]);
    const metadata = `${fixture.at.url}/.well-known/oauth-protected-resource/other`;
    expect(without.headers['www-authenticate']).toContain(`resource_metadata="${metadata}", scope="retrieve"`);
    expect(await (await request(metadata)).body.json()).toMatchObject({
      resource: `${fixture.at.url}/other`,
      scopes_supported: ['retrieve'],
    });
    expect((await sent(fixture, {}, `"${'x'.repeat(70)}"`)).body).toEqual({ refused: 'payload_too_large' });
    expect((await sent(fixture, {}, '{"a":1,"a":2}')).body).toEqual({ refused: 'invalid_request' });
    expect((await sent(fixture, { 'content-type': 'text/plain' })).body).toEqual({ refused: 'unsupported_media_type' });
    expect(await sent(fixture, {}, '', 'GET')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(calls).toHaveLength(1);
  });

  it('fails as its handler does', async () => {
    const fixture = await openDoorForTest({ mounts: [echo([], new AppError('index_unavailable', { retryAfter: 2 }))] });
    expect(await sent(fixture, {})).toMatchObject({ status: 503, headers: { 'retry-after': '2' }, body: { refused: 'index_unavailable' } });
  });

  it('takes a page of its own origin, and under each name where names are checked', async () => {
    const calls: MountedCall[] = [];
    const open = await openDoorForTest({ mounts: [echo(calls)] });
    const { port } = open.at;
    const local = `localhost:${port}`;
    expect((await sent(open, { origin: open.at.url })).status).toBe(200);
    expect((await sent(open, { origin: `http://${local}`, host: local })).body).toMatchObject({ code: 'foreign_origin' });
    const checked = await openDoorForTest({ mounts: [echo(calls)], config: { allowedHosts: ['127.0.0.1', 'localhost'] } });
    const name = `localhost:${checked.at.port}`;
    expect((await sent(checked, { origin: `http://${name}`, host: name })).status).toBe(200);
    expect((await sent(checked, { origin: 'http://evil.test', host: name })).status).toBe(403);
    expect((await sent(checked, { origin: 'http://evil.test', host: 'evil.test' })).status).toBe(421);
    expect(calls).toHaveLength(2);
  });
});
