import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import type { TenantId } from '../../core/ids.ts';
import { silentTelemetry, type Counter } from '../../core/ports/telemetry.ts';
import { migrate } from '../../database/migrate.ts';
import { subLogKey } from '../../core/tlog/sub-log-map.ts';
import { openDatabase, type DatabaseConfig } from '../../database/open-database.ts';
import { openLogAndIndex } from '../index/open-index.ts';
import { BLOCK_POSITIONS, encodePositions } from '../index/positions.ts';
import { startEvidenceWorker, type EvidenceWorker } from './evidence-worker.ts';

const ACME = 'acme' as TenantId;

describe('the thread of the audit', () => {
  let worker: EvidenceWorker;
  let counted: Counter[];
  let database: DatabaseConfig;

  beforeEach(async () => {
    database = { kind: 'sqlite', path: join(temporaryDirectory(), 'sluice.sqlite') };
    const opened = await openDatabase(database);
    await migrate(opened);
    await opened.close();
    counted = [];
    worker = await startEvidenceWorker({
      setup: {
        database,
        limits: {},
        sequencer: { holder: 'one', host: 'sluice.test', checkpointSeconds: 60, outside: [] },
      },
      deeds: { keys: () => Promise.resolve([]), sign: () => Promise.resolve([]), sweep: () => Promise.resolve(0) },
      telemetry: { ...silentTelemetry, count: (counter) => void counted.push(counter) },
    });
  });
  afterEach(() => worker.close());

  it('answers', async () => {
    expect(await worker.checkpoints(ACME, 0, 10)).toEqual([]);
  });

  it('says which limit was passed', async () => {
    const { index, close } = await openLogAndIndex(database);
    const subLog = { about: 'kind', what: 'all', name: 'release' } as const;
    const at = { tenant: ACME, key: subLogKey(subLog) };
    const full = Array.from({ length: BLOCK_POSITIONS }, (_, n) => n);
    const blocks = Array.from({ length: 200 }, (_, block) => ({
      ...at,
      block,
      first: block * BLOCK_POSITIONS,
      positions: encodePositions(full.map((n) => block * BLOCK_POSITIONS + n)),
    }));
    const size = blocks.length * BLOCK_POSITIONS;
    await index.transaction(async (tx) => {
      await tx.insertInto('audit_index_logs').values({ tenant: ACME, size, head: '', map_size: size, map_root: '' }).execute();
      const tail = new Uint8Array(0);
      await tx
        .insertInto('audit_sublogs')
        .values({ ...at, size, head: tail, blocks: blocks.length, tail, dirty: 0 })
        .execute();
      await tx.insertInto('audit_sublog_blocks').values(blocks).execute();
    });
    await close();
    const message = expect.stringContaining('100000 events') as string;
    await expect(worker.completeness(ACME, subLog)).rejects.toMatchObject({
      code: 'limit_exceeded',
      issues: [{ pointer: 'query', message }],
    });
  });

  it('is started again when it dies, and its callers are told', async () => {
    const asked = worker.checkpoints(ACME, 0, 10).catch((error: unknown) => error);
    await worker.kill();
    // Answered before it died, or refused: never left alone.
    expect(await asked).toSatisfy((answer) => Array.isArray(answer) || (answer as { code?: string }).code === 'audit_unavailable');
    await expect.poll(() => worker.checkpoints(ACME, 0, 10).catch(() => 'away')).toEqual([]);
    expect(counted).toContain('audit_worker_restarts');
  });

  it('answers nothing once it is closed', async () => {
    await worker.close();
    await expect(worker.checkpoints(ACME, 0, 10)).rejects.toMatchObject({ code: 'audit_unavailable' });
  });
});
