import { describe, expect, it } from 'vitest';
import type { DocumentId } from '../../src/core/ids.ts';
import type { PublishedDocument } from '../../src/core/ports/document-batches.ts';
import {
  ACME,
  attributesOf,
  CHANGE,
  chunkIds,
  contentOf,
  GLOBEX,
  HANDBOOK,
  HR,
  keyOf,
  label,
  PUBLIC_ACL,
  type CatalogWorld,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const ACLS = [PUBLIC_ACL, { gates: [[HR]], deny: [] }];

function written(name: string, revision: number, n: number): PublishedDocument {
  const key = keyOf(ACME, HANDBOOK, name);
  const attributes = attributesOf({ acl: ACLS[n % 2] ?? PUBLIC_ACL, title: `${name} at ${revision}` });
  const content = contentOf(key, revision, [`text of ${name} at ${revision}`, 'second']);
  return { document: name as DocumentId, key, expected: revision === 1 ? 'absent' : revision - 1, attributes, content, change: CHANGE };
}

/** What the log holds of documents. */
async function events({ audit }: CatalogWorld): Promise<readonly unknown[]> {
  const size = (await audit.sizes()).get(ACME) ?? 0;
  const found = await audit.between(ACME, 0, size, ['document.published', 'document.changed', 'document.deleted']);
  return found.map(({ kind, requestId, body }) => ({ kind, requestId, body }));
}

export function describeBatches(get: GetWorld): void {
  async function writeAll(inputs: readonly PublishedDocument[]): Promise<void> {
    const { catalog } = get();
    for (const acl of ACLS) await catalog.reserve(ACME, HANDBOOK, label('public', [], 'trusted'), acl);
    await catalog.stageAll(ACME, inputs);
    await catalog.publishAll(ACME, HANDBOOK, inputs);
  }

  describe('many documents at once', () => {
    it('are each what they would be alone: rows, chunks, history and events', async () => {
      const world = get();
      const { catalog } = world;
      const names = Array.from({ length: 210 }, (_, n) => `d${String(n).padStart(3, '0')}`);
      await writeAll(names.map((name, n) => written(name, 1, n)));
      await writeAll([written('d007', 2, 1), written('e000', 1, 0)]);
      const alone = await world.put('alone', { attributes: { acl: PUBLIC_ACL } });
      const found = await catalog.documents(ACME, HANDBOOK, [
        ...names,
        'e000',
        'alone',
        'nobody',
      ] as readonly string[] as readonly DocumentId[]);
      expect(found.size).toBe(212);
      expect(found.get('d007' as DocumentId)).toMatchObject({ revision: 2, aclVersion: 1, indexedRevision: 2, title: 'd007 at 2' });
      expect(found.get('d000' as DocumentId)).toMatchObject({ revision: 1, zone: alone.zone, acl: alone.acl, chunks: 2 });
      expect(await catalog.documents(GLOBEX, HANDBOOK, ['d000' as DocumentId])).toEqual(new Map());
      const former = chunkIds(contentOf(keyOf(ACME, HANDBOOK, 'd007'), 1, ['text of d007 at 1', 'second']));
      const { candidates } = await catalog.candidates(ACME, former);
      expect([...candidates.values()].map(({ state }) => state)).toEqual(['gone', 'gone']);
      const told = (await events(world)) as { body: { revision: number; acl: object } }[];
      expect(told).toHaveLength(213);
      expect(told[210]).toMatchObject({ body: { revision: 2, acl: { version: 1, changed: false } } });
      expect(await world.audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    });

    it('are given up while they are staged, and never once they live', async () => {
      const { catalog } = get();
      await writeAll([written('lives', 1, 0)]);
      const given = written('given', 1, 0);
      await catalog.stageAll(ACME, [given]);
      const [lives, staged] = [written('lives', 1, 0), given].map(({ content }) => content.chunks.map(({ chunk }) => chunk));
      const all = [...(lives ?? []), ...(staged ?? [])];
      expect(await catalog.giveUpStaged(GLOBEX, all)).toEqual([]);
      const before = await catalog.epoch(ACME);
      expect(new Set(await catalog.giveUpStaged(ACME, all))).toEqual(new Set(staged));
      // Whatever was counted meanwhile is counted again.
      expect(await catalog.epoch(ACME)).not.toEqual(before);
      await expect(catalog.publishAll(ACME, HANDBOOK, [given])).rejects.toMatchObject({ code: 'conflict' });
      const { candidates } = await catalog.candidates(ACME, all);
      expect(all.map((chunk) => candidates.get(chunk)?.state)).toEqual(['live', 'live', 'gone', 'gone']);
    });

    it('are written all or not at all, and staged again where they were', async () => {
      const world = get();
      const { catalog } = world;
      await writeAll([written('a', 1, 0)]);
      const stale = [written('b', 1, 0), written('a', 3, 0)];
      await expect(writeAll(stale)).rejects.toMatchObject({ code: 'conflict' });
      expect(await catalog.document(ACME, HANDBOOK, 'b' as DocumentId)).toBeUndefined();
      const again = [written('b', 1, 0), written('c', 1, 0)];
      const before = (await world.stamp()).tenant;
      await writeAll(again);
      // Nobody loses anything by a first text.
      expect((await world.stamp()).tenant).toBe(before);
      expect((await catalog.documents(ACME, HANDBOOK, ['b', 'c'] as readonly string[] as readonly DocumentId[])).size).toBe(2);
    });

    it('are deleted all or not at all, each with its tombstone', async () => {
      const world = get();
      const { catalog } = world;
      await writeAll(['a', 'b', 'c'].map((name) => written(name, 1, 0)));
      const [a, b, c] = ['a', 'b', 'c'].map((name) => keyOf(ACME, HANDBOOK, name));
      if (a === undefined || b === undefined || c === undefined) throw new Error('three');
      const both = [
        { key: a, expected: 1, as: 'writer' },
        { key: b, expected: 1, as: 'owner' },
      ] as const;
      await expect(catalog.deleteAll(ACME, [...both, { key: c, expected: 2, as: 'owner' }], CHANGE)).rejects.toMatchObject({
        code: 'conflict',
      });
      const before = (await world.stamp()).tenant;
      await catalog.deleteAll(ACME, both, CHANGE);
      expect((await world.stamp()).tenant).toBe(before + 1);
      const graves = await catalog.tombstones(ACME, [a, b, c]);
      expect([...graves].map(([key, { by, revision }]) => ({ key, by, revision })).toSorted((x, y) => (x.by < y.by ? 1 : -1))).toEqual([
        { key: a, by: 'writer', revision: 2 },
        { key: b, by: 'owner', revision: 2 },
      ]);
      expect(await catalog.tombstone(ACME, a)).toEqual(graves.get(a));
      expect(await events(world)).toHaveLength(5);
    });
  });
}
