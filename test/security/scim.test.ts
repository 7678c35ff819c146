import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  clientToken,
  directoryIssuer,
  directoryPolicy,
  found,
  GROUP_SCHEMA,
  loadDocuments,
  PATCH_SCHEMA,
  scimClient,
  USER_SCHEMA,
  type Scim,
} from '../support/directory.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';
import type { TestIssuer } from '../support/test-issuer.ts';

let issuer: TestIssuer;
let test: TestService;
let scim: Scim;
let theirs: Scim;
let anna = '';
let staff = '';

beforeAll(async () => {
  issuer = await directoryIssuer(['acme', 'globex']);
  test = await startTestService({ policy: directoryPolicy('acme', 'globex'), tenants: ['acme', 'globex'], issuer });
  scim = scimClient(test, await clientToken(test, 'scim'));
  theirs = scimClient(test, await clientToken(test, 'scim', { tenant: 'globex' }));
  anna = await scim.user('anna', { displayName: 'Anna', userType: 'Member' });
  staff = await scim.group('staff', [anna]);
  await loadDocuments(test, { staff: { allow: ['group:test|staff'] }, all: { allow: ['everyone'] } });
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
});

/** Status and scimType of a refusal, in the form of RFC 7644 §3.12. */
function refusal(answer: Answer): readonly (number | string | undefined)[] {
  expect(answer.headers['content-type']).toBe('application/scim+json');
  const body = answer.json<{ schemas: string[]; status: string; scimType?: string; detail: string }>();
  expect(body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:Error']);
  expect(body.status).toBe(String(answer.status));
  expect(body.detail).not.toBe('');
  return body.scimType === undefined ? [answer.status] : [answer.status, body.scimType];
}

const annaNow = async () => (await scim.call('GET', `/Users/${anna}`)).json();
const token = (sub: string, more = {}): Promise<string> => test.token({ sub, groups: undefined, ...more });
const list = async (path: string, filter?: string, more = ''): Promise<Answer> =>
  scim.call('GET', `${path}${filter === undefined ? '?' : `?filter=${encodeURIComponent(filter)}`}${more}`);

describe('SCIM', () => {
  it('says what it speaks, as its own media type', async () => {
    const config = await scim.call('GET', '/ServiceProviderConfig');
    expect(config.headers['content-type']).toBe('application/scim+json');
    expect(config.headers['cache-control']).toBe('no-store');
    expect(config.json()).toMatchObject({ patch: { supported: true }, bulk: { supported: false }, etag: { supported: true } });
    for (const path of ['/ResourceTypes', '/Schemas']) {
      const all = (await scim.call('GET', path)).json<{ totalResults: number; Resources: { id: string }[] }>();
      expect(all.totalResults).toBe(2);
      for (const { id } of all.Resources) expect((await scim.call('GET', `${path}/${id}`)).json()['id']).toBe(id);
      expect(refusal(await scim.call('GET', `${path}/Toaster`))).toEqual([404]);
    }
  });

  it('makes, reads, replaces and deletes, each with its version', async () => {
    const body = { schemas: [USER_SCHEMA], userName: 'Ben@Example.com', externalId: 'ben', name: { givenName: 'Ben' }, active: true };
    const made = await scim.call('POST', '/Users', body);
    expect(made.status, made.text).toBe(201);
    const { id, meta } = made.json<{ id: string; meta: { version: string; location: string } }>();
    expect([made.headers['etag'], made.headers['location']]).toEqual([meta.version, meta.location]);
    expect(meta.location).toBe(`${test.url}/scim/v2/Users/${id}`);
    const put = (version: string | undefined, more = {}) =>
      scim.call('PUT', `/Users/${id}`, { ...body, displayName: 'B', ...more }, version === undefined ? {} : { 'if-match': version });
    expect(refusal(await put('W/"7"'))).toEqual([412]);
    expect(refusal(await put('nonsense'))).toEqual([412]);
    const replaced = await put(meta.version);
    expect([replaced.status, replaced.json()['displayName']]).toEqual([200, 'B']);
    expect(refusal(await put(meta.version, { active: false }))).toEqual([412]);
    expect((await put('*', { displayName: undefined })).json()['displayName']).toBeUndefined();
    expect(refusal(await scim.call('DELETE', `/Users/${id}`, undefined, { 'if-match': meta.version }))).toEqual([412]);
    expect((await scim.call('DELETE', `/Users/${id}`)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect(refusal(await scim.call(method, `/Users/${id}`))).toEqual([404]);
  });

  it('lets one of many who change the same version through', async () => {
    const id = await scim.user('raced');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        scim.call(
          'PATCH',
          `/Users/${id}`,
          { schemas: [PATCH_SCHEMA], Operations: [{ op: 'replace', path: 'displayName', value: `n${i}` }] },
          { 'if-match': 'W/"1"' },
        ),
      ),
    );
    expect(answers.map(({ status }) => String(status)).sort()).toEqual(['200', ...Array<string>(7).fill('412')]);
    // Without a version all of them count, and none is lost.
    const group = await scim.group('crowd');
    const people = await Promise.all(Array.from({ length: 12 }, (_, i) => scim.user(`crowd-${i}`)));
    const added = await Promise.all(
      people.map((value) => scim.patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: [{ value }] })),
    );
    expect(added.filter(({ status }) => status !== 204).length).toBeLessThan(12);
    for (const [i, { status }] of added.entries()) {
      if (status !== 204) await scim.patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: [{ value: people[i] }] });
    }
    expect((await scim.call('GET', `/Groups/${group}`)).json<{ members: unknown[] }>().members).toHaveLength(12);
  });

  it('refuses a name that is taken, in any case', async () => {
    const user = (more: object) =>
      scim.call('POST', '/Users', { schemas: [USER_SCHEMA], userName: 'x@example.com', externalId: 'x', ...more });
    expect(refusal(await user({ externalId: 'anna' }))).toEqual([409, 'uniqueness']);
    expect(refusal(await user({ userName: 'ANNA@example.com' }))).toEqual([409, 'uniqueness']);
    const group = { schemas: [GROUP_SCHEMA], displayName: 'another name', externalId: 'staff' };
    expect(refusal(await scim.call('POST', '/Groups', group))).toEqual([409, 'uniqueness']);
    expect(refusal(await scim.patch(`/Users/${await scim.user('y')}`, { op: 'replace', path: 'externalId', value: 'anna' }))).toEqual([
      409,
      'uniqueness',
    ]);
  });

  it('finds by name, whatever its case, by id and by member', async () => {
    const ids = async (path: string, filter: string) =>
      (await list(path, filter)).json<{ Resources: { id: string }[] }>().Resources.map(({ id }) => id);
    expect(await ids('/Users', 'userName eq "ANNA@EXAMPLE.COM"')).toEqual([anna]);
    expect(await ids('/Users', `urn:ietf:params:scim:schemas:core:2.0:User:externalId eq "anna"`)).toEqual([anna]);
    expect(await ids('/Users', 'externalId eq "Anna"')).toEqual([]);
    expect(await ids('/Users', `id eq "${anna}" and (active eq false or active eq true)`)).toEqual([anna]);
    expect(await ids('/Groups', 'displayName eq "STAFF"')).toEqual([staff]);
    expect(await ids('/Groups', `id eq "${staff}" and members eq "${anna}"`)).toEqual([staff]);
    expect(await ids('/Groups', 'members.value eq "nobody"')).toEqual([]);
  });

  it('pages, and shows what is asked for', async () => {
    const page = (await list('/Users', undefined, 'startIndex=2&count=2')).json<{ totalResults: number; Resources: unknown[] }>();
    expect(page).toMatchObject({ startIndex: 2, itemsPerPage: 2 });
    expect(page.totalResults).toBeGreaterThan(3);
    expect((await list('/Users', undefined, 'count=0')).json()).toMatchObject({ totalResults: page.totalResults, Resources: [] });
    expect((await list('/Users', undefined, 'startIndex=999999')).json()).toMatchObject({ totalResults: page.totalResults, Resources: [] });
    expect((await scim.call('GET', `/Groups/${staff}?excludedAttributes=members`)).json()).not.toHaveProperty('members');
    expect((await scim.call('GET', `/Groups/${staff}`)).json()['members']).toEqual([
      { value: anna, type: 'User', $ref: `${test.url}/scim/v2/Users/${anna}` },
    ]);
    expect(Object.keys((await scim.call('GET', `/Users/${anna}?attributes=userName`)).json()).sort()).toEqual([
      'id',
      'schemas',
      'userName',
    ]);
  });
});

describe('what Entra and Okta send', () => {
  it('deactivates and brings back, however it is written', async () => {
    const person = await token('anna');
    for (const operation of [
      { op: 'Replace', path: 'active', value: 'False' },
      { op: 'replace', value: { active: false } },
      { op: 'Add', path: 'ACTIVE', value: false },
      {
        op: 'Replace',
        value: { 'name.givenName': 'A', active: 'false', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department': 'x' },
      },
    ]) {
      expect((await scim.patch(`/Users/${anna}`, operation)).json()['active']).toBe(false);
      expect(await found(test, person)).toBe('forbidden');
      expect((await scim.patch(`/Users/${anna}`, { op: 'Replace', path: 'active', value: 'True' })).json()['active']).toBe(true);
      expect(await found(test, person)).toContain('staff');
    }
  });

  it('adds and removes members, however it is written', async () => {
    const group = await scim.group('shapes');
    const other = await scim.user('shaped');
    const size = async () => (await scim.call('GET', `/Groups/${group}`)).json<{ members: unknown[] }>().members.length;
    const steps: readonly (readonly [object, number])[] = [
      [{ op: 'Add', path: 'members', value: [{ value: anna, $ref: null }] }, 1],
      [{ op: 'add', path: 'members', value: { value: other } }, 2],
      [{ op: 'Remove', path: 'members', value: [{ value: anna }] }, 1],
      [{ op: 'add', value: { members: [{ value: anna }] } }, 2],
      [{ op: 'remove', path: `members[value eq "${anna}" or value eq "${other}"]` }, 0],
      [{ op: 'replace', path: 'members', value: [{ value: anna }, { value: other }, { value: other }] }, 2],
      [{ op: 'remove', path: 'members', value: [] }, 2],
      [{ op: 'remove', path: `urn:ietf:params:scim:schemas:core:2.0:Group:members[value eq "${other}"]` }, 1],
      [{ op: 'remove', path: 'members' }, 0],
    ];
    for (const [operation, expected] of steps) {
      expect((await scim.patch(`/Groups/${group}`, operation)).status).toBe(204);
      expect([operation, await size()]).toEqual([operation, expected]);
    }
    const both = [
      { op: 'add', path: 'members', value: [{ value: anna }] },
      { op: 'remove', path: `members[value eq "${anna}"]` },
    ];
    expect((await scim.patch(`/Groups/${group}`, ...both)).status).toBe(204);
    expect(await size()).toBe(0);
    expect((await scim.patch(`/Groups/${group}`, ...both.toReversed())).status).toBe(204);
    expect(await size()).toBe(1);
  });
});

describe('a hostile client', () => {
  it.each([
    `userName eq "x" or 1 eq 1`,
    `userName eq 'x'`,
    `userName eq "x"; drop table directory_users`,
    `userName eq "x" --`,
    `userName eq "x') or ('1'='1"`,
    'userName ne "anna@example.com"',
    'userName co "a"',
    'userName pr',
    'not (userName eq "x")',
    'principal eq "user:test|anna"',
    'tenant eq "globex"',
    'constructor eq "x"',
    '__proto__ eq "x"',
    'emails[type eq "work"].value eq "x"',
    'userName eq "\\u0000"',
    'userName eq "\\ud800"',
    'userName eq',
    'userName eq 7',
    'active eq "perhaps"',
    '()',
    '',
    '('.repeat(200) + 'userName eq "x"' + ')'.repeat(200),
    Array.from({ length: 40 }, () => 'userName eq "x"').join(' or '),
  ])('finds nobody by the filter %s', async (filter) => {
    const answer = await list('/Users', filter);
    const told = answer.status === 200 ? [answer.json()['totalResults']] : refusal(answer);
    expect([[0], [400, 'invalidFilter']]).toContainEqual(told);
  });

  it.each<readonly [string, unknown, string]>([
    ['a path of nonsense', { op: 'replace', path: '][', value: 'x' }, 'invalidPath'],
    ['brackets in brackets', { op: 'replace', path: 'emails[type eq "a[b]"].value', value: 'x' }, 'invalidPath'],
    ['a path with a command', { op: 'replace', path: "userName'; drop table x", value: 'x' }, 'invalidPath'],
    ['a path of a prototype', { op: 'replace', path: '__proto__.active', value: 'x' }, 'invalidPath'],
    ['an unknown attribute', { op: 'replace', path: 'isAdmin', value: true }, 'invalidPath'],
    ['an attribute of ours', { op: 'replace', path: 'principal', value: 'user:test|root' }, 'invalidPath'],
    ['a tenant', { op: 'replace', value: { tenant: 'globex' } }, 'invalidPath'],
    ['a path that is no text', { op: 'replace', path: 7, value: 'x' }, 'invalidPath'],
    ['a part of a text', { op: 'replace', path: 'userName.x', value: 'x' }, 'invalidPath'],
    ['the id', { op: 'replace', path: 'id', value: 'x' }, 'mutability'],
    ['the version', { op: 'replace', value: { meta: { version: 'x' } } }, 'mutability'],
    ['groups of a user', { op: 'add', path: 'groups', value: [{ value: 'x' }] }, 'mutability'],
    ['an unknown operation', { op: 'move', path: 'userName' }, 'invalidSyntax'],
    ['no operation', { path: 'userName', value: 'x' }, 'invalidSyntax'],
    ['an operation that is a list', ['replace'], 'invalidSyntax'],
    ['remove of nothing', { op: 'remove' }, 'noTarget'],
    ['remove of the name', { op: 'remove', path: 'userName' }, 'invalidValue'],
    ['remove of active', { op: 'remove', path: 'active' }, 'invalidValue'],
    ['active as a word', { op: 'replace', path: 'active', value: 'maybe' }, 'invalidValue'],
    ['active as null', { op: 'replace', path: 'active', value: null }, 'invalidValue'],
    ['active as a list', { op: 'replace', path: 'active', value: [false] }, 'invalidValue'],
    ['a name that is an object', { op: 'replace', path: 'userName', value: { $ne: '' } }, 'invalidValue'],
    ['a subject with a line break', { op: 'replace', path: 'externalId', value: 'a\nb' }, 'invalidValue'],
    ['no subject', { op: 'remove', path: 'externalId' }, 'invalidValue'],
    ['a long name', { op: 'replace', path: 'userName', value: 'x'.repeat(600) }, 'invalidValue'],
    ['the same attribute twice', { op: 'replace', value: { active: true, Active: false } }, 'invalidSyntax'],
  ])('changes nothing by %s', async (_what, operation, scimType) => {
    const before = await annaNow();
    expect(refusal(await scim.patch(`/Users/${anna}`, { op: 'replace', path: 'displayName', value: 'changed' }, operation))).toEqual([
      400,
      scimType,
    ]);
    expect(await annaNow()).toEqual(before);
  });

  it.each<readonly [string, unknown]>([
    ['everything and more', { path: 'members', op: 'add', value: Array.from({ length: 100_001 }, (_, i) => ({ value: `m${i}` })) }],
    ['somebody of no directory', { path: 'members', op: 'add', value: [{ value: '00000000-0000-0000-0000-000000000000' }] }],
    ['a principal instead of an id', { path: 'members', op: 'add', value: [{ value: 'user:test|anna' }] }],
    ['texts', { path: 'members', op: 'add', value: ['x'] }],
    ['nothing in a value', { path: 'members', op: 'add', value: [{}] }],
    ['an endless id', { path: 'members', op: 'add', value: [{ value: 'x'.repeat(10_000) }] }],
    ['a filter that is none', { path: 'members[value pr]', op: 'remove' }],
    ['a filter with and', { path: 'members[value eq "a" and value eq "b"]', op: 'remove' }],
    ['a filter over other things', { path: 'members[display eq "a"]', op: 'remove' }],
    ['a filter where none can be', { path: 'members[value eq "a"]', op: 'replace', value: [] }],
  ])('as members sends %s', async (_what, operation) => {
    const before = (await scim.call('GET', `/Groups/${staff}`)).json();
    const answer = await scim.patch(`/Groups/${staff}`, operation);
    expect([400, 413]).toContain(answer.status);
    refusal(answer);
    expect((await scim.call('GET', `/Groups/${staff}`)).json()).toEqual(before);
  });

  it('cannot assign what clients do not write', async () => {
    const made = await scim.call('POST', '/Users', {
      schemas: [USER_SCHEMA, 'urn:example:own'],
      id: anna,
      meta: { version: 'W/"99"' },
      tenant: 'globex',
      issuer: 'other',
      principal: 'user:test|root',
      guest: false,
      revision: 99,
      userName: 'assign@example.com',
      externalId: 'assigner',
      groups: [{ value: staff }],
      roles: [{ value: 'admin' }],
      password: 'x',
    });
    expect(made.status).toBe(201);
    const user = made.json<{ id: string; meta: { version: string } }>();
    expect(user.id).not.toBe(anna);
    expect(user.meta.version).toBe('W/"1"');
    expect(Object.keys(user).sort()).toEqual(['active', 'externalId', 'id', 'meta', 'schemas', 'userName']);
    expect(await found(test, await token('assigner'))).toEqual(['all']);
  });

  it.each([
    ['no schemas', {}],
    ['a schema of groups', { schemas: [GROUP_SCHEMA] }],
    ['schemas that are no list', { schemas: USER_SCHEMA }],
  ])('is refused with %s', async (_what, more) => {
    expect(refusal(await scim.call('POST', '/Users', { userName: 'n', externalId: 'n', ...more }))).toEqual([400, 'invalidSyntax']);
  });

  it('is refused with bodies that are none, in SCIM words', async () => {
    expect(refusal(await scim.call('POST', '/Users', '{'))).toEqual([400, 'invalidSyntax']);
    expect(refusal(await scim.call('POST', '/Users', '[]'))).toEqual([400, 'invalidValue']);
    expect(refusal(await scim.call('POST', '/Users', '{}', { 'content-type': 'text/plain' }))).toEqual([415]);
    expect(refusal(await scim.call('POST', '/Bulk', {}))).toEqual([404]);
    expect(refusal(await scim.call('DELETE', '/Users'))).toEqual([405]);
    expect(
      (
        await scim.call(
          'POST',
          '/Users',
          { schemas: [USER_SCHEMA], userName: 'j', externalId: 'j' },
          { 'content-type': 'application/json' },
        )
      ).status,
    ).toBe(201);
  });

  it('of another tenant sees and changes nothing, and its people of the same names are others', async () => {
    for (const [method, path, body] of [
      ['GET', `/Users/${anna}`, undefined],
      ['DELETE', `/Users/${anna}`, undefined],
      ['PATCH', `/Users/${anna}`, { schemas: [PATCH_SCHEMA], Operations: [{ op: 'replace', path: 'active', value: false }] }],
      ['PUT', `/Users/${anna}`, { schemas: [USER_SCHEMA], userName: 'anna@example.com', externalId: 'anna', active: false }],
      ['GET', `/Groups/${staff}`, undefined],
      ['DELETE', `/Groups/${staff}`, undefined],
      ['PUT', `/Groups/${staff}`, { schemas: [GROUP_SCHEMA], displayName: 'staff', externalId: 'staff' }],
    ] as const) {
      const hidden = await theirs.call(method, path, body);
      const missing = await theirs.call(method, path.replace(/[0-9a-f-]{36}$/, '00000000-0000-0000-0000-000000000000'), body);
      expect([method, path, hidden.text]).toEqual([method, path, missing.text]);
      expect(refusal(hidden)).toEqual([404]);
    }
    expect((await theirs.call('GET', '/Users')).json()['totalResults']).toBe(0);
    const eve = await theirs.user('anna');
    expect(
      (await theirs.call('POST', '/Groups', { schemas: [GROUP_SCHEMA], displayName: 'g', externalId: 'g', members: [{ value: anna }] }))
        .status,
    ).toBe(400);
    await theirs.group('staff', [eve]);
    expect((await theirs.call('DELETE', `/Users/${eve}`)).status).toBe(204);
    expect(await found(test, await token('anna'))).toContain('staff');
    expect(await annaNow()).toMatchObject({ active: true });
  });

  it('without the scope or the right is refused before anything is read', async () => {
    const narrow = scimClient(test, await clientToken(test, 'scim', { scope: 'retrieve' }));
    expect(refusal(await narrow.call('GET', '/Users'))).toEqual([403]);
    const other = scimClient(test, await clientToken(test, 'assistant'));
    expect(refusal(await other.call('GET', `/Users/${anna}`))).toEqual([403]);
    const nobody = await test.call('GET', '/scim/v2/Users', undefined);
    expect([nobody.status, nobody.headers['www-authenticate']]).toEqual([401, expect.stringContaining('Bearer')]);
    expect((await test.call('GET', '/scim/v2/nothing', undefined)).status).toBe(401);
  });
});
