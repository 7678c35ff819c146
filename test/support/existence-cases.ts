import { COLLECTION, documentPath, OPEN_TEXT, type Target, type TargetKind } from './existence-world.ts';
import { toolCall } from './mcp.ts';
import type { Held } from './rights.ts';

/** One way to ask after something by its name. */
export interface Probe {
  readonly kind: TargetKind;
  /** Any of these lets somebody know of it; everybody else must not be able to tell it from what is missing. */
  readonly knowing: readonly Held[];
  /** Where a tenant may not have many of these at a time. */
  readonly inTurn?: true;
  call(target: Target): {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  };
}

const NDJSON = { 'content-type': 'application/x-ndjson' };
const KNOWS_DOCUMENT = ['ingest', 'label', 'audit'] as const;
const KNOWS_SOURCE = ['ingest', 'label', 'audit', 'request', 'approve'] as const;

const path = ({ source, name }: Target): string => documentPath(source, name);
const sourcePath = ({ name }: Target): string => `/v1/sources/${encodeURIComponent(name)}`;

function ofDocument(method: string, ...bodies: readonly unknown[]): readonly Probe[] {
  return bodies.map((body) => ({
    kind: 'document',
    knowing: KNOWS_DOCUMENT,
    call: (target) => ({ method, path: path(target), ...(body === undefined ? {} : { body }) }),
  }));
}

function ofSource(method: string, below: string, knowing: readonly Held[], ...bodies: readonly unknown[]): readonly Probe[] {
  return bodies.map((body) => ({
    kind: 'source',
    knowing,
    call: (target) => ({ method, path: `${sourcePath(target)}${below}`, ...(body === undefined ? {} : { body }) }),
  }));
}

function ofBody(
  kind: TargetKind,
  method: string,
  to: string,
  knowing: readonly Held[],
  ...bodies: readonly ((target: Target) => unknown)[]
): readonly Probe[] {
  return bodies.map((body) => ({ kind, knowing, call: (target) => ({ method, path: to, body: body(target) }) }));
}

function ofTool(kind: TargetKind, tool: string, args: (target: Target) => Readonly<Record<string, unknown>>): Probe {
  return { kind, knowing: ['retrieve'], call: (target) => ({ method: 'POST', path: '/mcp', ...toolCall(tool, args(target)) }) };
}

function ofCollection(method: string, ...bodies: readonly unknown[]): readonly Probe[] {
  return bodies.map((body) => ({
    kind: 'collection',
    knowing: ['label', 'administer'],
    call: ({ name }) => ({ method, path: `/v1/collections/${name}`, ...(body === undefined ? {} : { body }) }),
  }));
}

const POINT = { id: 7, vector: [0, 1], payload: { text: 'Ferry' }, acl: { allow: ['everyone'] } };

function inBatch(kind: 'document' | 'source', ...lines: readonly ((target: Target) => object)[]): readonly Probe[] {
  return lines.map((line) => ({
    kind,
    knowing: kind === 'document' ? KNOWS_DOCUMENT : KNOWS_SOURCE,
    call: (target) => ({
      method: 'POST',
      path: kind === 'document' ? `/v1/sources/${target.source}/documents` : `${sourcePath(target)}/documents`,
      body: `${JSON.stringify(line(target))}\n`,
      headers: NDJSON,
    }),
  }));
}

function administered(kind: TargetKind, method: string, to: (name: string) => string, ...bodies: readonly unknown[]): readonly Probe[] {
  const all = bodies.length === 0 ? [undefined] : bodies;
  return all.map((body) => ({
    kind,
    knowing: ['administer'],
    call: ({ name }) => ({ method, path: to(name), ...(body === undefined ? {} : { body }) }),
  }));
}

/** Over a request for access that somebody else made. */
function access(method: string, below: string, body?: unknown): readonly Probe[] {
  return [
    {
      kind: 'access',
      knowing: ['approve', 'audit'],
      call: ({ name }) => ({ method, path: `/v1/access-requests/${name}${below}`, ...(body === undefined ? {} : { body }) }),
    },
  ];
}

/** The routes over one entry of the directory. */
function scim(what: 'User' | 'Group', kind: TargetKind): Readonly<Record<string, readonly Probe[]>> {
  const to = (name: string): string => `/scim/v2/${what}s/${name}`;
  const operations = [{ op: 'replace', value: { active: false } }];
  return {
    [`scimGet${what}`]: administered(kind, 'GET', to),
    [`scimReplace${what}`]: administered(kind, 'PUT', to, { userName: 'x', displayName: 'x' }, {}),
    [`scimPatch${what}`]: administered(
      kind,
      'PATCH',
      to,
      { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations },
      {},
    ),
    [`scimDelete${what}`]: administered(kind, 'DELETE', to),
  };
}

/** Reports on a request of somebody else: no right lets anybody know of it. */
function ofRequest(stage: string, ...bodies: readonly unknown[]): readonly Probe[] {
  return bodies.map((body) => ({
    kind: 'request',
    knowing: [],
    call: ({ name }) => ({ method: 'POST', path: `/v1/requests/${name}/${stage}`, body }),
  }));
}

/** What auditors ask after by name. */
function auditedBy(query: string): readonly Probe[] {
  const asked = (kind: TargetKind, name: (target: Target) => string): Probe => ({
    kind,
    knowing: ['audit'],
    call: (target) => ({ method: 'GET', path: `/v1/audit/${query}${name(target)}` }),
  });
  return [
    asked('document', ({ source, name }) => `document=${encodeURIComponent(`${source}/${name}`)}`),
    asked('source', ({ name }) => `source=${encodeURIComponent(name)}`),
    asked('person', ({ name }) => `subject=${encodeURIComponent(`user:dir|someone-${name}`)}`),
  ];
}
const audited: Readonly<Record<string, readonly Probe[]>> = {
  listAuditEvents: auditedBy('events?'),
  summariseAudit: auditedBy('summary?'),
  exportAudit: auditedBy('export?format=csv&').map((probe) => ({ ...probe, inTurn: true })),
  proveComplete: auditedBy('proof/complete?'),
};

const DOCUMENT_BODIES = [
  OPEN_TEXT,
  { ...OPEN_TEXT, level: 'restricted', acl: { allow: [{ principal: 'group:test|board', until: '2999-01-01T00:00:00Z' }] } },
  { ...OPEN_TEXT, acl: undefined },
  { ...OPEN_TEXT, acl: { allow: ['nonsense'] } },
  { ...OPEN_TEXT, level: 'nonsense' },
  { ...OPEN_TEXT, mediaType: 'image/png' },
];
const PATCHES = [
  { metadata: { year: 2026 } },
  { acl: { allow: ['everyone'] } },
  { acl: { allow: ['nonsense'] } },
  { level: 'nonsense' },
  { level: 'public' },
  { level: 'restricted' },
  { compartments: ['NONSENSE'] },
  { trust: 'external' },
  { state: 'live' },
  { honey: true },
  { honey: false },
  // Before a hidden document's validity begins, and after another's ends.
  { validUntil: '2025-01-01T00:00:00Z' },
  { validFrom: '2025-01-01T00:00:00Z' },
];

/** Every route that names something. A new one needs its row here, or one in NAMELESS with the reason. */
export const CASES: Readonly<Record<string, readonly Probe[]>> = {
  getSource: ofSource('GET', '', KNOWS_SOURCE, undefined),
  putSource: ofSource(
    'PUT',
    '',
    ['label'],
    { title: 'A', owner: 'group:test|o', level: 'public', trust: 'trusted', compartments: [] },
    { title: 'A' },
  ),
  getCollection: ofCollection('GET', undefined),
  putCollection: [
    ...ofCollection('PUT', { ...COLLECTION, source: 'open' }, { ...COLLECTION, source: 'closed' }, { profile: 'nonsense' }),
    ...ofBody('source', 'PUT', '/v1/collections/hidden', ['label', 'administer'], ({ name }) => ({ ...COLLECTION, source: name })),
  ],
  deleteCollection: ofCollection('DELETE', undefined),
  checkAccess: ofBody('source', 'POST', '/v1/collections-access-check', ['label'], ({ name }) => ({
    access: [{ source: name, acl: { allow: ['everyone'] } }, { source: name }],
  })),
  adoptPoints: [
    ...['open', 'closed'].map((source): Probe => ({
      kind: 'collection',
      knowing: ['label', 'administer'],
      call: ({ name }) => ({ method: 'POST', path: `/v1/collections/${name}/points`, body: { source, points: [POINT] } }),
    })),
    ...ofBody('source', 'POST', '/v1/collections/hidden/points', ['label', 'administer'], ({ name }) => ({
      source: name,
      points: [POINT],
    })),
  ],
  patchSource: ofSource('PATCH', '', KNOWS_SOURCE, { level: 'public' }, { level: 'nonsense' }, { owner: 'nonsense' }, { ceiling: null }),
  deleteSource: ofSource('DELETE', '', KNOWS_SOURCE, undefined),
  listDocuments: [
    ...ofSource('GET', '/documents', ['ingest', 'label', 'audit'], undefined),
    ...ofSource('GET', '/documents?state=quarantined', ['ingest', 'label', 'audit'], undefined),
  ],
  getDocument: [
    ...ofDocument('GET', undefined),
    ...ofSource('GET', '/documents/shown0', ['ingest', 'label', 'audit', 'retrieve'], undefined),
  ],
  getOriginal: [
    { kind: 'document', knowing: KNOWS_DOCUMENT, call: (target) => ({ method: 'GET', path: `${path(target)}/original` }) },
    ...ofSource('GET', '/documents/shown0/original', KNOWS_SOURCE, undefined),
  ],
  putDocument: [...ofDocument('PUT', ...DOCUMENT_BODIES), ...ofSource('PUT', '/documents/shown0', KNOWS_SOURCE, ...DOCUMENT_BODIES)],
  patchDocument: [...ofDocument('PATCH', ...PATCHES), ...ofSource('PATCH', '/documents/shown0', KNOWS_SOURCE, ...PATCHES)],
  deleteDocument: [...ofDocument('DELETE', undefined), ...ofSource('DELETE', '/documents/shown0', KNOWS_SOURCE, undefined)],
  batchDocuments: [
    ...inBatch(
      'document',
      ({ name }) => ({ document: name, ...OPEN_TEXT }),
      ({ name }) => ({ document: name, delete: true }),
    ),
    ...inBatch(
      'source',
      () => ({ document: 'shown0', ...OPEN_TEXT }),
      () => ({ document: 'shown0', delete: true }),
      () => ({ document: 'shown0', nonsense: 1 }),
    ),
  ],
  retrieve: [
    ...ofBody('source', 'POST', '/v1/retrieve', ['retrieve'], ({ name }) => ({ query: 'ferry', sources: [name] })),
    ...ofBody('session', 'POST', '/v1/retrieve', [], ({ name }) => ({ query: 'nothing has this word', session: `${name}-2` })),
  ],
  open: [
    ...ofBody('document', 'POST', '/v1/open', ['retrieve'], ({ source, name }) => ({ source, document: name })),
    ...ofBody('source', 'POST', '/v1/open', ['retrieve'], ({ name }) => ({ source: name, document: 'shown0' })),
  ],
  // What `search` answers has a fence of its own each time; `retrieve` above is the same service.
  mcp: [
    ofTool('document', 'open_document', ({ source, name }) => ({ source, document: name })),
    ofTool('source', 'open_document', ({ name }) => ({ source: name, document: 'shown0' })),
  ],
  count: ofBody('source', 'POST', '/v1/count', ['retrieve'], ({ name }) => ({ sources: [name] })),
  getRequest: [{ kind: 'request', knowing: ['audit'], call: ({ name }) => ({ method: 'GET', path: `/v1/requests/${name}` }) }],
  reportAdmitted: ofRequest('admitted', { chunks: ['c'] }, { chunks: [], prompt: 'p' }),
  reportCited: ofRequest('cited', { chunks: ['c'] }, { chunks: [] }),
  checkOutput: ofRequest('output', { output: 'o' }, { output: 'o'.repeat(300_000) }),
  replayRequest: [
    { kind: 'request', knowing: ['replay'], call: ({ name }) => ({ method: 'GET', path: `/v1/requests/${name}/replay?reason=r` }) },
  ],
  approveReplay: [
    {
      kind: 'request',
      knowing: ['replay'],
      call: ({ name }) => ({
        method: 'POST',
        path: `/v1/requests/${name}/replay-approvals`,
        body: { reader: 'user:test|low', reason: 'r' },
      }),
    },
  ],
  reevaluateRequest: [
    {
      kind: 'request',
      knowing: ['audit', 'label'],
      call: ({ name }) => ({ method: 'POST', path: `/v1/requests/${name}/reevaluation`, body: {} }),
    },
  ],
  erase: [
    ...ofBody('document', 'POST', '/v1/erasures', ['label'], ({ source, name }) => ({
      kind: 'content',
      source,
      document: name,
      // Of a version that nobody has: whoever may erase the document is told the same.
      version: `sha256:${'0'.repeat(64)}`,
      reason: 'r',
    })),
    ...ofBody('source', 'POST', '/v1/erasures', ['label'], ({ name }) => ({
      kind: 'content',
      source: name,
      document: 'nosuch',
      reason: 'r',
    })),
    ...ofBody('person', 'POST', '/v1/erasures', ['administer'], ({ name }) => ({
      kind: 'caller',
      principal: `user:dir|someone-${name}`,
      reason: 'r',
    })),
  ],
  placeLegalHold: ofBody('document', 'POST', '/v1/legal-holds', ['administer'], ({ source, name }) => ({
    kind: 'content',
    source,
    document: name,
    reason: 'r',
  })),
  liftLegalHold: [
    {
      kind: 'document',
      knowing: ['administer'],
      call: ({ source, name }) => ({
        method: 'DELETE',
        path: `/v1/legal-holds?${new URLSearchParams({ kind: 'content', source, document: name, reason: 'r' }).toString()}`,
      }),
    },
  ],
  checkSession: [
    {
      kind: 'session',
      knowing: [],
      call: ({ name }) => ({ method: 'POST', path: `/v1/sessions/${name}/check`, body: { sink: { level: 'public' } } }),
    },
  ],
  explain: [
    ...ofBody('document', 'POST', '/v1/explain', ['label', 'audit'], ({ source, name }) => ({ document: { source, document: name } })),
    ...ofBody('document', 'POST', '/v1/explain', ['label', 'audit'], ({ source, name }) => ({
      document: { source, document: name },
      at: '2026-01-02T00:00:00Z',
    })),
    ...ofBody('document', 'POST', '/v1/explain', ['label', 'audit'], ({ source, name }) => ({
      document: { source, document: name },
      user: 'user:test|stan',
      client: 'client:test|full',
      groups: ['group:test|board'],
    })),
    ...ofBody('source', 'POST', '/v1/explain', ['label', 'audit', 'retrieve'], ({ name }) => ({
      document: { source: name, document: 'shown0' },
    })),
    ...ofBody('chunk', 'POST', '/v1/explain', ['label', 'audit'], ({ name }) => ({ chunk: name })),
  ],
  throwSwitch: [
    ...ofBody('document', 'POST', '/v1/switches', ['label'], ({ source, name }) => ({
      kind: 'document',
      id: `${source}/${name}`,
      reason: 'r',
    })),
    ...ofBody('source', 'POST', '/v1/switches', ['label'], ({ name }) => ({ kind: 'source', id: name, reason: 'r' })),
  ],
  liftSwitch: [
    {
      kind: 'document',
      knowing: ['label'],
      call: ({ source, name }) => ({ method: 'DELETE', path: `/v1/switches?kind=document&id=${encodeURIComponent(`${source}/${name}`)}` }),
    },
    {
      kind: 'source',
      knowing: ['label'],
      call: ({ name }) => ({ method: 'DELETE', path: `/v1/switches?kind=source&id=${encodeURIComponent(name)}` }),
    },
  ],
  getStoredPolicyRevision: administered('revision', 'GET', (name) => `/v1/policy/revisions/${name}`),
  publishPolicyRevision: ofBody('revision', 'POST', '/v1/policy/revisions', ['administer'], ({ name }) => ({ policy: 'p', parent: name })),
  activatePolicyRevision: administered('revision', 'POST', (name) => `/v1/policy/revisions/${name}/activate`, { replaces: 'nonsense' }),
  startPolicyShadow: administered('revision', 'POST', (name) => `/v1/policy/revisions/${name}/shadow`),
  getPolicyShadow: administered('revision', 'GET', (name) => `/v1/policy/revisions/${name}/shadow`),
  stopPolicyShadow: administered('revision', 'DELETE', (name) => `/v1/policy/revisions/${name}/shadow`),
  diffPolicy: [
    ...administered('revision', 'POST', () => '/v1/policy/diff', {}),
    ...ofBody('revision', 'POST', '/v1/policy/diff', ['administer'], ({ name }) => ({ revision: name })),
    ...ofBody('source', 'POST', '/v1/policy/diff', ['administer'], ({ name }) => ({ policy: 'p', sources: [name] })),
  ],
  blastRadius: ofBody('group', 'POST', '/v1/policy/blast-radius', ['audit', 'label'], ({ name }) => ({ user: `user:dir|someone-${name}` })),
  reconcile: administered('source', 'POST', () => '/v1/reconciliations', { nonsense: 1 }),
  getReconciliation: administered('repair', 'GET', (name) => `/v1/reconciliations/${name}`),
  listAccessRequests: ['approver', 'auditor'].map((role) => ({
    kind: 'source',
    knowing: KNOWS_SOURCE,
    call: ({ name }) => ({ method: 'GET', path: `/v1/access-requests?role=${role}&source=${name}` }),
  })),
  askAccess: [
    // Whoever may ask for access to a source need not know which documents it holds.
    ...ofBody('document', 'POST', '/v1/access-requests', ['ingest', 'label', 'audit'], ({ source, name }) => ({
      source,
      document: name,
      reason: 'r',
    })),
    ...ofBody('source', 'POST', '/v1/access-requests', KNOWS_SOURCE, ({ name }) => ({ source: name, reason: 'r' })),
  ],
  ...audited,
  getAccessRequest: access('GET', ''),
  decideAccess: access('POST', '/decision', { decision: 'deny', reason: 'r' }),
  withdrawAccess: access('DELETE', '?reason=r'),
  revokeApplicationKey: administered('person', 'DELETE', (name) => `/v1/application-keys/${name}`),
  liftWatchBlock: administered('person', 'DELETE', (name) => `/v1/watching/blocks/${encodeURIComponent(`user:dir|someone-${name}`)}`),
  getGroup: administered('group', 'GET', (name) => `/v1/groups/${name}?issuer=dir`),
  putGroup: administered(
    'group',
    'PUT',
    (name) => `/v1/groups/${name}`,
    { issuer: 'dir', members: [] },
    { issuer: 'dir', members: ['nonsense'] },
  ),
  deleteGroup: administered('group', 'DELETE', (name) => `/v1/groups/${name}?issuer=dir`),
  scimCreateUser: administered('person', 'POST', () => '/scim/v2/Users', { userName: 'someone-staff0' }),
  scimCreateGroup: administered('group', 'POST', () => '/scim/v2/Groups', { displayName: 'staff0' }),
  ...scim('User', 'person'),
  ...scim('Group', 'folk'),
};

/** Routes that name nothing that could be hidden, and why. What lists show is compared in test/property/non-interference.test.ts. */
export const NAMELESS: Readonly<Record<string, string>> = {
  health: 'says nothing of the deployment',
  readiness: 'names parts of the service',
  protectedResource: 'public metadata',
  mcpResource: 'public metadata',
  keySet: 'public keys',
  openapi: 'the contract is public',
  docs: 'public',
  docsAsset: 'names files of the release',
  getAuditCheckpoint: 'of the log as a whole',
  listAuditCheckpoints: 'the same',
  proveInclusion: 'a position in the log',
  proveConsistency: 'sizes of the log',
  getAuditTile: 'hashes of the log',
  listSources: 'a list',
  listCollections: 'a list',
  listApplicationKeys: 'a list',
  addApplicationKey: 'names an application, whether there is one or not',
  listSwitches: 'a list',
  listWatched: 'a list',
  listReplayWishes: 'a list',
  listLegalHolds: 'a list',
  listGroups: 'a list',
  getPolicyRevision: 'the one in force, or a list',
  scimListUsers: 'a list',
  scimListGroups: 'a list',
  scimServiceProviderConfig: 'what the protocol asks every service to say',
  scimResourceTypes: 'the same',
  scimResourceType: 'names kinds of resources',
  scimSchemas: 'the same',
  scimSchema: 'names schemas of the protocol',
  withdrawSwitchLift: 'the tenant or everything, whose switch nobody but its administrators may ask after',
  backchannelLogout: 'what it names is signed by the provider that issued it, and it answers with an empty body',
};
