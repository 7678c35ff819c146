import { describe, expect, it } from 'vitest';
import type { AppError } from '../../src/core/errors.ts';
import type { CollectionKey, CollectionName, DocumentId, SourceId, TenantId } from '../../src/core/ids.ts';
import type { RawJson } from '../../src/core/points/raw-json.ts';
import { numberPointId } from '../../src/core/points/point-id.ts';
import type { CollectionSettings, HostedCollection } from '../../src/core/ports/collections.ts';
import type { Principal } from '../../src/core/principal.ts';
import {
  ACME,
  attributesOf,
  CHANGE,
  chunkIds,
  contentOf,
  GLOBEX,
  HANDBOOK,
  keyOf,
  OPS,
  PUBLIC_ACL,
  sourceAttributes,
  the,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const NAME = 'notes' as CollectionName;
const KEY = '00000000-0000-4000-8000-000000000001' as CollectionKey;
const LATER = '00000000-0000-4000-8000-000000000002' as CollectionKey;
const WIKI = 'wiki' as SourceId;
const APP = 'client:idp|app' as Principal;

const settings = (more: Partial<CollectionSettings> = {}): CollectionSettings => ({
  writers: { source: { kind: 'source', source: HANDBOOK }, byClient: new Map() },
  profile: { text: { path: 'text' }, provenance: 'payload' },
  defaultAcl: { kind: 'none' },
  ...more,
});

export function describeCollections(get: GetWorld): void {
  const make = (key = KEY, tenant: TenantId = ACME) =>
    get().catalog.putCollection(tenant, NAME, { ...settings(), key, params: { vectors: { size: 4 } } }, 'absent', CHANGE);
  const inView = async (tenant: TenantId = ACME): Promise<HostedCollection | undefined> => {
    const { catalog, stamp } = get();
    return (await catalog.view(tenant, await stamp(catalog, tenant))).collections.get(NAME);
  };
  const stateOf = async (chunk: ReturnType<typeof chunkIds>[number]) =>
    (await get().catalog.candidates(ACME, [chunk])).candidates.get(chunk)?.state;
  /** Writes point 7 as ingestion does, and gives its chunk. */
  const putPoint = async (collection: CollectionKey, text: string) => {
    const { catalog, put } = get();
    const key = keyOf(ACME, HANDBOOK, 'notes/7');
    const whole = contentOf(key, await catalog.nextRevision(ACME, key), [text]);
    const point = { id: the(numberPointId('7')), payload: '{"n":1.0}' as RawJson };
    await put('notes/7', { paragraphs: [text], content: { collection, chunks: whole.chunks.map((chunk) => ({ ...chunk, point })) } });
    return the(chunkIds(whole)[0]);
  };
  const conflict = expect.objectContaining({ code: 'conflict' }) as AppError;

  describe('hosted collections', () => {
    it('are in the view with what they were given, change by revision, and belong to their tenant alone', async () => {
      const { catalog, stamp } = get();
      await catalog.putSource(ACME, WIKI, sourceAttributes(), 'absent', CHANGE);
      const before = await stamp();
      expect(await make()).toMatchObject({ name: NAME, key: KEY, revision: 1, sources: [HANDBOOK], params: { vectors: { size: 4 } } });
      expect((await stamp()).generation).toBeGreaterThan(before.generation);
      expect([await inView(GLOBEX), (await make(LATER, GLOBEX)).key, (await inView())?.key]).toEqual([undefined, LATER, KEY]);
      await expect(make(LATER)).rejects.toEqual(conflict);
      const writers = { source: { kind: 'none' }, byClient: new Map([[APP, WIKI]]) } as const;
      const changed = {
        writers,
        profile: { text: { path: 'page.content' }, acl: 'acl', provenance: 'none' },
        defaultAcl: { kind: 'acl', acl: PUBLIC_ACL },
      } as const;
      const put = (expected: number, key = KEY) => catalog.putCollection(ACME, NAME, { ...changed, key, params: {} }, expected, CHANGE);
      await expect(put(2)).rejects.toEqual(conflict);
      await expect(put(1, LATER)).rejects.toEqual(conflict);
      await put(1);
      // Points of the writer of before are still there.
      expect(await inView()).toMatchObject({ ...changed, revision: 2, sources: [HANDBOOK, WIKI] });
    });

    it('name sources that are live, and remember each that was written into', async () => {
      const { catalog, stamp, database } = get();
      const unknown = { source: { kind: 'source', source: 'missing' as SourceId }, byClient: new Map() } as const;
      const bad = { ...settings({ writers: unknown }), key: KEY, params: {} };
      await expect(catalog.putCollection(ACME, NAME, bad, 'absent', CHANGE)).rejects.toEqual(conflict);
      await make();
      await catalog.putSource(ACME, WIKI, sourceAttributes(), 'absent', CHANGE);
      const before = await stamp();
      await catalog.noteSource(ACME, KEY, HANDBOOK);
      expect(await stamp()).toEqual(before);
      await catalog.noteSource(ACME, KEY, WIKI);
      expect((await stamp()).generation).toBeGreaterThan(before.generation);
      expect(await inView()).toMatchObject({ revision: 2, sources: [HANDBOOK, WIKI] });
      // Who owned all of its sources a moment ago was not asked about this one.
      await expect(catalog.deleteCollection(ACME, NAME, 1, CHANGE)).rejects.toEqual(conflict);
      await expect(catalog.noteSource(GLOBEX, KEY, WIKI)).rejects.toEqual(conflict);
      const events = await database.db.selectFrom('audit_events').select('body').where('kind', '=', 'collection.put').execute();
      expect(events.map(({ body }) => JSON.parse(body) as object)).toEqual([expect.objectContaining({ collection: NAME, revision: 1 })]);
    });

    it('deleted, are unreadable at once, emptied in steps, and forgotten when they are empty', async () => {
      const { catalog, stamp, database } = get();
      await make();
      const chunk = await putPoint(KEY, 'one');
      expect([await stateOf(chunk), (await catalog.document(ACME, HANDBOOK, 'notes/7' as DocumentId))?.collection]).toEqual(['live', KEY]);
      const before = await stamp();
      await expect(catalog.deleteCollection(ACME, NAME, 9, CHANGE)).rejects.toEqual(conflict);
      await catalog.deleteCollection(ACME, NAME, 1, CHANGE);
      expect((await stamp()).tenant).toBeGreaterThan(before.tenant);
      expect([await inView(), await stateOf(chunk)]).toEqual([undefined, 'gone']);
      expect(await catalog.document(ACME, HANDBOOK, 'notes/7' as DocumentId)).toBeUndefined();
      expect(await catalog.listDocuments(ACME, HANDBOOK, undefined, 9)).toEqual([]);
      expect(
        await catalog.documentAt(ACME, { kind: 'document', source: HANDBOOK, document: 'notes/7' as DocumentId }, 'now'),
      ).toMatchObject({ state: 'deleted' });
      await expect(putPoint(KEY, 'two')).rejects.toEqual(conflict);
      expect(await catalog.deletedCollections(9)).toEqual([{ tenant: ACME, key: KEY }]);
      await expect(catalog.forgetCollection(KEY)).rejects.toEqual(conflict);
      expect([await catalog.emptyCollection(KEY, 1), await catalog.emptyCollection(KEY, 1)]).toEqual([true, false]);
      await catalog.forgetCollection(KEY);
      expect([await catalog.deletedCollections(9), await stateOf(chunk)]).toEqual([[], undefined]);
      expect(await database.db.selectFrom('points').selectAll().where('chunk', '=', chunk).execute()).toEqual([]);
      await expect(catalog.deleteCollection(ACME, NAME, 2, CHANGE)).rejects.toEqual(conflict);
    });

    it('may be made anew at once: a point of the same id takes the place of the one left behind', async () => {
      const { catalog } = get();
      await make();
      const old = await putPoint(KEY, 'one');
      // Pending, as after a change of access that the index has not confirmed: nothing of it is owed any more.
      const acl = { gates: [[OPS]], deny: [] };
      await catalog.reserve(ACME, HANDBOOK, attributesOf().declared, acl);
      await catalog.change(keyOf(ACME, HANDBOOK, 'notes/7'), ACME, 1, attributesOf({ acl }), CHANGE);
      expect(await catalog.pendingDocuments(9)).toHaveLength(1);
      await catalog.deleteCollection(ACME, NAME, 1, CHANGE);
      expect(await catalog.pendingDocuments(9)).toEqual([]);
      await make(LATER);
      expect(await catalog.tombstone(ACME, keyOf(ACME, HANDBOOK, 'notes/7'))).toMatchObject({ revision: 3, by: 'owner' });
      const fresh = await putPoint(LATER, 'two');
      expect([await stateOf(old), await stateOf(fresh)]).toEqual(['gone', 'live']);
      expect(await catalog.document(ACME, HANDBOOK, 'notes/7' as DocumentId)).toMatchObject({ revision: 4, collection: LATER });
      expect([await catalog.emptyCollection(KEY, 9), await stateOf(fresh)]).toEqual([false, 'live']);
      await catalog.forgetCollection(KEY);
      expect((await catalog.deadChunks(9, 60_000)).map(({ chunk }) => chunk)).toEqual([old]);
    });
  });
}
