import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TenantId } from '../../core/ids.ts';
import { migrate } from '../../database/migrate.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { walFile, type FileSync } from '../../database/wal-sync.ts';
import { newestCheckpoint } from '../checkpoints/stored.ts';
import { proofReads } from './proof-reads.ts';

const ACME = 'acme' as TenantId;
const LIMITS = { connectTimeoutMs: 5_000, statementTimeoutMs: 10_000, transactionTimeoutMs: 30_000, poolSize: 1 };

it('gives no checkpoint away that is not on the disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-proofs-'));
  const path = join(folder, 'log.db');
  const real = walFile(path);
  let gate: PromiseWithResolvers<void> | undefined;
  const file: FileSync = {
    async sync() {
      await gate?.promise;
      await real.sync();
    },
    close: () => real.close(),
  };
  const log = await openSqlite(path, LIMITS, file);
  try {
    await migrate(log);
    await log.transaction((tx) =>
      tx.insertInto('audit_origins').values({ tenant: ACME, number: 0, origin: 'o', since: 0, reason: '' }).execute(),
    );
    const row = { tenant: ACME, origin: 'o', root: '', map: '', at: 1 };
    const store = (size: number): Promise<unknown> =>
      log.transaction((tx) =>
        tx
          .insertInto('audit_checkpoints')
          .values({ ...row, size, note: `${size}` })
          .execute(),
      );
    const reads = proofReads({ log, index: log, close: () => log.close() }, () => undefined, 1_000);
    await store(1);
    expect(await reads.checkpoint(ACME, false)).toMatchObject({ size: 1 });

    gate = Promise.withResolvers();
    const storing = store(2);
    await expect.poll(() => newestCheckpoint(log.db, ACME)).toMatchObject({ size: 2 });
    const given: unknown[] = [];
    const asked = [reads.checkpoint(ACME, false), reads.checkpointAt(ACME, 2), reads.checkpoints(ACME, 0, 10)].map((one) =>
      one.then((found) => given.push(found)),
    );
    // What is on the disk waits for nothing.
    expect(await reads.checkpointAt(ACME, 1)).toMatchObject({ size: 1 });
    expect(given).toEqual([]);
    gate.resolve();
    await Promise.all([storing, ...asked]);
    expect(given).toHaveLength(3);

    gate = Promise.withResolvers();
    const lost = store(3);
    gate.reject(new Error('EIO'));
    await expect(lost).rejects.toThrow('could not be synced');
    await expect(reads.checkpoint(ACME, false)).rejects.toThrow('could not be synced');
  } finally {
    await log.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
