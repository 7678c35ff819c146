import { describe, expect, it } from 'vitest';
import type { CollectionKey, DocumentId, SourceId } from '../core/ids.ts';
import type { AuditEvent, ReleaseOutcome } from '../core/ports/audit.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { EpochStamp } from '../core/ports/catalog.ts';
import type { DocumentPage } from '../core/ports/document-chunks.ts';
import { unwatched, type Watch } from '../core/ports/watch.ts';
import type { Provenance } from '../core/provenance.ts';
import { openDocument, type OpenParts, type OpenRequest } from './open-document.ts';
import { CALLER, candidate, chunkId, countedTelemetry, fakeCatalog, fakePolicy, HANDBOOK, label, READ_AT } from './retrieval.fixture.ts';

const DOCUMENT = 'doc' as DocumentId;
const KEY = candidate(0).key;
const REQUEST: OpenRequest = {
  requestId: 'r-1',
  traceId: undefined,
  source: HANDBOOK,
  document: DOCUMENT,
  from: 0,
  limit: 2,
  purpose: undefined,
  context: undefined,
};

/** A document of five chunks, and everything around it; a test changes it while it is being read. */
interface World {
  chunks: Candidate[];
  collection: CollectionKey | undefined;
  stamp: EpochStamp;
  zones: number[];
  outcomes: ReleaseOutcome['kind'][];
  onRelease: () => void;
  watch: Partial<Watch>;
  readonly log: string[];
  readonly events: AuditEvent[];
}

function worldOf(fields: Partial<World> = {}): World {
  return {
    chunks: Array.from({ length: 5 }, (_, n) => candidate(n, { key: KEY, document: DOCUMENT })),
    collection: undefined,
    stamp: { tenant: 1, global: 1, generation: 1 },
    zones: [1],
    outcomes: [],
    onRelease: () => undefined,
    watch: {},
    log: [],
    events: [],
    ...fields,
  };
}

function pageOf(world: World, source: SourceId, document: DocumentId, from: number, limit: number): DocumentPage | undefined {
  if (source !== HANDBOOK || document !== DOCUMENT) return undefined;
  const chunks = world.chunks.slice(from, from + limit).map(({ chunk }) => chunk);
  return { ...(world.collection === undefined ? {} : { collection: world.collection }), total: world.chunks.length, chunks };
}

function partsOf(world: World): OpenParts {
  const read = fakeCatalog({ candidates: () => world.chunks, stamp: () => world.stamp });
  return {
    catalog: {
      ...read,
      async documentChunks(_tenant, source, document, { from, limit }) {
        world.log.push('page');
        return pageOf(world, source, document, from, limit);
      },
    },
    policy: fakePolicy({ zones: world.zones }),
    audit: {
      async append(event) {
        world.log.push(event.kind);
        world.events.push(event);
        return { index: 0, leaf: '' };
      },
      async release(event) {
        world.log.push('release');
        world.events.push(event);
        world.onRelease();
        const kind = world.outcomes.shift() ?? 'released';
        return kind === 'released' ? { kind, receipt: { index: 1, leaf: '' } } : { kind };
      },
      byRequest: async () => [],
    },
    provenance: {
      tag: () => ({ label: label('public') }) as Provenance,
      render: () => {
        throw new Error('no context was asked for');
      },
    },
    signManifest: () => undefined,
    watch: { ...unwatched, ...world.watch },
    clock: { now: () => READ_AT },
    random: (size) => new Uint8Array(size).fill(7),
    telemetry: countedTelemetry(),
  };
}

function open(world: World, request: Partial<OpenRequest> = {}) {
  return openDocument(partsOf(world), CALLER, { ...REQUEST, ...request }, new AbortController().signal);
}

const textsOf = async (world: World, request: Partial<OpenRequest> = {}) => (await open(world, request)).chunks.map(({ text }) => text);
const NOT_FOUND = { code: 'not_found' };

describe('opening a document', () => {
  it('declares, reads, judges and makes durable before it answers, page by page', async () => {
    const world = worldOf();
    const first = await open(world);
    expect(first).toMatchObject({ requestId: 'r-1', total: 5, next: 2, label: label('public') });
    expect(first.chunks.map(({ id, place, text }) => [id, place, text])).toEqual([
      [chunkId(0), 0, 'Text 0.'],
      [chunkId(1), 1, 'Text 1.'],
    ]);
    expect(world.log).toEqual(['intent', 'page', 'release']);
    const last = await open(world, { from: 4 });
    expect([last.chunks.length, last.chunks[0]?.place, last.next]).toEqual([1, 4, undefined]);
  });

  it('names the document in no event but in the chunks that are released', async () => {
    const world = worldOf();
    await open(world);
    const [intent, release] = world.events;
    expect(JSON.stringify(intent?.body)).not.toContain(DOCUMENT);
    expect(intent?.sealed).toMatchObject({ holder: 'user:idp|ada', facts: { source: HANDBOOK, document: DOCUMENT } });
    expect(release?.body).toMatchObject({ open: { from: 0, total: 5 }, chunks: [{ rank: 1, source: HANDBOOK }, { rank: 2 }] });
    expect(release?.sealed?.texts?.map((text) => text.content())).toMatchObject([{ text: 'Text 0.' }, { text: 'Text 1.' }]);
  });

  it('is not found, without a release, whatever hides it', async () => {
    const hidden = (fields: Partial<Candidate>) => worldOf({ chunks: worldOf().chunks.map((one) => ({ ...one, ...fields })) });
    for (const world of [
      hidden({ acl: { gates: [], deny: [] } }),
      hidden({ state: 'quarantined' }),
      hidden({ state: 'off' }),
      hidden({ validUntil: READ_AT / 1_000 - 1 }),
      hidden({ honey: true }),
      worldOf({ zones: [] }),
      worldOf({ chunks: [] }),
    ]) {
      await expect(open(world)).rejects.toMatchObject(NOT_FOUND);
      expect(world.log).toContain('intent');
      expect(world.log).not.toContain('release');
    }
    await expect(open(worldOf(), { document: 'other' as DocumentId })).rejects.toMatchObject(NOT_FOUND);
    await expect(open(worldOf(), { source: 'other' as SourceId })).rejects.toMatchObject(NOT_FOUND);
    await expect(open(worldOf(), { from: 5 })).rejects.toMatchObject(NOT_FOUND);
  });

  it('gives nothing of a document of which one chunk is refused', async () => {
    const world = worldOf();
    world.chunks[1] = { ...candidate(1), state: 'quarantined' };
    await expect(open(world)).rejects.toMatchObject(NOT_FOUND);
  });

  it('tells the watch that bait was touched, and nobody else', async () => {
    const touched: unknown[] = [];
    const world = worldOf({ watch: { bait: (_caller, documents) => void touched.push(...documents) } });
    world.chunks = world.chunks.map((one) => ({ ...one, honey: true }));
    await expect(open(world)).rejects.toMatchObject(NOT_FOUND);
    expect(touched).toEqual([KEY]);
    expect(world.events.map(({ kind }) => kind)).toEqual(['intent', 'honey.touched']);
  });

  it('is judged in the collection that it lies in', async () => {
    const collection = 'k' as CollectionKey;
    const chunks = worldOf().chunks.map((one) => ({ ...one, collection }));
    expect(await textsOf(worldOf({ chunks, collection }))).toEqual(['Text 0.', 'Text 1.']);
    await expect(open(worldOf({ chunks }))).rejects.toMatchObject(NOT_FOUND);
  });

  it('keeps the page as short as the watch wants it, and says so', async () => {
    const world = worldOf({ watch: { admit: () => ({ kind: 'pass', limit: 1 }) } });
    expect(await open(world)).toMatchObject({ limitedTo: 1, next: 1, chunks: [{ place: 0 }] });
    const blocked = worldOf({ watch: { admit: () => ({ kind: 'block', retryAfter: 3 }) } });
    await expect(open(blocked)).rejects.toMatchObject({ code: 'watch_blocked' });
    expect(blocked.log).toEqual([]);
  });
});

describe('what changes while a document is opened', () => {
  it('is judged again after the epoch moved, and a right that went is gone', async () => {
    const world = worldOf({ outcomes: ['epoch-moved'] });
    expect(await textsOf(world)).toHaveLength(2);
    expect(world.log).toEqual(['intent', 'page', 'release', 'page', 'release']);
    const revoked = worldOf({ outcomes: ['epoch-moved'] });
    revoked.onRelease = () => void (revoked.chunks = revoked.chunks.map((one) => ({ ...one, acl: { gates: [], deny: [] } })));
    await expect(open(revoked)).rejects.toMatchObject(NOT_FOUND);
    const restless = worldOf({ outcomes: Array.from({ length: 100 }, () => 'epoch-moved') });
    await expect(open(restless)).rejects.toMatchObject({ code: 'epoch_unstable' });
  });

  it('is read again where the text was replaced between two reads', async () => {
    const live = worldOf().chunks;
    const world = worldOf({ chunks: live.map((one): Candidate => ({ ...one, state: 'gone' })) });
    const { catalog, ...parts } = partsOf(world);
    const replacing: OpenParts['catalog'] = {
      ...catalog,
      async candidates(tenant, chunks) {
        const read = await catalog.candidates(tenant, chunks);
        world.chunks = live;
        return read;
      },
    };
    const answer = await openDocument({ ...parts, catalog: replacing }, CALLER, REQUEST, new AbortController().signal);
    expect(answer.chunks).toHaveLength(2);
    expect(world.log).toEqual(['intent', 'page', 'page', 'release']);
  });

  it('does not tell by being replaced all the time that it is there', async () => {
    const world = worldOf();
    world.chunks = world.chunks.map((one) => ({ ...one, state: 'gone' }));
    await expect(open(world)).rejects.toMatchObject(NOT_FOUND);
  });
});
