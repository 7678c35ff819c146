import { beforeEach, describe, expect, it } from 'vitest';
import { makeNote } from '../../src/audit/checkpoints/make-note.ts';
import { leafHash } from '../../src/audit/leaf.ts';
import { indexLeaves } from '../../src/audit/verify/index-leaves.ts';
import { createFrontier } from '../../src/core/tlog/frontier.ts';
import type { AuditEventRow } from '../../src/database/audit-tables.ts';
import type { Tx } from '../../src/database/database.ts';
import { migrateIndex } from '../../src/database/migrate.ts';
import { ACME, ADA, BOB, changeOf, event, OTHER, releaseOf, textOf } from '../support/audit-events.ts';
import type { AuditWorld } from '../support/audit-fixture.ts';
import { testDeeds, testKey } from '../support/evidence-parts.ts';

const SIZE = 8;

/** Every kind of thing in a stored log is changed, and each is found where it is. */
export function describeVerification(get: () => AuditWorld): void {
  const write = (run: (tx: Tx) => Promise<unknown>): Promise<unknown> => get().database.transaction(run);
  const verdict = () => get().audit.verifyChain(ACME);
  const set = (idx: number, values: Partial<AuditEventRow>): Promise<unknown> =>
    write((tx) => tx.updateTable('audit_events').set(values).where('tenant', '=', ACME).where('idx', '=', idx).execute());
  const drop = (idx: number): Promise<unknown> =>
    write((tx) => tx.deleteFrom('audit_events').where('tenant', '=', ACME).where('idx', '=', idx).execute());
  const rowAt = async (idx: number): Promise<AuditEventRow> => {
    const row = (await get().rows())[idx];
    if (row === undefined) throw new Error('no row');
    return row;
  };
  /** Moves [from, SIZE) by one place, from the end that is free. */
  const shift = async (from: number, by: 1 | -1): Promise<void> => {
    const places = Array.from({ length: SIZE - from }, (_, n) => from + n);
    for (const idx of by === 1 ? places.toReversed() : places) await set(idx, { idx: idx + by });
  };

  describe('verifyChain', () => {
    beforeEach(async () => {
      for (let n = 0; n < SIZE; n += 1) await get().audit.append(event(`r${n}`));
    });

    it('finds an untouched and an empty log intact', async () => {
      expect(await verdict()).toMatchObject({ kind: 'intact', size: SIZE });
      expect(await get().audit.verifyChain(OTHER)).toEqual({ kind: 'intact', size: 0, head: '0'.repeat(64) });
    });

    it.each([
      ['body', '{"n":2}'],
      ['request_id', 'r9'],
      ['kind', 'release'],
      ['at', 1],
      ['salt', '00'.repeat(16)],
      ['leaf', '00'.repeat(32)],
      ['v', 1],
    ])('names the event whose %s was changed', async (column, value) => {
      await set(3, { [column]: value });
      expect(await verdict()).toEqual({ kind: 'broken', index: 3, reason: 'changed' });
    });

    it('names the place of a dropped event, in the middle and at the end, and where the rest was moved up', async () => {
      await drop(SIZE - 1);
      expect(await verdict()).toEqual({ kind: 'broken', index: SIZE - 1, reason: 'missing' });
      await drop(4);
      expect(await verdict()).toEqual({ kind: 'broken', index: 4, reason: 'missing' });
      await set(5, { idx: 4 });
      await set(6, { idx: 5 });
      expect(await verdict()).toEqual({ kind: 'broken', index: 4, reason: 'missing' });
    });

    it.each([
      [2, 5],
      [2, 3],
    ])('names the first of two swapped events (%i and %i)', async (one, other) => {
      await set(one, { idx: 100 });
      await set(other, { idx: one });
      await set(100, { idx: other });
      expect(await verdict()).toMatchObject({ kind: 'broken', index: one });
      expect(['swapped', 'inserted', 'missing']).toContain(((await verdict()) as { reason: string }).reason);
    });

    it.each(['with a leaf of its own', 'with the leaf of another'])('names an event that was put in %s', async (how) => {
      const row = await rowAt(3);
      await shift(3, 1);
      const forged = { ...row, request_id: 'forged' };
      const leaf = how === 'with a leaf of its own' ? leafHash(forged) : row.leaf;
      await write((tx) =>
        tx
          .insertInto('audit_events')
          .values({ ...forged, leaf })
          .execute(),
      );
      expect(await verdict()).toEqual({ kind: 'broken', index: 3, reason: 'inserted' });
    });

    it('notices a head set back and events put behind the head', async () => {
      const last = await rowAt(SIZE - 1);
      await write((tx) =>
        tx
          .insertInto('audit_events')
          .values({ ...last, idx: SIZE })
          .execute(),
      );
      expect(await verdict()).toEqual({ kind: 'broken', index: SIZE, reason: 'beyond-head' });
      await write((tx) => tx.deleteFrom('audit_heads').where('tenant', '=', ACME).execute());
      expect(await verdict()).toEqual({ kind: 'broken', index: 0, reason: 'beyond-head' });
    });

    it('places an event rewritten together with its leaf as exactly as what was kept of the log allows', async () => {
      const before = (await get().rows()).map(({ leaf }) => leaf);
      const row = await rowAt(3);
      const forged = { ...row, body: '{"n":2}' };
      await set(3, { body: forged.body, leaf: leafHash(forged) });
      expect(await verdict()).toEqual({ kind: 'broken', index: SIZE, reason: 'head' });
      await keepCheckpoints(before, [2, 6, 7]);
      expect(await verdict()).toEqual({ kind: 'broken', index: 2, before: 6, reason: 'rewritten' });
      const leaves = (_tenant: string, tile: number): Promise<readonly string[]> => Promise.resolve(tile === 0 ? before : []);
      expect(await get().audit.verifyChain(ACME, leaves)).toEqual({ kind: 'broken', index: 3, before: 4, reason: 'rewritten' });
      await set(3, { body: row.body, leaf: row.leaf });
      expect(await get().audit.verifyChain(ACME, leaves)).toMatchObject({ kind: 'intact' });
    });

    it.each(['no JSON', '[1]', 'null', '{"emptied":5,"pseudonyms":{}}', '{"emptied":[{}],"pseudonyms":[null],"continues":"x"}'])(
      'places an event rewritten to %s, and does not stop at it',
      async (body) => {
        const before = (await get().rows()).map(({ leaf }) => leaf);
        for (const kind of ['caller.erased', 'release']) {
          const forged = { ...(await rowAt(3)), kind, body };
          await set(3, { kind, body, leaf: leafHash(forged) });
          expect(await verdict()).toEqual({ kind: 'broken', index: SIZE, reason: 'head' });
          const leaves = (_tenant: string, tile: number): Promise<readonly string[]> => Promise.resolve(tile === 0 ? before : []);
          expect(await get().audit.verifyChain(ACME, leaves)).toEqual({ kind: 'broken', index: 3, before: 4, reason: 'rewritten' });
        }
        expect(await get().audit.byRequest(ACME, 'r3')).toHaveLength(1);
      },
    );

    it('places it by the tiles of the derived index', async () => {
      const { database, audit } = get();
      const row = await rowAt(3);
      const hashes = Buffer.concat((await get().rows()).map(({ leaf }) => Buffer.from(leaf, 'hex')));
      await migrateIndex(database);
      await write((tx) => tx.insertInto('audit_edges').values({ tenant: ACME, level: 0, idx: 0, hashes }).execute());
      expect(await audit.verifyChain(ACME, indexLeaves(database.db))).toMatchObject({ kind: 'intact' });
      const forged = { ...row, body: '{"n":2}' };
      await set(3, { body: forged.body, leaf: leafHash(forged) });
      expect(await audit.verifyChain(ACME, indexLeaves(database.db))).toEqual({ kind: 'broken', index: 3, before: 4, reason: 'rewritten' });
    });

    it('a whole chain that was written anew parts from the checkpoints', async () => {
      const before = (await get().rows()).map(({ leaf }) => leaf);
      await keepCheckpoints(before.with(5, '00'.repeat(32)), [4, 8]);
      expect(await verdict()).toEqual({ kind: 'broken', index: 4, before: 8, reason: 'rewritten' });
    });

    it('leaves kept elsewhere that are wrong themselves do not make a good log bad', async () => {
      const wrong = (): Promise<readonly string[]> => Promise.resolve(Array<string>(SIZE).fill('00'.repeat(32)));
      expect(await get().audit.verifyChain(ACME, wrong)).toMatchObject({ kind: 'intact' });
    });

    const keepCheckpoints = async (leaves: readonly string[], sizes: readonly number[]): Promise<void> => {
      await write((tx) =>
        tx.insertInto('audit_origins').values({ tenant: ACME, number: 0, origin: 'test/acme', since: 0, reason: '' }).execute(),
      );
      for (const size of sizes) {
        const frontier = createFrontier();
        for (const leaf of leaves.slice(0, size)) frontier.append(Buffer.from(leaf, 'hex'));
        const root = Buffer.from(frontier.root()).toString('hex');
        const [origin, map] = ['test/acme', '00'.repeat(32)];
        const note = await makeNote({ origin, size, root, map }, testDeeds([testKey(1)]).sign);
        await write((tx) => tx.insertInto('audit_checkpoints').values({ tenant: ACME, origin, size, root, map, note, at: 0 }).execute());
      }
    };
  });

  describe('verifyChain of what is sealed', () => {
    beforeEach(async () => {
      for (const who of [ADA, BOB, ADA]) await get().audit.append(releaseOf(`of ${who}`, who, [textOf(`to ${who}`)]));
    });
    const sealedRow = async (idx: number) =>
      get().database.db.selectFrom('audit_sealed').selectAll().where('idx', '=', idx).executeTakeFirstOrThrow();
    const sealedAs = (idx: number, content: Uint8Array): Promise<unknown> =>
      write((tx) => tx.updateTable('audit_sealed').set({ content }).where('idx', '=', idx).execute());
    const keyOf = (name: string, kind: 'person' | 'holder' = 'person') =>
      get().database.db.selectFrom('audit_keys').selectAll().where('kind', '=', kind).where('name', '=', name).executeTakeFirstOrThrow();

    it('finds it whole', async () => {
      expect(await verdict()).toMatchObject({ kind: 'intact', size: 3 });
    });

    it.each(['the version', 'the seed', 'the holder', 'a text id', 'the facts', 'the answer', 'the end'])(
      'names the event of which %s was changed, and replay says damaged',
      async (part) => {
        const { content } = await sealedRow(1);
        const places = [0, 5, 20, 40, content.length - 60, content.length - 20, content.length];
        const at = places[['the version', 'the seed', 'the holder', 'a text id', 'the facts', 'the answer', 'the end'].indexOf(part)] ?? 0;
        const forged = Buffer.concat([content, Buffer.alloc(at === content.length ? 1 : 0)]);
        forged[at] = (forged[at] ?? 0) ^ 1;
        await sealedAs(1, forged);
        expect(await verdict()).toEqual({ kind: 'broken', index: 1, reason: 'sealed' });
        expect(await get().audit.sealed(ACME, 1)).toEqual({ facts: { kind: 'damaged' }, answer: { kind: 'damaged' }, texts: [] });
        expect(await get().audit.sealed(ACME, 0)).toMatchObject({ facts: { kind: 'open' } });
      },
    );

    it('names an event whose sealed part is gone, is that of another, or was added to one that has none', async () => {
      const { content } = await sealedRow(0);
      await sealedAs(2, content);
      expect(await verdict()).toEqual({ kind: 'broken', index: 2, reason: 'sealed' });
      expect(await get().audit.sealed(ACME, 2)).toMatchObject({ facts: { kind: 'damaged' } });
      await write((tx) => tx.deleteFrom('audit_sealed').where('idx', '=', 1).execute());
      expect(await verdict()).toEqual({ kind: 'broken', index: 1, reason: 'sealed' });
      expect(await get().audit.sealed(ACME, 1)).toMatchObject({ facts: { kind: 'damaged' } });
    });

    it('names a sealed part beside an event that commits to none', async () => {
      await get().audit.append(event('bare'));
      const { content } = await sealedRow(0);
      await write((tx) => tx.insertInto('audit_sealed').values({ tenant: ACME, idx: 3, content }).execute());
      expect(await verdict()).toEqual({ kind: 'broken', index: 3, reason: 'sealed' });
    });

    it.each(['changed', 'exchanged', 'deleted'])('names the first event that released a text which was %s', async (how) => {
      const { db } = get().database;
      // Of the second event alone; the others share one.
      const rows = await db.selectFrom('audit_texts').selectAll().execute();
      const opened = await Promise.all(rows.map(async (row) => ({ row, in: (await sealedRow(1)).content })));
      const mine = opened.find(({ row, in: content }) => Buffer.from(content).includes(Buffer.from(row.id, 'hex')))?.row;
      const other = rows.find(({ id }) => id !== mine?.id);
      if (mine === undefined || other === undefined) throw new Error('no text');
      const forged = Buffer.from(how === 'exchanged' ? other.content : mine.content);
      if (how === 'changed') forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
      await write((tx) =>
        how === 'deleted'
          ? tx.deleteFrom('audit_texts').where('id', '=', mine.id).execute()
          : tx.updateTable('audit_texts').set({ content: forged }).where('id', '=', mine.id).execute(),
      );
      expect(await verdict()).toEqual({ kind: 'broken', index: 1, reason: 'text' });
      expect(await get().audit.sealed(ACME, 1)).toMatchObject({ facts: { kind: 'open' }, texts: [{ kind: 'damaged' }] });
    });

    it('names the first event about somebody whose name or key was exchanged or deleted', async () => {
      const bob = await keyOf(BOB);
      const change = (values: object): Promise<unknown> =>
        write((tx) => tx.updateTable('audit_keys').set(values).where('pseudonym', '=', bob.pseudonym).execute());
      await change({ name: 'user:test|mallory' });
      expect(await verdict()).toEqual({ kind: 'broken', index: 1, reason: 'key' });
      await change({ name: BOB, key: Buffer.alloc(32) });
      expect(await verdict()).toEqual({ kind: 'broken', index: 1, reason: 'key' });
      await change({ key: bob.key });
      expect(await verdict()).toMatchObject({ kind: 'intact' });
      await write((tx) => tx.deleteFrom('audit_keys').where('pseudonym', '=', bob.pseudonym).execute());
      expect(await verdict()).toEqual({ kind: 'broken', index: 1, reason: 'key' });
    });

    it('a key that was deleted with a tombstone, and no event that says so, is found', async () => {
      const { pseudonym } = await keyOf(BOB, 'holder');
      await get().audit.erase(ACME, { kind: 'caller', principal: ADA }, 'x', changeOf('e'));
      expect(await verdict()).toMatchObject({ kind: 'intact' });
      await write(async (tx) => {
        await tx.deleteFrom('audit_keys').where('pseudonym', '=', pseudonym).execute();
        await tx.insertInto('audit_tombstones').values({ tenant: ACME, pseudonym, kind: 'holder', idx: 3 }).execute();
      });
      expect(await verdict()).toEqual({ kind: 'broken', index: 3, reason: 'erased' });
    });
  });
}
