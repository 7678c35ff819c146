import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type DatabaseConnection, type QueryResult } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { TenantId } from '../core/ids.ts';
import type { EpochRow } from '../database/catalog-tables.ts';
import type { Schema } from '../database/schema.ts';
import { createEpochReader } from './epochs.ts';

const ACME = 'acme' as TenantId;

/** A database whose answers are given by hand, each to the read that was asked first. */
function answeredByHand() {
  const waiting: ((rows: readonly EpochRow[]) => void)[] = [];
  const connection: DatabaseConnection = {
    executeQuery: <R>() =>
      new Promise<QueryResult<R>>((resolve) => {
        waiting.push((rows) => resolve({ rows: [...rows] as R[] }));
      }),
    // eslint-disable-next-line require-yield
    async *streamQuery() {
      await Promise.reject(new Error('not asked for'));
    },
  };
  const nothing = () => Promise.resolve();
  const db = new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createIntrospector: (own) => new PostgresIntrospector(own),
      createDriver: () => ({
        init: nothing,
        destroy: nothing,
        beginTransaction: nothing,
        commitTransaction: nothing,
        rollbackTransaction: nothing,
        acquireConnection: () => Promise.resolve({ ...connection }),
        releaseConnection: nothing,
      }),
    },
  });
  return { database: { kind: 'postgres', db } as const, waiting };
}

function rows(epoch: number, generation = 1): readonly EpochRow[] {
  return [
    { scope: '*', epoch: 3, generation: 2 },
    { scope: ACME, epoch, generation },
  ];
}

describe('createEpochReader', () => {
  it('does not take two reads that overtake each other for a rollback', async () => {
    const { database, waiting } = answeredByHand();
    const read = createEpochReader(database);
    const early = read(ACME);
    const late = read(ACME);
    await expect.poll(() => waiting.length).toBe(2);
    waiting[1]?.(rows(8, 5));
    expect(await late).toEqual({ kind: 'epoch', stamp: { tenant: 8, global: 3, generation: 7 } });
    waiting[0]?.(rows(7, 4));
    expect(await early).toEqual({ kind: 'epoch', stamp: { tenant: 7, global: 3, generation: 6 } });

    const afterwards = read(ACME);
    await expect.poll(() => waiting.length).toBe(3);
    waiting[2]?.(rows(7, 5));
    await expect(afterwards).rejects.toMatchObject({ code: 'epoch_rolled_back' });
  });

  it('refuses a database that lost the row of everything', async () => {
    const { database, waiting } = answeredByHand();
    const read = createEpochReader(database);
    const found = read(ACME);
    await expect.poll(() => waiting.length).toBe(1);
    waiting[0]?.(rows(1));
    await found;
    const lost = read(ACME);
    await expect.poll(() => waiting.length).toBe(2);
    waiting[1]?.(rows(1).slice(1));
    await expect(lost).rejects.toMatchObject({ code: 'epoch_rolled_back' });
  });
});
