import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { openSqlite } from '../../src/database/sqlite.ts';
import { walFile, type FileSync } from '../../src/database/wal-sync.ts';
import { databaseContract } from './database.contract.ts';

const LIMITS = { connectTimeoutMs: 5_000, statementTimeoutMs: 10_000, transactionTimeoutMs: 30_000, poolSize: 1 };
let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-database-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

function freshPath(): string {
  made += 1;
  return join(folder, `${made}.db`);
}

databaseContract('SQLite', (): Promise<DatabaseConfig> => Promise.resolve({ kind: 'sqlite', path: freshPath() }));

describe('SQLite', () => {
  async function pragma(run: (text: string) => Promise<{ rows: unknown[] }>, name: string): Promise<unknown> {
    const [row] = (await run(`pragma ${name}`)).rows as Record<string, unknown>[];
    return row === undefined ? undefined : Object.values(row)[0];
  }

  it('writes ahead, checks foreign keys, and reads on connections that cannot write', async () => {
    const database = await openDatabase({ kind: 'sqlite', path: freshPath() });
    try {
      const writing = (text: string): Promise<{ rows: unknown[] }> => database.transaction((tx) => sql.raw(text).execute(tx));
      const reading = (text: string): Promise<{ rows: unknown[] }> => sql.raw(text).execute(database.db);
      for (const run of [writing, reading]) {
        expect(await pragma(run, 'journal_mode')).toBe('wal');
        // NORMAL: the log is synced by whoever commits, which the next tests hold.
        expect(await pragma(run, 'synchronous')).toBe(1);
        expect(await pragma(run, 'foreign_keys')).toBe(1);
      }
      await expect(reading('create table t (x)')).rejects.toThrow(/readonly/);
      await writing('create table t (x)');
      expect((await reading('select * from t')).rows).toEqual([]);
    } finally {
      await database.close();
    }
  });

  it('resolves a transaction once a sync that began after its commit is over, and lets the next one run meanwhile', async () => {
    const path = freshPath();
    const real = walFile(path);
    const gates: PromiseWithResolvers<void>[] = [];
    let held = false;
    const log: FileSync = {
      async sync() {
        if (held) {
          const gate = Promise.withResolvers<void>();
          gates.push(gate);
          await gate.promise;
        }
        await real.sync();
      },
      close: () => real.close(),
    };
    const database = await openSqlite(path, LIMITS, log);
    try {
      await database.transaction((tx) => sql`create table t (x)`.execute(tx));
      held = true;
      const done: number[] = [];
      const put = (n: number): Promise<unknown> =>
        database.transaction((tx) => sql`insert into t values (${n})`.execute(tx)).then(() => done.push(n));
      const stored = async (): Promise<number> => (await sql`select x from t`.execute(database.db)).rows.length;
      const first = put(1);
      await expect.poll(() => gates.length, { timeout: 15_000 }).toBe(1);
      const others = [put(2), put(3)];
      await expect.poll(stored, { timeout: 15_000 }).toBe(3);
      expect([gates.length, done]).toEqual([1, []]);
      gates[0]?.resolve();
      await first;
      await expect.poll(() => gates.length, { timeout: 15_000 }).toBe(2);
      expect(done).toEqual([1]);
      gates[1]?.resolve();
      await Promise.all(others);
      expect([gates.length, new Set(done)]).toEqual([2, new Set([1, 2, 3])]);
    } finally {
      held = false;
      await database.close();
    }
  });

  it('rejects what it could not sync, and neither writes nor reads anything more', async () => {
    const path = freshPath();
    const real = walFile(path);
    let fails = false;
    const log: FileSync = { sync: () => (fails ? Promise.reject(new Error('EIO')) : real.sync()), close: () => real.close() };
    const database = await openSqlite(path, LIMITS, log);
    try {
      await database.transaction((tx) => sql`create table t (x)`.execute(tx));
      fails = true;
      await expect(database.transaction((tx) => sql`insert into t values (1)`.execute(tx))).rejects.toThrow('could not be synced');
      fails = false;
      await expect(database.transaction((tx) => sql`insert into t values (2)`.execute(tx))).rejects.toThrow('could not be synced');
      // What stands there may be lost, so a change that was refused must not be told as one that is made already.
      const read = sql`select x from t`;
      await expect(read.execute(database.db)).rejects.toThrow('could not be synced');
      await expect(database.snapshot((tx) => read.execute(tx))).rejects.toThrow('could not be synced');
      const other = await openDatabase({ kind: 'sqlite', path });
      expect((await read.execute(other.db)).rows).toEqual([{ x: 1 }]);
      await other.close();
    } finally {
      await database.close();
    }
  });

  it('keeps the file, its log and its index to the user of the service', async () => {
    const path = freshPath();
    const database = await openDatabase({ kind: 'sqlite', path });
    try {
      await database.transaction((tx) => sql`create table t (x)`.execute(tx));
      for (const file of [path, `${path}-wal`, `${path}-shm`]) expect((await stat(file)).mode & 0o077).toBe(0);
    } finally {
      await database.close();
    }
  });

  it('waits for a write lock held by another process, and gives up after its time', async () => {
    const path = freshPath();
    const database = await openDatabase({ kind: 'sqlite', path }, { connectTimeoutMs: 150 });
    const other = new DatabaseSync(path);
    try {
      other.exec('begin immediate');
      await expect(database.transaction((tx) => sql`create table t (x)`.execute(tx))).rejects.toThrow(/locked/);
      const patient = database.transaction((tx) => sql`create table t (x)`.execute(tx));
      other.exec('commit');
      await patient;
      expect((await sql`select * from t`.execute(database.db)).rows).toEqual([]);
    } finally {
      other.close();
      await database.close();
    }
  });

  it('forgets statements it has not used for long', async () => {
    const database = await openDatabase({ kind: 'sqlite', path: freshPath() });
    try {
      for (let n = 0; n < 400; n += 1) {
        const { rows } = await sql`select ${sql.lit(n)} as n, ${n} as m`.execute(database.db);
        expect(rows).toEqual([{ n, m: n }]);
      }
      expect((await sql`select ${sql.lit(0)} as n, ${0} as m`.execute(database.db)).rows).toEqual([{ n: 0, m: 0 }]);
    } finally {
      await database.close();
    }
  });

  it('refuses a place where it cannot keep its promises', async () => {
    await expect(openDatabase({ kind: 'sqlite', path: join(folder, 'missing', 'x.db') })).rejects.toThrow(/ENOENT/);
    await expect(openDatabase({ kind: 'sqlite', path: folder })).rejects.toThrow(/EISDIR/);
    const broken = freshPath();
    await writeFile(broken, 'not a database at all, but long enough to have a header of its own, and then some more '.repeat(20));
    await expect(openDatabase({ kind: 'sqlite', path: broken })).rejects.toThrow(/not a database/);
  });
});
