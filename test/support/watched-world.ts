import { mapNames, plainName } from '../../src/core/audit-names.ts';
import { randomUUID } from 'node:crypto';
import { uuidOf } from '../../src/core/digest.ts';
import type { Caller } from '../../src/core/caller.ts';
import type { DocumentKey, TenantId, ZoneId } from '../../src/core/ids.ts';
import { labelScheme } from '../../src/core/label.ts';
import type { AuditEvent, AuditTail, StoredAuditEvent } from '../../src/core/ports/audit.ts';
import type { TenantView } from '../../src/core/ports/catalog.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { SwitchTarget } from '../../src/core/ports/tenants.ts';
import { EVERYONE, principal, type Principal } from '../../src/core/principal.ts';
import type { WatchingPolicy, WatchRule } from '../../src/core/watching.ts';
import { createWatch, type WatchService } from '../../src/retrieval/watch.ts';
import type { Random } from './random.ts';

const ACME = 'acme' as TenantId;
const SOURCE = 'handbook';
export const HOUR = 3_600_000;
/** A Monday. */
export const BEGIN = Date.UTC(2026, 0, 5);

function named(kind: 'user' | 'client', id: string): Principal {
  const made = principal(kind, 'test', id);
  if (made === undefined) throw new Error('not a principal');
  return made;
}

export function callerOf(user: string, client = 'assistant', token = 'd'): Caller {
  return {
    tenant: ACME,
    issuer: 'test',
    user: { kind: 'user', principal: named('user', user), groups: [], guest: false },
    client: named('client', client),
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(['retrieve']),
    tokenDigest: token,
    expiresAt: 4_000_000_000,
  };
}

export function rule(fields: Partial<WatchRule> & Pick<WatchRule, 'kind' | 'over' | 'in' | 'action'>): WatchRule {
  return { of: 'user', atLeast: fields.kind === 'share' ? 50 : 0, limit: 3, minutes: 60, ...fields };
}

export function watching(...rules: readonly WatchRule[]): WatchingPolicy {
  return { rules, tenants: new Map() };
}

function keyOf(tenant: string, source: string, document: string): DocumentKey {
  return uuidOf('document', tenant, source, document) as DocumentKey;
}

/** The same in every world, and made once. */
const made: DocumentKey[] = [];

function keysOf(documents: number): readonly DocumentKey[] {
  while (made.length < documents) made.push(keyOf(ACME, SOURCE, `d${made.length}`));
  return made.slice(0, documents);
}

/** One tenant of `documents` documents in topics, one log, and as many replicas as are asked for. */
export interface WatchedWorld {
  readonly replicas: readonly WatchService[];
  readonly events: readonly StoredAuditEvent[];
  readonly thrown: SwitchTarget[];
  readonly keys: readonly DocumentKey[];
  now: number;
  /** One question: what it released, or that it was refused. */
  ask(caller: Caller, documents: readonly number[], replica?: number): 'blocked' | 'answered';
  /** What runs in the background, run to its end. */
  settle(): Promise<void>;
  /** Another replica, started now. */
  restart(): Promise<WatchService>;
  readonly view: TenantView;
}

export async function watchedWorld(options: {
  readonly documents: number;
  readonly policy: WatchingPolicy;
  readonly replicas?: number;
  readonly administrators?: readonly string[];
}): Promise<WatchedWorld> {
  const { documents, policy, replicas = 1, administrators = [] } = options;
  const events: StoredAuditEvent[] = [];
  const thrown: SwitchTarget[] = [];
  const keys = keysOf(documents);
  const view = viewOf(administrators);
  const stamp = { tenant: 1, global: 1, generation: 1 };
  const append = async (event: AuditEvent): Promise<{ index: number; leaf: string }> => {
    // As the log gives it back.
    const body = mapNames(event.body, plainName);
    events.push({ ...event, body, index: events.length, leaf: '', at: new Date(world.now).toISOString() });
    return { index: events.length - 1, leaf: '' };
  };
  const tail: AuditTail = {
    sizes: async () => new Map([[ACME, events.length]]),
    between: async (_tenant, from, to, kinds, except) =>
      events.slice(from, to).filter(({ kind, index }) => kinds.includes(kind) && except?.has(index) !== true),
  };
  const start = (): WatchService =>
    createWatch({
      watching: policy,
      keyOf,
      newId: randomUUID,
      telemetry: silentTelemetry,
      clock: { now: () => world.now },
      audit: { append, ...tail },
      policy: {
        purposes: ['default'],
        decide: () => ({ kind: 'zones', zones: [1 as ZoneId] }),
        permitsTenant: (_view, { user, client }) =>
          user.kind === 'user' && administrators.includes(user.principal) && client.endsWith('console')
            ? { kind: 'permit', rules: [] }
            : { kind: 'refuse', reason: 'user-not-permitted' },
      },
      catalog: {
        epoch: async () => ({ kind: 'epoch', stamp }),
        view: async () => view,
        resolve: async (caller) => caller,
        numbers: async () => new Map(),
        candidates: async () => ({ at: world.now, candidates: new Map() }),
        documentCounts: async () => [{ zone: 1 as ZoneId, acl: { gates: [[EVERYONE]], deny: [] }, documents }],
        throwSwitch: async (_tenant, target) => void thrown.push(target),
      },
    });
  const running: WatchService[] = [];
  const world: WatchedWorld = {
    replicas: running,
    events,
    thrown,
    keys,
    view,
    now: BEGIN,
    ask(caller, some, replica = 0) {
      const watch = running[replica];
      if (watch === undefined) throw new Error('no such replica');
      if (watch.admit(caller).kind === 'block') return 'blocked';
      const chunks = some.map((n) => ({ source: SOURCE, document: `d${n}` }));
      const user = caller.user.kind === 'user' ? caller.user.principal : null;
      void append({ tenant: ACME, kind: 'release', requestId: 'r', body: { user, client: caller.client, chunks } });
      watch.released(
        caller,
        view,
        some.flatMap((n) => keys[n] ?? []),
        events.length - 1,
      );
      return 'answered';
    },
    async settle() {
      for (const watch of running) await watch.settled();
      for (const watch of running) await watch.poll();
    },
    async restart() {
      const watch = start();
      await watch.poll();
      running.push(watch);
      return watch;
    },
  };
  for (let n = 0; n < replicas; n += 1) await world.restart();
  // The first request of a tenant makes a replica count its documents.
  for (const watch of running) watch.released(callerOf('nobody', 'nothing'), view, []);
  await world.settle();
  return world;
}

function viewOf(administrators: readonly string[]): TenantView {
  const columns = ['client:test|console', ACME, '*', 'administer', '*', '*', '*', 'allow'];
  return {
    tenant: ACME,
    generation: 1,
    scheme: labelScheme(['public', 'internal']),
    policy: { id: 'r1', lines: administrators.length === 0 ? [] : [{ type: 'p', columns, line: 1 }] },
    sources: new Map(),
    zones: new Map(),
    off: { everything: false, sources: new Set(), principals: new Set() },
    collections: new Map(),
    grants: new Map(),
  };
}

const PER_TOPIC = 25;
const ANSWER = 8;

/** What a question about a topic brings: documents of that topic, the same ones more often than others, and a stray one. */
export function answerAbout(random: Random, documents: number, topic: number): readonly number[] {
  const found = new Set<number>();
  while (found.size < ANSWER - 1) found.add((topic * PER_TOPIC + Math.floor(PER_TOPIC * random.next() ** 2)) % documents);
  if (random.chance(0.3)) found.add(random.below(documents));
  return [...found];
}

export function topicsOf(documents: number): number {
  return Math.floor(documents / PER_TOPIC);
}
