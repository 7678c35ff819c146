import { beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../core/caller.ts';
import { bearer, callerFrom, KEYS, openDoor, token, type DoorFixture } from './door.fixture.ts';

const COUNT = '/collections/sluice/points/count';
const ALICE = token('alice');

let door: DoorFixture;
beforeEach(async () => {
  door = await openDoor({ config: { rates: { clientPerMinute: 100_000, userPerMinute: 100_000, failuresPerMinute: 100_000 } } });
});

/** What may stand in either field, and whom it is for: the facts that the table is about. */
const KINDS = {
  none: undefined,
  empty: '',
  'two fields': ['slk_1_app', 'slk_1_app'],
  'no token': 'not a token',
  'a key that is unknown': 'slk_9_unknown',
  'a key': 'slk_1_app',
  'a key that only reads': 'slk_2_reads',
  'a key of another application': 'slk_3_other',
  'a key of another tenant': 'slk_4_elsewhere',
  'a token that is unknown': 'unknown',
  'a person': ALICE,
  'another person': token('bob'),
  'a person through another application': token('alice', 'other'),
  'a person of another tenant': token('alice', 'app', ['retrieve', 'ingest'], 'globex'),
  'an application': token('-'),
  'another application': token('-', 'other'),
  'an application for which another acts': token('-acting'),
  'a person whose token is bound': token('bound'),
} as const satisfies Record<string, string | readonly string[] | undefined>;
type Told = Readonly<Record<'user' | 'client' | 'scopes', string>> & { readonly until: number };
type Kind = keyof typeof KINDS;

function told({ user, client, scopes, expiresAt }: Caller): Told {
  return { user: user.kind === 'none' ? '-' : user.principal, client, scopes: [...scopes].join(' '), until: expiresAt };
}

/** The table of the decision record, said once more: who may stand where, and who comes of two. */
function expected(key: Kind, authorization: Kind): Told | '401' {
  const bad: readonly Kind[] = [
    'empty',
    'two fields',
    'no token',
    'a key that is unknown',
    'a token that is unknown',
    'a person whose token is bound',
  ];
  if (bad.includes(key) || bad.includes(authorization)) return '401';
  const [k, a] = [KINDS[key] as string | undefined, KINDS[authorization] as string | undefined];
  if (a?.startsWith('slk_') === true || (k === undefined && a === undefined)) return '401';
  const of = (text: string) => KEYS.get(text) ?? callerFrom(text);
  if (k === undefined || k === a) return told(of(a ?? ''));
  if (a === undefined) return told(of(k));
  const [application, user] = [of(k), of(a)];
  if (application.user.kind === 'user' || key === 'an application for which another acts') return '401';
  if (application.tenant !== user.tenant || application.client !== user.client) return '401';
  return key === 'a key that only reads' ? { ...told(user), scopes: 'retrieve', until: application.expiresAt } : told(user);
}

const ALL = Object.keys(KINDS) as readonly Kind[];
const PAIRS = ALL.flatMap((key) => ALL.map((authorization) => [key, authorization] as const));

function fieldsOf(key: Kind, authorization: Kind): Record<string, string | readonly string[]> {
  const [k, a] = [KINDS[key], KINDS[authorization]];
  const credentials = typeof a === 'string' ? `Bearer ${a}` : a?.map((one) => `Bearer ${one}`);
  return { ...(k === undefined ? {} : { 'api-key': k }), ...(credentials === undefined ? {} : { authorization: credentials }) };
}

test('every pair of what api-key and Authorization may hold is the caller of the table, or nobody', async () => {
  let callers = 0;
  for (const [key, authorization] of PAIRS) {
    const { seen } = door;
    seen.asked.length = 0;
    const answer = await door.call('POST', COUNT, { headers: fieldsOf(key, authorization), body: {} });
    const wanted = expected(key, authorization);
    const pair = `${key} / ${authorization}`;
    expect([pair, answer.status]).toEqual([pair, wanted === '401' ? 401 : 200]);
    const [asked] = seen.asked;
    if (asked !== undefined) callers += 1;
    expect([pair, asked === undefined ? '401' : told(asked.caller)]).toEqual([pair, wanted]);
  }
  // The table must not be empty on either side.
  expect(callers).toBeGreaterThan(20);
  expect(callers).toBeLessThan(PAIRS.length / 2);
});

test('a static key never leaves as a token, wherever it stands', async () => {
  for (const headers of [{ 'api-key': 'slk_9_unknown' }, bearer('slk_1_app'), { 'api-key': 'slk_1_app', ...bearer('slk_1_app') }]) {
    expect((await door.call('POST', COUNT, { headers, body: {} })).status).toBe(401);
  }
  expect(door.seen.tokens).toEqual([]);
});

test('a key in the query string is not looked at', async () => {
  const answer = await door.call('POST', `${COUNT}?api-key=slk_1_app&api_key=slk_1_app`, { body: {} });
  expect(answer.status).toBe(401);
});

test('another scheme beside a key is refused, not passed over', async () => {
  const headers = { 'api-key': 'slk_1_app', authorization: 'Basic YTpi' };
  expect((await door.call('POST', COUNT, { headers, body: {} })).status).toBe(401);
  expect((await door.call('POST', COUNT, { headers: { 'api-key': 'slk_1_app' }, body: {} })).status).toBe(200);
});

test('names of the fields count in any case, and twice in two cases is twice', async () => {
  expect((await door.call('POST', COUNT, { headers: { 'API-Key': 'slk_1_app' }, body: {} })).status).toBe(200);
  expect((await door.call('POST', COUNT, { headers: { 'Api-Key': ['slk_1_app', 'slk_3_other'] }, body: {} })).status).toBe(401);
});

test('a bound token needs its proof here as anywhere', async () => {
  const headers = { authorization: `DPoP ${token('bound')}`, dpop: 'a.proof.here' };
  expect((await door.call('POST', COUNT, { headers, body: {} })).status).toBe(200);
  expect((await door.call('POST', COUNT, { headers: { ...headers, dpop: ['one', 'two'] }, body: {} })).status).toBe(401);
});

test('refused keys are counted by address like refused tokens; one that holds is let in still', async () => {
  const strict = await openDoor({ config: { rates: { clientPerMinute: 9, userPerMinute: 9, failuresPerMinute: 2 } } });
  const ask = (key: string) => strict.call('POST', COUNT, { headers: { 'api-key': key }, body: {} });
  expect([(await ask('slk_9_a')).status, (await ask('unknown')).status, (await ask('slk_9_b')).status]).toEqual([401, 401, 429]);
  const mismatch = await strict.call('POST', COUNT, { headers: { 'api-key': 'slk_3_other', ...bearer(ALICE) }, body: {} });
  expect(mismatch.status).toBe(429);
  expect((await ask('slk_1_app')).status).toBe(200);
});

test('whoever has no credentials is told where to get some, and no path is told apart from another', async () => {
  const answers = await Promise.all(
    ['/collections', '/collections/secret', '/nothing', '/snapshots'].map((path) => door.call('GET', path)),
  );
  for (const { status, headers, text } of answers) {
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe(
      'Bearer resource_metadata="https://sluice.example/.well-known/oauth-protected-resource", DPoP algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"',
    );
    expect(JSON.parse(text)).toEqual({
      status: { error: expect.stringContaining('access token') as string },
      time: expect.any(Number) as number,
    });
  }
  const bad = await door.call('GET', '/collections', { headers: bearer('unknown') });
  expect(bad.headers['www-authenticate']).toContain('error="invalid_token"');
});
