import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { DocumentId } from '../../src/core/ids.ts';
import { ACME, attributesOf, CHANGE, chunkIds, contentOf, GLOBEX, HANDBOOK, keyOf, the } from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const KEY = keyOf(ACME, HANDBOOK, 'd');
const ID = 'd' as DocumentId;

export function describeHoney(get: GetWorld): void {
  const chunk = () => the(chunkIds(contentOf(KEY, 1, ['one']))[0]);
  const isBait = async (): Promise<boolean> => the((await get().catalog.candidates(ACME, [chunk()])).candidates.get(chunk())).honey;
  const rows = () => get().database.db.selectFrom('honey_documents').selectAll().orderBy('recorded_from').execute();
  const mark = (marker: string | undefined, expected = 1, tenant = ACME) => get().catalog.markHoney(KEY, tenant, expected, marker, CHANGE);
  const epoch = async (): Promise<number> => {
    const found = await get().catalog.epoch(ACME);
    return found.kind === 'epoch' ? found.stamp.tenant : -1;
  };

  describe('bait', () => {
    it('is said of each hit and shown with its marker, from the moment it is marked until that is ended', async () => {
      const { catalog, put } = get();
      await put('d', { paragraphs: ['one'] });
      expect([await isBait(), (await catalog.document(ACME, HANDBOOK, ID))?.honey]).toEqual([false, undefined]);
      const before = await epoch();
      expect(await mark('m1')).toEqual({ changed: true });
      expect(await epoch()).toBeGreaterThan(before);
      expect([await isBait(), (await catalog.document(ACME, HANDBOOK, ID))?.honey]).toEqual([true, 'm1']);
      expect(await mark('m2')).toEqual({ changed: false });
      expect((await catalog.document(ACME, HANDBOOK, ID))?.honey).toBe('m1');
      expect(await mark(undefined)).toEqual({ changed: true });
      expect(await mark(undefined)).toEqual({ changed: false });
      expect(await isBait()).toBe(false);
      expect(await mark('m3')).toEqual({ changed: true });
      const history = await rows();
      expect(history.map(({ marker, recorded_to }) => [marker, recorded_to === null])).toEqual([
        ['m1', false],
        ['m3', true],
      ]);
    });

    it('writes an event with each change, without the marker', async () => {
      const { put, database } = get();
      await put('d', { paragraphs: ['one'] });
      await mark('the-marker');
      await mark('another');
      await mark(undefined);
      const found = await database.db
        .selectFrom('audit_events')
        .select('body')
        .where('kind', '=', 'honey.changed')
        .orderBy('idx')
        .execute();
      expect(found.map(({ body }) => (JSON.parse(body) as { honey: boolean }).honey)).toEqual([true, false]);
      expect(JSON.stringify(found)).not.toMatch(/the-marker|another/);
    });

    it('gives every marker that a tenant’s documents ever had, page by page, and no other tenant’s', async () => {
      const { catalog, put } = get();
      await put('d', { paragraphs: ['one'] });
      for (const marker of ['b', undefined, 'a', undefined, 'c']) await mark(marker);
      const of = (marker: string) => ({ marker, key: KEY, source: HANDBOOK, document: ID });
      expect(await catalog.honeyMarkers(ACME, undefined, 10)).toEqual(['a', 'b', 'c'].map(of));
      expect(await catalog.honeyMarkers(ACME, undefined, 2)).toEqual(['a', 'b'].map(of));
      expect(await catalog.honeyMarkers(ACME, 'b', 2)).toEqual([of('c')]);
      expect(await catalog.honeyMarkers(ACME, 'c', 2)).toEqual([]);
      expect(await catalog.honeyMarkers(GLOBEX, undefined, 10)).toEqual([]);
      await catalog.deleteDocument(KEY, ACME, 1, CHANGE);
      expect(await catalog.honeyMarkers(ACME, undefined, 10)).toEqual(['a', 'b', 'c'].map(of));
    });

    it('stays through new texts and attributes, and ends with the document', async () => {
      const { catalog, put } = get();
      await put('d', { paragraphs: ['one'] });
      await mark('m1');
      await catalog.change(KEY, ACME, 1, attributesOf({ title: 'Other' }), CHANGE);
      expect((await catalog.document(ACME, HANDBOOK, ID))?.honey).toBe('m1');
      await catalog.deleteDocument(KEY, ACME, 2, CHANGE, 'owner');
      expect((await rows()).map(({ recorded_to }) => recorded_to === null)).toEqual([false]);
    });

    it('is refused for a document that has moved on, is gone or is of another tenant', async () => {
      const { catalog, put } = get();
      await put('d', { paragraphs: ['one'] });
      await expect(mark('m', 2)).rejects.toMatchObject({ code: 'conflict' });
      await expect(mark('m', 1, GLOBEX)).rejects.toMatchObject({ code: 'conflict' });
      await catalog.deleteDocument(KEY, ACME, 1, CHANGE, 'owner');
      await expect(mark('m', 2)).rejects.toMatchObject({ code: 'conflict' });
      expect(await rows()).toEqual([]);
    });

    it('is the same for a report of then as it was then', async () => {
      const { catalog, put } = get();
      await put('d', { paragraphs: ['one'] });
      await mark('m1');
      // So that it was so for a moment of the database's clock.
      await sleep(20);
      await mark(undefined);
      const at = the((await rows())[0]).recorded_from;
      const named = { kind: 'document', source: HANDBOOK, document: ID } as const;
      expect((await catalog.documentAt(ACME, named, 'now'))?.honey).toBe(false);
      expect((await catalog.documentAt(ACME, named, at))?.honey).toBe(true);
      expect((await catalog.documentAt(ACME, named, at - 1))?.honey ?? false).toBe(false);
    });
  });
}
