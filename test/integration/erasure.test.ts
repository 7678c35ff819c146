import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import type { Principal } from '../../src/core/principal.ts';
import { sessionPerson } from '../../src/core/session.ts';
import { directoryIssuer, scimClient, type Scim } from '../support/directory.ts';
import { startReplicas, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';
import type { TestIssuer } from '../support/test-issuer.ts';
import { digestSpellings, spellings, tracesIn } from '../support/traces-on-disk.ts';

const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted+people';
const POLICY = [
  allow('everyone', 'acme', 'retrieve', '*', TOP),
  allow('everyone', 'acme', 'request', '*', TOP),
  ...['retrieve', 'request', 'ingest', 'label', 'audit', 'replay', 'administer', 'approve'].map((action) =>
    allow('client:test|assistant', 'acme', action, '*', TOP),
  ),
  ...['ingest', 'label', 'audit', 'replay', 'administer'].map((action) => allow('user:test|olga', 'acme', action, '*', TOP)),
  ...['ingest', 'label', 'administer'].map((action) => allow('group:test|staff', 'acme', action, 's', TOP)),
  allow('user:test|ada', 'acme', 'administer'),
].join('\n');

const PERSON = 'quillon-zelda';
const NAMED = `user:test|${PERSON}` as Principal;
const FIRST = 'The obsidian heron of Marrowmere nests in the reeds below the old customs house every year.';
const SECOND = 'The obsidian heron of Marrowmere was last seen below the old customs house in the wet spring.';
const TITLE = 'Marrowmere ledger';

const TOOL = 'client:test|tool' as Principal;
const KEY = { id: 'k', tenant: ACME, client: TOOL, scopes: ['retrieve'], note: 'a tool', expiresAt: 'never' } as const;

let issuer: TestIssuer;
let test: TestService;
let scim: Scim;

const call = async (sub: string, method: string, path: string, body?: unknown, more: object = {}): Promise<Answer> =>
  test.call(method, path, await test.token({ sub, groups: undefined, ...more }), body);
const done = async (...given: Parameters<typeof call>): Promise<Answer> => {
  const answer = await call(...given);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer;
};
const write = (sub: string, document: string, text: string, more: object = {}): Promise<Answer> =>
  done(sub, 'PUT', `/v1/sources/s/documents/${document}`, {
    text,
    title: TITLE,
    mediaType: 'text/plain',
    acl: { allow: ['everyone'] },
    metadata: { shelf: 'marrowmere-shelf' },
    ...more,
  });
const erase = (sub: string, what: object): Promise<Answer> =>
  call(sub, 'POST', '/v1/erasures', { reason: 'asked to be forgotten', ...what });
const hold = (what: object): Promise<Answer> => done('ada', 'POST', '/v1/legal-holds', { reason: 'a case at court', ...what });
const lift = (what: Record<string, string>): Promise<Answer> =>
  call('ada', 'DELETE', `/v1/legal-holds?${new URLSearchParams({ reason: 'the case is over', ...what }).toString()}`);
const code = (answer: Answer): string => answer.json<{ code: string }>().code;
const found = async (query: string): Promise<readonly string[]> =>
  (await done('olga', 'POST', '/v1/retrieve', { query })).json<{ chunks: { text: string }[] }>().chunks.map(({ text }) => text);
/** Everything that the service has on disk, once it has nothing left to do. */
const traces = async (wanted: Parameters<typeof tracesIn>[1]): Promise<readonly string[]> => {
  await test.service.mender.mend();
  // Refused while the thread that indexes the log is reading.
  await expect.poll(() => test.service.stores.database.scrub()).toBe(true);
  return tracesIn(test.dataDir, wanted);
};

beforeAll(async () => {
  issuer = await directoryIssuer(['acme']);
  test = await startTestService({ policy: POLICY, tenants: ['acme'], issuer });
  scim = scimClient(test, await test.token({ sub: 'ada', groups: undefined }).then(async () => scimToken()));
  for (const sub of ['olga', 'ada']) await scim.user(sub);
  const source = { title: 'S', owner: 'group:test|o', level: 'public', compartments: [], trust: 'trusted' };
  await done('olga', 'PUT', '/v1/sources/s', source);
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
});

/** An application that administers, so that there are people at all. */
function scimToken(): Promise<string> {
  return test.token({ sub: 'assistant', client_id: 'assistant', groups: undefined, employment: undefined });
}

describe('erased content', () => {
  it('leaves neither text nor title nor any digest in any file, and stays deleted', async () => {
    await write('olga', 'heron', FIRST);
    const versions = [await write('olga', 'heron', SECOND), await write('olga', 'heron', FIRST)].map(
      (answer) => answer.json<{ version: string }>().version,
    );
    const answers = await found('obsidian heron customs house');
    expect(answers).toEqual([FIRST]);
    const rows = await test.service.stores.database.db.selectFrom('document_history').select('write_digest').execute();
    const wanted = {
      first: spellings('heron of Marrowmere nests'),
      second: spellings('heron of Marrowmere was last'),
      title: spellings(TITLE),
      metadata: spellings('marrowmere-shelf'),
      'digest of the first': digestSpellings(FIRST),
      'digest of the second': digestSpellings(SECOND),
      'digest of a write': rows.map(({ write_digest }) => write_digest),
    };
    // Every one of them is there before, or finding none afterwards would say nothing.
    const before = await traces(wanted);
    expect(new Set(before.map((line) => line.split(': ')[1]))).toEqual(new Set(Object.keys(wanted)));
    expect(versions[1]).toBe(`sha256:${String(digestSpellings(FIRST)[0])}`);

    const erased = await erase('olga', { kind: 'content', source: 's', document: 'heron' });
    expect([erased.status, erased.json()]).toMatchObject([201, { erased: { kind: 'content', document: 'heron' } }]);
    // Metadata stands in the index, which overwrites it when it tidies up: docs/operations.md says so.
    const left = await traces(wanted);
    expect(left.filter((line) => !/^qdrant\/storage\/.*: metadata$/.test(line))).toEqual([]);
    expect(await found('obsidian heron customs house')).toEqual([]);
    expect(code(await call('olga', 'GET', '/v1/sources/s/documents/heron'))).toBe('not_found');
    expect(await test.service.stores.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    const { receipt } = erased.json<{ receipt: { index: number; leaf: string } }>();
    const [event] = await test.service.stores.audit.between(ACME, receipt.index, receipt.index + 1, ['content.erased']);
    expect(event).toMatchObject({ leaf: receipt.leaf, body: { by: 'user:test|olga', source: 's' } });
    // Once more there is nothing; and who writes it again has written something new.
    expect(code(await erase('olga', { kind: 'content', source: 's', document: 'heron' }))).toBe('not_found');
    await write('olga', 'heron', SECOND);
    expect(await found('obsidian heron customs house')).toEqual([SECOND]);
  });

  it('may be one version, and the others stay', async () => {
    const before = (await write('olga', 'versions', 'Kestrel one: quartz lantern of Thornwick.')).json<{ version: string }>().version;
    await write('olga', 'versions', 'Kestrel two: basalt lantern of Thornwick.');
    const wanted = { old: spellings('quartz lantern of Thornwick'), digest: [before], current: spellings('basalt lantern of Thornwick') };
    expect((await traces(wanted)).map((line) => line.split(': ')[1])).toEqual(expect.arrayContaining(['old', 'digest', 'current']));
    expect((await erase('olga', { kind: 'content', source: 's', document: 'versions', version: before })).status).toBe(201);
    expect((await traces(wanted)).map((line) => line.split(': ')[1])).toEqual(['current']);
    expect(await found('lantern of Thornwick')).toEqual(['Kestrel two: basalt lantern of Thornwick.']);
    expect(code(await erase('olga', { kind: 'content', source: 's', document: 'versions', version: before }))).toBe('not_found');
  });

  it('may have been deleted before, with its source even, and then an administrator decides', async () => {
    await write('olga', 'gone', 'Gannet: porphyry chimney of Eastrop.');
    await done('olga', 'DELETE', '/v1/sources/s/documents/gone');
    const wanted = { text: spellings('porphyry chimney of Eastrop') };
    expect(await traces(wanted)).not.toEqual([]);
    expect((await erase('olga', { kind: 'content', source: 's', document: 'gone' })).status).toBe(201);
    expect(await traces(wanted)).toEqual([]);

    const source = { title: 'T', owner: 'group:test|o', level: 'public', compartments: [], trust: 'trusted' };
    await done('olga', 'PUT', '/v1/sources/t', source);
    await done('olga', 'PUT', '/v1/sources/t/documents/d', {
      text: 'Gannet: feldspar stair.',
      mediaType: 'text/plain',
      acl: { allow: ['everyone'] },
    });
    await done('olga', 'DELETE', '/v1/sources/t');
    await test.service.mender.mend();
    const what = { kind: 'content', source: 't', document: 'd' };
    expect((await erase('ada', what)).status).toBe(201);
    expect(await traces({ text: spellings('feldspar stair') })).toEqual([]);
  });

  it('is the owner’s to erase, and to nobody else does it exist', async () => {
    await write('olga', 'mine', 'Curlew: sandstone arch.');
    const answers = await Promise.all(
      [
        ['ada', 's', 'mine'],
        ['ada', 's', 'never'],
        ['olga', 's', 'never'],
        ['olga', 'nosuch', 'mine'],
      ].map(async ([sub = '', source = '', document = '']) =>
        (await erase(sub, { kind: 'content', source, document })).text.replace(/"requestId":"[^"]*"/, ''),
      ),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('not_found');
    expect((await erase('olga', { kind: 'content', source: 's', document: 'mine' })).status).toBe(201);
  });
});

describe('an erased caller', () => {
  const acts = async (): Promise<void> => {
    const id = await scim.user(PERSON, { displayName: `${PERSON} the second` });
    await scim.group('staff', [id]);
    await write(PERSON, 'written', 'Plover: a text of theirs.');
    await done(PERSON, 'PATCH', '/v1/sources/s/documents/written', { level: 'internal' });
    await done(PERSON, 'POST', '/v1/retrieve', { query: 'plover', session: 'a-session' });
    await done(PERSON, 'PUT', '/v1/collections/s', { source: 's', profile: { preset: 'plain' }, vectors: { size: 2, distance: 'Dot' } });
    const change = { by: NAMED, through: 'client:test|assistant' as Principal, requestId: 'made-a-key' };
    await test.service.stores.catalog.addApplicationKey(KEY, 'digest', change);
    await done(PERSON, 'POST', '/v1/access-requests', {
      source: 's',
      document: 'other',
      reason: 'marrow-reason',
      until: new Date(Date.now() + 86_400_000).toISOString(),
    });
    await done('ada', 'POST', '/v1/switches', { kind: 'user', id: NAMED, reason: 'for a moment' });
    await done('ada', 'DELETE', `/v1/switches?kind=user&id=${encodeURIComponent(NAMED)}`);
  };
  const wanted = {
    name: spellings(PERSON),
    reason: spellings('marrow-reason'),
    'digest of a session': [sessionPerson(ACME, NAMED)],
    'digest of the name': digestSpellings(NAMED),
    // Lists are named by pseudonyms: nobody finds those of a person by trying names.
    'lists of the name': (['asked', 'done', 'concerned', 'all'] as const).flatMap((what) =>
      (['caller', 'client'] as const).flatMap((about) =>
        [NAMED, PERSON].flatMap((name) => digestSpellings(JSON.stringify([about, what, name]))),
      ),
    ),
    'digests of names': ['session', 'holder'].flatMap((what) => {
      const more = what === 'session' ? ['a-session'] : [];
      return digestSpellings(JSON.stringify([what, 'acme', NAMED, 'client:test|assistant', ...more]));
    }),
  };

  it('is named in no file any more: what they did stays, and who it was is gone', async () => {
    await acts();
    const before = new Set((await traces(wanted)).map((line) => line.split(': ')[1]));
    for (const what of ['name', 'reason', 'digest of a session', 'digests of names']) expect(before).toContain(what);
    const events = async (): Promise<number> => (await test.service.stores.audit.sizes()).get(ACME) ?? 0;
    const size = await events();
    const answer = await erase('ada', { kind: 'caller', principal: `user:${PERSON}` });
    expect([answer.status, answer.json()]).toMatchObject([201, { receipt: { index: size } }]);
    expect(await traces(wanted)).toEqual([]);
    expect(await test.service.stores.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    expect(await found('plover')).toEqual(['Plover: a text of theirs.']);
    const record = await test.service.stores.catalog.document(ACME, 's' as never, 'written' as never);
    expect(record?.writtenBy).toBe('erased');
    expect((await done('ada', 'GET', '/v1/application-keys')).json()).toMatchObject({ keys: [{ createdBy: 'erased' }] });
    // The directory does not know them any more, so they are nobody.
    expect(code(await call(PERSON, 'POST', '/v1/retrieve', { query: 'plover' }))).toBe('forbidden');
    expect(code(await erase('ada', { kind: 'caller', principal: `user:${PERSON}` }))).toBe('not_found');
  });

  it('may be somebody who never did anything but stand in the directory', async () => {
    const quiet = 'silent-quorra';
    const id = await scim.user(quiet);
    await scim.group('quiet-ones', [id]);
    expect(await traces({ name: spellings(quiet) })).not.toEqual([]);
    expect((await erase('ada', { kind: 'caller', principal: `user:test|${quiet}` })).status).toBe(201);
    expect(await traces({ name: spellings(quiet) })).toEqual([]);
  });

  it('keeps the names that are rules: an ACL that names them is the owner’s to change', async () => {
    const kept = 'keeper-of-rules';
    await scim.user(kept);
    await write('olga', 'ruled', 'Dunlin: a rule.', { acl: { allow: [`user:test|${kept}`] } });
    expect((await erase('ada', { kind: 'caller', principal: `user:test|${kept}` })).status).toBe(201);
    expect(await traces({ name: spellings(kept) })).not.toEqual([]);
    expect((await done('olga', 'GET', '/v1/sources/s/documents/ruled')).json()).toMatchObject({ acl: { gates: [[`user:test|${kept}`]] } });
  });

  it('is erased by another person, by their own hand, who administers', async () => {
    await scim.user('victor');
    const what = { kind: 'caller', principal: 'user:test|victor' };
    expect(code(await erase('victor', what))).toBe('forbidden');
    expect(code(await erase('ada', { kind: 'caller', principal: 'user:test|ada' }))).toBe('second_person_required');
    expect(code(await erase('ada', { kind: 'caller', principal: 'client:test|assistant' }))).toBe('second_person_required');
    const alone = await test.call('POST', '/v1/erasures', await scimToken(), { ...what, reason: 'r' });
    expect(code(alone)).toBe('second_person_required');
    const behalf = await call('ada', 'POST', '/v1/erasures', { ...what, reason: 'r' }, { act: { sub: 'agent' } });
    expect(code(behalf)).toBe('second_person_required');
    for (const principal of ['everyone', 'group:test|staff', 'role:x']) {
      expect(code(await erase('ada', { kind: 'caller', principal }))).toBe('invalid_request');
    }
    const { audit } = test.service.stores;
    const refused = await audit.between(ACME, 0, (await audit.sizes()).get(ACME) ?? 0, ['erasure.refused']);
    expect(refused.map(({ body }) => body['code'])).toEqual(['forbidden', ...Array.from({ length: 4 }, () => 'second_person_required')]);
    expect((await erase('ada', what)).status).toBe(201);
  });
});

describe('an erased caller on PostgreSQL', () => {
  let replicas: Replicas;
  beforeAll(async () => {
    const directory = { kind: 'authoritative', subjects: { user: 'externalId', group: 'externalId' } } as const;
    replicas = await startReplicas('postgres', POLICY, {}, { directory });
  });
  afterAll(() => replicas.stop());

  it('is nobody on the other replica at the next request, and in no row', async () => {
    const sign = (sub: string): Promise<string> => replicas.issuer.sign({ sub, groups: undefined });
    const alone = await replicas.issuer.sign({ sub: 'assistant', client_id: 'assistant', groups: undefined, employment: undefined });
    const people = scimClient(replicas.a, alone);
    await people.user('ada');
    await people.group('staff', [await people.user(PERSON)]);
    const asked = async (): Promise<number> =>
      (await replicas.b.call('POST', '/v1/retrieve', await sign(PERSON), { query: 'plover', session: 'one' })).status;
    const { db } = replicas.b.service.stores.database;
    const naming = async (): Promise<readonly string[]> => {
      const tables = await sql<{
        name: string;
      }>`select table_name as name from information_schema.tables where table_schema = 'public'`.execute(db);
      const found: string[] = [];
      for (const { name } of tables.rows) {
        const { rows } = await sql`select 1 from ${sql.table(name)} t where t::text like ${`%${PERSON}%`}`.execute(db);
        if (rows.length > 0) found.push(name);
      }
      return found;
    };
    expect(await asked()).toBe(200);
    expect(await naming()).toEqual(expect.arrayContaining(['audit_keys', 'directory_users', 'directory_user_history']));
    const erased = await replicas.a.call('POST', '/v1/erasures', await sign('ada'), { kind: 'caller', principal: NAMED, reason: 'r' });
    expect(erased.status, erased.text).toBe(201);
    expect(await asked()).toBe(403);
    expect(await naming()).toEqual([]);
    expect(await db.selectFrom('sessions').selectAll().execute()).toEqual([]);
  });
});

describe('a legal hold', () => {
  it('keeps a text, and each version of it, until it is lifted', async () => {
    const version = (await write('olga', 'held', 'Godwit: gypsum door of Penhale.')).json<{ version: string }>().version;
    const what = { kind: 'content', source: 's', document: 'held' };
    expect((await hold(what)).status).toBe(201);
    expect((await hold(what)).status).toBe(200);
    const listed = (await done('ada', 'GET', '/v1/legal-holds')).json<{ holds: object[] }>().holds;
    expect(listed).toEqual([{ what, reason: 'a case at court', by: 'user:test|ada', since: expect.any(String) as string }]);
    for (const one of [what, { ...what, version }]) {
      const answer = await erase('olga', one);
      expect([answer.status, code(answer)]).toEqual([409, 'legal_hold']);
    }
    // Nothing of it was erased on the way to the refusal.
    expect(await found('gypsum door')).toEqual(['Godwit: gypsum door of Penhale.']);
    expect((await lift(what)).status).toBe(204);
    expect(code(await lift(what))).toBe('not_found');
    expect((await erase('olga', what)).status).toBe(201);
  });

  it('keeps a caller, and all that would have been erased with them', async () => {
    const id = await scim.user('heldman');
    const what = { kind: 'caller', principal: 'user:test|heldman' };
    await hold(what);
    expect(code(await erase('ada', what))).toBe('legal_hold');
    expect((await scim.call('GET', `/Users/${id}`)).status).toBe(200);
    await lift(what);
    expect((await erase('ada', what)).status).toBe(201);
    expect((await scim.call('GET', `/Users/${id}`)).status).toBe(404);
  });

  it('is an administrator’s, and an application alone lifts none', async () => {
    const what = { kind: 'content', source: 's', document: 'nothing' };
    expect(code(await call('olga', 'POST', '/v1/legal-holds', { ...what, reason: 'r' }))).not.toBe('forbidden');
    const alone = await test.call('DELETE', '/v1/legal-holds?kind=content&source=s&document=nothing&reason=r', await scimToken());
    expect(code(alone)).toBe('second_person_required');
    for (const query of ['kind=caller', 'kind=content&source=s', 'kind=content&source=s&document=d&principal=x', 'kind=x']) {
      expect(code(await call('ada', 'DELETE', `/v1/legal-holds?reason=r&${query}`))).toBe('invalid_request');
    }
    expect((await lift(what)).status).toBe(204);
  });

  it('is listed in pages', async () => {
    for (const document of ['p1', 'p2', 'p3']) await hold({ kind: 'content', source: 's', document });
    const names: string[] = [];
    for (let after = ''; ;) {
      const query = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
      const page = (await done('ada', 'GET', `/v1/legal-holds?limit=2${query}`)).json<{
        holds: { what: { document: string } }[];
        next?: string;
      }>();
      names.push(...page.holds.map(({ what }) => what.document));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(names).toEqual(['p1', 'p2', 'p3']);
  });
});
