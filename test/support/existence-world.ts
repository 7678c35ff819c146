import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { allow, FULL, HELD, policyOfHolders, type Held } from './rights.ts';
import { AUDIENCE, startTestService, type Answer, type TestService } from './service.ts';
import { startTestIssuer } from './test-issuer.ts';

/**
 * A deployment in which every kind of thing that a route can name exists hidden and is missing, under names of one length: the
 * source `open` (public) with documents hidden in every way there is, the source `closed`, another tenant with things of the same
 * names, requests and sessions of others.
 */
export interface ExistenceWorld {
  readonly test: TestService;
  stop(): Promise<void>;
  readonly targets: Readonly<Record<TargetKind, readonly Target[]>>;
  /** Somebody who may know of everything in the tenant. */
  readonly full: string;
  /** A token whose user holds exactly these actions over everything, through an application that holds all. */
  holding(actions: readonly Held[]): Promise<string>;
  /** Who holds every action but over `open` and public labels alone; and who holds them all in the other tenant. */
  readonly low: string;
  readonly foreign: string;
}

export type TargetKind =
  'document' | 'source' | 'request' | 'session' | 'chunk' | 'revision' | 'group' | 'person' | 'folk' | 'access' | 'repair' | 'collection';

export interface Target {
  readonly name: string;
  readonly source: string;
  /** Hidden by its label too, so that also those do not know of it who hold rights over what is public. */
  readonly deep: boolean;
  readonly exists: boolean;
}

const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
export const OPEN_TEXT = { title: 'Ferry', mediaType: 'text/plain', text: 'The ferry leaves at nine.', acl: { allow: ['everyone'] } };
const BOARD = { allow: ['group:test|board'] };
const ACTIONS: readonly Held[] = HELD.filter((held) => held !== 'none');

/** Ways in which a document of `open` is hidden from everybody who holds neither `ingest` nor `label` nor `audit`. */
const HIDDEN: Readonly<Record<string, { readonly fields?: object; readonly deep?: true; readonly after?: 'delete' | 'switch' }>> = {
  secret: { fields: { acl: BOARD, level: 'restricted', validFrom: '2026-01-01T00:00:00Z' }, deep: true },
  aclone: { fields: { acl: BOARD } },
  denied: { fields: { acl: { allow: ['everyone'], deny: ['everyone'] } } },
  quaran: { fields: { acl: { allow: ['everyone'], deny: ['user:nowhere|x'] } } },
  ended0: { fields: { validUntil: '2020-01-01T00:00:00Z' } },
  timed0: { fields: { acl: { allow: [{ principal: 'everyone', until: '2020-01-01T00:00:00Z' }] } } },
  switch: { after: 'switch' },
  gone00: { after: 'delete' },
  // Names that mean something to a path, a pattern, a database or a browser.
  '..%2F.': { fields: { acl: BOARD, level: 'restricted' }, deep: true },
  "';-- \u{1f510}": { fields: { acl: BOARD, level: 'restricted' }, deep: true },
};
/** As long as the names above, in characters and bytes. */
const MISSING = ['absent', '..%2E.', '\'"-- \u{1f512}'];

export function policyOfExistence(): string {
  const combined = everyCombination().flatMap((actions, mask) => actions.map((action) => allow(`user:test|mix-${mask}`, 'acme', action)));
  const low = ACTIONS.filter((action) => action !== 'ingest' && action !== 'administer' && action !== 'replay').map((action) =>
    allow('user:test|low', 'acme', action, 'open', action === 'request' ? '*' : 'upto:public'),
  );
  return [policyOfHolders('acme'), policyOfHolders('globex'), ...combined, ...low].join('\n');
}

/** By bit mask over ACTIONS. */
export function everyCombination(): readonly (readonly Held[])[] {
  return Array.from({ length: 2 ** ACTIONS.length }, (_, mask) => ACTIONS.filter((_action, bit) => (mask & (1 << bit)) !== 0));
}

async function made(answer: Promise<Answer>): Promise<Answer> {
  const found = await answer;
  expect(found.status, found.text).toBeLessThan(300);
  return found;
}

export function documentPath(source: string, document: string): string {
  return `/v1/sources/${encodeURIComponent(source)}/documents/${encodeURIComponent(document)}`;
}

async function fill(test: TestService, full: string): Promise<void> {
  const put = (path: string, body: object): Promise<Answer> => made(test.call('PUT', path, full, body));
  for (const source of ['open', 'closed']) await put(`/v1/sources/${source}`, SOURCE);
  await put(documentPath('closed', 'shown0'), OPEN_TEXT);
  await put('/v1/collections/hidden', { ...COLLECTION, source: 'closed' });
  await made(test.call('PATCH', '/v1/sources/closed', full, { level: 'restricted', compartments: ['people'] }));
  await put(documentPath('open', 'shown0'), OPEN_TEXT);
  for (const [name, { fields, after }] of Object.entries(HIDDEN)) {
    await put(documentPath('open', name), { ...OPEN_TEXT, ...fields });
    if (after === 'delete') await made(test.call('DELETE', documentPath('open', name), full));
    if (after === 'switch') await made(test.call('POST', '/v1/switches', full, { kind: 'document', id: `open/${name}`, reason: 'test' }));
  }
}

export const COLLECTION = { profile: 'plain', vectors: { size: 2, distance: 'Dot' } };

/** What is missing in one tenant exists in the other. */
async function fillForeign(test: TestService, foreign: string): Promise<void> {
  for (const source of ['open', 'absent']) await made(test.call('PUT', `/v1/sources/${source}`, foreign, SOURCE));
  await made(test.call('PUT', '/v1/collections/absent', foreign, { ...COLLECTION, source: 'open' }));
  for (const name of MISSING) await made(test.call('PUT', documentPath('open', name), foreign, OPEN_TEXT));
}

interface Retrieved {
  readonly requestId: string;
  readonly chunks: readonly { readonly id: string; readonly provenance: { readonly document: { readonly id: string } } }[];
}

async function retrieved(test: TestService, token: string, body: object): Promise<Retrieved> {
  return (await made(test.call('POST', '/v1/retrieve', token, { query: 'ferry', ...body }))).json<Retrieved>();
}

/** An issuer that leaves its directory to Sluice beside the one that everybody here comes from. */
async function startWithDirectory(): Promise<{ readonly test: TestService; readonly stop: () => Promise<void> }> {
  const tenants = ['acme', 'globex'];
  const [issuer, second] = await Promise.all(['test', 'dir'].map((name) => startTestIssuer({ name, tenants, audience: AUDIENCE })));
  if (issuer === undefined || second === undefined) throw new Error('two issuers were started');
  const directory = { kind: 'authoritative', subjects: { user: 'userName', group: 'displayName' } } as const;
  const config = { issuers: [issuer.config, { ...second.config, directory }] };
  const test = await startTestService({ policy: policyOfExistence(), tenants, issuer, config });
  return {
    test,
    async stop() {
      await test.stop();
      await Promise.all([issuer.stop(), second.stop()]);
    },
  };
}

/** Ids of a person and a group that were made in the directory of the token's tenant. */
async function inDirectory(test: TestService, token: string, group: string): Promise<readonly [string, string]> {
  await made(test.call('PUT', `/v1/groups/${group}`, token, { issuer: 'dir', members: [] }));
  const scim = { 'content-type': 'application/scim+json' };
  const user = JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: `someone-${group}`, active: true });
  const { id } = (await made(test.call('POST', '/scim/v2/Users', token, user, scim))).json<{ id: string }>();
  const { Resources } = (await made(test.call('GET', '/scim/v2/Groups', token))).json<{
    Resources: { id: string; displayName: string }[];
  }>();
  return [id, Resources.find(({ displayName }) => displayName === group)?.id ?? ''];
}

const ASKED = { source: 'open', reason: 'a study', until: new Date(Date.now() + 86_400_000).toISOString() };
const CHECK = { check: true };

async function idOf(test: TestService, token: string, path: string, body: object): Promise<string> {
  return (await made(test.call('POST', path, token, body))).json<{ id: string }>().id;
}

export async function existenceWorld(): Promise<ExistenceWorld> {
  const { test, stop } = await startWithDirectory();
  const full = await test.token({ ...FULL, groups: ['board'] });
  const foreign = await test.token({ ...FULL, tenant: 'globex', groups: ['board'] });
  await fill(test, full);
  await fillForeign(test, foreign);
  const own = await retrieved(test, full, { session: 'theirs', limit: 100 });
  const other = await retrieved(test, foreign, { session: 'others' });
  const hiddenChunk = own.chunks.find(({ provenance }) => provenance.document.id === 'aclone');
  const { revision } = (await made(test.call('GET', '/v1/policy/revisions', full))).json<{ revision: string }>();
  const one = (name: string, exists: boolean, deep = true): Target => ({ name, source: 'open', exists, deep });
  const [person, folk] = await inDirectory(test, full, 'staff0');
  const [otherPerson, otherFolk] = await inDirectory(test, foreign, 'absent');
  // Of somebody else: whoever asked knows of their own request.
  const asker = await test.token({ sub: 'only-request', client_id: FULL.client_id });
  const [access, otherAccess] = await Promise.all([
    idOf(test, asker, '/v1/access-requests', ASKED),
    idOf(test, foreign, '/v1/access-requests', ASKED),
  ]);
  const [repair, otherRepair] = [
    await idOf(test, full, '/v1/reconciliations', CHECK),
    await idOf(test, foreign, '/v1/reconciliations', CHECK),
  ];
  const combinations = everyCombination();
  return {
    test,
    stop,
    full,
    foreign,
    low: await test.token({ sub: 'low', client_id: FULL.client_id }),
    holding: (actions) => {
      const mask = combinations.findIndex((some) => some.length === actions.length && some.every((action) => actions.includes(action)));
      return test.token({ sub: `mix-${mask}`, client_id: FULL.client_id });
    },
    targets: {
      document: [
        ...Object.entries(HIDDEN).map(([name, { deep, after }]) => ({
          name,
          source: 'open',
          exists: after !== 'delete',
          deep: deep === true,
        })),
        ...MISSING.map((name) => one(name, false)),
      ],
      source: [
        { name: 'closed', source: 'closed', exists: true, deep: true },
        { name: 'absent', source: 'absent', exists: false, deep: true },
      ],
      request: [one(own.requestId, true, false), one(other.requestId, false), one(randomUUID(), false)],
      session: [one('theirs', true), one('others', false), one('absent', false)],
      chunk: [
        one(hiddenChunk?.id ?? 'the board reads it', true, false),
        one(other.chunks[0]?.id ?? 'none', false),
        one(randomUUID(), false),
      ],
      revision: [one(revision, true), one('0'.repeat(revision.length), false)],
      group: [one('staff0', true), one('absent', false)],
      collection: [one('hidden', true), one('absent', false)],
      access: [one(access, true, false), one(otherAccess, false), one(randomUUID(), false)],
      repair: [one(repair, true), one(otherRepair, false), one(randomUUID(), false)],
      person: [one(person, true), one(otherPerson, false), one(randomUUID(), false)],
      folk: [one(folk, true), one(otherFolk, false), one(randomUUID(), false)],
    },
  };
}
