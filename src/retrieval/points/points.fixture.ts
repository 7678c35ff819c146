import type { ChunkId, CollectionKey, CollectionName, DocumentKey, SourceId, ZoneId } from '../../core/ids.ts';
import { pointIdText, type PointId } from '../../core/points/point-id.ts';
import type { AnswerPiece, Found, FoundPoint, PointSearch, PointsQuestion } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import type { AuditEvent, ReleaseOutcome } from '../../core/ports/audit.ts';
import type { Candidate } from '../../core/ports/candidate.ts';
import type { EpochStamp, TenantView } from '../../core/ports/catalog.ts';
import type { HostedCollection } from '../../core/ports/collections.ts';
import type { PointHit, PointIndex } from '../../core/ports/points.ts';
import type { Provenance } from '../../core/provenance.ts';
import type { Watch } from '../../core/ports/watch.ts';
import { CALLER, candidate, countedTelemetry, fakeCatalog, fakePolicy, HANDBOOK, READ_AT, view } from '../retrieval.fixture.ts';
import type { PointsParts } from './parts.ts';
import { createPointsReader } from './reader.ts';

export const BOOKS = 'books' as CollectionName;
export const KEY = '00000000-0000-8000-8000-00000000b00c' as CollectionKey;

export function hosted(fields: Partial<HostedCollection> = {}): HostedCollection {
  return {
    tenant: CALLER.tenant,
    name: BOOKS,
    key: KEY,
    revision: 1,
    params: {},
    writers: { source: { kind: 'none' }, byClient: new Map() },
    profile: { text: { path: 'text' }, provenance: 'none' },
    defaultAcl: { kind: 'none' },
    sources: [HANDBOOK],
    ...fields,
  };
}

/** A chunk id as the house makes them: a UUID of version 8, in the order of the numbers. */
export function chunkOf(n: number): ChunkId {
  return `00000000-0000-8000-8000-${String(n).padStart(12, '0')}` as ChunkId;
}

export const numberOf = (chunk: ChunkId): number => Number(chunk.slice(-12));

export function point(n: number, fields: Partial<Candidate> = {}): Candidate {
  return candidate(n, { chunk: chunkOf(n), collection: KEY, ...fields });
}

export function idOf(n: number): PointId {
  return { kind: 'number', digits: String(n) };
}

export const PAYLOAD = { payload: { kind: 'all' }, vectors: { kind: 'none' } } as const;

export function nearest(limit: number, fields: Partial<PointSearch<PointId>> = {}): PointsQuestion {
  const query = { kind: 'nearest', input: { kind: 'vector', vector: [1, 0] } } as const;
  return { kind: 'search', searches: [{ query, prefetch: [], limit, offset: 0, select: PAYLOAD, ...fields }] };
}

/** Everything around a question, as it is now; a test changes it while a request runs. */
export interface World {
  candidates: Candidate[];
  /** Numbers of chunks as the index ranks them. */
  hits: number[];
  stamp: EpochStamp;
  view: TenantView;
  zones: number[];
  unsettled: DocumentKey[];
  outcomes: ReleaseOutcome['kind'][];
  onSearch: () => void;
  onRelease: () => void;
  watch: Partial<Watch>;
  readonly asked: { readonly never: readonly number[]; readonly limit: number }[];
  readonly log: string[];
  readonly events: AuditEvent[];
  readonly releases: { readonly event: AuditEvent; readonly stamp: EpochStamp; readonly validUntil: number | 'forever' }[];
}

export function worldOf(fields: Partial<World> = {}): World {
  return {
    candidates: Array.from({ length: 40 }, (_, n) => point(n)),
    hits: Array.from({ length: 40 }, (_, n) => n),
    stamp: { tenant: 1, global: 1, generation: 1 },
    view: { ...view(), collections: new Map([[BOOKS, hosted()]]) },
    zones: [1],
    unsettled: [],
    outcomes: [],
    onSearch: () => undefined,
    onRelease: () => undefined,
    watch: {},
    asked: [],
    log: [],
    events: [],
    releases: [],
    ...fields,
  };
}

function indexOf(world: World): PointIndex {
  const ranked = (scope: { readonly never: readonly ChunkId[] }, limit: number, from = world.hits): readonly PointHit[] => {
    const never = scope.never.map(numberOf);
    world.asked.push({ never, limit });
    world.log.push('search');
    const hits = from.filter((n) => !never.includes(n)).slice(0, limit);
    world.onSearch();
    return hits.map((n) => ({ chunk: chunkOf(n), score: `0.${n}` as RawJson }));
  };
  return {
    search: async (scope, searches) => searches.map(({ limit }) => ranked(scope, limit)),
    groups: async (scope, { limit, groupSize }) => {
      const hits = ranked(scope, limit * groupSize);
      return Array.from({ length: Math.ceil(hits.length / groupSize) }, (_, n) => ({
        id: String(n) as RawJson,
        hits: hits.slice(n * groupSize, (n + 1) * groupSize),
      }));
    },
    scroll: async (scope, { after, limit }) => {
      const rest = world.hits.toSorted((a, b) => a - b).filter((n) => after === undefined || chunkOf(n) > after);
      return { hits: ranked(scope, limit, rest), more: rest.length > limit };
    },
    points: async (_scope, chunks) => chunks.map((chunk) => ({ chunk, vector: '[1,0]' as RawJson })),
    count: async () => world.hits.length,
    facet: async () => [],
    describe: async () => ({ config: {}, indexes: { year: { data_type: 'integer' }, '_sluice.zone': { data_type: 'integer' } } }),
  };
}

function catalogOf(world: World): PointsParts['catalog'] {
  const catalog = fakeCatalog({ candidates: () => world.candidates, view: () => world.view, stamp: () => world.stamp });
  const stored = (one: Candidate) =>
    [
      one.chunk,
      { id: { kind: 'number', digits: externalOf(one) }, payload: `{"text":"Text ${numberOf(one.chunk)}","n":1.0}` as RawJson },
    ] as const;
  return {
    ...catalog,
    candidates(tenant, chunks) {
      world.log.push('judge');
      return catalog.candidates(tenant, chunks);
    },
    unsettled: async () => ({
      kind: 'named',
      at: READ_AT,
      documents: new Set(world.unsettled),
      chunks: new Set(),
      timed: [],
      nextEnd: 'forever',
    }),
    chunksOfPoints: async (_tenant, _place, ids) =>
      new Map(
        ids.flatMap((id) => {
          const found = world.candidates.filter((one) => one.state === 'live' && externalOf(one) === pointIdText(id));
          return found.length === 0 ? [] : [[pointIdText(id), found.map(({ chunk }) => chunk)] as const];
        }),
      ),
    storedPoints: async (_tenant, _place, chunks) => new Map(world.candidates.filter(({ chunk }) => chunks.includes(chunk)).map(stored)),
    chunkSecret: async () => 'a secret',
  };
}

function auditOf(world: World): PointsParts['audit'] {
  return {
    async append(event) {
      await new Promise((resolve) => setImmediate(resolve));
      world.log.push(event.kind);
      world.events.push(event);
      return { index: 0, leaf: '' };
    },
    async release(event, stamp, validUntil) {
      world.log.push('release');
      world.releases.push({ event, stamp, validUntil });
      world.onRelease();
      const kind = world.outcomes.shift() ?? 'released';
      return kind === 'released' ? { kind, receipt: { index: 1, leaf: '' } } : { kind };
    },
    byRequest: async () => [],
  };
}

function policyOf(world: World): PointsParts['policy'] {
  const refuse = () => ({ kind: 'refuse', reason: 'user-not-permitted' }) as const;
  return {
    ...fakePolicy(),
    permits: refuse,
    permitsTenant: refuse,
    writerTrust: () => ({ kind: 'none' }),
    decide: () => (world.zones.length === 0 ? { kind: 'none' } : { kind: 'zones', zones: world.zones as ZoneId[] }),
  };
}

export function partsOf(world: World): PointsParts & { readonly telemetry: ReturnType<typeof countedTelemetry> } {
  return {
    catalog: catalogOf(world),
    policy: policyOf(world),
    index: indexOf(world),
    embedding: {
      identity: { sparse: 'bm25@1', dense: { kind: 'none' } },
      embedDocuments: () => Promise.reject(new Error('not a part of reading')),
      embedQuery: async () => ({ sparse: { kind: 'vector', vector: { indices: [7], values: [1] } }, dense: { kind: 'none' } }),
    },
    audit: auditOf(world),
    provenance: {
      tag: ({ candidate: { document }, label: own, policyRevision, at }) =>
        ({ v: 1, document: { id: document }, label: own, decision: { policyRevision, at } }) as unknown as Provenance,
    },
    watch: { admit: () => ({ kind: 'pass', limit: 'unlimited' }), released() {}, bait() {}, nearMiss() {}, ...world.watch },
    clock: { now: () => READ_AT },
    random: (size) => new Uint8Array(size).fill(7),
    languages: ['en'],
    telemetry: countedTelemetry(),
    own: { name: 'sluice' as CollectionName, textKey: 'page_content', provenance: 'none' },
  };
}

/** A point's id as its application calls it: its number, unless its document says otherwise. */
function externalOf({ chunk, document }: Candidate): string {
  const named = /^books\/(\d+)$/.exec(document)?.[1];
  return named ?? String(numberOf(chunk));
}

export interface Asked {
  readonly body: string;
  readonly found: Found;
  readonly ids: readonly string[];
}

/** Asks and answers with the ids alone, or with payloads where the composer of a test writes them. */
export async function ask(
  world: World,
  question: PointsQuestion,
  { parts = partsOf(world), name = BOOKS }: { readonly parts?: PointsParts; readonly name?: string } = {},
): Promise<Asked> {
  let last: Found | undefined;
  const { body } = await createPointsReader(parts).ask(
    { caller: CALLER, requestId: 'r-1', signal: new AbortController().signal },
    name,
    question,
    (found) => {
      last = found;
      return compose(found);
    },
  );
  if (last === undefined) throw new Error('nothing was composed');
  return { body, found: last, ids: pointsOf(last).map(({ id }) => pointIdText(id)) };
}

export function pointsOf(found: Found): readonly FoundPoint[] {
  if (found.kind === 'lists') return found.lists.flat();
  if (found.kind === 'groups') return found.groups.flatMap(({ points }) => points);
  return found.kind === 'page' ? found.points : [];
}

function compose(found: Found): readonly AnswerPiece[] {
  const pieces = pointsOf(found).flatMap(({ id, payload }, index): readonly AnswerPiece[] => [
    `${index === 0 ? '' : ','}{"id":${pointIdText(id)},"payload":`,
    payload.kind === 'whole' ? { payloadOf: payload.of } : payload.kind === 'json' ? payload.json : 'null',
    '}',
  ]);
  return ['{"result":[', ...pieces, found.kind === 'count' ? String(found.count) : '', ']}'];
}

export const OTHER = 'other' as SourceId;
