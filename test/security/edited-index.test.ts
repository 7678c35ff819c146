import { INDEX_TABLES } from '../../src/audit/index/index-step.ts';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogAndIndex, type LogAndIndex } from '../../src/audit/index/open-index.ts';
import { createEvidence, type Evidence } from '../../src/audit/worker/evidence.ts';
import { EMPTY_HEAD, nextHead } from '../../src/audit/leaf.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { AuditEventRow, AuditHeadRow } from '../../src/database/audit-tables.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { modelOf, rowsOf, storeLog, type Drawn } from '../property/audit-index-model.ts';
import { testDeeds, testKey } from '../support/evidence-parts.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ACME = 'acme' as TenantId;

function rows(count: number) {
  const drawn = Array.from({ length: count }, (_, n): Drawn => ({ kind: 'release', person: n % 3, documents: [n % 5], v: 2 }));
  return rowsOf(ACME, drawn);
}

/** Whoever writes in the database or in the index beside it does not get a signature under what the log does not say. */
describe('what is signed', () => {
  let both: LogAndIndex;
  let config: DatabaseConfig;
  let made: Evidence;
  let failures: number;
  let end: () => Promise<void>;

  beforeEach(async () => {
    const folder = temporaryDirectory();
    config = { kind: 'sqlite', path: join(folder, 'sluice.sqlite') };
    const fresh = await openDatabase(config);
    await migrate(fresh);
    await fresh.close();
    both = await openLogAndIndex(config);
    failures = 0;
    await begin(60_000);
  });
  async function begin(freshMs: number): Promise<void> {
    const databases = await openLogAndIndex(config);
    made = createEvidence({
      databases,
      settings: {
        holder: 'one',
        host: 'sluice.test',
        checkpointSeconds: 3_600,
        outside: [],
        timing: { tickMs: 20, leaseMs: 600, freshMs },
      },
      deeds: testDeeds([testKey(1)]),
      telemetry: { ...silentTelemetry, count: (counter) => void (counter === 'checkpoint_failures' && (failures += 1)) },
    });
    await made.start();
    end = async () => {
      await made.stop();
      await databases.close();
    };
  }
  afterEach(async () => {
    await end();
    await both.close();
  });
  const bodyAt = (idx: number, body: string) =>
    both.log.transaction((tx) => tx.updateTable('audit_events').set({ body }).where('idx', '=', idx).execute());

  it('leaves no list without an event whose body was changed for a moment', async () => {
    const all = rows(60);
    await storeLog(both.log, ACME, all.slice(0, 30));
    await made.evidence.checkpoint(ACME, true);
    await both.log.transaction(async (tx) => {
      await tx.deleteFrom('audit_heads').execute();
      await tx.deleteFrom('audit_events').execute();
    });
    await end();
    await storeLog(both.log, ACME, all);
    await bodyAt(45, '{"by":"nobody"}');
    await begin(1_500);
    await expect(made.evidence.checkpoint(ACME, true)).rejects.toMatchObject({ code: 'audit_unavailable' });
    await expect.poll(() => failures).toBeGreaterThan(0);
    await bodyAt(45, all[45]?.body ?? '');
    const model = modelOf(all);
    await expect.poll(() => made.evidence.checkpoint(ACME, true)).toMatchObject({ size: 60, root: model.root, map: model.map });
  });

  it('is the tree of the log, whatever was written into the index', async () => {
    const all = rows(700);
    await storeLog(both.log, ACME, all.slice(0, 300));
    expect(await made.evidence.checkpoint(ACME, true)).toMatchObject({ size: 300 });
    await storeLog(both.log, ACME, all, 300);
    const indexed = async () => (await both.index.db.selectFrom('audit_index_logs').select('size').executeTakeFirst())?.size;
    await expect.poll(indexed).toBe(700);
    await both.index.transaction(async (tx) => {
      const edge = await tx.selectFrom('audit_edges').selectAll().where('level', '=', 0).executeTakeFirstOrThrow();
      const hashes = Buffer.from(edge.hashes);
      hashes[hashes.length - 1] = (hashes.at(-1) ?? 0) ^ 1;
      await tx.updateTable('audit_edges').set({ hashes }).where('level', '=', 0).execute();
    });
    const model = modelOf(all);
    expect(await made.evidence.checkpoint(ACME, true)).toMatchObject({ size: 700, root: model.root, map: model.map });
    expect(failures).toBeGreaterThan(0);
  });

  it('is not another log than a running signer has signed, though nothing in the database says so any more', async () => {
    const all = rows(300);
    await storeLog(both.log, ACME, all);
    expect(await made.evidence.checkpoint(ACME, true)).toMatchObject({ size: 300 });
    const forged = [
      ...all.slice(0, 100),
      ...rowsOf(
        ACME,
        rows(400).map((_, n): Drawn => ({ kind: 'intent', person: n % 5, documents: [], v: 2 })),
      ).slice(100),
    ];
    await both.index.transaction(async (tx) => {
      for (const table of INDEX_TABLES) await tx.deleteFrom(table).execute();
    });
    await both.log.transaction(async (tx) => {
      for (const table of ['audit_checkpoints', 'audit_outside', 'audit_events', 'audit_heads'] as const)
        await tx.deleteFrom(table).execute();
      await tx.insertInto('audit_events').values(forged.slice(0, 200)).execute();
      await tx.insertInto('audit_events').values(forged.slice(200)).execute();
      await tx.insertInto('audit_heads').values(headOf(forged)).execute();
    });
    await expect(made.evidence.checkpoint(ACME, true)).rejects.toMatchObject({ code: 'log_rolled_back' });
    expect(await both.log.db.selectFrom('audit_checkpoints').select('size').execute()).toEqual([]);
  });
});

function headOf(log: readonly AuditEventRow[]): AuditHeadRow {
  const head = log.reduce((before, { leaf }) => nextHead(before, leaf), EMPTY_HEAD);
  return { tenant: ACME, size: log.length, head, at: log.at(-1)?.at ?? 0, erasures: 0 };
}
