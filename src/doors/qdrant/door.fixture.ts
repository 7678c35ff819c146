import { request, type IncomingHttpHeaders } from 'node:http';
import { onTestFinished } from 'vitest';
import type { Caller, Scope } from '../../core/caller.ts';
import { sha256Hex } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import type { CollectionName, TenantId } from '../../core/ids.ts';
import type { Found, PointsQuestion } from '../../core/points/question.ts';
import { principal, type Principal } from '../../core/principal.ts';
import type { PointChange } from '../../ingestion/points/types.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { DEFAULT_RATE_LIMITS } from '../entrance/limits.ts';
import { DEFAULT_QDRANT_LIMITS, type QdrantDoorConfig } from './config.ts';
import { createQdrantDoor, type QdrantDoor } from './qdrant-door.ts';
import type { QdrantServices } from './services.ts';

/** What came to the services behind the door. */
export interface Seen {
  readonly asked: { readonly caller: Caller; readonly collection: string; readonly question: PointsQuestion; readonly purpose?: string }[];
  readonly changed: { readonly caller: Caller; readonly collection: string; readonly changes: readonly PointChange[] }[];
  readonly tokens: string[];
  nearMisses: number;
}

export interface DoorFixture {
  readonly door: QdrantDoor;
  readonly url: string;
  readonly seen: Seen;
  readonly log: () => readonly Record<string, unknown>[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function named(kind: 'user' | 'client', id: string): Principal {
  const made = principal(kind, 'dev', id);
  if (made === undefined) throw new Error('not a principal');
  return made;
}

/** Tokens of the fake are `<tenant>.<user>.<client>.<scope+scope>`; a user of `-` is none, of `bound` needs a proof. */
export function token(user: string, client = 'app', scopes: readonly Scope[] = ['retrieve', 'ingest'], tenant = 'acme'): string {
  return [tenant, user, client, scopes.join('+')].join('.');
}

export function callerFrom(text: string): Caller {
  const [tenant, user = '', client = '', scopes] = text.split('.');
  if (scopes === undefined) throw new AppError('invalid_token');
  return {
    tenant: tenant as TenantId,
    issuer: 'dev',
    user: user.startsWith('-') ? { kind: 'none' } : { kind: 'user', principal: named('user', user), groups: [], guest: false },
    client: named('client', client),
    actor: user === '-acting' ? { kind: 'actor', principals: [named('client', 'agent')] } : { kind: 'none' },
    actorChain: [],
    scopes: new Set(scopes.split('+') as Scope[]),
    tokenDigest: sha256Hex(text),
    expiresAt: 2_000_000_000,
  };
}

/** The static keys that the fake knows, and whom each stands for. */
export const KEYS: ReadonlyMap<string, Caller> = new Map([
  ['slk_1_app', callerFrom(token('-'))],
  ['slk_2_reads', { ...callerFrom(token('-', 'app', ['retrieve'])), expiresAt: 1_900_000_000 }],
  ['slk_3_other', callerFrom(token('-', 'other'))],
  ['slk_4_elsewhere', callerFrom(token('-', 'app', ['retrieve', 'ingest'], 'globex'))],
]);

const FOUND: Found = { kind: 'count', count: 3 };

export interface FixtureOptions {
  readonly config?: Partial<QdrantDoorConfig>;
  readonly services?: Partial<QdrantServices>;
  /** What every question finds. */
  readonly found?: Found | ((question: PointsQuestion) => Found | Promise<Found>);
  /** Stored payloads, by their place in the release. */
  readonly payloads?: readonly string[];
}

function servicesOf(seen: Seen, { found = FOUND, payloads = [], services = {} }: FixtureOptions): QdrantServices {
  return {
    identity: {
      dpop: 'accepted',
      issuers: [],
      notReady: () => [],
      async authenticate(text, _signal, possession) {
        seen.tokens.push(text);
        if (text.includes('.bound.') && possession === undefined) throw new AppError('invalid_token');
        return callerFrom(text);
      },
    },
    applicationKeys: { authenticate: async (secret) => KEYS.get(secret) },
    reader: {
      collections: async () => [{ kind: 'own', name: 'sluice' as CollectionName }],
      collection: async (_context, name) => (name === 'sluice' ? { kind: 'own', name: name as CollectionName } : undefined),
      async ask({ caller, purpose }, collection, question, compose) {
        if (collection !== 'sluice') throw new AppError('not_found');
        seen.asked.push({ caller, collection, question, ...(purpose === undefined ? {} : { purpose }) });
        const answer = await (typeof found === 'function' ? found(question) : found);
        const pieces = compose(answer);
        const released = answer.kind === 'lists' ? answer.lists.flat().length : 0;
        return { body: pieces.map((piece) => (typeof piece === 'string' ? piece : payloads[piece.payloadOf])).join(''), released };
      },
    },
    writer: {
      async change({ caller }, collection, changes) {
        if (collection !== 'sluice') throw new AppError('not_found');
        seen.changed.push({ caller, collection, changes });
      },
      createCollection: async (_context, name) => name !== 'sluice',
      deleteCollection: async (_context, name) => name === 'sluice',
      createIndex: async () => undefined,
      deleteIndex: async () => undefined,
    },
    nearMiss: () => void (seen.nearMisses += 1),
    notReady: async () => [],
    ...services,
  };
}

/** The door over fakes, on a port of its own until the test ends. */
export async function openDoor(options: FixtureOptions = {}): Promise<DoorFixture> {
  const seen: Seen = { asked: [], changed: [], tokens: [], nearMisses: 0 };
  const lines: string[] = [];
  const telemetry = createTelemetry({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const door = createQdrantDoor({
    services: servicesOf(seen, options),
    telemetry,
    metadataUrl: () => 'https://sluice.example/.well-known/oauth-protected-resource',
    config: { host: '127.0.0.1', port: 0, limits: DEFAULT_QDRANT_LIMITS, rates: DEFAULT_RATE_LIMITS, ...options.config },
  });
  const url = await door.listen();
  onTestFinished(() => door.close(0));
  const log = (): readonly Record<string, unknown>[] => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { door, url, seen, log, call: (method, path, given = {}) => call(url, method, path, given) };
}

/** Headers go out as they are given, also two of a name. */
function call(url: string, method: string, path: string, { headers = {}, body }: CallOptions): Promise<Answer> {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const { hostname, port } = new URL(url);
  const length = text === undefined ? {} : { 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers: { ...length, ...(headers as Record<string, string | string[]>) } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(parts).toString('utf8') }),
      );
      response.on('error', reject);
    });
    sent.end(text);
  });
}

export function bearer(text: string): Record<string, string> {
  return { authorization: `Bearer ${text}` };
}
