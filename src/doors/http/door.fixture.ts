import type { ReconciliationResource } from '../../ingestion/reconciliations.ts';
import { connect } from 'node:net';
import type { Caller, Scope } from '../../core/caller.ts';
import { digestOf, sha256Hex } from '../../core/digest.ts';
import { onTestFinished } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { DocumentId, SourceId, TenantId } from '../../core/ids.ts';
import { labelScheme } from '../../core/label.ts';
import { systemClock } from '../../core/ports/clock.ts';
import { principal, type Principal } from '../../core/principal.ts';
import type { DocumentBody, DocumentPatch, HoneyPatch, IngestionService, SourceResource } from '../../ingestion/types.ts';
import type { RetrieveAnswer, RetrieveRequest } from '../../retrieval/types.ts';
import { createTelemetry, type ServiceTelemetry } from '../../telemetry/telemetry.ts';
import { DEFAULT_HTTP_LIMITS, type HttpDoorConfig } from './config.ts';
import { DEFAULT_RATE_LIMITS } from '../entrance/limits.ts';
import type { Mount } from '../entrance/mount.ts';
import { createHttpDoor, type HttpDoor, type Listening } from './http-door.ts';
import type { HttpServices } from './services.ts';

/** Written documents and requests as the services behind the door saw them. */
export interface Seen {
  readonly retrieved: { readonly request: RetrieveRequest; readonly signal: AbortSignal }[];
  readonly written: { readonly document: string; readonly body: DocumentBody }[];
  readonly patched: (DocumentPatch | HoneyPatch)[];
  readonly deleted: string[];
  readonly listed: { readonly after: string | undefined; readonly limit: number }[];
}

export interface Fixture {
  readonly door: HttpDoor;
  readonly at: Listening;
  readonly seen: Seen;
  readonly telemetry: ServiceTelemetry;
  /** Log lines, parsed. */
  log(): readonly Record<string, unknown>[];
}

export interface FixtureOptions {
  readonly mounts?: readonly Mount[];
  readonly config?: Partial<HttpDoorConfig>;
  readonly retrieve?: HttpServices['retrieve'];
  readonly ingestion?: Partial<IngestionService>;
  readonly readiness?: HttpServices['readiness'];
  readonly exportAudit?: HttpServices['auditDesk']['exportAudit'];
  readonly authenticate?: HttpServices['identity']['authenticate'];
}

function named(kind: 'user' | 'client', id: string): Principal {
  const made = principal(kind, 'dev', id);
  if (made === undefined) throw new Error('not a principal');
  return made;
}

/** Tokens of the fake are `<user>.<client>.<scope+scope>`; a user of `-` is none. */
export function token(user: string, scopes: readonly Scope[], client = 'app'): string {
  return [user, client, scopes.join('+')].join('.');
}

function callerFrom(text: string): Caller {
  const [user = '', client = '', scopes] = text.split('.');
  if (scopes === undefined || user === 'bad') throw new AppError('invalid_token');
  return {
    tenant: 'acme' as TenantId,
    issuer: 'dev',
    user: user === '-' ? { kind: 'none' } : { kind: 'user', principal: named('user', user), groups: [], guest: false },
    client: named('client', client),
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(scopes.split('+') as Scope[]),
    tokenDigest: sha256Hex(text),
    expiresAt: Date.now() / 1_000 + 300,
  };
}

export const SOURCE: SourceResource = {
  source: 'handbook' as SourceId,
  title: 'Handbook',
  owner: 'group:dev|people',
  level: 'internal',
  compartments: [],
  trust: 'internal',
  revision: 1,
};

export function receipt(document: string, text = ''): Awaited<ReturnType<IngestionService['putDocument']>> {
  return { document: document as DocumentId, version: digestOf(text), chunks: 1, zone: 1, changed: true };
}

function withRuns(writes: Omit<IngestionService, 'run'>): IngestionService {
  return { ...writes, run: () => ({ ...writes, end() {} }) };
}

function ingestionFake(seen: Seen): Omit<IngestionService, 'run'> {
  const found = (source: string): SourceResource => {
    if (source !== SOURCE.source) throw new AppError('not_found', { detail: source === 'hidden' ? 'hidden from them' : 'missing' });
    return SOURCE;
  };
  return {
    putSource: (_context, source) =>
      Promise.resolve({ created: source !== SOURCE.source, resource: { ...SOURCE, source: source as SourceId } }),
    patchSource: async (_context, source) => found(source),
    getSource: async (_context, source) => found(source),
    listSources: () => Promise.resolve([SOURCE]),
    deleteSource: async (_context, source) => void found(source),
    putDocument(_context, _source, document, body) {
      seen.written.push({ document, body });
      return Promise.resolve(receipt(document));
    },
    patchDocument(_context, _source, document, patch) {
      seen.patched.push(patch);
      return Promise.resolve({ ...receipt(document), pending: true });
    },
    async getDocument(_context, source, document) {
      return { view: 'writer', source: found(source).source, document: document as DocumentId };
    },
    async getOriginal(_context, source, document) {
      const removed = { tag: 0, bidi: 0, zeroWidth: 0 };
      return { source: found(source).source, document: document as DocumentId, version: digestOf(''), removed };
    },
    listDocuments(_context, _source, { after, limit }) {
      seen.listed.push({ after, limit });
      return Promise.resolve({ documents: [{ document: 'a' as DocumentId }], next: 'a' });
    },
    deleteDocument(_context, _source, document) {
      seen.deleted.push(document);
      return Promise.resolve();
    },
  };
}

export function answerTo(request: RetrieveRequest): RetrieveAnswer {
  return { requestId: request.requestId, chunks: [] };
}

const nothing = (): Promise<never> => Promise.reject(new AppError('not_found'));
const NOTHING_THERE: HttpServices['groups'] &
  HttpServices['provisioning'] &
  Omit<HttpServices['accessRequests'], 'list'> &
  HttpServices['reports'] &
  HttpServices['policyShadow'] = {
  get: nothing,
  put: nothing,
  remove: nothing,
  admit: nothing,
  list: nothing,
  users: nothing,
  user: nothing,
  createUser: nothing,
  updateUser: nothing,
  deleteUser: nothing,
  groups: nothing,
  group: nothing,
  members: nothing,
  createGroup: nothing,
  updateGroup: nothing,
  deleteGroup: nothing,
  ask: nothing,
  decide: nothing,
  withdraw: nothing,
  explain: nothing,
  diff: nothing,
  blastRadius: nothing,
  start: nothing,
  stop: nothing,
  report: nothing,
};

function reconciliation(check: boolean): ReconciliationResource {
  const none = { missing: 0, extra: 0, stale: 0 };
  return { id: 'r', check, state: 'done', chunks: 0, total: 0, found: none, mended: none, lost: {}, startedAt: '2026-01-01T00:00:00Z' };
}

function evidenceFake(options: FixtureOptions): Pick<HttpServices, 'stages' | 'replays' | 'erasures' | 'legalHolds' | 'auditDesk'> {
  return {
    stages: {
      report: (_caller, { requestId, stage }) => Promise.resolve({ requestId, stage, recorded: true }),
      checkOutput: (_caller, requestId) => Promise.resolve({ requestId, decision: 'allow', reasons: [] }),
    },
    replays: { replay: nothing, approve: nothing, wishes: () => Promise.resolve({ wishes: [] }), reevaluate: nothing },
    erasures: { erase: nothing },
    legalHolds: { list: () => Promise.resolve({ holds: [] }), place: () => Promise.resolve({ placed: true }), lift: nothing },
    auditDesk: {
      questions: { events: () => Promise.resolve({ events: [] }), summary: nothing },
      proofs: { checkpoint: nothing, checkpoints: nothing, inclusion: nothing, consistency: nothing, complete: nothing, tile: nothing },
      exportAudit: options.exportAudit ?? nothing,
      filters: () => ({}),
    },
  };
}

const NONE = {
  applicationKeys: { add: nothing, list: nothing, revoke: nothing, authenticate: nothing },
  watching: { list: () => Promise.resolve({ subjects: [] }), lift: nothing },
  adoptPoints: nothing,
  checkAccess: nothing,
  collections: { put: nothing, get: nothing, list: nothing, delete: nothing },
};

function servicesFake(seen: Seen, options: FixtureOptions): HttpServices {
  return {
    identity: {
      authenticate: options.authenticate ?? (async (text) => callerFrom(text)),
      issuers: [{ name: 'dev', url: 'https://issuer.example', groups: 'claim', tenants: ['acme'] }],
      notReady: () => [],
      dpop: 'refused',
    },
    endLogin: () => Promise.reject(new AppError('invalid_logout_token')),
    async retrieve(caller, request, signal) {
      seen.retrieved.push({ request, signal });
      return options.retrieve === undefined ? answerTo(request) : options.retrieve(caller, request, signal);
    },
    openDocument: (_caller, { requestId }) => Promise.resolve({ requestId, chunks: [], total: 0 }),
    count: (_caller, { requestId }) => Promise.resolve({ requestId, chunks: 3 }),
    checkSession: () => Promise.resolve({ allowed: true, reasons: [] }),
    ingestion: withRuns({ ...ingestionFake(seen), ...options.ingestion }),
    async trace({ caller }, requestId) {
      if (!requestId.startsWith('0000')) throw new AppError('not_found');
      return [{ tenant: caller.tenant, kind: 'intent', requestId, body: { counts: 1 }, index: 0, leaf: 'ab', at: '2026-01-01T00:00:00Z' }];
    },
    policyRevisions: {
      active: () => Promise.resolve({ revision: 'r1', policy: 'p\n' }),
      list: () => Promise.resolve({ revision: 'r1', policy: 'p\n', revisions: [] }),
      detail: () => Promise.reject(new AppError('not_found')),
      activate: (_context, revision) => Promise.resolve({ revision, policy: 'p\n' }),
      publish: (_context, { policy }) => Promise.resolve({ revision: 'r2', policy }),
    },
    reports: NOTHING_THERE,
    policyShadow: NOTHING_THERE,
    groups: NOTHING_THERE,
    provisioning: NOTHING_THERE,
    accessRequests: { ...NOTHING_THERE, list: () => Promise.resolve({ requests: [] }) },
    switches: {
      list: () => Promise.resolve({ switches: [] }),
      throw: (_context, { kind }, reason) => Promise.resolve({ thrown: true, resource: { kind, reason, at: '2026-01-01T00:00:00.000Z' } }),
      lift: (_context, { kind }) => Promise.resolve({ state: 'lifted', kind }),
      withdrawLift: () => Promise.resolve(),
    },
    reconciliations: {
      begin: (_context, { check }) => Promise.resolve(reconciliation(check)),
      get: () => Promise.resolve(reconciliation(true)),
    },
    ...NONE,
    ...evidenceFake(options),
    nearMiss() {},
    keys: () => [{ kid: 'k', publicKey: new Uint8Array(32), since: '2026-01-01T00:00:00.000Z' }],
    readiness: options.readiness ?? (() => Promise.resolve([{ part: 'catalog', ready: true }])),
  };
}

const LABELS = labelScheme(['public', 'internal', 'confidential', 'restricted']);

/** A door on a free port of loopback, over fakes of the services behind it. */
export async function openDoor(options: FixtureOptions = {}): Promise<Fixture> {
  const lines: string[] = [];
  const telemetry = createTelemetry({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const seen: Seen = { retrieved: [], written: [], patched: [], deleted: [], listed: [] };
  const config: HttpDoorConfig = {
    host: '127.0.0.1',
    port: 0,
    labels: LABELS,
    limits: DEFAULT_HTTP_LIMITS,
    rates: DEFAULT_RATE_LIMITS,
    metrics: { kind: 'off' },
    version: '0.0.0',
    ...options.config,
  };
  const { mounts = [] } = options;
  const door = createHttpDoor({ services: servicesFake(seen, options), config, telemetry, clock: systemClock, mounts });
  const at = await door.listen();
  return { door, at, seen, telemetry, log: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** The same for one test: closed when it has finished. */
export async function openDoorForTest(options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = await openDoor(options);
  onTestFinished(() => fixture.door.close(0));
  return fixture;
}

/** What a socket got back after these bytes, until the other side closed it: nothing of a client library in between. */
export function rawExchange(port: number, text: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(parts).toString('utf8')));
  });
}
