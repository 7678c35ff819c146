import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyInclusion } from '../../src/core/tlog/proofs.ts';
import { subLogKey } from '../../src/core/tlog/sub-log-map.ts';
import { inclusionPath } from '../../src/core/tlog/make-proofs.ts';
import { dropIndex, indexBatch, logState, settleMap } from '../../src/audit/index/index-step.ts';
import { openLogAndIndex, type LogAndIndex } from '../../src/audit/index/open-index.ts';
import { decodePositions } from '../../src/audit/index/positions.ts';
import { rootAt, tileReader } from '../../src/audit/index/read-tiles.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { figure, trials } from '../support/scale.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { modelOf, rowsOf, storeLog, type Drawn } from './audit-index-model.ts';

const TENANT = 'acme';

const drawn: fc.Arbitrary<Drawn> = fc.record({
  kind: fc.constantFrom('intent', 'release', 'release', 'error', 'document.changed', 'switch.thrown', 'audit.read'),
  person: fc.nat({ max: 5 }),
  documents: fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 6 }),
  v: fc.constantFrom(1 as const, 2 as const),
});

async function positionsOf({ index }: LogAndIndex, key: Uint8Array): Promise<readonly number[]> {
  const blocks = await index.db.selectFrom('audit_sublog_blocks').select('positions').where('key', '=', key).orderBy('block').execute();
  const row = await index.db.selectFrom('audit_sublogs').select(['tail', 'size']).where('key', '=', key).executeTakeFirstOrThrow();
  const all = [...blocks.flatMap(({ positions }) => decodePositions(positions)), ...decodePositions(row.tail)];
  expect(all).toHaveLength(row.size);
  return all;
}

describe('the index of the audit log', () => {
  it('equals what is computed the plain way, whatever the batches', async () => {
    const tries = trials(12, 200, 3);
    const path = join(temporaryDirectory(), 'sluice.sqlite');
    const made = await openDatabase({ kind: 'sqlite', path });
    await migrate(made);
    await made.close();
    const both = await openLogAndIndex({ kind: 'sqlite', path });
    let events = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(drawn, { minLength: 1, maxLength: 1_500, size: 'max' }),
          fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
          async (log, batches) => {
            await both.log.transaction((tx) => tx.deleteFrom('audit_events').execute());
            await dropIndex(both.index, 1, TENANT);
            const rows = rowsOf(TENANT, log);
            events += rows.length;
            await storeLog(both.log, TENANT, rows);
            for (let size = 0, n = 0; size < rows.length; n += 1) {
              const batch = batches[n % batches.length] ?? 1;
              size = await indexBatch(both, 1, TENANT, Math.min(rows.length, size + batch), { events: batch, text: 1_000_000 });
              if (batch % 3 === 0) await settleMap(both.index, 1, TENANT);
            }
            const expected = modelOf(rows);
            expect(await rootAt(both.index.db, TENANT, rows.length)).toBe(expected.root);
            expect(await settleMap(both.index, 1, TENANT)).toEqual({ size: rows.length, map: expected.map });
            const head = await both.log.db.selectFrom('audit_heads').select('head').executeTakeFirstOrThrow();
            expect((await logState(both.index.db, TENANT)).head).toBe(head.head);
            for (const { subLog, positions } of expected.subLogs.slice(0, 10)) {
              expect(await positionsOf(both, subLogKey(subLog))).toEqual(positions);
            }
            const at = (batches[0] ?? 0) % rows.length;
            const proof = await inclusionPath(at, rows.length, tileReader(both.index.db, TENANT));
            const tree = { size: rows.length, root: Buffer.from(expected.root, 'hex') };
            expect(verifyInclusion(Buffer.from(rows[at]?.leaf ?? '', 'hex'), at, tree, proof)).toBe(true);
          },
        ),
        { numRuns: tries },
      );
    } finally {
      await both.close();
    }
    figure('audit index against a plain model', `${tries} logs, ${events} events`);
  });
});
