import { describe, expect, it } from 'vitest';
import type { DocumentId } from '../../src/core/ids.ts';
import {
  ACME,
  ANNA,
  attributesOf,
  CHANGE,
  chunkIds,
  contentOf,
  GLOBEX,
  HANDBOOK,
  HR,
  keyOf,
  label,
  sourceAttributes,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

const NAME = 'd' as DocumentId;
const KEY = keyOf(ACME, HANDBOOK, NAME);

export function describeIsolation(get: GetWorld): void {
  describe('tenants', () => {
    it('see nothing of each other through any read', async () => {
      const { catalog, put, stamp } = get();
      const acl = { gates: [[HR]], deny: [ANNA] };
      await put(NAME, { attributes: { acl, declared: label('restricted') } });
      await catalog.throwSwitch(ACME, { kind: 'tenant' }, 'r', CHANGE);
      const chunks = chunkIds(contentOf(KEY, 1, ['first paragraph', 'second paragraph']));
      const reads = async (tenant: typeof ACME) => {
        const own = await stamp(catalog, tenant);
        const view = await catalog.view(tenant, own);
        return {
          candidates: (await catalog.candidates(tenant, chunks)).candidates.size,
          document: (await catalog.document(tenant, HANDBOOK, NAME))?.key,
          listed: (await catalog.listDocuments(tenant, HANDBOOK, undefined, 9)).length,
          next: await catalog.nextRevision(tenant, KEY),
          payload: (await catalog.accessPayload(tenant, KEY))?.revision,
          numbers: (await catalog.numbers(tenant, [HR, ANNA], own)).size,
          zones: view.zones.size,
          off: view.off.everything,
        };
      };
      expect(await reads(ACME)).toEqual({ candidates: 2, document: KEY, listed: 1, next: 2, payload: 1, numbers: 2, zones: 1, off: true });
      expect(await reads(GLOBEX)).toEqual({
        candidates: 0,
        document: undefined,
        listed: 0,
        next: 1,
        payload: undefined,
        numbers: 0,
        zones: 0,
        off: false,
      });
    });

    it('change nothing of each other through any write', async () => {
      const { catalog, put, stamp } = get();
      const stored = await put(NAME);
      const content = contentOf(KEY, 2, ['replaced']);
      await catalog.stage(ACME, KEY, content);
      await catalog.change(KEY, ACME, 1, attributesOf({ title: 'changed' }), CHANGE);
      const before = { document: await catalog.document(ACME, HANDBOOK, NAME), stamp: await stamp() };
      const foreign = { tenant: GLOBEX, source: HANDBOOK, document: NAME, key: KEY, content, change: CHANGE };
      await catalog.reserve(GLOBEX, HANDBOOK, stored.declared, stored.acl);
      const conflicts = [
        () => catalog.change(KEY, GLOBEX, 2, attributesOf({ state: 'quarantined' }), CHANGE),
        () => catalog.deleteDocument(KEY, GLOBEX, 2, CHANGE),
        () => catalog.publish({ ...foreign, expected: 2, attributes: attributesOf() }),
        () => catalog.publish({ ...foreign, expected: 'absent', attributes: attributesOf() }),
        () => catalog.liftSwitch(GLOBEX, { kind: 'document', id: KEY }, CHANGE),
      ];
      for (const attempt of conflicts) await expect(attempt()).rejects.toMatchObject({ code: 'conflict' });
      await catalog.markIndexed(GLOBEX, KEY, 2);
      await catalog.throwSwitch(GLOBEX, { kind: 'document', id: KEY }, 'r', CHANGE);
      await catalog.throwSwitch(GLOBEX, { kind: 'source', id: HANDBOOK }, 'r', CHANGE);
      await catalog.putSource(GLOBEX, HANDBOOK, sourceAttributes({ label: label('restricted') }), 1, CHANGE);
      await catalog.deleteSource(GLOBEX, HANDBOOK, 2, CHANGE);
      while (await catalog.purgeSources(10));
      await catalog.purgeChunks(GLOBEX, chunkIds(content));
      expect({ document: await catalog.document(ACME, HANDBOOK, NAME), stamp: await stamp() }).toEqual(before);
      const live = chunkIds(contentOf(KEY, 1, ['first paragraph', 'second paragraph']));
      const { candidates } = await catalog.candidates(ACME, [...live, ...chunkIds(content)]);
      expect([...candidates.values()].map(({ state }) => state).sort()).toEqual(['live', 'live', 'staged']);
      const view = await catalog.view(ACME, before.stamp);
      expect([view.off.sources.size, view.sources.get(HANDBOOK)?.revision]).toEqual([0, 1]);
    });

    it('that do not exist are refused', async () => {
      const { catalog } = get();
      const nobody = 'nobody' as typeof ACME;
      const attempts = [
        () => catalog.putSource(nobody, HANDBOOK, sourceAttributes(), 'absent', CHANGE),
        () => catalog.throwSwitch(nobody, { kind: 'tenant' }, 'r', CHANGE),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
      await expect(catalog.reserve(nobody, HANDBOOK, label('public'), attributesOf().acl)).rejects.toMatchObject({ code: 'conflict' });
      expect(await catalog.epoch(nobody)).toEqual({ kind: 'none' });
      expect(await catalog.tenants()).toEqual([ACME, GLOBEX]);
    });
  });

  describe('a database that is gone', () => {
    it('is catalog_unavailable for reads and writes', async () => {
      const { catalog, put, database } = get();
      const { key } = await put(NAME);
      await expect(catalog.epoch(ACME)).resolves.toBeDefined();
      await database.close();
      const attempts = [
        () => catalog.epoch(ACME),
        () => catalog.candidates(ACME, []),
        () => catalog.view(ACME, { tenant: 9, global: 9, generation: 99 }),
        () => catalog.document(ACME, HANDBOOK, NAME),
        () => catalog.deleteDocument(key, ACME, 1, CHANGE),
      ];
      for (const attempt of attempts) {
        await expect(attempt()).rejects.toMatchObject({ code: 'catalog_unavailable' });
      }
    });
  });
}
