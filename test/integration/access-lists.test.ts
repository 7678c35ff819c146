import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_ACL_CHARACTERS, MAX_ACL_ENTRIES, MAX_GATES } from '../../src/core/acl.ts';
import { MAX_COMPARTMENTS } from '../../src/core/label.ts';
import { MAX_ZONES_PER_SOURCE } from '../../src/core/zone.ts';
import { seenBefore } from '../support/moments.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type Answer, type TestService } from '../support/service.ts';

/** ACLs in full: entries for a time, gates, ceiling, denies at every level, built-in principals, quarantine and every limit. */
const compartments = (count: number): string[] => Array.from({ length: count }, (_, n) => `c${n}`);
const TOP = `upto:restricted+${compartments(MAX_COMPARTMENTS).join('+')}`;
const policy = [
  ...['retrieve', 'ingest', 'label', 'audit'].map((action) => allow('client:test|tool', 'acme', action, '*', TOP)),
  allow('client:test|robot', 'acme', 'retrieve', '*', TOP),
  allow('everyone', 'acme', 'retrieve', '*', TOP),
  allow('user:test|writer', 'acme', 'ingest', '*', TOP),
  allow('user:test|auditor', 'acme', 'audit', '*', TOP),
  allow('user:test|owner', 'acme', 'ingest', '*', TOP),
  allow('user:test|owner', 'acme', 'label', '*', TOP),
  allow('user:test|owner', 'acme', 'audit', '*', TOP),
  'p, user:test|owner, acme, *, administer, *, *, *, allow',
].join('\n');
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const FUTURE = '2999-01-01T00:00:00Z';
const PAST = '2001-01-01T00:00:00Z';
/** An issuer that nobody configured: a deny of it reaches nobody. */
const NOBODY = 'user:nowhere|x';

let test: TestService;
let named = 0;

beforeAll(async () => {
  test = await startTestService({ policy, tenants: ['acme'] });
  for (const source of ['s', 'capped', 'full']) expect((await owner('PUT', `/v1/sources/${source}`, SOURCE)).status).toBe(201);
  expect((await owner('PATCH', '/v1/sources/capped', { ceiling: ['group:test|hr'] })).status).toBe(200);
});
afterAll(() => test.stop());

interface Who {
  readonly sub: string;
  readonly groups?: readonly string[];
  readonly client?: string;
  readonly employment?: string;
  readonly act?: string;
}

async function as(
  { sub, groups = [], client = 'tool', employment, act }: Who,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const claims = { sub, client_id: client, groups: [...groups], ...(employment === undefined ? {} : { employment }) };
  return test.call(method, path, await test.token({ ...claims, ...(act === undefined ? {} : { act: { sub: act } }) }), body);
}
const owner = (method: string, path: string, body?: unknown): Promise<Answer> => as({ sub: 'owner' }, method, path, body);
const writer = (method: string, path: string, body?: unknown): Promise<Answer> => as({ sub: 'writer' }, method, path, body);
const ANN: Who = { sub: 'ann', groups: ['staff'] };

interface Made {
  readonly path: string;
  readonly word: string;
  readonly body: object;
}

function fresh(acl: object, fields: object = {}, source = 's'): Made {
  const word = `wombat${(named += 1)}`;
  return {
    word,
    path: `/v1/sources/${source}/documents/${word}`,
    body: { mediaType: 'text/plain', text: `The ${word} digs.`, acl, ...fields },
  };
}

async function put(acl: object, fields: object = {}, source = 's'): Promise<Made> {
  const made = fresh(acl, fields, source);
  const answer = await owner('PUT', made.path, made.body);
  expect(answer.status, answer.text).toBe(200);
  return made;
}

/** By search and by the record, which have to agree. */
async function reads(who: Who, { word, path }: Made): Promise<boolean> {
  const answer = await as(who, 'POST', '/v1/retrieve', { query: word });
  expect(answer.status, answer.text).toBe(200);
  const found = answer.json<{ chunks: unknown[] }>().chunks.length > 0;
  const { status } = await as(who, 'GET', path);
  expect(status).toBe(found ? 200 : 404);
  return found;
}

describe('entries that hold for a time', () => {
  it.each([
    ['a grant that lasts', { allow: [{ principal: 'user:ann', from: PAST, until: FUTURE }] }, true],
    ['a grant that ended', { allow: [{ principal: 'user:ann', until: PAST }] }, false],
    ['a grant that begins later', { allow: [{ principal: 'user:ann', from: FUTURE }] }, false],
    ['one that ended beside one that holds', { allow: [{ principal: 'user:ann', until: PAST }, 'group:staff'] }, true],
    ['a second gate that ended', { gates: [['everyone'], [{ principal: 'everyone', until: PAST }]] }, false],
    ['a deny that lasts', { allow: ['everyone'], deny: [{ principal: 'group:staff', from: PAST, until: FUTURE }] }, false],
    ['a deny that ended', { allow: ['everyone'], deny: [{ principal: 'group:staff', until: PAST }] }, true],
    ['a deny that begins later', { allow: ['everyone'], deny: [{ principal: 'group:staff', from: FUTURE }] }, true],
    ['a deny for ever and one that ended', { allow: ['everyone'], deny: ['user:ann', { principal: 'user:ann', until: PAST }] }, false],
    ['a deny of the application', { allow: ['everyone'], deny: [{ principal: 'client:tool', from: PAST }] }, false],
  ])('%s', async (_what, acl, expected) => {
    expect(await reads(ANN, await put(acl))).toBe(expected);
  });

  it('end and begin by themselves, without a change and without the index hearing of it', async () => {
    const { seen } = await seenBefore(async (moment) => {
      const grant = await put({ allow: [{ principal: 'user:ann', until: moment }] });
      const deny = await put({ allow: ['everyone'], deny: [{ principal: 'user:ann', from: moment }] });
      const later = await put({ allow: [{ principal: 'user:ann', from: moment }] });
      const over = await put({ allow: ['everyone'], deny: [{ principal: 'user:ann', until: moment }] });
      expect([await reads(ANN, grant), await reads(ANN, deny), await reads(ANN, later), await reads(ANN, over)]).toEqual([
        true,
        true,
        false,
        false,
      ]);
      return { grant, deny, later, over };
    });
    const { grant, deny, later, over } = seen;
    const found = async ({ word }: Made): Promise<boolean> =>
      (await as(ANN, 'POST', '/v1/retrieve', { query: word })).json<{ chunks: unknown[] }>().chunks.length > 0;
    const all = async () => [await found(grant), await found(deny), await found(later), await found(over)];
    await expect.poll(all).toEqual([false, false, true, true]);
    expect([await reads(ANN, grant), await reads(ANN, deny), await reads(ANN, later), await reads(ANN, over)]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('are shown to the owner as they were written, and the same ACL again changes nothing', async () => {
    const acl = {
      gates: [['group:test|hr', { principal: 'user:test|ann', from: '2026-01-01T00:00:00.005Z', until: '2999-01-01T00:00:00.000Z' }]],
      deny: [],
    };
    const { path, body } = await put(acl);
    expect((await owner('GET', path)).json()).toMatchObject({ acl });
    expect((await owner('PUT', path, body)).json()).toMatchObject({ changed: false });
    expect((await owner('PATCH', path, { acl })).json()).toMatchObject({ changed: false });
  });

  it('a writer may shorten a grant and lengthen a deny, and not the other way round', async () => {
    const grant = (until: string): { acl: object } => ({ acl: { allow: [{ principal: 'user:ann', until }] } });
    const deny = (until: string): { acl: object } => ({ acl: { allow: ['everyone'], deny: [{ principal: 'user:ann', until }] } });
    for (const [first, narrower, wider] of [
      [grant, '2997-01-01T00:00:00Z', '2998-01-01T00:00:00Z'],
      [deny, '2999-06-01T00:00:00Z', PAST],
    ] as const) {
      const { path } = await put(first(FUTURE).acl);
      expect((await writer('PATCH', path, first(narrower))).status).toBe(200);
      expect((await writer('PATCH', path, first(wider))).json()).toMatchObject({ code: 'forbidden' });
      expect((await owner('PATCH', path, first(wider))).status).toBe(200);
    }
  });

  it.each([
    [{ allow: [{ principal: 'user:ann', from: FUTURE, until: PAST }] }, 422, 'invalid_acl'],
    [{ allow: [{ principal: 'user:ann', from: PAST, until: PAST }] }, 422, 'invalid_acl'],
    [{ allow: [{ principal: 'nonsense', until: PAST }] }, 422, 'invalid_acl'],
    [{ allow: [{ until: PAST }] }, 400, 'invalid_request'],
    [{ allow: [{ principal: 'user:ann', until: 'tomorrow' }] }, 400, 'invalid_request'],
    [{ allow: [{ principal: 'user:ann', until: '2027-01-01T00:00:00' }] }, 400, 'invalid_request'],
    [{ allow: [{ principal: 'user:ann', till: PAST }] }, 400, 'invalid_request'],
    [{ allow: [['user:ann']] }, 400, 'invalid_request'],
    [{ allow: [null] }, 400, 'invalid_request'],
  ])('%j is refused', async (acl, status, code) => {
    const { path, body } = fresh(acl);
    const answer = await owner('PUT', path, body);
    expect([answer.status, answer.json()['code']]).toEqual([status, code]);
    expect((await owner('GET', path)).status).toBe(404);
  });
});

describe('gates, ceiling and denies', () => {
  const holds = (n: number): string => `group:g${n}`;
  const all = Array.from({ length: MAX_GATES }, (_, n) => `g${n}`);

  it('eight gates open to whoever is in each of them, and to nobody who lacks one', async () => {
    const made = await put({ gates: all.map((_, n) => [holds(n), 'group:other']) });
    expect(await reads({ sub: 'ann', groups: all }, made)).toBe(true);
    for (const lacking of all) expect(await reads({ sub: 'ann', groups: all.filter((name) => name !== lacking) }, made)).toBe(false);
  });

  it('the ceiling of a source is one gate more', async () => {
    const made = await put({ allow: ['everyone'] }, {}, 'capped');
    expect(await reads({ sub: 'ann', groups: ['hr'] }, made)).toBe(true);
    expect(await reads(ANN, made)).toBe(false);
    expect(await reads({ sub: 'owner' }, made).catch(() => 'the owner sees the record alone')).toBe('the owner sees the record alone');
  });

  it.each([
    ['the person', 'user:ann', ANN],
    ['a group', 'group:staff', ANN],
    ['the application', 'client:tool', ANN],
    ['everyone', 'everyone', ANN],
    ['those who are no guests', 'everyone-except-guests', { ...ANN, employment: 'employee' }],
    ['the actor', 'client:agent', { ...ANN, act: 'agent' }],
    ['an application alone', 'client:robot', { sub: 'robot', client: 'robot' }],
  ] as const)('a deny of %s beats every grant', async (_what, name, who) => {
    const grants = ['everyone', 'user:ann', 'group:staff', 'client:robot'];
    expect(await reads(who, await put({ allow: grants }))).toBe(true);
    expect(await reads(who, await put({ allow: grants, deny: [name] }))).toBe(false);
  });

  it('everyone is every person and no application; who is not known to be no guest is one', async () => {
    const everyone = await put({ allow: ['everyone'] });
    const members = await put({ allow: ['everyone-except-guests'] });
    const guest = { ...ANN, employment: 'guest' };
    const employee = { ...ANN, employment: 'employee' };
    const unknown = { ...ANN, employment: 'contractor' };
    const robot = { sub: 'robot', client: 'robot' };
    const seen = await Promise.all(
      [guest, employee, unknown, robot].map(async (who) => [await reads(who, everyone), await reads(who, members)]),
    );
    expect(seen).toEqual([
      [true, false],
      [true, true],
      [true, false],
      [false, false],
    ]);
    expect(await reads(robot, await put({ allow: ['client:robot'] }))).toBe(true);
  });
});

describe('limits: the last that is stored and the first that is not', () => {
  const users = (count: number): string[] => Array.from({ length: count }, (_, n) => `user:u${n}`);
  /** As many characters as wished for, once the issuer is written out. */
  const characters = (count: number): string[] => {
    const name = (n: number, length: number): string => `user:test|${String(n).padEnd(length - 'user:test|'.length, 'x')}`;
    const full = Array.from({ length: Math.floor(count / 500) - 1 }, (_, n) => name(n, 500));
    return [...full, name(full.length, count - full.length * 500 - 100), name(full.length + 1, 100)];
  };
  it.each([
    ['entries', (over: number) => ({ acl: { allow: users(MAX_ACL_ENTRIES - 10 + over), deny: users(10) } })],
    [
      'entries with bounds',
      (over: number) => ({ acl: { allow: users(MAX_ACL_ENTRIES + over).map((principal) => ({ principal, until: FUTURE })) } }),
    ],
    ['gates', (over: number) => ({ acl: { gates: Array.from({ length: MAX_GATES + over }, () => ['everyone']) } })],
    ['characters of an ACL', (over: number) => ({ acl: { allow: characters(MAX_ACL_CHARACTERS + over) } })],
    ['compartments', (over: number) => ({ compartments: compartments(MAX_COMPARTMENTS + over) })],
  ] as const)('%s', async (_what, fields) => {
    const { path, body } = fresh({ allow: ['everyone'] });
    const beyond = await owner('PUT', path, { ...body, ...fields(1) });
    expect([beyond.status, beyond.json()['code']]).toEqual([422, 'limit_exceeded']);
    expect((await owner('GET', path)).status).toBe(404);
    const stored = await owner('PUT', path, { ...body, ...fields(0) });
    expect(stored.status, stored.text).toBe(200);
    const before = (await owner('GET', path)).text;
    expect((await owner('PATCH', path, fields(1))).json()).toMatchObject({ code: 'limit_exceeded' });
    expect((await owner('GET', path)).text).toBe(before);
  });

  it('zones of a source', async () => {
    for (let n = 0; n < MAX_ZONES_PER_SOURCE; n += 1) await put({ allow: ['everyone'] }, { compartments: [`c${n}`] }, 'full');
    const beyond = fresh({ allow: ['everyone'] }, { compartments: ['c0', 'c1'] }, 'full');
    expect((await owner('PUT', beyond.path, beyond.body)).json()).toMatchObject({ code: 'limit_exceeded' });
    expect((await owner('GET', beyond.path)).status).toBe(404);
    expect((await owner('PUT', beyond.path, { ...beyond.body, compartments: ['c0'] })).status).toBe(200);
  });

  it('a writer at that limit learns nothing of an ACL: a narrower guess and a wider one are refused alike, and leave no trace', async () => {
    const { path } = await put({ allow: ['group:hr', 'group:ops'] }, { compartments: ['c1'] }, 'full');
    const before = (await owner('GET', path)).text;
    const label = { compartments: ['c1', 'c2'] };
    const guesses = [['group:hr'], ['group:hr', 'group:ops'], ['group:legal'], ['everyone']];
    const asked = await Promise.all(guesses.map((names) => writer('PATCH', path, { ...label, acl: { allow: names } })));
    expect(new Set(asked.map((answer) => answer.json()['code']))).toEqual(new Set(['limit_exceeded']));
    const texts = await Promise.all(
      guesses.map((names) =>
        writer('PUT', path, { mediaType: 'text/plain', contentBase64: 'gICA', acl: { allow: names }, compartments: ['c1'] }),
      ),
    );
    expect(new Set(texts.map((answer) => answer.json()['code']))).toEqual(new Set(['unreadable_document']));
    expect((await owner('GET', path)).text).toBe(before);
  });

  it('a start beyond the end that a writer may not see is not refused: nobody reads the document', async () => {
    const made = await put({ allow: ['everyone'] }, { validUntil: FUTURE });
    expect(await reads(ANN, made)).toBe(true);
    const answers = await Promise.all(
      ['2998-01-01T00:00:00Z', '2999-06-01T00:00:00Z'].map(async (validFrom) => {
        const { path } = await put({ allow: ['everyone'] }, { validUntil: FUTURE });
        const { status, text } = await writer('PATCH', path, { validFrom });
        return [status, text.replace(/wombat\d+/, '')];
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect((await writer('PATCH', made.path, { validFrom: '2999-06-01T00:00:00Z' })).status).toBe(200);
    expect(await reads(ANN, made)).toBe(false);
    expect((await owner('PATCH', made.path, { validFrom: FUTURE, validUntil: PAST })).json()).toMatchObject({ code: 'invalid_request' });
  });
});

describe('quarantine', () => {
  const acl = { allow: ['everyone'], deny: [NOBODY, 'user:test|eve'] };
  const listed = async (who: Who, query = ''): Promise<Answer> => as(who, 'GET', `/v1/sources/s/documents?state=quarantined${query}`);

  it('is ended by an owner, recorded with the denies that reach nobody, and lasts for this ACL alone', async () => {
    const made = await put(acl);
    expect(await reads(ANN, made)).toBe(false);
    expect((await owner('GET', made.path)).json()).toMatchObject({ state: 'quarantined' });
    expect((await writer('PATCH', made.path, { state: 'live' })).json()).toMatchObject({ code: 'forbidden' });
    expect((await owner('PATCH', made.path, { state: 'quarantined' })).json()).toMatchObject({ code: 'invalid_request' });
    const released = await owner('PATCH', made.path, { state: 'live' });
    expect(released.json()).toMatchObject({ changed: true });
    expect(await reads(ANN, made)).toBe(true);
    expect(await reads({ sub: 'eve' }, made)).toBe(false);
    const trace = await owner('GET', `/v1/requests/${String(released.headers['x-request-id'])}`);
    expect(trace.json<{ events: { kind: string; body: object }[] }>().events).toMatchObject([
      { kind: 'document.changed', body: { by: 'user:test|owner', through: 'client:test|tool', state: 'live', released: [NOBODY] } },
    ]);
    // The same ACL again, by whoever: released already.
    expect((await owner('PATCH', made.path, { state: 'live' })).json()).toMatchObject({ changed: false });
    expect((await writer('PUT', made.path, made.body)).json()).toMatchObject({ changed: false });
    expect((await writer('PUT', made.path, { ...made.body, text: `The ${made.word} sleeps.` })).json()).toMatchObject({ changed: true });
    expect(await reads(ANN, made)).toBe(true);
    // Another one is judged anew, though the dangling deny is the same.
    const other = { allow: ['everyone'], deny: [...acl.deny, 'user:test|mallory'] };
    expect((await writer('PATCH', made.path, { acl: other })).json()).toMatchObject({ changed: true });
    expect(await reads(ANN, made)).toBe(false);
    // And back to the first is again another write: its release has ended.
    expect((await owner('PATCH', made.path, { acl })).json()).toMatchObject({ changed: true });
    expect(await reads(ANN, made)).toBe(false);
    expect((await owner('PATCH', made.path, { acl: other, state: 'live' })).json()).toMatchObject({ changed: true });
    expect(await reads(ANN, made)).toBe(true);
  });

  it('does not come back with a document that was deleted after its release', async () => {
    const made = await put(acl);
    expect((await owner('PATCH', made.path, { state: 'live' })).status).toBe(200);
    expect((await owner('DELETE', made.path)).status).toBe(204);
    expect((await owner('PUT', made.path, made.body)).status).toBe(200);
    expect(await reads(ANN, made)).toBe(false);
  });

  it('ends nothing where nothing dangles, and is needed once a deny dangles for a time', async () => {
    const plain = await put({ allow: ['everyone'] });
    expect((await owner('PATCH', plain.path, { state: 'live' })).json()).toMatchObject({ changed: false });
    const timed = await put({ allow: ['everyone'], deny: [{ principal: NOBODY, until: FUTURE }] });
    expect(await reads(ANN, timed)).toBe(false);
  });

  it('is listed for owners, page by page, and for nobody else', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => put(acl)));
    const words = made.map(({ word }) => word);
    const pages: string[] = [];
    for (let after: string | undefined; ;) {
      const query = `&limit=2${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
      const { documents, next } = (await listed({ sub: 'owner' }, query)).json<{ documents: { document: string }[]; next?: string }>();
      expect(documents.length).toBeLessThanOrEqual(2);
      pages.push(...documents.map(({ document }) => document));
      after = next;
      if (after === undefined) break;
    }
    expect(pages).toEqual([...pages].sort());
    expect(pages).toEqual(expect.arrayContaining(words));
    for (const document of pages)
      expect((await owner('GET', `/v1/sources/s/documents/${document}`)).json()).toMatchObject({ state: 'quarantined' });
    for (const sub of ['writer', 'auditor']) expect((await listed({ sub })).json()).toMatchObject({ code: 'forbidden' });
    expect((await listed(ANN)).json()).toMatchObject({ code: 'not_found' });
    expect((await owner('GET', '/v1/sources/s/documents?state=live')).status).toBe(400);
  });
});

describe('deleting and making again', () => {
  it('does not widen: a writer is bound by what it deleted, an owner is not', async () => {
    const made = await put({ allow: ['group:hr'] }, { level: 'internal' });
    const { path, body } = made;
    expect((await writer('DELETE', path)).status).toBe(204);
    for (const wider of [{ acl: { allow: ['everyone'] } }, { level: 'public' }]) {
      expect((await writer('PUT', path, { ...body, text: 'My own text.', ...wider })).json()).toMatchObject({ code: 'forbidden' });
    }
    expect((await owner('GET', path)).status).toBe(404);
    expect((await writer('PUT', path, body)).json()).toMatchObject({ changed: true });
    expect((await writer('DELETE', path)).status).toBe(204);
    // Narrower, and then deleted: bound by the narrower one.
    expect((await writer('PUT', path, { ...body, acl: { allow: [] } })).status).toBe(200);
    expect((await writer('DELETE', path)).status).toBe(204);
    expect((await writer('PUT', path, body)).json()).toMatchObject({ code: 'forbidden' });
    expect((await owner('PUT', path, { ...body, acl: { allow: ['everyone'] } })).status).toBe(200);
    expect(await reads(ANN, made)).toBe(true);
  });

  it('is free after an owner deleted it, and in a source that was deleted as a whole', async () => {
    const { path, body } = await put({ allow: ['group:hr'] });
    expect((await owner('DELETE', path)).status).toBe(204);
    expect((await writer('PUT', path, { ...body, acl: { allow: ['everyone'] } })).status).toBe(200);
    expect((await owner('PUT', '/v1/sources/gone', SOURCE)).status).toBe(201);
    const there = await put({ allow: ['group:hr'] }, {}, 'gone');
    expect((await owner('DELETE', '/v1/sources/gone')).status).toBe(204);
    await expect.poll(async () => (await owner('PUT', '/v1/sources/gone', SOURCE)).status).toBe(201);
    expect((await writer('PUT', there.path, { ...there.body, acl: { allow: ['everyone'] } })).status).toBe(200);
  });

  it('of two writers who make it again at once, none gets past what the other one left', async () => {
    const { path, body } = await put({ allow: ['group:hr'] });
    expect((await writer('DELETE', path)).status).toBe(204);
    const all = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        n % 2 === 0
          ? writer('PUT', path, { ...body, acl: { allow: ['everyone'] } })
          : writer('PUT', path, body).then(() => writer('DELETE', path)),
      ),
    );
    const wide = all.filter((_, n) => n % 2 === 0);
    for (const { status } of wide) expect(status).toBeGreaterThanOrEqual(400);
  });
});
