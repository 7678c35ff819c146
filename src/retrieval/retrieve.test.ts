import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { ZoneId } from '../core/ids.ts';
import type { AuditEvent, ReleaseOutcome } from '../core/ports/audit.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { EpochStamp, TenantView } from '../core/ports/catalog.ts';
import type { EmbeddingPort } from '../core/ports/embedding.ts';
import type { ProvenancePort } from '../core/ports/provenance.ts';
import type { MetadataFilter } from '../core/filter.ts';
import type { Provenance } from '../core/provenance.ts';
import type { Hit, VectorIndex } from '../core/ports/vectors.ts';
import { unwatched } from '../core/ports/watch.ts';
import { retrieve, type RetrievalParts } from './retrieve.ts';
import {
  ACME,
  CALLER,
  candidate,
  chunkId,
  countedTelemetry,
  fakeCatalog,
  fakePolicy,
  label,
  READ_AT,
  source,
  view,
  zone,
} from './retrieval.fixture.ts';
import type { RetrieveRequest } from './types.ts';

const REQUEST: RetrieveRequest = {
  requestId: 'r-1',
  traceId: undefined,
  query: 'a secret question',
  vector: undefined,
  limit: 3,
  restriction: {},
  purpose: undefined,
  context: undefined,
};

/** Everything around retrieval, as it is now; a test changes it while a request runs. */
interface World {
  candidates: Candidate[];
  hits: number[];
  dense: number[];
  stamp: EpochStamp | undefined;
  view: TenantView;
  zones: number[];
  /** What the next releases answer; released once it is empty. */
  outcomes: ReleaseOutcome['kind'][];
  onSearch: () => void;
  onRelease: () => void;
  terms: boolean;
  readonly log: string[];
  readonly events: AuditEvent[];
  readonly releases: { readonly event: AuditEvent; readonly stamp: EpochStamp; readonly validUntil: number | 'forever' }[];
}

function worldOf(fields: Partial<World> = {}): World {
  return {
    candidates: Array.from({ length: 10 }, (_, n) => candidate(n)),
    hits: [0, 1, 2, 3, 4],
    dense: [],
    stamp: { tenant: 1, global: 1, generation: 1 },
    view: view(),
    zones: [1],
    outcomes: [],
    onSearch: () => undefined,
    onRelease: () => undefined,
    terms: true,
    log: [],
    events: [],
    releases: [],
    ...fields,
  };
}

const never = (): never => {
  throw new Error('not a part of retrieval');
};

function vectorsOf(world: World): VectorIndex {
  return {
    async search(_filter, leg, limit): Promise<readonly Hit[]> {
      world.log.push(`search ${leg.name} ${limit}`);
      const found = leg.kind === 'dense' ? world.dense : world.hits;
      const hits = found.slice(0, limit).map((n, rank) => ({ chunk: chunkId(n), score: 1 - rank / 100 }));
      world.onSearch();
      return hits;
    },
    count: never,
    upsert: never,
    rewriteAccess: never,
    deleteChunks: never,
    probe: never,
  };
}

function embeddingOf(world: World): EmbeddingPort {
  return {
    identity: { sparse: 'bm25@1', dense: { kind: 'none' } },
    embedDocuments: never,
    async embedQuery({ text }) {
      world.log.push('embed');
      const sparse = text !== undefined && world.terms ? ({ kind: 'vector', vector: { indices: [1], values: [1] } } as const) : undefined;
      return { sparse: sparse ?? { kind: 'none' }, dense: world.dense.length === 0 ? { kind: 'none' } : { kind: 'vector', vector: [1] } };
    },
  };
}

const provenance: ProvenancePort = {
  tag: ({ candidate: { document }, label: own, policyRevision }) =>
    ({ document, label: own, decision: { policyRevision } }) as unknown as Provenance,
  render: (format, chunks) => ({ chunks, rendered: [], context: { format: 'xml', text: format, digest: 'sha256:0' } }),
};

function partsOf(world: World): RetrievalParts & { readonly telemetry: ReturnType<typeof countedTelemetry> } {
  const catalog = fakeCatalog({ candidates: () => world.candidates, view: () => world.view, stamp: () => world.stamp });
  const policy = fakePolicy();
  return {
    catalog: {
      ...catalog,
      candidates(tenant, chunks) {
        world.log.push('judge');
        return catalog.candidates(tenant, chunks);
      },
    },
    policy: { ...policy, decide: () => (world.zones.length === 0 ? { kind: 'none' } : { kind: 'zones', zones: world.zones as ZoneId[] }) },
    vectors: vectorsOf(world),
    embedding: embeddingOf(world),
    audit: {
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
    },
    provenance,
    signManifest: () => undefined,
    watch: unwatched,
    clock: { now: () => READ_AT },
    random: (size) => new Uint8Array(size).fill(7),
    languages: ['en'],
    telemetry: countedTelemetry(),
  };
}

function ask(world: World, request: Partial<RetrieveRequest> = {}, parts: RetrievalParts = partsOf(world)) {
  return retrieve(parts, CALLER, { ...REQUEST, ...request }, new AbortController().signal);
}

const numbers = (chunks: readonly { readonly id: string }[]): readonly number[] =>
  chunks.map(({ id }) => Number(id.slice('chunk-'.length)));
const searches = (world: World): number => world.log.filter((step) => step.startsWith('search')).length;

describe('the path of a query', () => {
  it('searches, declares meanwhile, then judges and makes durable before it answers', async () => {
    const world = worldOf();
    const made = await ask(world);
    expect(numbers(made.chunks)).toEqual([0, 1, 2]);
    expect(made.chunks.map(({ rank, score, text }) => [rank, score, text])).toEqual([
      [1, 1 / 61, 'Text 0.'],
      [2, 1 / 62, 'Text 1.'],
      [3, 1 / 63, 'Text 2.'],
    ]);
    expect(made).toMatchObject({ requestId: 'r-1', label: label('public') });
    expect(world.log).toEqual(['embed', 'search bm25 3', 'intent', 'judge', 'release']);
    expect(world.releases).toMatchObject([{ stamp: { tenant: 1, global: 1 }, validUntil: 'forever' }]);
  });

  it('keeps the query, the filter and every text out of the events, and seals them', async () => {
    const world = worldOf();
    const filter = { must: [{ key: 'metadata.project', match: { value: 'secret' } }] } as unknown as MetadataFilter;
    await ask(world, { restriction: { filter } });
    const written = JSON.stringify(
      [world.events, world.releases.map(({ event }) => event)].flat().map(({ sealed: _sealed, ...event }) => event),
    );
    expect(written).not.toContain('secret');
    expect(written).not.toContain('Text 0');
    expect(world.events[0]?.body).toMatchObject({ queryLength: 'a secret question'.length, purpose: 'answer', limit: 3 });
    // What replay needs is sealed under the keys of whom and what it is about.
    expect(world.events[0]?.sealed).toMatchObject({ holder: 'user:idp|ada', facts: { question: 'a secret question', filter } });
    expect(world.events[0]?.body['restriction']).toMatchObject({ filter: 'sealed' });
    const sealed = world.releases[0]?.event.sealed;
    expect(sealed?.texts?.map((text) => text.content())).toMatchObject([{ text: 'Text 0.' }, { text: 'Text 1.' }, { text: 'Text 2.' }]);
    expect(world.releases[0]?.event).toMatchObject({
      kind: 'release',
      tenant: ACME,
      body: {
        policyRevision: 'rev',
        counts: { candidates: 3, refused: 0, released: 3 },
        chunks: [{ chunk: chunkId(0), rank: 1, zone: 1 }, {}, {}],
      },
    });
  });

  it('fuses two legs to one depth, whatever the limit', async () => {
    const world = worldOf({ hits: [0, 1, 2], dense: [2, 5] });
    const made = await ask(world);
    expect(made.chunks.map(({ id, score }) => [id, score])).toEqual([
      [chunkId(2), 1 / 63 + 1 / 61],
      [chunkId(0), 1 / 61],
      [chunkId(1), 1 / 62],
    ]);
    expect(world.log.filter((step) => step.startsWith('search')).sort()).toEqual(['search bm25 100', 'search dense 100']);
    const longer = await ask(worldOf({ hits: [0, 1, 2], dense: [2, 5] }), { limit: 4 });
    expect(numbers(longer.chunks)).toEqual([2, 0, 1, 5]);
  });

  it('a refused hit leaves no gap in ranks and scores', async () => {
    const all = worldOf({ hits: [9, 0, 1], dense: [9, 1, 0] });
    const without = worldOf({ hits: [0, 1], dense: [1, 0] });
    all.candidates = all.candidates.map((one) => (one.chunk === chunkId(9) ? { ...one, state: 'quarantined' } : one));
    expect((await ask(all)).chunks).toEqual((await ask(without)).chunks);
  });

  it('renders a context only where one was asked for', async () => {
    expect(await ask(worldOf())).not.toHaveProperty('context');
    expect(await ask(worldOf(), { context: 'xml' })).toMatchObject({ context: { text: 'xml' } });
  });

  it('says the earliest end of validity with the release', async () => {
    const world = worldOf();
    const later = READ_AT / 1_000;
    world.candidates = world.candidates.map((one, n) => ({ ...one, validUntil: later + 100 - n }));
    await ask(world);
    expect(world.releases[0]?.validUntil).toBe((later + 98) * 1_000);
  });
});

describe('nothing to read', () => {
  it.each([
    ['a caller who may read no zone', { zones: [] }],
    ['a question without a term', { terms: false }],
  ] as const)('%s never reaches the index, and is on record', async (_what, fields) => {
    const world = worldOf({ ...fields, zones: 'zones' in fields ? [] : [1] });
    const made = await ask(world);
    expect(made).toEqual({ requestId: 'r-1', chunks: [] });
    expect(world.log).toEqual(['embed', 'intent', 'release']);
  });

  it('an index without a hit gives an empty answer without a label', async () => {
    expect(await ask(worldOf({ hits: [] }))).toEqual({ requestId: 'r-1', chunks: [] });
  });
});

describe('requests that fail', () => {
  it('an unknown purpose, before anything is done', async () => {
    const world = worldOf();
    await expect(ask(world, { purpose: 'curiosity' })).rejects.toMatchObject({
      code: 'invalid_request',
      issues: [{ pointer: '/purpose' }],
    });
    expect(world.log).toEqual([]);
    await ask(world, { purpose: 'audit' });
    expect(world.events[0]?.body).toMatchObject({ purpose: 'audit' });
  });

  it('a tenant that does not exist, without starting a log for it', async () => {
    const world = worldOf({ stamp: undefined });
    await expect(ask(world)).rejects.toMatchObject({ code: 'invalid_token' });
    expect(world.events).toEqual([]);
    expect(world.releases).toEqual([]);
  });

  it('an intent that cannot be written: nothing is judged', async () => {
    const world = worldOf();
    const parts = partsOf(world);
    const broken = { ...parts, audit: { ...parts.audit, append: () => Promise.reject(new AppError('audit_unavailable')) } };
    await expect(ask(world, {}, broken)).rejects.toMatchObject({ code: 'audit_unavailable' });
    expect(world.log).not.toContain('judge');
    expect(world.releases).toEqual([]);
  });

  it('a release that cannot be written: nothing is answered', async () => {
    const world = worldOf();
    const parts = partsOf(world);
    const broken = { ...parts, audit: { ...parts.audit, release: () => Promise.reject(new AppError('audit_unavailable')) } };
    await expect(ask(world, {}, broken)).rejects.toMatchObject({ code: 'audit_unavailable' });
    expect(parts.telemetry.counts).toEqual([]);
  });

  it('an aborted request goes no further', async () => {
    const stop = new AbortController();
    const world = worldOf({ outcomes: ['epoch-moved', 'epoch-moved'], hits: [] });
    world.onRelease = () => stop.abort(new AppError('deadline_exceeded'));
    await expect(retrieve(partsOf(world), CALLER, REQUEST, stop.signal)).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(searches(world)).toBe(1);
  });
});

describe('an epoch that moves', () => {
  /** Each failed release is followed by a newer epoch, as it is in the database. */
  function moving(times: number, fields: Partial<World> = {}): World {
    const world = worldOf({ outcomes: Array.from({ length: times }, () => 'epoch-moved' as const), ...fields });
    world.onRelease = () => {
      if (world.outcomes.length === 0) return;
      world.stamp = { tenant: (world.stamp?.tenant ?? 0) + 1, global: 1, generation: 1 };
    };
    return world;
  }

  it.each([1, 3, 7])('%i times under a full answer: judged again, searched once, released under the last epoch', async (times) => {
    const world = moving(times);
    const made = await ask(world);
    expect(numbers(made.chunks)).toEqual([0, 1, 2]);
    expect(made.chunks.map(({ score }) => score)).toEqual([1 / 61, 1 / 62, 1 / 63]);
    expect(searches(world)).toBe(1);
    expect(world.log.filter((step) => step === 'judge')).toHaveLength(1 + times);
    expect(world.releases.at(-1)?.stamp.tenant).toBe(1 + times);
  });

  it('more often than that is searched again', async () => {
    const world = moving(9);
    expect((await ask(world)).chunks).toHaveLength(3);
    expect(searches(world)).toBe(2);
  });

  it('for ever gives up with epoch_unstable, to be repeated', async () => {
    const world = moving(10_000);
    await expect(ask(world)).rejects.toMatchObject({ code: 'epoch_unstable', status: 503, retryAfter: 1 });
    expect(world.releases.length).toBeGreaterThan(8);
    expect(world.releases.length).toBeLessThan(100);
  });

  it.each(['epoch-moved', 'validity-ended'] as const)(
    '%s: a chunk that fell is not in the answer, and the next one is',
    async (outcome) => {
      const world = worldOf({ outcomes: [outcome] });
      world.onRelease = () => {
        world.candidates = world.candidates.filter((one) => one.chunk !== chunkId(1));
      };
      const made = await ask(world);
      expect(numbers(made.chunks)).toEqual([0, 2, 3]);
      expect(made.chunks.map(({ rank }) => rank)).toEqual([1, 2, 3]);
      expect(searches(world)).toBeGreaterThan(1);
      expect(JSON.stringify(world.releases.at(-1))).not.toContain(chunkId(1));
    },
  );

  it('labels what is released by the new view', async () => {
    const world = worldOf({ outcomes: ['epoch-moved'] });
    world.onRelease = () => {
      world.view = view([zone(1)], [source({ label: label('confidential', 'external', ['people']) })], 2);
    };
    const made = await ask(world);
    expect(made.label).toEqual(label('confidential', 'external', ['people']));
    expect(searches(world)).toBe(1);
  });

  it('takes the new decision: who may read nothing any more gets nothing', async () => {
    const world = worldOf({ outcomes: ['epoch-moved'] });
    world.onRelease = () => void (world.zones = []);
    expect(await ask(world)).toEqual({ requestId: 'r-1', chunks: [] });
  });

  it('searches again where a text was exchanged between the search and the judgement', async () => {
    const world = worldOf({ hits: [0], outcomes: ['epoch-moved'] });
    world.onSearch = () => {
      world.candidates = [candidate(0, { state: 'gone' }), candidate(7)];
      world.hits = [0, 7];
    };
    expect(numbers((await ask(world)).chunks)).toEqual([7]);
    expect(searches(world)).toBeGreaterThan(1);
  });

  it('the same where other chunks filled its place', async () => {
    const world = worldOf({ outcomes: ['epoch-moved'] });
    world.onSearch = () => {
      world.candidates = world.candidates.map((one) => (one.chunk === chunkId(0) ? { ...one, state: 'gone' } : one));
      if (searches(world) > 2) world.hits = [7, 1, 2, 3];
    };
    expect(numbers((await ask(world)).chunks)).toEqual([7, 1, 2]);
  });

  it('under a short answer, again and again: it goes out as judged last, and never fails for being short', async () => {
    const world = moving(10, { hits: [0, 1] });
    expect(numbers((await ask(world)).chunks)).toEqual([0, 1]);
    expect(searches(world)).toBe(6);
    expect(world.releases.at(-1)?.stamp.tenant).toBe(11);
  });
});
