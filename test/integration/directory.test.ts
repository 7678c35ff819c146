import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientToken, directoryIssuer, directoryPolicy, found, loadDocuments, scimClient, type Scim } from '../support/directory.ts';
import { startTestService, type TestService } from '../support/service.ts';
import type { TestIssuer } from '../support/test-issuer.ts';

let issuer: TestIssuer;
let test: TestService;
let scim: Scim;
let admin: string;

beforeAll(async () => {
  issuer = await directoryIssuer(['acme', 'globex']);
  test = await startTestService({ policy: directoryPolicy('acme', 'globex'), tenants: ['acme', 'globex'], issuer });
  admin = await clientToken(test, 'scim');
  scim = scimClient(test, admin);
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
});

const person = (sub: string, more: Record<string, unknown> = {}): Promise<string> => test.token({ sub, groups: undefined, ...more });
const put = (group: string, members: readonly string[], token = admin) =>
  test.call('PUT', `/v1/groups/${encodeURIComponent(group)}`, token, { members });

describe('who is who', () => {
  it('comes from the directory: an unknown person is refused, a client needs none', async () => {
    await loadDocuments(test, { open: { allow: ['everyone', 'client:test|assistant'] } });
    const ghost = await person('ghost');
    expect(await found(test, ghost)).toBe('forbidden');
    expect(await found(test, await clientToken(test, 'assistant'))).toEqual(['open']);
    await scim.user('ghost');
    expect(await found(test, ghost)).toEqual(['open']);
  });

  it('ignores groups and guest status that a token names', async () => {
    await loadDocuments(test, { staff: { allow: ['group:test|staff'] }, members: { allow: ['everyone-except-guests'] } });
    await scim.group('staff');
    await scim.user('liar');
    await scim.user('member', { userType: 'Member' });
    const claims = { groups: ['staff'], employment: 'employee' };
    expect(await found(test, await person('liar', claims))).not.toContain('staff');
    expect(await found(test, await person('liar', claims))).not.toContain('members');
    expect(await found(test, await person('member'))).toContain('members');
    // Not even an overage mark or a claim of the wrong type: nothing of it is looked at.
    expect(await found(test, await person('member', { hasgroups: true, groups: 7 }))).toContain('members');
  });
});

describe('a membership', () => {
  it('given and taken holds for the next request, through nested groups and round a cycle', async () => {
    await loadDocuments(test, { deep: { allow: ['group:test|top'] } });
    const anna = await scim.user('anna');
    const token = await person('anna');
    let inner = await scim.group('nest-0', [anna]);
    const first = inner;
    for (let depth = 1; depth < 20; depth++) inner = await scim.group(`nest-${depth}`, [inner]);
    const top = await scim.group('top', [inner]);
    expect(await found(test, token)).toContain('deep');
    // Round in a circle, which adds nobody.
    expect((await scim.patch(`/Groups/${first}`, { op: 'add', path: 'members', value: [{ value: top }] })).status).toBe(204);
    expect(await found(test, token)).toContain('deep');
    expect((await scim.patch(`/Groups/${first}`, { op: 'remove', path: `members[value eq "${anna}"]` })).status).toBe(204);
    expect(await found(test, token)).not.toContain('deep');
    expect((await scim.patch(`/Groups/${first}`, { op: 'add', path: 'members', value: [{ value: anna }] })).status).toBe(204);
    expect(await found(test, token)).toContain('deep');
    expect((await scim.call('DELETE', `/Groups/${top}`)).status).toBe(204);
    expect(await found(test, token)).not.toContain('deep');
  });

  it('takes away as well, where a deny names the group', async () => {
    await scim.group('barred');
    await loadDocuments(test, { most: { allow: ['everyone'], deny: ['group:test|barred'] } });
    const bob = await scim.user('bob');
    const token = await person('bob');
    expect(await found(test, token)).toContain('most');
    expect((await put('barred', ['user:test|bob'])).status).toBe(200);
    expect(await found(test, token)).not.toContain('most');
    expect((await put('barred', [])).status).toBe(200);
    expect(await found(test, token)).toContain('most');
    expect(bob).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('ends with the person: deactivated, then deleted, then made again without it', async () => {
    await loadDocuments(test, { crew: { allow: ['group:test|crew'] } });
    const carl = await scim.user('carl');
    await scim.group('crew', [carl]);
    const token = await person('carl');
    expect(await found(test, token)).toContain('crew');
    expect((await scim.patch(`/Users/${carl}`, { op: 'Replace', path: 'active', value: 'False' })).status).toBe(200);
    expect(await found(test, token)).toBe('forbidden');
    expect((await scim.patch(`/Users/${carl}`, { op: 'replace', value: { active: true } })).status).toBe(200);
    expect(await found(test, token)).toContain('crew');
    expect((await scim.call('DELETE', `/Users/${carl}`)).status).toBe(204);
    expect(await found(test, token)).toBe('forbidden');
    await scim.user('carl');
    expect(await found(test, token)).not.toContain('crew');
  });
});

describe('/v1/groups', () => {
  it('makes groups and people, and says who is in them', async () => {
    const made = await put('/hr/leads', ['user:test|dora', 'user:emil']);
    expect([made.status, made.json()['size']], made.text).toEqual([201, 2]);
    const path = `/v1/groups/${encodeURIComponent('/hr/leads')}`;
    const read = (await test.call('GET', path, admin)).json();
    expect(read).toMatchObject({
      group: 'group:test|/hr/leads',
      issuer: 'test',
      title: '/hr/leads',
      members: ['user:test|dora', 'user:test|emil'],
    });
    expect(await found(test, await person('dora'))).toContain('open');
    expect((await put('/hr/leads', ['user:test|emil'])).status).toBe(200);
    expect((await test.call('GET', path, admin)).json()['members']).toEqual(['user:test|emil']);
    expect((await test.call('DELETE', path, admin)).status).toBe(204);
    expect((await test.call('GET', path, admin)).status).toBe(404);
    expect((await test.call('DELETE', path, admin)).status).toBe(404);
  });

  it('refuses members that are none, of another issuer, unknown groups and people who were deleted', async () => {
    const gone = await scim.user('gone');
    expect((await scim.call('DELETE', `/Users/${gone}`)).status).toBe(204);
    for (const member of ['everyone', 'client:test|assistant', 'user:other|x', 'group:test|nowhere', 'role:admin', 'user:test|gone']) {
      const refused = await put('picky', ['user:test|dora', member]);
      expect([member, refused.status, refused.json<{ errors: { pointer: string }[] }>().errors[0]?.pointer]).toEqual([
        member,
        400,
        '/members/1',
      ]);
    }
    expect((await test.call('GET', '/v1/groups/picky', admin)).status).toBe(404);
    expect((await test.call('PUT', '/v1/groups/picky', admin, { members: [], issuer: 'other' })).status).toBe(404);
  });

  it('lists page by page, and each group once', async () => {
    for (let i = 0; i < 7; i++) await put(`page-${i}`, []);
    const seen: string[] = [];
    for (let after = ''; ;) {
      const query = `limit=3${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
      const page = (await test.call('GET', `/v1/groups?${query}`, admin)).json<{ groups: { group: string }[]; next?: string }>();
      expect(page.groups.length).toBeLessThanOrEqual(3);
      seen.push(...page.groups.map(({ group }) => group));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(seen.filter((group) => group.includes('page-'))).toHaveLength(7);
    expect(new Set(seen).size).toBe(seen.length);
    expect([...seen].sort()).toEqual(seen);
  });

  it('settles two who make the same group at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) => put('raced', [`user:test|racer-${i}`, 'user:test|shared-racer'])),
    );
    expect(answers.map(({ status }) => String(status)).sort()).toEqual(['200', '200', '200', '200', '200', '201']);
    const { members } = (await test.call('GET', '/v1/groups/raced', admin)).json<{ members: string[] }>();
    expect(members).toHaveLength(2);
  });
});

describe('principals that the directory does not hold', () => {
  const doc = async (name: string) =>
    (await test.call('GET', `/v1/sources/wiki/documents/${name}`, await clientToken(test, 'loader'))).json();

  it('match nobody in a grant, with a warning, until they are there', async () => {
    const loader = await clientToken(test, 'loader');
    const body = { mediaType: 'text/plain', text: 'The harbour opens later.', acl: { allow: ['group:test|later', 'user:test|fay'] } };
    const stored = await test.call('PUT', '/v1/sources/wiki/documents/later', loader, body);
    expect(stored.json<{ warnings: { pointer: string }[] }>().warnings.map(({ pointer }) => pointer)).toEqual([
      '/acl/allow/0',
      '/acl/allow/1',
    ]);
    await scim.group('later', [await scim.user('fay')]);
    expect(await found(test, await person('fay'))).toContain('later');
    const again = await test.call('PUT', '/v1/sources/wiki/documents/later', loader, body);
    expect(again.json()['warnings']).toBeUndefined();
  });

  it('hide the document in a deny, until all of them are there', async () => {
    await scim.user('gus');
    const token = await person('gus');
    await loadDocuments(test, { held: { allow: ['everyone'], deny: ['group:test|unheard', 'group:test|unseen'] } });
    expect(await found(test, token)).not.toContain('held');
    expect(await doc('held')).toMatchObject({ state: 'quarantined' });
    await scim.group('unheard');
    await test.service.mender.mend();
    expect(await doc('held')).toMatchObject({ state: 'quarantined' });
    await put('unseen', ['user:test|gus']);
    await test.service.mender.mend();
    await test.service.mender.mend();
    expect(await doc('held')).toMatchObject({ state: 'live' });
    // And the deny holds from the first moment.
    expect(await found(test, token)).not.toContain('held');
    expect(await found(test, await person('fay'))).toContain('held');
  });
});
