import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientToken, directoryIssuer, directoryPolicy, found, loadDocuments, scimClient, type Scim } from '../support/directory.ts';
import { startTestService, type TestService } from '../support/service.ts';
import type { TestIssuer } from '../support/test-issuer.ts';

/** Denies are names. A new name for the same people would slip from under them, though nobody took a deny away. */
let issuer: TestIssuer;
let test: TestService;
let scim: Scim;

beforeAll(async () => {
  issuer = await directoryIssuer(['acme', 'globex'], { group: 'displayName' });
  const policy = [
    directoryPolicy('acme', 'globex'),
    'p, group:test|barred-by-policy, acme, *, retrieve, from:public, *, *, deny',
    'p, role:outsider, acme, *, retrieve, from:public, *, *, deny',
    'g, group:test|barred-by-role, role:outsider, acme',
  ].join('\n');
  test = await startTestService({ policy, tenants: ['acme', 'globex'], issuer });
  scim = scimClient(test, await clientToken(test, 'scim'));
  await scim.group('contractors');
  await scim.user('boss');
  await loadDocuments(test, {
    open: { allow: ['everyone'] },
    plans: { allow: ['everyone'], deny: ['group:test|contractors'] },
    minutes: { allow: ['everyone'], deny: [{ principal: 'user:test|boss', until: '2099-01-01T00:00:00Z' }] },
  });
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
});

const named = async (kind: 'Groups' | 'Users', name: string, value: string): Promise<string> => {
  const { Resources } = (await scim.call('GET', `/${kind}?filter=${encodeURIComponent(`${name} eq "${value}"`)}`)).json<{
    Resources: { id: string }[];
  }>();
  return Resources[0]?.id ?? '';
};
const rename = (path: string, attribute: string, value: string) => scim.patch(path, { op: 'replace', path: attribute, value });
const token = (sub: string): Promise<string> => test.token({ sub, groups: undefined });

describe('a group that denies name', () => {
  it('of a document keeps its name, so that its members stay denied', async () => {
    const carl = await scim.user('carl');
    const contractors = await named('Groups', 'displayName', 'contractors');
    expect((await scim.patch(`/Groups/${contractors}`, { op: 'add', path: 'members', value: [{ value: carl }] })).status).toBe(204);
    expect(await found(test, await token('carl'))).toEqual(['minutes', 'open']);
    const refused = await rename(`/Groups/${contractors}`, 'displayName', 'vendors');
    expect([refused.status, refused.json()['scimType']]).toEqual([400, 'invalidValue']);
    expect(await found(test, await token('carl'))).toEqual(['minutes', 'open']);
    // The whole of it by PUT, in one with another member list, neither.
    const body = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'vendors', members: [{ value: carl }] };
    expect((await scim.call('PUT', `/Groups/${contractors}`, body)).status).toBe(400);
    expect(await found(test, await token('carl'))).toEqual(['minutes', 'open']);
    // Without the group there would be no deny either.
    expect((await scim.call('DELETE', `/Groups/${contractors}`)).status).toBe(400);
    const direct = await test.call('DELETE', '/v1/groups/contractors', await clientToken(test, 'scim'));
    expect([direct.status, direct.json()['code']]).toEqual([400, 'invalid_request']);
    expect(await found(test, await token('carl'))).toEqual(['minutes', 'open']);
    // What its name does not depend on may change, and so may its members.
    expect((await rename(`/Groups/${contractors}`, 'externalId', 'c-1')).status).toBe(204);
    expect((await rename(`/Groups/${contractors}`, 'members', '')).status).toBe(400);
    expect((await scim.patch(`/Groups/${contractors}`, { op: 'remove', path: 'members' })).status).toBe(204);
    expect(await found(test, await token('carl'))).toEqual(['minutes', 'open', 'plans']);
  });

  it.each(['barred-by-policy', 'barred-by-role'])('of policy keeps its name too: %s', async (name) => {
    const dora = await scim.user(`dora-${name}`);
    const group = await scim.group(name, [dora]);
    const reader = await token(`dora-${name}`);
    expect(await found(test, reader)).toEqual([]);
    expect((await rename(`/Groups/${group}`, 'displayName', `once-${name}`)).status).toBe(400);
    expect((await scim.call('DELETE', `/Groups/${group}`)).status).toBe(400);
    expect((await scim.call('DELETE', `/Groups/${await scim.group(`free-${name}`)}`)).status).toBe(204);
    expect(await found(test, reader)).toEqual([]);
  });

  it('and one that grants alone name takes another, and leaves the grants behind', async () => {
    const emil = await scim.user('emil');
    const staff = await scim.group('staff', [emil]);
    await loadDocuments(test, { staff: { allow: ['group:test|staff'], deny: ['group:test|contractors'] } });
    expect(await found(test, await token('emil'))).toContain('staff');
    expect((await rename(`/Groups/${staff}`, 'displayName', 'crew')).status).toBe(204);
    expect(await found(test, await token('emil'))).not.toContain('staff');
  });

  it('is free again once no deny names it, and another tenant never holds it', async () => {
    await loadDocuments(test, { brief: { allow: ['everyone'], deny: ['group:test|brief-barred'] } });
    const theirs = scimClient(test, await clientToken(test, 'scim', { tenant: 'globex' }));
    const other = await theirs.group('brief-barred');
    const own = await scim.group('brief-barred');
    expect((await rename(`/Groups/${own}`, 'displayName', 'x')).status).toBe(400);
    expect((await theirs.patch(`/Groups/${other}`, { op: 'replace', path: 'displayName', value: 'x' })).status).toBe(204);
    await loadDocuments(test, { brief: { allow: ['everyone'] } });
    expect((await rename(`/Groups/${own}`, 'displayName', 'x')).status).toBe(204);
  });
});

describe('a person whom denies name', () => {
  it('keeps the subject', async () => {
    const boss = await named('Users', 'externalId', 'boss');
    expect(await found(test, await token('boss'))).not.toContain('minutes');
    expect((await rename(`/Users/${boss}`, 'externalId', 'boss-2')).status).toBe(400);
    expect(await found(test, await token('boss-2'))).toBe('forbidden');
    expect((await rename(`/Users/${boss}`, 'userName', 'the.boss@example.com')).status).toBe(200);
  });
});
