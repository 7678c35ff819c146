import { aclSubject, type Caller } from '../core/caller.ts';
import { digestOf } from '../core/digest.ts';
import type { AuthorizedFilter } from '../core/filter.ts';
import type { ChunkId, DocumentId, DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { labelScheme, type Label, type Level, type Trust } from '../core/label.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { EpochStamp, ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort, Verdict } from '../core/ports/policy.ts';
import { silentTelemetry, type Attributes, type Counter, type Telemetry } from '../core/ports/telemetry.ts';
import type { Principal } from '../core/principal.ts';
import type { Source, Zone } from '../core/zone.ts';
import type { JudgingContext } from './judge.ts';

export const SCHEME = labelScheme(['public', 'internal', 'confidential', 'restricted']);
export const ACME = 'acme' as TenantId;
export const HANDBOOK = 'handbook' as SourceId;
export const STAFF = 'group:idp|staff' as Principal;
export const READ_AT = Date.UTC(2026, 0, 1);

export function label(level: string, trust: Trust = 'trusted', compartments: readonly string[] = []): Label {
  return { level: level as Level, compartments, trust };
}

export const CALLER: Caller = {
  tenant: ACME,
  issuer: 'idp',
  user: { kind: 'user', principal: 'user:idp|ada' as Principal, groups: [STAFF], guest: false },
  client: 'client:idp|assistant' as Principal,
  actor: { kind: 'none' },
  actorChain: [],
  scopes: new Set(['retrieve']),
  tokenDigest: 'd',
  expiresAt: 4_000_000_000,
};

export function source(fields: Partial<Source> = {}): Source {
  const owner = 'group:idp|owners' as Principal;
  return {
    tenant: ACME,
    id: HANDBOOK,
    title: 'H',
    owner,
    label: label('public'),
    ceiling: { kind: 'none' },
    revision: 1,
    state: 'live',
    ...fields,
  };
}

export function zone(id: number, declared: Label = label('public'), of: SourceId = HANDBOOK): Zone {
  return { id: id as ZoneId, source: of, declared };
}

export function view(zones: readonly Zone[] = [zone(1)], sources: readonly Source[] = [source()], generation = 1): TenantView {
  return {
    tenant: ACME,
    generation,
    scheme: SCHEME,
    policy: { id: 'rev', lines: [] },
    sources: new Map(sources.map((one) => [one.id, one])),
    zones: new Map(zones.map((one) => [one.id, one])),
    off: { everything: false, sources: new Set(), principals: new Set() },
    collections: new Map(),
    grants: new Map(),
  };
}

export function chunkId(n: number): ChunkId {
  return `chunk-${String(n).padStart(6, '0')}` as ChunkId;
}

export function candidate(n: number, fields: Partial<Candidate> = {}): Candidate {
  const text = `Text ${n}.`;
  return {
    chunk: chunkId(n),
    state: 'live',
    honey: false,
    key: `key-${n}` as DocumentKey,
    source: HANDBOOK,
    document: `doc-${n}` as DocumentId,
    zone: 1 as ZoneId,
    acl: { gates: [[STAFF]], deny: [] },
    aclVersion: 1,
    validFrom: 'always',
    validUntil: 'forever',
    title: 'T',
    uri: undefined,
    version: digestOf(text),
    text,
    span: { start: 0, end: text.length, path: [] },
    digest: digestOf(text),
    removed: { tag: 0, bidi: 0, zeroWidth: 0 },
    lineage: { run: 'r', connector: 'api', parser: 'p', chunker: 'c', embedding: 'e', indexedAt: '2026-01-01T00:00:00.000Z' },
    ...fields,
  };
}

const PERMIT: Verdict = { kind: 'permit', rules: ['line:1'] };

/** Permits what `zones` names, to everybody; the other methods are not for retrieval. */
export function fakePolicy(given: { readonly zones?: readonly number[]; readonly confirm?: PolicyPort['confirm'] } = {}): PolicyPort {
  const { zones = [1], confirm = () => PERMIT } = given;
  const never = (): never => {
    throw new Error('not a part of retrieval');
  };
  return {
    purposes: ['answer', 'audit'],
    decide: () => (zones.length === 0 ? { kind: 'none' } : { kind: 'zones', zones: zones as readonly ZoneId[] }),
    authorize: () => ({ kind: 'filter', filter: {} as AuthorizedFilter }),
    confirm,
    permits: never,
    permitsTenant: never,
    writerTrust: never,
    check: never,
  };
}

export interface FakeCatalog extends ReadCatalog {
  /** Which chunks were read, one entry a read. */
  readonly reads: (readonly ChunkId[])[];
}

/** Candidates and the epoch as they are at the moment of asking, so that a test can change them in between. */
export function fakeCatalog(given: {
  readonly candidates: () => readonly Candidate[];
  readonly view?: () => TenantView;
  readonly stamp?: () => EpochStamp | undefined;
  readonly at?: () => number;
}): FakeCatalog {
  const { candidates, view: current = () => view(), stamp = () => ({ tenant: 1, global: 1, generation: 1 }), at = () => READ_AT } = given;
  const reads: (readonly ChunkId[])[] = [];
  return {
    reads,
    async epoch() {
      const found = stamp();
      return found === undefined ? { kind: 'none' } : { kind: 'epoch', stamp: found };
    },
    view: async () => current(),
    resolve: async (caller) => caller,
    numbers: async () => new Map(),
    async candidates(_tenant, chunks) {
      reads.push(chunks);
      const wanted = new Set(chunks);
      return { at: at(), candidates: new Map(candidates().flatMap((one) => (wanted.has(one.chunk) ? [[one.chunk, one]] : []))) };
    },
  };
}

export function judgingContext(fields: Partial<JudgingContext> = {}): JudgingContext {
  const zones = new Set([1 as ZoneId]);
  return { view: view(), caller: CALLER, subject: aclSubject(CALLER), purpose: 'answer', restriction: {}, zones, ...fields };
}

export interface CountedTelemetry extends Telemetry {
  readonly counts: { readonly counter: Counter; readonly labels: Attributes; readonly by: number }[];
  readonly errors: string[];
}

export function countedTelemetry(): CountedTelemetry {
  const counts: CountedTelemetry['counts'] = [];
  const errors: string[] = [];
  return {
    ...silentTelemetry,
    counts,
    errors,
    log: { ...silentTelemetry.log, error: (_fields, message) => void errors.push(message) },
    count: (counter, labels = {}, by = 1) => void counts.push({ counter, labels, by }),
  };
}
