import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/core/caller.ts';
import { allow, FULL, HELD, MODES, policyOfHolders, tokenHolding, type Held, type Mode } from '../support/rights.ts';
import { directoryIssuer, GROUP_SCHEMA, PATCH_SCHEMA, USER_SCHEMA } from '../support/directory.ts';
import { toolCall } from '../support/mcp.ts';
import { AUDIENCE, startTestService, type Answer, type TestService } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';

/** `hidden`: 404, told apart from nothing. `empty`: answered as if there were nothing. */
type Outcome = 'done' | 'forbidden' | 'hidden' | 'empty';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

interface Row {
  readonly scopes: readonly string[];
  /** Where this call takes one of fewer of them: the others lead in, and not as far. */
  readonly takes?: readonly string[];
  /** What to ask; what a call may destroy is made for it alone. */
  call(): Promise<Call>;
  outcome(answer: Answer): Outcome;
  /** Who may, and how everybody else is answered. */
  readonly expected: Readonly<Partial<Record<Held, Outcome>>>;
  readonly otherwise: Outcome;
  /** Where it takes a person: how an application alone that holds the right is answered. */
  readonly alone?: Outcome;
}

const TEXT = 'The lighthouse keeper logs every ferry by hand.';
const READERS = ['everyone', 'client:test|only-retrieve'];
const BODY = { title: 'Log', mediaType: 'text/plain', text: TEXT, acl: { allow: READERS } };
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const KEY = { client: 'client:test|tool', scopes: ['retrieve'], note: 'a tool' };
const NDJSON = { 'content-type': 'application/x-ndjson' };

function byStatus(answer: Answer): Outcome {
  if (answer.status < 300) return 'done';
  const { code } = answer.json<{ code: string }>();
  if (answer.status === 403 && code === 'forbidden') return 'forbidden';
  if (answer.status === 404 && code === 'not_found') return 'hidden';
  throw new Error(`${answer.status} ${answer.text}`);
}

function byPerson(answer: Answer): Outcome {
  return answer.status === 403 && answer.json()['code'] === 'second_person_required' ? 'forbidden' : byStatus(answer);
}

function byTool(answer: Answer): Outcome {
  const { isError, _meta: meta } = answer.json<{ result: { isError?: boolean; _meta: Record<string, { code?: string }> } }>().result;
  if (isError !== true) return 'done';
  if (meta['sluice/error']?.code === 'not_found') return 'hidden';
  throw new Error(answer.text);
}

function byLine(answer: Answer): Outcome {
  const [first] = answer.text.split('\n').map((line) => (line === '' ? {} : (JSON.parse(line) as { error?: { code: string } })));
  if (first?.error === undefined) return 'done';
  if (first.error.code === 'not_found') return 'hidden';
  throw new Error(answer.text);
}

/** SCIM says the status, not our codes. */
function byScimStatus(answer: Answer): Outcome {
  if (answer.status < 300) return 'done';
  if (answer.status === 403) return 'forbidden';
  if (answer.status === 404) return 'hidden';
  throw new Error(`${answer.status} ${answer.text}`);
}

const countedIn =
  (key: string) =>
  (answer: Answer): Outcome =>
    byStatus(answer) === 'done' && answer.json<Record<string, unknown[]>>()[key]?.length === 0 ? 'empty' : byStatus(answer);

let traced = '';
let secret = '';
let released = '';

/** What is for whoever asked, and nobody else: no right over the source or the tenant stands in for having asked. */
function ofAsker(stage: string, body: () => unknown): Row {
  return {
    scopes: ['retrieve'],
    call: async () => ({ method: 'POST', path: `/v1/requests/${traced}/${stage}`, body: body() }),
    outcome: byStatus,
    expected: {},
    otherwise: 'hidden',
  };
}

const knowsSource = { ingest: 'done', label: 'done', request: 'done', approve: 'done', audit: 'done' } as const;
const owns = { ...knowsSource, ingest: 'forbidden', request: 'forbidden', approve: 'forbidden', audit: 'forbidden' } as const;

const administered = { scopes: ['admin'], expected: { administer: 'done' }, otherwise: 'forbidden' } as const;

/** Routes of the directory that Sluice holds; every one needs `administer`. */
function directoryRow(outcome: Row['outcome'], method: string, call: () => Promise<Omit<Call, 'method'>>): Row {
  return { ...administered, outcome, call: async () => ({ method, ...(await call()) }) };
}
const groupRow = (method: string, call: () => Promise<Omit<Call, 'method'>>): Row => directoryRow(byStatus, method, call);
const scimRow = (method: string, path: () => string | Promise<string>, body?: () => unknown): Row =>
  directoryRow(byScimStatus, method, async () => ({ path: `/scim/v2${await path()}`, ...(body === undefined ? {} : { body: body() }) }));
const scimUser = () => ({ schemas: [USER_SCHEMA], userName: `user-${(made += 1)}`, externalId: `user-${made}` });
const scimGroup = () => ({ schemas: [GROUP_SCHEMA], displayName: `group-${(made += 1)}`, externalId: `group-${made}` });
const scimPatch = () => ({ schemas: [PATCH_SCHEMA], Operations: [{ op: 'replace', path: 'displayName', value: `name-${(made += 1)}` }] });

async function madeIn(path: '/Users' | '/Groups'): Promise<string> {
  const answer = await test.call('POST', `/scim/v2${path}`, full, path === '/Users' ? scimUser() : scimGroup());
  return `${path}/${answer.json<{ id: string }>().id}`;
}

async function madeGroup(): Promise<string> {
  const path = `/v1/groups/made-${(made += 1)}`;
  expect((await test.call('PUT', path, full, { members: [] })).status).toBe(201);
  return path;
}

const COLLECTION = { source: 'p', profile: 'plain', vectors: { size: 2, distance: 'Dot' } };
let collecting: Promise<void> = Promise.resolve();
/** One that is there: made where nobody has yet, or somebody has deleted it. */
async function madeCollection(name: string): Promise<string> {
  const path = `/v1/collections/${name}`;
  collecting = collecting.then(() => makeWhereMissing(path));
  await collecting;
  return path;
}
async function makeWhereMissing(path: string): Promise<void> {
  if ((await test.call('GET', path, full)).status === 200) return;
  expect((await test.call('PUT', path, full, COLLECTION)).status).toBe(201);
}
const collectionRow = (method: string, name: string, body?: () => object): Row => ({
  scopes: ['sources'],
  call: async () => ({ method, path: await madeCollection(name), ...(body === undefined ? {} : { body: body() }) }),
  outcome: byStatus,
  expected: { label: 'done' },
  otherwise: body === undefined ? 'hidden' : 'forbidden',
});
const COLLECTION_ROWS: Readonly<Record<string, Row>> = {
  listCollections: {
    scopes: ['sources'],
    async call() {
      await madeCollection('p');
      return { method: 'GET', path: '/v1/collections' };
    },
    outcome: countedIn('collections'),
    expected: { label: 'done' },
    otherwise: 'empty',
  },
  getCollection: collectionRow('GET', 'p'),
  putCollection: collectionRow('PUT', 'p', () => ({ ...COLLECTION, defaultAcl: { allow: [`user:test|u${(made += 1)}`] } })),
  deleteCollection: collectionRow('DELETE', 'passing'),
  // Whoever may not is told so, source by source.
  checkAccess: {
    scopes: ['ingest'],
    call: async () => ({
      method: 'POST',
      path: '/v1/collections-access-check',
      body: { access: [{ source: 'p', acl: { allow: READERS } }] },
    }),
    outcome: (answer) => {
      const code = answer.status === 200 ? answer.json<{ problems: { code: string }[] }>().problems[0]?.code : undefined;
      return code === 'forbidden' ? 'forbidden' : code === 'not_found' ? 'hidden' : byStatus(answer);
    },
    expected: { label: 'hidden' },
    otherwise: 'forbidden',
  },
  // It takes two rights: to own the source, and to write into it.
  adoptPoints: {
    scopes: ['ingest'],
    call: async () => ({
      method: 'POST',
      path: `${await madeCollection('p')}/points`,
      body: { source: 'p', points: [{ id: 7, vector: [0, 1], payload: { text: TEXT }, acl: { allow: READERS } }] },
    }),
    outcome: byStatus,
    expected: { label: 'hidden' },
    otherwise: 'forbidden',
  },
};

const DIRECTORY_ROWS: Readonly<Record<string, Row>> = {
  listGroups: groupRow('GET', async () => ({ path: '/v1/groups' })),
  getGroup: groupRow('GET', async () => ({ path: await madeGroup() })),
  putGroup: groupRow('PUT', async () => ({ path: `/v1/groups/made-${(made += 1)}`, body: { members: [] } })),
  deleteGroup: groupRow('DELETE', async () => ({ path: await madeGroup() })),
  scimServiceProviderConfig: scimRow('GET', () => '/ServiceProviderConfig'),
  scimResourceTypes: scimRow('GET', () => '/ResourceTypes'),
  scimResourceType: scimRow('GET', () => '/ResourceTypes/User'),
  scimSchemas: scimRow('GET', () => '/Schemas'),
  scimSchema: scimRow('GET', () => `/Schemas/${USER_SCHEMA}`),
  scimListUsers: scimRow('GET', () => '/Users'),
  scimCreateUser: scimRow('POST', () => '/Users', scimUser),
  scimGetUser: scimRow('GET', () => madeIn('/Users')),
  scimReplaceUser: scimRow('PUT', () => madeIn('/Users'), scimUser),
  scimPatchUser: scimRow('PATCH', () => madeIn('/Users'), scimPatch),
  scimDeleteUser: scimRow('DELETE', () => madeIn('/Users')),
  scimListGroups: scimRow('GET', () => '/Groups'),
  scimCreateGroup: scimRow('POST', () => '/Groups', scimGroup),
  scimGetGroup: scimRow('GET', () => madeIn('/Groups')),
  scimReplaceGroup: scimRow('PUT', () => madeIn('/Groups'), scimGroup),
  scimPatchGroup: scimRow('PATCH', () => madeIn('/Groups'), scimPatch),
  scimDeleteGroup: scimRow('DELETE', () => madeIn('/Groups')),
};
/** What stands on nothing that is there already can be asked in any tenant that one administers. */
const OF_ANY_TENANT = Object.entries(DIRECTORY_ROWS).filter(([name]) =>
  /^(?:listGroups|putGroup|scim(?:ServiceProviderConfig|ResourceTypes?|Schemas?|List\w+|Create\w+))$/.test(name),
);

/** Answers of the audit's routes; whoever audits nothing is refused, whatever they ask after. */
const auditRow = (path: string | (() => Promise<string>)): Row => ({
  scopes: ['audit'],
  call: async () => ({ method: 'GET', path: `/v1/audit/${typeof path === 'string' ? path : await path()}` }),
  outcome: byStatus,
  expected: { audit: 'done' },
  otherwise: 'forbidden',
});
const signed = async (path: string): Promise<string> => {
  for (const token of [full, await test.token({ ...FULL, tenant: 'globex' })]) {
    expect((await test.call('GET', '/v1/audit/checkpoint?fresh=true', token)).status).toBe(200);
  }
  return path;
};
const AUDIT_ROWS: Readonly<Record<string, Row>> = {
  listAuditEvents: auditRow('events?document=s/d'),
  summariseAudit: auditRow('summary?client=client:test|full'),
  exportAudit: auditRow('export?format=csv&source=s'),
  getAuditCheckpoint: auditRow('checkpoint?fresh=true'),
  listAuditCheckpoints: auditRow('checkpoints'),
  proveInclusion: auditRow(() => signed('proof/inclusion?index=0')),
  proveConsistency: auditRow(() => signed('proof/consistency?from=1&to=2')),
  proveComplete: auditRow(() => signed('proof/complete?document=s/d')),
  getAuditTile: auditRow(() => signed('tile/0/000.p/1')),
};

/** The table "who may change what" (docs/security.md) for every route that takes a token. A new route needs a row here. */
const ROWS: Readonly<Record<string, Row>> = {
  listSources: {
    scopes: ['sources', 'ingest'],
    call: async () => ({ method: 'GET', path: '/v1/sources' }),
    outcome: countedIn('sources'),
    expected: knowsSource,
    otherwise: 'empty',
  },
  getSource: {
    scopes: ['sources', 'ingest'],
    call: async () => ({ method: 'GET', path: '/v1/sources/s' }),
    outcome: byStatus,
    expected: knowsSource,
    otherwise: 'hidden',
  },
  putSource: {
    scopes: ['sources'],
    call: async () => ({ method: 'PUT', path: '/v1/sources/p', body: { ...SOURCE, title: `Title ${(made += 1)}` } }),
    outcome: byStatus,
    expected: { label: 'done' },
    otherwise: 'forbidden',
  },
  patchSource: {
    scopes: ['sources'],
    call: async () => ({ method: 'PATCH', path: '/v1/sources/p', body: { title: `Title ${(made += 1)}` } }),
    outcome: byStatus,
    expected: owns,
    otherwise: 'hidden',
  },
  deleteSource: {
    scopes: ['sources'],
    call: async () => ({ method: 'DELETE', path: `/v1/sources/${await madeSource()}` }),
    outcome: byStatus,
    expected: owns,
    otherwise: 'hidden',
  },
  listDocuments: {
    scopes: ['ingest', 'sources', 'retrieve'],
    call: async () => ({ method: 'GET', path: '/v1/sources/s/documents' }),
    outcome: byStatus,
    expected: { ingest: 'done', label: 'done', audit: 'done' },
    otherwise: 'hidden',
  },
  getDocument: {
    scopes: ['ingest', 'sources', 'retrieve'],
    call: async () => ({ method: 'GET', path: '/v1/sources/s/documents/d' }),
    outcome: byStatus,
    expected: { ingest: 'done', label: 'done', audit: 'done', retrieve: 'done' },
    otherwise: 'hidden',
  },
  getOriginal: {
    scopes: ['ingest', 'sources'],
    call: async () => ({ method: 'GET', path: '/v1/sources/s/documents/d/original' }),
    outcome: byStatus,
    expected: { ingest: 'forbidden', label: 'done', audit: 'forbidden' },
    otherwise: 'hidden',
  },
  putDocument: {
    scopes: ['ingest', 'sources'],
    call: async () => ({ method: 'PUT', path: `/v1/sources/p/documents/new-${(made += 1)}`, body: BODY }),
    outcome: byStatus,
    expected: { ingest: 'done' },
    otherwise: 'hidden',
  },
  patchDocument: {
    scopes: ['ingest', 'sources'],
    call: async () => ({ method: 'PATCH', path: '/v1/sources/p/documents/d', body: { metadata: { n: (made += 1) } } }),
    outcome: byStatus,
    expected: { ingest: 'done', label: 'done' },
    otherwise: 'hidden',
  },
  deleteDocument: {
    scopes: ['ingest', 'sources'],
    call: async () => ({ method: 'DELETE', path: `/v1/sources/p/documents/${await madeDocument()}` }),
    outcome: byStatus,
    expected: { ingest: 'done', label: 'done' },
    otherwise: 'hidden',
  },
  batchDocuments: {
    scopes: ['ingest', 'sources'],
    call: async () => ({
      method: 'POST',
      path: '/v1/sources/p/documents',
      body: `${JSON.stringify({ document: `line-${(made += 1)}`, ...BODY })}\n`,
      headers: NDJSON,
    }),
    outcome: byLine,
    expected: { ingest: 'done' },
    otherwise: 'hidden',
  },
  retrieve: {
    scopes: ['retrieve'],
    call: async () => ({ method: 'POST', path: '/v1/retrieve', body: { query: 'lighthouse ferry', sources: ['s'] } }),
    outcome: countedIn('chunks'),
    expected: { retrieve: 'done' },
    otherwise: 'empty',
  },
  reportAdmitted: ofAsker('admitted', () => ({ chunks: [released] })),
  reportCited: ofAsker('cited', () => ({ chunks: [released] })),
  checkOutput: ofAsker('output', () => ({ output: TEXT })),
  checkSession: {
    scopes: ['retrieve'],
    call: async () => ({ method: 'POST', path: '/v1/sessions/never/check', body: { sink: { level: 'public' } } }),
    outcome: byStatus,
    expected: {},
    otherwise: 'done',
  },
  count: {
    scopes: ['retrieve'],
    call: async () => ({ method: 'POST', path: '/v1/count', body: { sources: ['s'] } }),
    outcome: (answer) => (answer.json<{ chunks: number }>().chunks === 0 ? 'empty' : byStatus(answer)),
    expected: { retrieve: 'done' },
    otherwise: 'empty',
  },
  open: {
    scopes: ['retrieve'],
    call: async () => ({ method: 'POST', path: '/v1/open', body: { source: 's', document: 'd' } }),
    outcome: byStatus,
    expected: { retrieve: 'done' },
    otherwise: 'hidden',
  },
  mcp: {
    scopes: ['retrieve'],
    call: async () => ({ method: 'POST', path: '/mcp', ...toolCall('open_document', { source: 's', document: 'd' }) }),
    outcome: byTool,
    expected: { retrieve: 'done' },
    otherwise: 'hidden',
  },
  reconcile: {
    scopes: ['admin'],
    call: async () => ({ method: 'POST', path: '/v1/reconciliations', body: { check: true } }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  getReconciliation: {
    scopes: ['admin'],
    call: async () => ({ method: 'GET', path: `/v1/reconciliations/${await compared()}` }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  getPolicyRevision: {
    scopes: ['admin'],
    call: async () => ({ method: 'GET', path: '/v1/policy/revisions' }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  publishPolicyRevision: {
    scopes: ['admin'],
    async call() {
      const { revision, policy } = (await test.call('GET', '/v1/policy/revisions', full)).json<{ revision: string; policy: string }>();
      return { method: 'POST', path: '/v1/policy/revisions', body: { policy, parent: revision } };
    },
    // The lines of one tenant are no policy of another.
    outcome: (answer) => (answer.status === 422 && answer.json()['code'] === 'invalid_policy' ? 'forbidden' : byStatus(answer)),
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  getStoredPolicyRevision: {
    scopes: ['admin'],
    call: async () => ({ method: 'GET', path: `/v1/policy/revisions/${await activeRevision()}` }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  activatePolicyRevision: {
    scopes: ['admin'],
    async call() {
      const revision = await activeRevision();
      return { method: 'POST', path: `/v1/policy/revisions/${revision}/activate`, body: { replaces: revision } };
    },
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  startPolicyShadow: {
    scopes: ['admin'],
    async call() {
      const revision = await draft();
      await test.call('DELETE', `/v1/policy/revisions/${revision}/shadow`, full);
      return { method: 'POST', path: `/v1/policy/revisions/${revision}/shadow` };
    },
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  getPolicyShadow: {
    scopes: ['admin'],
    async call() {
      const revision = await draft();
      await test.call('POST', `/v1/policy/revisions/${revision}/shadow`, full);
      return { method: 'GET', path: `/v1/policy/revisions/${revision}/shadow` };
    },
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  stopPolicyShadow: {
    scopes: ['admin'],
    async call() {
      const revision = await draft();
      await test.call('POST', `/v1/policy/revisions/${revision}/shadow`, full);
      return { method: 'DELETE', path: `/v1/policy/revisions/${revision}/shadow` };
    },
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  diffPolicy: {
    scopes: ['admin'],
    call: async () => ({ method: 'POST', path: '/v1/policy/diff', body: { revision: await activeRevision() } }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  blastRadius: {
    scopes: ['audit', 'sources'],
    call: async () => ({ method: 'POST', path: '/v1/policy/blast-radius', body: { user: 'user:test|somebody', groups: [] } }),
    outcome: byStatus,
    expected: { audit: 'done', label: 'done' },
    otherwise: 'forbidden',
  },
  explain: {
    scopes: ['audit', 'sources', 'retrieve'],
    call: async () => ({ method: 'POST', path: '/v1/explain', body: { document: { source: 's', document: 'd' } } }),
    outcome: byStatus,
    expected: { label: 'done', audit: 'done', retrieve: 'done' },
    otherwise: 'hidden',
  },
  listSwitches: {
    scopes: ['admin', 'sources'],
    call: async () => ({ method: 'GET', path: '/v1/switches' }),
    outcome: countedIn('switches'),
    expected: { administer: 'done' },
    otherwise: 'empty',
  },
  listWatched: {
    scopes: ['admin', 'audit'],
    call: async () => ({ method: 'GET', path: '/v1/watching' }),
    outcome: byStatus,
    expected: { administer: 'done', audit: 'done' },
    otherwise: 'forbidden',
  },
  listApplicationKeys: {
    scopes: ['admin'],
    call: async () => ({ method: 'GET', path: '/v1/application-keys' }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  addApplicationKey: {
    scopes: ['admin'],
    call: async () => ({ method: 'POST', path: '/v1/application-keys', body: KEY }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  revokeApplicationKey: {
    scopes: ['admin'],
    async call() {
      const made = await test.call('POST', '/v1/application-keys', full, KEY);
      return { method: 'DELETE', path: `/v1/application-keys/${made.json<{ id: string }>().id}` };
    },
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  liftWatchBlock: {
    scopes: ['admin'],
    async call() {
      expect((await test.call('POST', '/v1/retrieve', full, { query: 'ferry' })).status).toBe(200);
      return { method: 'DELETE', path: `/v1/watching/blocks/${encodeURIComponent('client:test|full')}` };
    },
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  throwSwitch: {
    scopes: ['admin', 'sources'],
    call: async () => ({
      method: 'POST',
      path: '/v1/switches',
      body: { kind: 'document', id: `p/${await madeDocument()}`, reason: 'a spill' },
    }),
    outcome: byStatus,
    expected: { label: 'done' },
    otherwise: 'hidden',
  },
  liftSwitch: {
    scopes: ['admin', 'sources'],
    async call() {
      const id = `p/${await madeDocument()}`;
      expect((await test.call('POST', '/v1/switches', full, { kind: 'document', id, reason: 'a spill' })).status).toBe(201);
      return { method: 'DELETE', path: `/v1/switches?kind=document&id=${id}` };
    },
    outcome: byStatus,
    expected: { label: 'done' },
    otherwise: 'hidden',
  },
  withdrawSwitchLift: {
    scopes: ['admin'],
    call: async () => ({ method: 'DELETE', path: '/v1/switches/proposals?kind=tenant' }),
    // Nothing is proposed, which only whoever may lift it is told.
    outcome: (answer) => (byStatus(answer) === 'hidden' ? 'done' : byStatus(answer)),
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  listAccessRequests: {
    scopes: ['retrieve', 'sources', 'audit'],
    async call() {
      await requested('s');
      return { method: 'GET', path: '/v1/access-requests?role=approver' };
    },
    outcome: countedIn('requests'),
    expected: { approve: 'done' },
    otherwise: 'empty',
  },
  askAccess: {
    scopes: ['retrieve', 'sources'],
    call: async () => ({
      method: 'POST',
      path: '/v1/access-requests',
      body: { source: 's', document: `d-${(made += 1)}`, reason: 'a study', until: tomorrow() },
    }),
    outcome: byStatus,
    expected: { request: 'done' },
    otherwise: 'hidden',
    alone: 'forbidden',
  },
  getAccessRequest: {
    scopes: ['retrieve', 'sources', 'audit'],
    call: async () => ({ method: 'GET', path: `/v1/access-requests/${await requested('s')}` }),
    outcome: byStatus,
    expected: { approve: 'done', audit: 'done' },
    otherwise: 'hidden',
  },
  decideAccess: {
    scopes: ['sources'],
    call: async () => ({
      method: 'POST',
      path: `/v1/access-requests/${await requested('s')}/decision`,
      body: { decision: 'deny', reason: 'not needed' },
    }),
    outcome: (answer) => (answer.json()['code'] === 'second_person_required' ? 'forbidden' : byStatus(answer)),
    expected: { approve: 'done', audit: 'forbidden' },
    otherwise: 'hidden',
    alone: 'forbidden',
  },
  withdrawAccess: {
    scopes: ['retrieve', 'sources'],
    // Of somebody else; one's own takes either.
    takes: ['sources'],
    call: async () => ({ method: 'DELETE', path: `/v1/access-requests/${await requested('p', 'approved')}?reason=over` }),
    outcome: byStatus,
    expected: { approve: 'done', audit: 'forbidden' },
    otherwise: 'hidden',
  },
  replayRequest: {
    scopes: ['audit'],
    call: async () => ({ method: 'GET', path: `/v1/requests/${traced}/replay?reason=a-complaint` }),
    outcome: byStatus,
    expected: { replay: 'done' },
    otherwise: 'hidden',
  },
  approveReplay: {
    scopes: ['audit'],
    async call() {
      const reason = await wished();
      return {
        method: 'POST',
        path: `/v1/requests/${secret}/replay-approvals`,
        body: { reader: 'user:test|wisher', reason },
      };
    },
    outcome: byPerson,
    expected: { replay: 'done' },
    otherwise: 'hidden',
    alone: 'forbidden',
  },
  listReplayWishes: {
    scopes: ['audit'],
    async call() {
      await wished();
      return { method: 'GET', path: '/v1/replay-approvals' };
    },
    outcome: countedIn('wishes'),
    expected: { replay: 'done' },
    otherwise: 'empty',
  },
  reevaluateRequest: {
    scopes: ['audit', 'sources'],
    call: async () => ({ method: 'POST', path: `/v1/requests/${traced}/reevaluation`, body: {} }),
    outcome: byStatus,
    expected: { audit: 'done', label: 'done' },
    otherwise: 'hidden',
  },
  erase: {
    scopes: ['admin', 'sources'],
    call: async () => ({
      method: 'POST',
      path: '/v1/erasures',
      body: { kind: 'content', source: 'p', document: await madeDocument(), reason: 'asked to' },
    }),
    outcome: byStatus,
    expected: { label: 'done' },
    otherwise: 'hidden',
  },
  listLegalHolds: {
    scopes: ['admin'],
    call: async () => ({ method: 'GET', path: '/v1/legal-holds' }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  placeLegalHold: {
    scopes: ['admin'],
    call: async () => ({ method: 'POST', path: '/v1/legal-holds', body: { ...heldThing(), reason: 'a case' } }),
    outcome: byStatus,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
  },
  liftLegalHold: {
    scopes: ['admin'],
    async call() {
      const what = heldThing();
      expect((await test.call('POST', '/v1/legal-holds', full, { ...what, reason: 'a case' })).status).toBe(201);
      return { method: 'DELETE', path: `/v1/legal-holds?${new URLSearchParams({ ...what, reason: 'over' }).toString()}` };
    },
    outcome: byPerson,
    expected: { administer: 'done' },
    otherwise: 'forbidden',
    alone: 'forbidden',
  },
  ...AUDIT_ROWS,
  ...DIRECTORY_ROWS,
  ...COLLECTION_ROWS,
  getRequest: {
    scopes: ['audit'],
    call: async () => ({ method: 'GET', path: `/v1/requests/${traced}` }),
    outcome: byStatus,
    expected: { audit: 'done' },
    otherwise: 'hidden',
  },
};

function expectedOf(row: Row, mode: Mode, held: Held): Outcome {
  const expected = row.expected[held] ?? row.otherwise;
  return expected === 'done' && mode === 'application alone' ? (row.alone ?? expected) : expected;
}

interface Described {
  readonly operationId: string;
  readonly description: string;
  readonly security: readonly unknown[];
}

let test: TestService;
let issuer: TestIssuer;
let held: TestIssuer;
let full = '';
let made = 0;

async function madeSource(): Promise<string> {
  const source = `made-${(made += 1)}`;
  expect((await test.call('PUT', `/v1/sources/${source}`, full, SOURCE)).status).toBe(201);
  return source;
}

const heldThing = () => ({ kind: 'content', source: 's', document: `held-${(made += 1)}` });

let reasons = 1;
let wish: Promise<string> = Promise.resolve('');

/** The reason for which somebody wishes to replay what takes a second person: another one once it was allowed. */
function wished(): Promise<string> {
  wish = wish.then(async () => {
    const wisher = await test.token({ sub: 'wisher', client_id: FULL.client_id });
    const asking = () => test.call('GET', `/v1/requests/${secret}/replay?reason=${reasons}`, wisher);
    if ((await asking()).status === 200) reasons += 1;
    expect((await asking()).json()).toMatchObject({ code: 'second_person_required' });
    return String(reasons);
  });
  return wish;
}

async function compared(): Promise<string> {
  return (await test.call('POST', '/v1/reconciliations', full, { check: true })).json<{ id: string }>().id;
}

async function activeRevision(): Promise<string> {
  return (await test.call('GET', '/v1/policy/revisions', full)).json<{ revision: string }>().revision;
}

/** A stored revision that is not in force: the active lines and one that changes nothing. */
async function draft(): Promise<string> {
  const { revision, policy } = (await test.call('GET', '/v1/policy/revisions', full)).json<{ revision: string; policy: string }>();
  const body = { policy: `${policy}p, role:nobody, acme, s, retrieve, upto:public, *, *, allow\n`, parent: revision, activate: false };
  const stored = await test.call('POST', '/v1/policy/revisions', full, body);
  expect(stored.status, stored.text).toBe(201);
  return stored.json<{ revision: string }>().revision;
}

async function madeDocument(): Promise<string> {
  const document = `made-${(made += 1)}`;
  expect((await test.call('PUT', `/v1/sources/p/documents/${document}`, full, BODY)).status).toBe(200);
  return document;
}

const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString();
const ASKER = { sub: 'asker', client_id: FULL.client_id };
const pending = new Map<string, Promise<string>>();

/** A request of the asker's for a source that is open, or approved: the last one, or where that was answered a new one. */
function requested(source: string, state: 'open' | 'approved' = 'open'): Promise<string> {
  const next = (pending.get(source) ?? Promise.resolve('')).then(async (last) => {
    const asker = await test.token(ASKER);
    const found = last === '' ? undefined : (await test.call('GET', `/v1/access-requests/${last}`, asker)).json();
    if (found?.['state'] === state) return last;
    const asked = await test.call('POST', '/v1/access-requests', asker, { source, reason: 'a study', until: tomorrow() });
    const { id } = asked.json<{ id: string }>();
    if (state === 'open') return id;
    const decision = { decision: 'approve', reason: 'agreed' };
    expect((await test.call('POST', `/v1/access-requests/${id}/decision`, full, decision)).status).toBe(200);
    return id;
  });
  pending.set(source, next);
  return next;
}

async function ask(row: Row, token: string | undefined): Promise<Answer> {
  const { method, path, body, headers } = await row.call();
  return test.call(method, path, token, body, headers);
}

beforeAll(async () => {
  const tenants = ['acme', 'globex'];
  issuer = await startTestIssuer({ name: 'test', tenants, audience: AUDIENCE });
  // The one whose directory Sluice holds; those who ask come from the other.
  held = await directoryIssuer(tenants, {}, 'held');
  test = await startTestService({
    policy: `${policyOfHolders('acme')}\n${policyOfHolders('globex')}\n${allow('user:test|asker', 'acme', 'request')}\n${allow('user:test|wisher', 'acme', 'replay')}`,
    tenants: ['acme', 'globex'],
    issuer,
    config: { issuers: [issuer.config, held.config] },
  });
  full = await test.token(FULL);
  for (const source of ['s', 'p']) {
    expect((await test.call('PUT', `/v1/sources/${source}`, full, SOURCE)).status).toBe(201);
    expect((await test.call('PUT', `/v1/sources/${source}/documents/d`, full, BODY)).status).toBe(200);
  }
  const answer = await test.call('POST', '/v1/retrieve', full, { query: 'lighthouse ferry', sources: ['s'] });
  expect(answer.json<{ chunks: unknown[] }>().chunks).toHaveLength(1);
  traced = answer.json<{ requestId: string }>().requestId;
  released = answer.json<{ chunks: { id: string }[] }>().chunks[0]?.id ?? '';
  const body = { ...BODY, text: 'Puffins nest under the pier.', level: 'confidential', acl: { allow: ['everyone'] } };
  expect((await test.call('PUT', '/v1/sources/p/documents/secret', full, body)).status).toBe(200);
  const hidden = await test.call('POST', '/v1/retrieve', full, { query: 'puffins', sources: ['p'] });
  expect(hidden.json<{ chunks: unknown[] }>().chunks).toHaveLength(1);
  secret = hidden.json<{ requestId: string }>().requestId;
  const gone = { kind: 'user', id: 'user:test|gone', reason: 'left' };
  expect((await test.call('POST', '/v1/switches', full, gone)).status).toBe(201);
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
  await held.stop();
});

async function operations(): Promise<readonly Described[]> {
  const { paths } = (await test.call('GET', '/openapi.json', undefined)).json<{ paths: Record<string, Record<string, Described>> }>();
  return Object.values(paths).flatMap((path) => Object.values(path));
}

describe('the table of actions', () => {
  it('has a row for every route of the contract that takes a token, with its scopes, and no other', async () => {
    const guarded = (await operations()).filter(({ security }) => security.length > 0);
    expect(guarded.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(ROWS).sort());
    for (const { operationId, description } of guarded) expect(description).toBe(`Scope: ${ROWS[operationId]?.scopes.join(' or ')}.`);
  });

  it.each(Object.entries(ROWS).flatMap(([name, row]) => MODES.map((mode) => [name, mode, row] as const)))(
    '%s asked with each action alone, held by the %s',
    async (_name, mode, row) => {
      const outcomes = await Promise.all(
        HELD.map(async (held) => [held, row.outcome(await ask(row, await tokenHolding(test, held, mode)))] as const),
      );
      expect(Object.fromEntries(outcomes)).toEqual(Object.fromEntries(HELD.map((held) => [held, expectedOf(row, mode, held)])));
    },
  );

  it.each(Object.entries(ROWS))(
    '%s with the person holding everything and the application nothing, and the other way round',
    async (_name, row) => {
      for (const names of [
        { ...FULL, client_id: 'nothing' },
        { ...FULL, sub: 'nobody' },
      ]) {
        expect(row.outcome(await ask(row, await test.token(names)))).toBe(row.otherwise);
      }
      expect(row.outcome(await ask(row, full))).toBe('done');
    },
  );
});

/** What a refusal at the entrance looks like in the words of the protocol that was spoken. */
function refusal({ outcome }: Row, status: number, code: string): object {
  if (outcome === byScimStatus) return { status: String(status) };
  return outcome === byTool ? { error: { data: { code } } } : { code };
}

describe('scopes', () => {
  it.each(Object.entries(ROWS))('%s needs one of its scopes, and any of them will do', async (_name, row) => {
    const without = SCOPES.filter((scope) => !row.scopes.includes(scope)).join(' ');
    const refused = await ask(row, await test.token({ ...FULL, scope: without }));
    expect(refused.status).toBe(403);
    expect(refused.json()).toMatchObject(refusal(row, 403, 'insufficient_scope'));
    expect(refused.headers['www-authenticate']).toContain(`error="insufficient_scope", scope="${row.scopes[0]}"`);
    for (const scope of row.scopes) {
      const wanted = row.takes?.includes(scope) === false ? 'forbidden' : 'done';
      expect(row.outcome(await ask(row, await test.token({ ...FULL, scope })))).toBe(wanted);
    }
  });

  it.each(Object.entries(ROWS))('%s without a token, and with a scope alone', async (_name, row) => {
    const none = await ask(row, undefined);
    expect(none.status).toBe(401);
    expect(none.json()).toMatchObject(refusal(row, 401, 'missing_token'));
    const scopeAlone = await test.token({ sub: 'nobody', client_id: 'nothing' });
    expect(row.outcome(await ask(row, scopeAlone))).toBe(row.otherwise);
  });
});

describe('tenants', () => {
  it.each(Object.entries(ROWS))('%s with every right in another tenant', async (name, row) => {
    const other = await test.token({ ...FULL, tenant: 'globex' });
    const outcome = row.outcome(await ask(row, other));
    // A source of the same name can be made in one's own tenant; what is in the other stays as it was.
    const own: Partial<Record<string, Outcome>> = {
      putSource: 'done',
      listSources: 'empty',
      retrieve: 'empty',
      checkSession: 'done',
      count: 'empty',
      reconcile: 'done',
      getPolicyRevision: 'done',
      publishPolicyRevision: 'forbidden',
      diffPolicy: 'hidden',
      listSwitches: 'empty',
      listCollections: 'empty',
      putCollection: 'forbidden',
      adoptPoints: 'forbidden',
      checkAccess: 'forbidden',
      // Of the same names, but their own.
      listWatched: 'done',
      listApplicationKeys: 'done',
      addApplicationKey: 'done',
      liftWatchBlock: 'done',
      withdrawSwitchLift: 'done',
      listAccessRequests: 'empty',
      listReplayWishes: 'empty',
      listLegalHolds: 'done',
      placeLegalHold: 'done',
      blastRadius: 'done',
      ...Object.fromEntries(OF_ANY_TENANT.map(([own]) => [own, 'done'])),
      // Of one's own log.
      ...Object.fromEntries(Object.keys(AUDIT_ROWS).map((own) => [own, 'done'])),
    };
    expect(outcome).toBe(own[name] ?? 'hidden');
    if (name === 'putSource') await test.call('DELETE', '/v1/sources/p', other);
  });

  it('leaves what another tenant named the same untouched', async () => {
    const source = await madeSource();
    expect((await test.call('PUT', `/v1/sources/${source}/documents/d`, full, BODY)).status).toBe(200);
    const other = await test.token({ ...FULL, tenant: 'globex' });
    expect((await test.call('PUT', `/v1/sources/${source}`, other, { ...SOURCE, title: 'Theirs' })).status).toBe(201);
    expect((await test.call('PUT', `/v1/sources/${source}/documents/d`, other, { ...BODY, title: 'Theirs' })).status).toBe(200);
    expect((await test.call('DELETE', `/v1/sources/${source}`, other)).status).toBe(204);
    expect((await test.call('GET', `/v1/sources/${source}`, full)).json()).toMatchObject({ title: SOURCE.title });
    expect((await test.call('GET', `/v1/sources/${source}/documents/d`, full)).json()).toMatchObject({ title: BODY.title });
  });

  it('refuses a token for a tenant that was never made', async () => {
    const ghost = await test.token({ tenant: 'nowhere' });
    const refused = await test.call('POST', '/v1/retrieve', ghost, { query: 'ferry' });
    expect(refused.status).toBe(401);
  });
});
