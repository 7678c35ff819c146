import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readNote } from '../../src/audit/checkpoints/make-note.ts';
import { addOrigin } from '../../src/audit/checkpoints/origins.ts';
import { forgetWanted, want, wantedSizes } from '../../src/audit/checkpoints/wanted.ts';
import { dropIndex } from '../../src/audit/index/index-step.ts';
import type { LogAndIndex } from '../../src/audit/index/open-index.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { createFrontier } from '../../src/core/tlog/frontier.ts';
import type { DatabaseConfig } from '../../src/database/open-database.ts';
import { rowsOf, storeLog, type Drawn } from '../property/audit-index-model.ts';
import { ACME, sequencerWorld } from '../support/sequencer-world.ts';

function drawn(count: number, from = 0): readonly Drawn[] {
  return Array.from({ length: count }, (_, n) => ({ kind: 'release', person: (from + n) % 7, documents: [(from + n) % 31], v: 2 }));
}

/** What must not be signed, and what one log that is stopped must not keep from the others. */
export function checkpointRefusalsContract(name: string, fresh: () => Promise<DatabaseConfig>): void {
  describe(`checkpoints that are refused on ${name}`, () => {
    const world = sequencerWorld(fresh);
    const { replica, append, given } = world;
    let both: LogAndIndex;
    beforeEach(() => {
      ({ both } = world.now());
    });

    it.each([60, 256])(
      'compare a log of %i with what left once it is indexed, where it is too long to be computed before',
      async (size) => {
        const rows = rowsOf(ACME, drawn(size));
        await storeLog(both.log, ACME, rows);
        const first = await replica();
        const signed = await first.evidence.checkpoint(ACME, true);
        const origin = readNote(signed?.note ?? '')?.origin ?? '';
        await expect.poll(() => given(origin)).toEqual([size]);
        await first.end();
        // Whoever holds the database rewrites events, leaves, head and checkpoints; the index is gone, so it cannot tell either.
        const forged = [...rows.slice(0, 30), ...rowsOf(ACME, drawn(size + 1, 1)).slice(30)];
        await both.log.transaction((tx) => tx.deleteFrom('audit_events').execute());
        await storeLog(both.log, ACME, forged);
        const tree = createFrontier();
        for (const { leaf } of forged.slice(0, size)) tree.append(Buffer.from(leaf, 'hex'));
        const root = Buffer.from(tree.root()).toString('hex');
        await both.log.transaction((tx) => tx.updateTable('audit_checkpoints').set({ root }).execute());
        await dropIndex(both.index, 1_000, ACME);
        await both.index.transaction((tx) => tx.updateTable('audit_index_fence').set({ term: 0 }).execute());
        const { evidence } = await replica({ holder: 'two', computedUpTo: 10 });
        await expect(evidence.checkpoint(ACME, true)).rejects.toMatchObject({ code: 'log_rolled_back' });
        expect(given(origin)).toEqual([size]);
      },
    );

    it('sign a long log whose index was deleted, where it is the one that left', async () => {
      await storeLog(both.log, ACME, rowsOf(ACME, drawn(60)));
      const first = await replica();
      await first.evidence.checkpoint(ACME, true);
      await first.end();
      await dropIndex(both.index, 1_000, ACME);
      await both.index.transaction((tx) => tx.updateTable('audit_index_fence').set({ term: 0 }).execute());
      await append('more');
      const { evidence } = await replica({ holder: 'two', computedUpTo: 10 });
      expect(await evidence.checkpoint(ACME, true)).toMatchObject({ size: 61 });
    });

    it('are still wanted where only a checkpoint under a former name is as large', async () => {
      await both.log.transaction(async (tx) => {
        await addOrigin(tx, both.log, ACME, 'sluice.test/sluice/1', '');
        const former = { tenant: ACME, origin: 'sluice.test/sluice/1', size: 1_000, root: '', map: '', note: '', at: 1 };
        await tx.insertInto('audit_checkpoints').values(former).execute();
        await addOrigin(tx, both.log, ACME, 'sluice.test/sluice/2', 'restored');
      });
      await want(both.log, ACME, 501);
      await forgetWanted(both.log, await wantedSizes(both.log.db));
      expect(await wantedSizes(both.log.db)).toEqual(new Map([[ACME, 501]]));
      await both.log.transaction((tx) =>
        tx
          .insertInto('audit_checkpoints')
          .values({ tenant: ACME, origin: 'sluice.test/sluice/2', size: 501, root: '', map: '', note: '', at: 2 })
          .execute(),
      );
      await forgetWanted(both.log, await wantedSizes(both.log.db));
      expect(await wantedSizes(both.log.db)).toEqual(new Map());
    });

    it('do not keep lonely intents of one log from being ended because those of others cannot be', async () => {
      const stuck = 'aaa' as TenantId;
      // More than are swept at once, remembered for a log that goes nowhere, and one whose sweeping fails.
      const rows = Array.from({ length: 450 }, (_, idx) => ({ tenant: stuck, idx, request_id: `r${idx}`, at: 1 }));
      await both.index.transaction((tx) => tx.insertInto('audit_open_intents').values(rows).execute());
      await append('alone', 'intent', 'aab' as TenantId);
      await both.log.transaction((tx) => tx.updateTable('audit_events').set({ body: 'no JSON' }).execute());
      await append('alone', 'intent');
      await replica({ timing: { sweepAfterMs: 300 } });
      const kinds = async () => (await world.now().audit.byRequest(ACME, 'alone')).map(({ kind }) => kind);
      await expect.poll(kinds).toEqual(['intent', 'error']);
    });

    it('say of a directory that cannot be listed that it could not be asked', async () => {
      const file = join(world.now().outside, 'no-directory');
      writeFileSync(file, '');
      await replica({ places: [{ kind: 'file', path: file, name: 'file:broken' }] });
      expect(world.now().errors).toContain('a place outside could not be asked for its checkpoints');
    });
  });
}
