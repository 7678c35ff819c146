import { describe, expect, it } from 'vitest';
import type { GroupLookupConfig } from '../core/ports/identity.ts';
import { LookupFailed, type GraphAnswer, type GraphRequest } from './graph-exchange.ts';
import { graphGroups } from './graph-groups.ts';
import { MAX_GROUPS } from './limits.ts';

const PERSON = '00000000-0000-4000-8000-0000000000aA';
const CONFIG: GroupLookupConfig = {
  kind: 'graph',
  url: 'https://graph.test/v1.0',
  tokenUrl: 'https://login.test/token',
  scope: 'https://graph.test/.default',
  clientId: 'app',
  clientSecret: 'a&b',
  claim: 'oid',
  securityEnabledOnly: true,
  cacheSeconds: 60,
};
const { signal } = new AbortController();
type Answer = Partial<GraphAnswer> & { readonly json?: unknown };
const GOOD_TOKEN = { access_token: 't', token_type: 'Bearer', expires_in: 3_600 };
const page = (value: unknown, link?: string): Answer => ({ json: { value, ...(link === undefined ? {} : { '@odata.nextLink': link }) } });

/** A Graph that gives these answers one after another: for tokens, and for groups. The last one of each stays. */
function worldOf(groups: readonly Answer[], tokens: readonly Answer[] = [{ json: GOOD_TOKEN }], config: Partial<GroupLookupConfig> = {}) {
  let now = 0;
  const sent: GraphRequest[] = [];
  const left = { token: [...tokens], groups: [...groups] };
  const ask = graphGroups(
    { ...CONFIG, ...config },
    async (what) => {
      sent.push(what);
      const list = left[what.url.href === CONFIG.tokenUrl ? 'token' : 'groups'];
      const answer = (list.length > 1 ? list.shift() : list[0]) ?? {};
      const body = answer.json === undefined ? '' : JSON.stringify(answer.json);
      return { status: 200, retryAfter: undefined, contentType: 'application/json', body, ...answer };
    },
    { now: () => now },
  );
  return {
    sent,
    pass: (milliseconds: number) => void (now += milliseconds),
    ask: (person = PERSON, given = signal) =>
      ask(person, given).catch((error: unknown) => {
        if (!(error instanceof LookupFailed)) throw error;
        return error.message;
      }),
    tokensFetched: () => sent.filter((one) => one.url.href === CONFIG.tokenUrl).length,
  };
}
const outcome = (groups: readonly Answer[], tokens?: readonly Answer[]) => worldOf(groups, tokens).ask();

describe('the groups of a person', () => {
  it('are asked for as the provider documents it, with a token of our own', async () => {
    const w = worldOf([page(['a', 'b'], 'https://graph.test/v1.0/next?x=1'), page(['b', 'c'])]);
    expect(await w.ask()).toEqual(['a', 'b', 'c']);
    const headers = { authorization: 'Bearer t', 'content-type': 'application/json' };
    expect(w.sent.map((one) => ({ ...one, url: one.url.href }))).toEqual([
      {
        method: 'POST',
        url: CONFIG.tokenUrl,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=client_credentials&client_id=app&client_secret=a%26b&scope=https%3A%2F%2Fgraph.test%2F.default',
      },
      { method: 'POST', url: `${CONFIG.url}/users/${PERSON}/getMemberGroups`, headers, body: '{"securityEnabledOnly":true}' },
      { method: 'GET', url: 'https://graph.test/v1.0/next?x=1', headers },
    ]);
    expect(await outcome([page([])])).toEqual([]);
  });

  it.each(['', 'alice', `${PERSON}0`, `0${PERSON}`, `${PERSON}\n`, PERSON.replaceAll('-', ''), '../../users', `${PERSON}/../x`])(
    'are those of an object id, and %j is none',
    async (person) => {
      const w = worldOf([page([])]);
      expect(await w.ask(person)).toBe('the id of the person is none of the provider');
      expect(w.sent).toEqual([]);
    },
  );

  it.each([
    'https://else.test/v1.0/next',
    'http://graph.test/v1.0/next',
    'https://graph.test:8443/v1.0/next',
    'https://graph.test/v1.01/next',
    'https://graph.test/v1.0',
    'https://graph.test/beta/next',
    'https://graph.test/v1.0/../beta',
    'https://u@graph.test/v1.0/next',
    'https://:p@graph.test/v1.0/next',
    '/v1.0/next',
    '',
  ])('do not go on at %s', async (link) => {
    const w = worldOf([page(['a'], link)]);
    expect(await w.ask()).toBe('the next page is somewhere else');
    expect(w.sent).toHaveLength(2);
  });

  it('go on below the address that is configured, with or without slashes behind it', async () => {
    const w = worldOf([page(['a'], 'https://graph.test/v1.0/next'), page(['b'])], undefined, { url: 'https://graph.test/v1.0//' });
    expect(await w.ask()).toEqual(['a', 'b']);
    const root = worldOf([page(['a'], 'https://graph.test/next'), page(['b'])], undefined, { url: 'https://graph.test' });
    expect(await root.ask()).toEqual(['a', 'b']);
  });

  it('are complete or nothing: so many pages, so many groups', async () => {
    const link = 'https://graph.test/v1.0/n';
    expect(await outcome([...Array<Answer>(31).fill(page(['a'], link)), page(['b'])])).toEqual(['a', 'b']);
    expect(await outcome([...Array<Answer>(32).fill(page(['a'], link)), page(['b'])])).toBe('too many pages');
    const many = Array.from({ length: MAX_GROUPS }, (_, i) => String(i));
    expect(await outcome([page(many)])).toHaveLength(MAX_GROUPS);
    expect(await outcome([page([...many, 'x'])])).toBe('more groups than the limit');
    expect(await outcome([page(many, link), page(['x'])])).toBe('more groups than the limit');
  });

  const SHAPE = 'the answer is not in its documented shape';
  it.each<[string, Answer, string]>([
    ['another status', { status: 404, json: { value: [] } }, 'answered with 404'],
    ['another type', { contentType: 'text/html', json: { value: [] } }, 'the answer is not JSON'],
    ['no type', { contentType: '', json: { value: [] } }, 'the answer is not JSON'],
    ['no JSON', { body: '{' }, 'the answer is not JSON'],
    ['nothing', { json: {} }, SHAPE],
    ['a list', { json: [] }, SHAPE],
    ['a text for a list', page('a'), SHAPE],
    ['a number for a group', page(['a', 1]), SHAPE],
    ['an empty group', page(['']), SHAPE],
    ['a group of 513', page(['g'.repeat(513)]), SHAPE],
    ['a link that is no text', { json: { value: [], '@odata.nextLink': null } }, SHAPE],
    ['a link of 8193', page([], `https://graph.test/v1.0/${'x'.repeat(8_169)}`), SHAPE],
    ['a refusal twice', { status: 401 }, 'answered with 401'],
  ])('are not read from %s', async (_name, answer, why) => {
    expect(await outcome([answer])).toBe(why);
  });

  it('are read from JSON with a parameter, and up to the limits of its shape', async () => {
    expect(await outcome([{ contentType: 'Application/JSON ;odata.metadata=minimal', json: { value: ['a'], more: 1 } }])).toEqual(['a']);
    expect(await outcome([page(['g'.repeat(512)])])).toEqual(['g'.repeat(512)]);
    expect(await outcome([page(['a'], `https://graph.test/v1.0/${'x'.repeat(8_168)}`), page([])])).toEqual(['a']);
  });
});

describe('the token for it', () => {
  it('is used until a minute before its end', async () => {
    const w = worldOf([page([])]);
    await w.ask();
    w.pass(3_540_000 - 1);
    await w.ask();
    expect(w.tokensFetched()).toBe(1);
    w.pass(1);
    await w.ask();
    expect(w.tokensFetched()).toBe(2);
  });

  it('is fetched anew once where it is refused', async () => {
    const w = worldOf([{ status: 401 }, page(['a'])], [{ json: GOOD_TOKEN }, { json: { ...GOOD_TOKEN, access_token: 'new' } }]);
    expect(await w.ask()).toEqual(['a']);
    expect(w.sent.map((one) => one.headers['authorization'])).toEqual([undefined, 'Bearer t', undefined, 'Bearer new']);
    const refused = worldOf([{ status: 401 }]);
    expect([await refused.ask(), refused.tokensFetched()]).toEqual(['answered with 401', 2]);
  });

  it.each<[string, object]>([
    ['no token', { access_token: undefined }],
    ['an empty token', { access_token: '' }],
    ['a token with a line break', { access_token: 'a\r\nb' }],
    ['a token with a space', { access_token: 'a b' }],
    ['a token beyond ASCII', { access_token: 'é' }],
    ['a token of 16 385', { access_token: 'x'.repeat(16_385) }],
    ['another type', { token_type: 'DPoP' }],
    ['no type', { token_type: undefined }],
    ['more than a type', { token_type: 'Bearer x' }],
    ['a type with something before', { token_type: 'x Bearer' }],
    ['no end', { expires_in: undefined }],
    ['an end before now', { expires_in: -1 }],
    ['an end after a day', { expires_in: 86_401 }],
    ['an end in words', { expires_in: 'soon' }],
  ])('is none with %s', async (_name, changes) => {
    const w = worldOf([page([])], [{ json: { ...GOOD_TOKEN, ...changes } }]);
    expect(await w.ask()).toBe('the answer is not in its documented shape');
    expect(w.sent).toHaveLength(1);
  });

  it('may be as long as the limit, and its life a number or a text', async () => {
    for (const changes of [
      { access_token: 'x'.repeat(16_384) },
      { access_token: '!~' },
      { expires_in: '86400' },
      { expires_in: 0 },
      { token_type: 'bearer' },
    ]) {
      expect(await outcome([page([])], [{ json: { ...GOOD_TOKEN, ...changes } }])).toEqual([]);
    }
    expect(await outcome([page([])], [{ status: 400, json: GOOD_TOKEN }])).toBe('answered with 400');
  });
});

describe('a provider that asks to wait', () => {
  it('is waited for once, where it says for how long and that is not too long', async () => {
    expect(await outcome([{ status: 429, retryAfter: 0 }, page(['a'])])).toEqual(['a']);
    expect(await outcome([page(['a'])], [{ status: 429, retryAfter: 1 }, { json: GOOD_TOKEN }])).toEqual(['a']);
    expect(await outcome([{ status: 429, retryAfter: 0 }])).toBe('answered with 429');
    for (const retryAfter of [undefined, 5_001])
      expect(await outcome([{ status: 429, retryAfter }, page(['a'])])).toBe('asked to wait for too long');
  });

  it('is given up with the one who asked', async () => {
    const w = worldOf([{ status: 429, retryAfter: 5_000 }, page(['a'])]);
    expect(await w.ask(PERSON, AbortSignal.abort())).toBe('given up while waiting');
  });
});
