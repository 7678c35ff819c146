import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GRAPH_SECRET, json, startGraph, type GraphHandler, type GraphServer } from '../../test/support/graph-server.ts';
import { startIdentity, type IdentityFixture } from '../../test/support/identity-fixture.ts';

const ANNA = '11111111-2222-3333-4444-555555555555';
const OVERAGE = { groups: undefined, _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://evil.example/x' } } };

let graph: GraphServer;
let fixture: IdentityFixture;

beforeEach(async () => {
  graph = await startGraph();
  graph.groups.set(ANNA, ['g-1', 'g-2', 'g-3']);
  const claims = { ...DEFAULT_CLAIMS, groups: { kind: 'claim', claim: 'groups', maximum: 5 } } as const;
  fixture = await startIdentity(
    { overrides: { lookup: graph.config, claims } },
    { fetchDeadlineMs: 1_500, breakerFailures: 3, breakerOpenMs: 60_000 },
  );
});
afterEach(async () => {
  await fixture.close();
  await graph.close();
});

const DEFAULT_CLAIMS = {
  client: 'client_id',
  guest: { kind: 'claim', claim: 'employment', members: ['employee'] },
  scope: 'scope',
  scopePrefix: '',
} as const;

const signed = (claims: Record<string, unknown>): Promise<string> => fixture.issuer.sign({ oid: ANNA, ...claims });
async function groupsOf(token: string): Promise<readonly string[]> {
  const { user } = await fixture.identity.authenticate(token, new AbortController().signal);
  return user.kind === 'user' ? [...user.groups].sort() : ['no user'];
}
const asked = (): number => graph.calls.filter(({ path }) => path.includes('getMemberGroups')).length;
const THREE = ['group:test|g-1', 'group:test|g-2', 'group:test|g-3'];

describe('groups that a token leaves out', () => {
  it.each([
    ['by _claim_names', OVERAGE],
    ['by hasgroups', { groups: undefined, hasgroups: true }],
    ['by a list as long as the provider makes any', { groups: ['a', 'b', 'c', 'd', 'e'] }],
  ])('%s are looked up, with what the documentation says', async (_how, claims) => {
    expect(await groupsOf(await signed(claims))).toEqual(THREE);
    const [token, groups] = graph.calls;
    expect(token).toMatchObject({ method: 'POST', path: '/tenant/oauth2/v2.0/token' });
    expect(groups).toMatchObject({ method: 'POST', path: `/v1.0/users/${ANNA}/getMemberGroups`, authorization: 'Bearer app-token-0' });
    expect(JSON.parse(groups?.body ?? '')).toEqual({ securityEnabledOnly: true });
  });

  it('and nothing else is: complete lists, missing claims and clients alone ask nobody', async () => {
    expect(await groupsOf(await signed({ groups: ['a'] }))).toEqual(['group:test|a']);
    expect(await groupsOf(await signed({ groups: [] }))).toEqual([]);
    expect(await fixture.outcome(await signed({ groups: undefined }))).toBe('groups_incomplete');
    expect(await groupsOf(await signed({ ...OVERAGE, sub: 'robot', client_id: 'robot' }))).toEqual(['no user']);
    expect(await fixture.outcome(await signed({ ...OVERAGE, tenant: 'elsewhere' }))).toBe('invalid_token');
    expect(graph.calls).toEqual([]);
  });

  it('are remembered as long as configured, over several tokens, and no longer', async () => {
    expect(await groupsOf(await signed(OVERAGE))).toEqual(THREE);
    const first = await signed(OVERAGE);
    expect(await groupsOf(first)).toEqual(THREE);
    expect(asked()).toBe(1);
    graph.groups.set(ANNA, ['g-9']);
    fixture.pass(119_000);
    expect(await groupsOf(first)).toEqual(THREE);
    fixture.pass(2_000);
    expect(await groupsOf(first)).toEqual(['group:test|g-9']);
    expect(asked()).toBe(2);
  });

  it('are asked for once by many who come at the same time', async () => {
    const tokens = await Promise.all(Array.from({ length: 12 }, () => signed(OVERAGE)));
    for (const groups of await Promise.all(tokens.map(groupsOf))) expect(groups).toEqual(THREE);
    expect(asked()).toBe(1);
  });

  it('come page by page, 10,000 of them', async () => {
    graph.groups.set(
      ANNA,
      Array.from({ length: 10_000 }, (_, i) => `g-${i}`),
    );
    expect(await groupsOf(await signed(OVERAGE))).toHaveLength(10_000);
    expect(asked()).toBe(10);
  });

  it('wait once for a 429, and fetch a new token once where the old one is refused', async () => {
    graph.next('groups', (_call, response) => json(response, 429, { error: { code: 'TooManyRequests' } }, { 'retry-after': '1' }));
    expect(await groupsOf(await signed(OVERAGE))).toEqual(THREE);
    fixture.pass(121_000);
    graph.revokeTokens();
    expect(await groupsOf(await signed(OVERAGE))).toEqual(THREE);
    expect(graph.calls.at(-1)?.authorization).toBe('Bearer app-token-1');
  });

  it('are tried again after one failure of the server', async () => {
    graph.next('groups', (_call, response) => json(response, 503, {}));
    expect(await groupsOf(await signed(OVERAGE))).toEqual(THREE);
    graph.next('token', (_call, response) => void response.destroy());
    fixture.pass(4_000_000);
    expect(await groupsOf(await fixture.issuer.sign({ oid: ANNA, ...OVERAGE }))).toEqual(THREE);
  });
});

const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): GraphHandler =>
  (_call, response) =>
    json(response, status, body, headers);
const raw =
  (text: string, type = 'application/json'): GraphHandler =>
  (_call, response) =>
    void response.writeHead(200, { 'content-type': type }).end(text);

describe('an answer that is none', () => {
  it.each<readonly [string, 'token' | 'groups', GraphHandler]>([
    ['no list', 'groups', answer(200, { value: 'g-1' })],
    ['no value', 'groups', answer(200, {})],
    ['null', 'groups', answer(200, null)],
    ['a list of objects', 'groups', answer(200, { value: [{ id: 'g-1' }] })],
    ['an empty id', 'groups', answer(200, { value: ['g-1', ''] })],
    ['an id with a line break', 'groups', answer(200, { value: ['g-1\nx'] })],
    ['half an answer', 'groups', raw('{"value":["g-1"')],
    ['HTML', 'groups', raw('<html>', 'text/html')],
    ['HTML that says it is JSON', 'groups', raw('<html>')],
    ['an error in 200', 'groups', answer(200, { error: { code: 'x' } })],
    ['too many groups', 'groups', answer(400, { error: { code: 'Directory_ResultSizeLimitExceeded' } })],
    ['more than the limit', 'groups', answer(200, { value: Array.from({ length: 20_001 }, (_, i) => `g${i}`) })],
    ['a megabyte and more', 'groups', raw(`{"value":["${'x'.repeat(1_100_000)}"]}`)],
    ['a redirect', 'groups', answer(307, {}, { location: 'http://127.0.0.1:1/' })],
    ['a 403', 'groups', answer(403, { error: { code: 'Authorization_RequestDenied' } })],
    ['a next page elsewhere', 'groups', answer(200, { value: ['g-1'], '@odata.nextLink': 'http://127.0.0.1:1/v1.0/users' })],
    ['a next page outside', 'groups', answer(200, { value: ['g-1'], '@odata.nextLink': '/v1.0/next' })],
    ['a next page that is no text', 'groups', answer(200, { value: ['g-1'], '@odata.nextLink': 7 })],
    ['a wait without end', 'groups', answer(429, {}, { 'retry-after': '3600' })],
    ['a wait of no length', 'groups', answer(429, {})],
    ['silence', 'groups', () => undefined],
    ['no token', 'token', answer(200, { token_type: 'Bearer', expires_in: 1 })],
    ['a token of another kind', 'token', answer(200, { token_type: 'mac', expires_in: 1, access_token: 'x' })],
    ['a token with a line break', 'token', answer(200, { token_type: 'Bearer', expires_in: 1, access_token: 'x\r\ny: z' })],
    ['a refused secret', 'token', answer(401, { error: 'invalid_client' })],
  ])('%s refuses the person, and opens nothing', async (_what, kind, handler) => {
    graph.next(kind, handler, 2);
    const token = await signed(OVERAGE);
    expect(await fixture.outcome(token)).toBe('groups_incomplete');
    expect(fixture.logged.join()).not.toContain(GRAPH_SECRET);
    expect(fixture.logged.join()).not.toContain('app-token');
  });

  it('a next page that leads back to itself ends', async () => {
    graph.next('groups', answer(200, { value: ['g-1'], '@odata.nextLink': `${graph.url}/v1.0/users/${ANNA}/getMemberGroups` }), 40);
    expect(await fixture.outcome(await signed(OVERAGE))).toBe('groups_incomplete');
  });

  it.each([undefined, 7, '../../me', 'anna@example.com', `${ANNA}/..`])('an id such as %s is never put into an address', async (oid) => {
    expect(await fixture.outcome(await signed({ ...OVERAGE, oid }))).toBe('groups_incomplete');
    expect(asked()).toBe(0);
  });

  it('is not remembered: the next request asks again', async () => {
    graph.next('groups', answer(404, {}));
    const token = await signed(OVERAGE);
    expect(await fixture.outcome(token)).toBe('groups_incomplete');
    expect(await groupsOf(token)).toEqual(THREE);
  });

  it('opens the circuit after several outages, and one person who is unknown does not', async () => {
    for (let i = 0; i < 5; i++) {
      graph.next('groups', answer(404, {}));
      expect(await fixture.outcome(await signed(OVERAGE))).toBe('groups_incomplete');
    }
    graph.next('groups', answer(503, {}), 6);
    for (let i = 0; i < 3; i++) expect(await fixture.outcome(await signed(OVERAGE))).toBe('groups_incomplete');
    const before = asked();
    expect(await fixture.outcome(await signed(OVERAGE))).toBe('groups_incomplete');
    expect(asked()).toBe(before);
  });
});
