import { describe, expect, it } from 'vitest';
import type { CollectionKey, CollectionName, DocumentId } from '../../src/core/ids.ts';
import { pointIdOf, pointIdText, type PointId } from '../../src/core/points/point-id.ts';
import type { RawJson } from '../../src/core/points/raw-json.ts';
import type { CollectionSettings } from '../../src/core/ports/collections.ts';
import type { PublishedDocument } from '../../src/core/ports/document-batches.ts';
import { ACME, attributesOf, CHANGE, chunkIds, contentOf, GLOBEX, HANDBOOK, keyOf, label, PUBLIC_ACL } from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const BOOKS = '00000000-0000-8000-8000-0000000000b1' as CollectionKey;
const OTHER = '00000000-0000-8000-8000-0000000000b2' as CollectionKey;
const UUID = '5c0de0d0-0000-4000-8000-00000000000a';
const idOf = (text: string): PointId => pointIdOf(text) ?? { kind: 'number', digits: '0' };

/** A point as ingestion stages it: a document of its own with one chunk. */
function pointDocument(collection: CollectionKey, id: string, payload: string, revision = 1): PublishedDocument {
  const name = `${collection}/${id}`;
  const key = keyOf(ACME, HANDBOOK, name);
  const content = contentOf(key, revision, [`text of ${id} at ${revision}`]);
  const chunks = content.chunks.map((chunk) => ({ ...chunk, point: { id: idOf(id), payload: payload as RawJson } }));
  const expected = revision === 1 ? 'absent' : revision - 1;
  return {
    document: name as DocumentId,
    key,
    expected,
    attributes: attributesOf({ acl: PUBLIC_ACL }),
    content: { ...content, chunks, collection },
    change: CHANGE,
  };
}

const SETTINGS: CollectionSettings = {
  writers: { source: { kind: 'source', source: HANDBOOK }, byClient: new Map() },
  profile: { text: { path: 'text' }, provenance: 'none' },
  defaultAcl: { kind: 'none' },
};

export function describePoints(get: GetWorld): void {
  async function collections(): Promise<void> {
    for (const [name, key] of [
      ['books', BOOKS],
      ['other', OTHER],
    ] as const) {
      await get().catalog.putCollection(ACME, name as CollectionName, { ...SETTINGS, key, params: {} }, 'absent', CHANGE);
    }
  }

  async function write(...points: readonly PublishedDocument[]): Promise<void> {
    const { catalog } = get();
    await catalog.reserve(ACME, HANDBOOK, label('public', [], 'trusted'), PUBLIC_ACL);
    await catalog.stageAll(ACME, points);
    await catalog.publishAll(ACME, HANDBOOK, points);
  }

  describe('points as the query path reads them', () => {
    it('are found by the ids of their collection while they live, with payloads as they were written', async () => {
      const { catalog } = get();
      await collections();
      const [one, other, elsewhere] = [
        pointDocument(BOOKS, '42', '{"n":1.0,"id":18446744073709551615}'),
        pointDocument(BOOKS, UUID, '{}'),
        pointDocument(OTHER, '42', '{"of":"another"}'),
      ];
      await write(one, other, elsewhere);
      const ids = ['42', UUID, '43'].map(idOf);
      const chunks = [one, other].map(({ content }) => chunkIds(content));
      expect(await catalog.chunksOfPoints(ACME, BOOKS, ids)).toEqual(
        new Map([
          ['42', chunks[0]],
          [UUID, chunks[1]],
        ]),
      );
      expect(await catalog.chunksOfPoints(GLOBEX, BOOKS, ids)).toEqual(new Map());
      const asked = [...chunks.flat(), ...chunkIds(elsewhere.content)];
      expect(await catalog.storedPoints(ACME, BOOKS, asked)).toEqual(
        new Map([
          [chunks[0]?.[0], { id: idOf('42'), payload: '{"n":1.0,"id":18446744073709551615}' }],
          [chunks[1]?.[0], { id: idOf(UUID), payload: '{}' }],
        ]),
      );
      expect(await catalog.storedPoints(ACME, 'own', asked)).toEqual(new Map());
      expect(await catalog.storedPoints(GLOBEX, BOOKS, asked)).toEqual(new Map());
      const { candidates } = await catalog.candidates(ACME, asked);
      expect(asked.map((chunk) => candidates.get(chunk)?.collection)).toEqual([BOOKS, BOOKS, OTHER]);

      // Of a point that is written anew, the new one from its publication on.
      await write(pointDocument(BOOKS, '7', '{"v":1}'));
      const again = pointDocument(BOOKS, '7', '{"v":2}', 2);
      await catalog.stageAll(ACME, [again]);
      const former = chunkIds(pointDocument(BOOKS, '7', '{"v":1}').content);
      expect(await catalog.chunksOfPoints(ACME, BOOKS, [idOf('7')])).toEqual(new Map([['7', former]]));
      await catalog.publishAll(ACME, HANDBOOK, [again]);
      expect(await catalog.chunksOfPoints(ACME, BOOKS, [idOf('7')])).toEqual(new Map([['7', chunkIds(again.content)]]));
    });

    it('of the own collection are chunks, with the metadata of their document', async () => {
      const world = get();
      const { catalog } = world;
      const key = keyOf(ACME, HANDBOOK, 'page');
      const content = contentOf(key, 1, ['first', 'second']);
      const attributes = attributesOf({ acl: PUBLIC_ACL, metadata: { year: 2024 } });
      await catalog.reserve(ACME, HANDBOOK, label('public', [], 'trusted'), PUBLIC_ACL);
      const page = { document: 'page' as DocumentId, key, expected: 'absent' as const, attributes, content, change: CHANGE };
      await catalog.stageAll(ACME, [page]);
      await catalog.publishAll(ACME, HANDBOOK, [page]);
      const chunks = chunkIds(content);
      const ids = chunks.map(idOf);
      expect([...(await catalog.chunksOfPoints(ACME, 'own', ids)).values()].flat().toSorted()).toEqual(chunks.toSorted());
      expect(await catalog.chunksOfPoints(ACME, BOOKS, ids)).toEqual(new Map());
      const stored = await catalog.storedPoints(ACME, 'own', chunks);
      expect([...stored.values()].find(({ id }) => pointIdText(id) === chunks[0])).toEqual({
        id: ids[0],
        payload: '{"metadata":{"year":2024}}',
      });
      expect(await catalog.chunksOfPoints(ACME, 'own', [])).toEqual(new Map());
      expect(await catalog.storedPoints(ACME, 'own', [])).toEqual(new Map());
    });
  });
}
