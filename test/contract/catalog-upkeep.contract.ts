import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { DocumentId } from '../../src/core/ids.ts';
import type { Principal } from '../../src/core/principal.ts';
import {
  ACME,
  attributesOf,
  chunkIds,
  CHANGE,
  contentOf,
  GLOBEX,
  HANDBOOK,
  HR,
  keyOf,
  label,
  PUBLIC_ACL,
  sourceAttributes,
  the,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const KEY = keyOf(ACME, HANDBOOK, 'd');
const HOUR = 3_600_000;

export function describeUpkeep(get: GetWorld): void {
  const publishing = (content = contentOf(KEY, 1, ['one'])) => ({
    tenant: ACME,
    source: HANDBOOK,
    document: 'd' as DocumentId,
    key: KEY,
    expected: 'absent' as const,
    attributes: attributesOf(),
    content,
    change: CHANGE,
  });

  describe('the index catching up', () => {
    it('is owed for changed attributes until it is told, and not for a published text', async () => {
      const { catalog, put } = get();
      await put('d');
      expect(await catalog.pendingDocuments(10)).toEqual([]);
      const acl = { gates: [[HR]], deny: ['user:idp|eve' as Principal] };
      const reserved = await catalog.reserve(ACME, HANDBOOK, label('restricted'), acl);
      await catalog.change(KEY, ACME, 1, attributesOf({ acl, declared: label('restricted'), validUntil: 99, metadata: { a: 1 } }), CHANGE);
      expect(await catalog.pendingDocuments(10)).toEqual([{ tenant: ACME, key: KEY }]);
      expect(await catalog.accessPayload(ACME, KEY)).toEqual({
        tenant: ACME,
        document: KEY,
        zone: reserved.zone,
        revision: 2,
        acl: reserved.acl,
        validFrom: 'always',
        validUntil: 99,
        metadata: { a: 1 },
      });
      await catalog.markIndexed(ACME, KEY, 1);
      expect(await catalog.pendingDocuments(10)).toHaveLength(1);
      await catalog.markIndexed(ACME, KEY, 2);
      expect(await catalog.pendingDocuments(10)).toEqual([]);
      expect((await catalog.document(ACME, HANDBOOK, 'd' as DocumentId))?.indexedRevision).toBe(2);
    });

    it('is asked for oldest first, within a limit, and not for deleted documents or sources', async () => {
      const { catalog, put } = get();
      for (const name of ['c', 'a', 'b']) {
        const { key } = await put(name);
        await catalog.change(key, ACME, 1, attributesOf({ title: 'x' }), CHANGE);
        await sleep(3);
      }
      const keys = ['c', 'a', 'b'].map((name) => keyOf(ACME, HANDBOOK, name));
      expect((await catalog.pendingDocuments(2)).map(({ key }) => key)).toEqual(keys.slice(0, 2));
      await catalog.deleteDocument(the(keys[0]), ACME, 2, CHANGE);
      expect((await catalog.pendingDocuments(9)).map(({ key }) => key)).toEqual(keys.slice(1));
      await catalog.deleteSource(ACME, HANDBOOK, 1, CHANGE);
      expect(await catalog.pendingDocuments(9)).toEqual([]);
    });
  });

  describe('sweeping', () => {
    it('gives up what was staged too long, which then cannot be published until it is staged again', async () => {
      const { catalog, database } = get();
      const content = contentOf(KEY, 1, ['one']);
      const chunk = the(chunkIds(content)[0]);
      await catalog.reserve(ACME, HANDBOOK, attributesOf().declared, PUBLIC_ACL);
      await catalog.stage(ACME, KEY, content);
      expect(await catalog.deadChunks(10, HOUR)).toEqual([]);
      expect(await catalog.deadChunks(10, 0)).toEqual([{ tenant: ACME, chunk }]);
      await expect(catalog.publish(publishing())).rejects.toMatchObject({ code: 'conflict' });
      await expect(catalog.stage(ACME, KEY, content)).rejects.toMatchObject({ code: 'conflict' });
      await catalog.purgeChunks(ACME, [chunk]);
      expect((await catalog.candidates(ACME, [chunk])).candidates.size).toBe(0);
      expect(await database.db.selectFrom('document_versions').select('content').execute()).toEqual([]);
      await catalog.stage(ACME, KEY, content);
      expect((await catalog.publish(publishing())).revision).toBe(1);
    });

    it('never takes live or staged chunks, and keeps the text that was once published', async () => {
      const { catalog, put, database } = get();
      await put('d', { paragraphs: ['old'] });
      const stored = await put('d', { paragraphs: ['new'] });
      const old = chunkIds(contentOf(KEY, 1, ['old']));
      const live = chunkIds(contentOf(KEY, stored.revision, ['new']));
      const next = contentOf(KEY, 3, ['next']);
      const staged = chunkIds(next);
      await catalog.stage(ACME, KEY, next);
      expect(await catalog.deadChunks(10, HOUR)).toEqual(old.map((chunk) => ({ tenant: ACME, chunk })));
      await catalog.purgeChunks(ACME, [...old, ...live, ...staged]);
      const { candidates } = await catalog.candidates(ACME, [...old, ...live, ...staged]);
      expect([...candidates.values()].map(({ state }) => state).sort()).toEqual(['live', 'staged']);
      const texts = await database.db.selectFrom('document_versions').select('text').orderBy('text').execute();
      expect(texts.map(({ text }) => text)).toEqual(['new', 'next', 'old']);
    });

    it('refuses a chunk id that is taken by another text', async () => {
      const { catalog } = get();
      const content = contentOf(KEY, 1, ['one']);
      await catalog.stage(ACME, KEY, content);
      const forged = { ...contentOf(KEY, 1, ['two']), chunks: content.chunks };
      await expect(catalog.stage(ACME, KEY, forged)).rejects.toMatchObject({ code: 'conflict' });
      const elsewhere = keyOf(ACME, HANDBOOK, 'other');
      await expect(catalog.stage(ACME, elsewhere, content)).rejects.toMatchObject({ code: 'conflict' });
      await expect(catalog.stage(ACME, KEY, content)).resolves.toBeUndefined();
    });

    it('empties a deleted source step by step and leaves the others alone', async () => {
      const { catalog, put } = get();
      const other = 'other' as typeof HANDBOOK;
      await catalog.putSource(ACME, other, sourceAttributes(), 'absent', CHANGE);
      await put('kept', { source: other, paragraphs: ['kept'] });
      await put('kept', { tenant: GLOBEX, paragraphs: ['kept'] });
      for (const name of ['a', 'b', 'c']) await put(name, { paragraphs: [name] });
      await catalog.deleteSource(ACME, HANDBOOK, 1, CHANGE);
      let steps = 0;
      while (await catalog.purgeSources(2)) steps += 1;
      expect(steps).toBeGreaterThanOrEqual(2);
      const dead = await catalog.deadChunks(10, HOUR);
      expect(dead.map(({ chunk }) => chunk).sort()).toEqual(
        ['a', 'b', 'c'].flatMap((name) => chunkIds(contentOf(keyOf(ACME, HANDBOOK, name), 1, [name]))).sort(),
      );
      expect(await catalog.listDocuments(ACME, other, undefined, 9)).toHaveLength(1);
      expect(await catalog.listDocuments(GLOBEX, HANDBOOK, undefined, 9)).toHaveLength(1);
      expect(await catalog.nextRevision(ACME, keyOf(ACME, HANDBOOK, 'a'))).toBe(3);
    });
  });

  describe('collections', () => {
    it('keep the first identity recorded', async () => {
      const { catalog, replica } = get();
      expect(await catalog.collectionIdentity('sluice')).toBeUndefined();
      expect(await catalog.recordCollectionIdentity('sluice', { b: 1, a: 'x' })).toEqual({ a: 'x', b: 1 });
      expect(await (await replica()).recordCollectionIdentity('sluice', { a: 'other' })).toEqual({ a: 'x', b: 1 });
      expect(await catalog.collectionIdentity('sluice')).toEqual({ a: 'x', b: 1 });
      expect(await catalog.collectionIdentity('another')).toBeUndefined();
    });
  });
}
